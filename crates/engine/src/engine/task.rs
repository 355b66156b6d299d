//! The engine's task: one event at a time, durable before anything follows from it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_analysis::Sample;
use portcullis_driver::{Course, CourseHandle, Driver, Meter, Query};
use portcullis_journal::{Entry, Journal};
use portcullis_rollout::{
    Action, Actor, Effect, Event, EventKind, Notice, NoticeKind, Op, OpKey, Rollout, State,
    StepIndex,
};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::notices::Notices;
use super::{EngineError, Request, Standing};
use crate::bounds::{LEASE_RENEWAL_MIN, LEASE_RENEWALS, OUTCOMES_WAITING_MAX};
use crate::clock::Clock;
use crate::hands::chain;
use crate::history::History;
use crate::performer::{follow, perform, probe};
use crate::runner::{Runner, RunnerError, Step};

/// What an attempt under way can be told.
struct Attempt {
    /// To end at once.
    cancel: CancellationToken,
    /// To stop between two parts.
    course: CourseHandle,
}

pub(super) struct Task<J, D, M, C> {
    runner: Runner<J>,
    driver: Arc<D>,
    meter: Arc<M>,
    clock: C,
    history: Arc<RwLock<History>>,
    entries: broadcast::Sender<Entry>,
    outcomes: mpsc::Sender<EventKind>,
    reported: mpsc::Receiver<EventKind>,
    attempts: HashMap<OpKey, Attempt>,
    measuring: Option<AbortHandle>,
    /// What was measured of the open gate and is not recorded yet.
    unrecorded: Option<(StepIndex, Sample)>,
    notices: Notices,
    /// Dropping the set stops everything that runs in it.
    running: JoinSet<()>,
}

