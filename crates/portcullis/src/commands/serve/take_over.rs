//! What an engine finds that takes a service over from another one.
//!
//! Where several engines share a journal, each has a gateway and processes of its own, on a machine of
//! its own. The journal tells the one that takes over what serves; here that is made true on its
//! machine: the serving release is started as it was promoted, the gateway sends everybody to it, and
//! what else still runs here from earlier is stopped. Nothing is decided anew, so nothing is recorded:
//! it is the same as adopting services after a restart.
//!
//! A rollout that the other engine had under way is not continued. What it had started cannot be seen
//! from here, and its canary gets no traffic any more; it goes back, or, if it was promoted already, is
//! ended with the new release serving.

use portcullis_driver::{Driver, GatewayDriver, ProcessDriver};
use portcullis_engine::{Command, Engine, History, Past, Runner};
use portcullis_journal::StoredJournal;
use portcullis_rollout::{
    Action, Actor, CutOff, Direction, Failure, Op, OpKey, Plan, Presence, Promotion, RolloutId,
    ServiceName, StepIndex, Target,
};

use crate::bounds::{STOP_TIMEOUT_MS, TAKE_OVER_START_MS};
use crate::command_error::{CommandError, ErrorCode, Exit};

/// Makes true on this machine what the journal says about the present.
///
/// # Errors
/// When the serving release cannot be started here, or the gateway cannot be told.
pub(super) async fn make_true(
    runner: &Runner<StoredJournal>,
    process: &ProcessDriver,
    gateway: &GatewayDriver,
) -> Result<(), CommandError> {
    let history = runner.history();
    if let Some(outline) = history.serving_outline() {
        let past = Past::read(runner.journal(), &runner.lease().scope, &outline).await;
        let past = past.map_err(|error| CommandError::of(Exit::Failed, &error))?;
        if let Some(promotion) = promotion_of(past.rollout().plan()) {
            serve(outline.id.clone(), promotion, process, gateway).await?;
        }
    }
    let needed = needed_addresses(history);
    for instance in process.instances() {
        if !needed.contains(&instance.address) {
            tracing::warn!(release = %instance.release, address = %instance.address,
                "stopped: another engine had taken over since it was started");
            let order = cut_off(instance.service, instance.release, instance.address);
            let name = RolloutId::new("take-over");
            let stop = op(name, Action::Retire(order), 2 * STOP_TIMEOUT_MS);
            if let Err(failure) = process.apply(&stop).await {
                tracing::warn!(error = failure.message, "it could not be stopped");
            }
        }
    }
    Ok(())
}

/// Ends the rollout that another engine had under way.
pub(super) async fn end_live(engine: &Engine) {
    let Some(live) = engine.history().live().map(|past| past.id().clone()) else {
        return;
    };
    let reason = "the engine that carried it out is gone, and another one took over".to_owned();
    let by = Actor::Engine;
    let back = Command::Abort { reason };
    let name = Some(live.to_string());
    let went = match engine.command(name.clone(), back, by.clone()).await {
        // Past the point of no return it can only go on; the old release does not run here, so it is
        // not kept warm.
        Err(_) => engine.command(name, Command::Resume, by).await,
        went => went,
    };
    match went {
        Ok(_) => tracing::warn!(rollout = %live, "ended what another engine had under way"),
        Err(error) => tracing::info!(rollout = %live, %error, "goes on by itself"),
    }
}

/// The last change of traffic in a plan, with what was started for it.
fn promotion_of(plan: &Plan) -> Option<Promotion> {
    let mut last_first = plan.steps.iter().rev();
    last_first.find_map(|step| match &step.action {
        Action::Promote(promotion) => Some((**promotion).clone()),
        _ => None,
    })
}

async fn serve(
    rollout: RolloutId,
    promotion: Promotion,
    process: &ProcessDriver,
    gateway: &GatewayDriver,
) -> Result<(), CommandError> {
    let launch = promotion.launch;
    let release = launch.release.clone();
    if process.runs(&launch).await.presence != Presence::Applied {
        tracing::warn!(%release, address = launch.target.address, "serves by the journal; starting it here");
        let limit_ms = launch.ready_timeout_ms.saturating_add(TAKE_OVER_START_MS);
        let start = op(rollout.clone(), Action::Start(launch), limit_ms);
        let what = format!("release {release}, which serves, cannot be started here");
        let started = process.apply(&start).await;
        started.map_err(|failure| failed(what, &failure))?;
    }
    let shift = op(rollout, Action::Shift(promotion.split), TAKE_OVER_START_MS);
    let what = format!("the gateway cannot be told to send everybody to release {release}");
    let moved = gateway.apply(&shift).await;
    moved.map_err(|failure| failed(what, &failure))?;
    Ok(())
}

/// Where something may run: the serving release, and the candidate of a live rollout, which is stopped
/// when that one goes back.
fn needed_addresses(history: &History) -> Vec<String> {
    let serving = history.serving().map(|running| running.target.address);
    let live = history
        .live()
        .map(|past| past.rollout().plan().target.address.clone());
    serving.into_iter().chain(live).collect()
}

fn cut_off(
    service: ServiceName,
    release: portcullis_rollout::ReleaseId,
    address: String,
) -> CutOff {
    CutOff {
        service,
        release,
        target: Target {
            name: "local".to_owned(),
            driver: "process".to_owned(),
            address,
        },
        drain_timeout_ms: 0,
        stop_timeout_ms: STOP_TIMEOUT_MS,
    }
}

fn op(rollout: RolloutId, action: Action, deadline_ms: u64) -> Op {
    let key = OpKey {
        rollout,
        direction: Direction::Do,
        step: StepIndex(0),
        attempt: 1,
    };
    Op {
        key,
        action,
        deadline_ms,
    }
}

fn failed(what: String, failure: &Failure) -> CommandError {
    CommandError::new(Exit::Failed, what)
        .code(ErrorCode::ServeFailed)
        .cause(failure.message.clone())
        .hint("mend the cause on this machine; it is tried again by itself")
}