impl<J, D, M, C> Task<J, D, M, C>
where
    J: Journal,
    D: Driver + 'static,
    M: Meter + 'static,
    C: Clock,
{
    pub(super) fn new(
        runner: Runner<J>,
        driver: D,
        meter: M,
        clock: C,
        history: Arc<RwLock<History>>,
        entries: broadcast::Sender<Entry>,
    ) -> Self {
        let (outcomes, reported) = mpsc::channel(OUTCOMES_WAITING_MAX);
        Task {
            runner,
            driver: Arc::new(driver),
            meter: Arc::new(meter),
            clock,
            history,
            entries,
            outcomes,
            reported,
            attempts: HashMap::new(),
            measuring: None,
            unrecorded: None,
            notices: Notices::default(),
            running: JoinSet::new(),
        }
    }

    /// Runs until it is asked to stop or must.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Request>) -> Standing {
        let mut renewal = tokio::time::interval(renewal_of(self.runner.ttl_ms()));
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = None;
        let end = loop {
            let went = tokio::select! {
                request = inbox.recv() => match request {
                    Some(Request::Stop { reply }) => {
                        self.running.shutdown().await;
                        asked = Some(reply);
                        break Standing::Stopped;
                    }
                    Some(request) => self.answer(request).await,
                    None => break Standing::Stopped,
                },
                Some(kind) = self.reported.recv() => self.outcome(kind).await,
                Some(_) = self.running.join_next() => Ok(()),
                _ = renewal.tick() => self.runner.renew(self.clock.now_ms()).await,
            };
            if let Err(error) = went {
                let why = chain(&error);
                tracing::error!(error = %why, "the engine stops: it may not act without a record");
                self.running.shutdown().await;
                break Standing::Failed(why);
            }
        };
        self.notices.give_up();
        if end == Standing::Stopped
            && let Err(error) = self.runner.close().await
        {
            tracing::warn!(error = %chain(&error), "the lease could not be given up");
        }
        // Only now: whoever asked may end the process, and the next holder should not have to wait.
        if let Some(reply) = asked {
            let _ = reply.send(());
        }
        end
    }

    /// Answers a request. An error that only concerns the asker goes to the asker.
    async fn answer(&mut self, request: Request) -> Result<(), RunnerError> {
        match request {
            Request::Deploy { plan, by, reply } => {
                let now_ms = self.clock.now_ms();
                let went = match self.runner.begin(plan, now_ms, &by).await {
                    Ok(entry) => {
                        self.publish(entry);
                        self.feed(EventKind::Start, by).await
                    }
                    Err(error) => Err(error),
                };
                finish(went, reply)
            }
            Request::Command {
                rollout,
                command,
                by,
                reply,
            } => {
                let live = self.runner.live().map(|live| live.plan().id.clone());
                match (live, rollout) {
                    (Some(live), Some(wanted)) if wanted != live.as_str() => {
                        let _ = reply.send(Err(EngineError::NotLive(wanted)));
                        Ok(())
                    }
                    (Some(live), _) => {
                        let went = self.feed(command.event(), by).await;
                        finish(went.map(|()| live), reply)
                    }
                    (None, _) => finish(Err(RunnerError::NothingLive), reply),
                }
            }
            Request::Read {
                from_seq,
                count,
                reply,
            } => {
                // What cannot be read now concerns only the asker: nothing is done because of it.
                let read = self.runner.read(from_seq, count).await;
                let _ = reply.send(read.map_err(|error| EngineError::Past(error.into())));
                Ok(())
            }
            Request::Stop { .. } => Ok(()),
        }
    }

    /// Takes the report of an attempt, a measurement or a wait. One that comes too late is refused by
    /// the rollout and forgotten.
    async fn outcome(&mut self, kind: EventKind) -> Result<(), RunnerError> {
        if let EventKind::Succeeded { key, .. }
        | EventKind::Failed { key, .. }
        | EventKind::TimedOut { key }
        | EventKind::Unclear { key, .. }
        | EventKind::Suspended { key, .. }
        | EventKind::Probed { key, .. } = &kind
        {
            self.attempts.remove(key);
        }
        match kind {
            EventKind::Measured { step, sample, .. } => self.measured(step, *sample).await,
            kind => self.report(kind).await,
        }
    }

    /// Feeds a report. One that comes too late is refused by the rollout and forgotten.
    async fn report(&mut self, kind: EventKind) -> Result<(), RunnerError> {
        let word = kind.word();
        match self.feed(kind, Actor::Engine).await {
            Err(error) if error.is_refusal() => {
                tracing::debug!(event = word, reason = %chain(&error), "a late report was refused");
                Ok(())
            }
            went => went,
        }
    }

    /// Takes in a measurement: it is recorded with those before it that are not yet, or kept for later.
    async fn measured(&mut self, step: StepIndex, sample: Sample) -> Result<(), RunnerError> {
        let earlier = self.unrecorded.take().filter(|(at, _)| *at == step);
        let whole = match earlier {
            Some((_, mut whole)) if whole.unmeasured == sample.unmeasured => {
                whole.extend(&sample);
                whole
            }
            // What was measured and what was not are two things.
            Some((_, whole)) => {
                self.report(EventKind::measured(step, whole)).await?;
                sample
            }
            None => sample,
        };
        let live = self.runner.live();
        let waits = live.filter(|live| !live.records(step, &whole));
        let Some(interval_ms) = waits.and_then(Rollout::measures_every_ms) else {
            return self.report(EventKind::measured(step, whole)).await;
        };
        self.unrecorded = Some((step, whole));
        self.measure(step, interval_ms);
        Ok(())
    }

    async fn feed(&mut self, kind: EventKind, by: Actor) -> Result<(), RunnerError> {
        let kind = match self.runner.live() {
            Some(live) => live.witnessed(kind),
            None => kind,
        };
        let event = Event {
            at_ms: self.clock.now_ms(),
            by,
            kind,
        };
        let step = self.runner.feed(event).await?;
        self.carry_out(step);
        Ok(())
    }

    /// Publishes a durable entry and starts what follows from it.
    pub(super) fn carry_out(&mut self, step: Step) {
        self.publish(step.entry);
        for effect in step.effects {
            match effect {
                Effect::Perform(op) => self.perform(op),
                Effect::Probe(op) => self.probe(op),
                Effect::Cancel(key) => {
                    if let Some(attempt) = self.attempts.get(&key) {
                        attempt.cancel.cancel();
                    }
                }
                Effect::Suspend(key) => {
                    if let Some(attempt) = self.attempts.get(&key) {
                        attempt.course.hold();
                    }
                }
                Effect::Measure { step, interval_ms } => self.measure(step, interval_ms),
                Effect::Wake { key, at_ms } => self.wake(key, at_ms),
                Effect::Notify(notice) => self.notify(&notice),
                // The engine keeps the service's lease between rollouts; what ends with the rollout is
                // everything that was started for it.
                Effect::ReleaseLease => self.attempts.clear(),
            }
        }
    }

    fn publish(&mut self, entry: Entry) {
        let history = self.runner.history().clone();
        *self.history.write().unwrap_or_else(PoisonError::into_inner) = history;
        // Nobody listening is no error.
        let _ = self.entries.send(entry);
    }

    fn perform(&mut self, op: Op) {
        let token = CancellationToken::new();
        let (course, handle) = Course::new();
        let attempt = Attempt {
            cancel: token.clone(),
            course: handle.clone(),
        };
        self.attempts.insert(op.key.clone(), attempt);
        self.running
            .spawn(follow(op.key.clone(), handle, self.outcomes.clone()));
        let (driver, outcomes) = (self.driver.clone(), self.outcomes.clone());
        tracing::info!(op = %op.key, action = op.action.word(), "performing");
        self.running.spawn(async move {
            let kind = perform(driver.as_ref(), &op, &token, &course).await;
            drop(course);
            let _ = outcomes.send(kind).await;
        });
    }

    fn probe(&mut self, op: Op) {
        let (driver, outcomes) = (self.driver.clone(), self.outcomes.clone());
        tracing::info!(op = %op.key, action = op.action.word(), "probing");
        self.running.spawn(async move {
            let kind = probe(driver.as_ref(), &op).await;
            let _ = outcomes.send(kind).await;
        });
    }

    fn measure(&mut self, step: StepIndex, interval_ms: u64) {
        let Some(rollout) = self.runner.live() else {
            return;
        };
        let open = match rollout.state() {
            State::Watching { at, .. } | State::Paused { at, .. } => *at == step,
            _ => false,
        };
        let Some(Action::Gate(gate)) = rollout.plan().step(step).map(|step| &step.action) else {
            return;
        };
        if !open {
            return;
        }
        let rollout = rollout.plan().id.clone();
        let mut gate = gate.clone();
        gate.analysis.interval_ms = interval_ms;
        let query = Query {
            rollout,
            step,
            gate,
        };
        let (meter, outcomes) = (self.meter.clone(), self.outcomes.clone());
        // One measurement at a time: one that was asked for earlier and still waits is given up.
        if let Some(earlier) = self.measuring.take() {
            earlier.abort();
        }
        let measuring = self.running.spawn(async move {
            let sample = meter.sample(&query).await;
            let _ = outcomes.send(EventKind::measured(step, sample)).await;
        });
        self.measuring = Some(measuring);
    }

    /// Tells people: through the log, and through the hooks of the plan. Nothing waits for it, and
    /// nothing comes of it (invariant 14).
    fn notify(&mut self, notice: &Notice) {
        tell(notice);
        if let Some(past) = self.runner.history().last() {
            let plan = past.rollout().plan();
            self.notices.post(notice, plan, &mut self.running);
        }
    }

    fn wake(&mut self, key: OpKey, at_ms: u64) {
        let wait = Duration::from_millis(at_ms.saturating_sub(self.clock.now_ms()));
        let outcomes = self.outcomes.clone();
        self.running.spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = outcomes.send(EventKind::Woke { key }).await;
        });
    }
}

/// How often a lease is renewed: several times while it is good.
fn renewal_of(ttl_ms: u64) -> Duration {
    Duration::from_millis(ttl_ms / LEASE_RENEWALS).max(LEASE_RENEWAL_MIN)
}

/// Answers the asker. A refusal concerns only them; an error that ends the engine goes to both.
fn finish<T>(
    went: Result<T, RunnerError>,
    reply: oneshot::Sender<Result<T, EngineError>>,
) -> Result<(), RunnerError> {
    match went {
        Ok(value) => {
            let _ = reply.send(Ok(value));
            Ok(())
        }
        Err(error) if error.is_refusal() => {
            let _ = reply.send(Err(error.into()));
            Ok(())
        }
        Err(error) => {
            let _ = reply.send(Err(EngineError::Stopped(chain(&error))));
            Err(error)
        }
    }
}

/// Tells people through the log.
fn tell(notice: &Notice) {
    match notice.kind {
        NoticeKind::Held | NoticeKind::Paused | NoticeKind::Warning => {
            tracing::warn!(kind = ?notice.kind, "{}", notice.sentence);
        }
        NoticeKind::GoingBack | NoticeKind::Done => {
            tracing::info!(kind = ?notice.kind, "{}", notice.sentence);
        }
    }
}
