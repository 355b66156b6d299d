//! A service as its people see it: plan, deploy, go back.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_config::{Config, Problems};
use portcullis_rollout::{Actor, Plan, ReleaseId, RolloutId};
use tokio::sync::broadcast::error::RecvError;

use crate::bounds::WARM_END_TIMEOUT;
use crate::clock::{Clock, WallClock};
use crate::engine::{Command, Engine, EngineError};
use crate::history::History;
use crate::planner::{Planner, PlanningError};

/// One service: its configuration file, its planner and its engine.
#[derive(Clone)]
pub struct Service {
    file: PathBuf,
    environment: Option<String>,
    planner: Planner,
    engine: Engine,
}

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// To bring out a release; without a name, the last in the configuration.
    Release(Option<ReleaseId>),
    /// To go back to a release that served before; without a name, to the one that the serving release
    /// replaced.
    Earlier(Option<ReleaseId>),
}

/// What a request to go back led to.
#[derive(Debug, Clone, PartialEq)]
pub enum GoneBack {
    /// The live rollout was aborted and goes back.
    Aborted(RolloutId),
    /// A rollout to the predecessor has begun.
    Begun(Begun),
}

/// A rollout that has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The release that was kept warm until now and was stopped to make room for it.
    pub ended_warm: Option<ReleaseId>,
}

/// Why a request cannot be met.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The configuration file has problems. What runs goes on with what it had.
    #[error("the configuration has problems")]
    Config(Problems),
    /// No plan can be made.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The planning task died.
    #[error("planning stopped unexpectedly: {0}")]
    Died(String),
}

impl Service {
    /// A service whose configuration is read from `file`, with the table of `environment` over it,
    /// whenever something is planned.
    pub fn new(
        file: PathBuf,
        environment: Option<String>,
        planner: Planner,
        engine: Engine,
    ) -> Service {
        Service {
            file,
            environment,
            planner,
            engine,
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The plan that a deployment now would carry out. Changes nothing.
    ///
    /// # Errors
    /// When the configuration has problems or no plan can be made.
    pub async fn plan(&self, wanted: Wanted) -> Result<Plan, ServiceError> {
        let (service, history) = (self.clone(), self.engine.history());
        // Reading and hashing programs blocks.
        let made = tokio::task::spawn_blocking(move || {
            let (config, planner) = (service.config()?, &service.planner);
            let now_ms = WallClock.now_ms();
            let plan = match wanted {
                Wanted::Release(id) => planner.deploy(&config, &history, id.as_ref(), now_ms),
                Wanted::Earlier(id) => planner.rollback(&config, &history, id.as_ref(), now_ms),
            };
            Ok(plan?)
        });
        made.await
            .map_err(|error| ServiceError::Died(error.to_string()))?
    }

    /// Plans and begins the rollout. When all that is left of the one before is an old release that is
    /// kept warm, that is ended first: whoever brings out a new release has decided.
    ///
    /// # Errors
    /// As for [`Service::plan`], and when a rollout is live.
    pub async fn deploy(&self, wanted: Wanted, by: Actor) -> Result<Begun, ServiceError> {
        may_make_way(&self.engine.history())?;
        let plan = self.plan(wanted).await?;
        self.begin(plan, by).await
    }

    /// Begins the rollout of a saved plan as it was reviewed.
    ///
    /// # Errors
    /// When the world has moved since it was saved, and as for [`Service::deploy`].
    pub async fn deploy_saved(&self, plan: Plan, by: Actor) -> Result<Begun, ServiceError> {
        let history = self.engine.history();
        may_make_way(&history)?;
        let (service, saved) = (self.clone(), plan.clone());
        let confirmed = tokio::task::spawn_blocking(move || {
            let config = service.config()?;
            Ok::<(), ServiceError>(service.planner.confirm(&config, &history, &saved)?)
        });
        confirmed
            .await
            .map_err(|error| ServiceError::Died(error.to_string()))??;
        self.begin(plan, by).await
    }

    /// Begins the rollout of a plan that was found good.
    async fn begin(&self, plan: Plan, by: Actor) -> Result<Begun, ServiceError> {
        let ended_warm = self.end_warm(&by).await?;
        let plan = Arc::new(plan);
        self.engine.deploy(plan.clone(), by).await?;
        Ok(Begun { plan, ended_warm })
    }

    /// Ends the time for which an old release is kept warm, in the name of whoever wants the next rollout,
    /// and waits until that release is stopped.
    async fn end_warm(&self, by: &Actor) -> Result<Option<ReleaseId>, ServiceError> {
        let mut entries = self.engine.subscribe();
        let history = self.engine.history();
        let Some(live) = history.live() else {
            return Ok(None);
        };
        may_make_way(&history)?;
        let id = live.id().to_string();
        let kept = live.rollout().plan().previous.clone();
        let resumed = self.engine.command(Some(id), Command::Resume, by.clone());
        match resumed.await {
            // It ended by itself in this moment.
            Ok(_) | Err(EngineError::NothingLive | EngineError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let over = async {
            while self.engine.history().live().is_some() {
                if let Err(RecvError::Closed) = entries.recv().await {
                    break;
                }
            }
        };
        // Where it takes longer, the engine refuses the next rollout, and says that this one is live.
        let _ = tokio::time::timeout(WARM_END_TIMEOUT, over).await;
        Ok(kept.map(|running| running.release.id))
    }

    /// Goes back: aborts the live rollout, or returns to the predecessor of the release that serves, or
    /// to a named release that served before.
    ///
    /// # Errors
    /// When neither is possible; also when a rollout is live that did not come from the named release.
    pub async fn go_back(
        &self,
        to: Option<ReleaseId>,
        by: Actor,
        reason: String,
    ) -> Result<GoneBack, ServiceError> {
        let history = self.engine.history();
        let Some(live) = history.live() else {
            return Ok(GoneBack::Begun(self.deploy(Wanted::Earlier(to), by).await?));
        };
        let plan = live.rollout().plan();
        let came_from = plan.previous.as_ref().map(|running| &running.release.id);
        if to.is_some() && to.as_ref() != came_from {
            if live.rollout().keeps_warm() {
                return Ok(GoneBack::Begun(self.deploy(Wanted::Earlier(to), by).await?));
            }
            return Err(EngineError::StillLive(live.id().clone()).into());
        }
        let abort = Command::Abort { reason };
        let id = self
            .engine
            .command(Some(live.id().to_string()), abort, by)
            .await?;
        Ok(GoneBack::Aborted(id))
    }

    /// The configuration as it is now.
    fn config(&self) -> Result<Config, ServiceError> {
        let environment = self.environment.as_deref();
        portcullis_config::load_environment(&self.file, environment).map_err(ServiceError::Config)
    }
}

/// Whether the next rollout may begin: none is live, or one that only keeps an old release warm.
fn may_make_way(history: &History) -> Result<(), EngineError> {
    match history.live() {
        Some(live) if !live.rollout().keeps_warm() => {
            Err(EngineError::StillLive(live.id().clone()))
        }
        _ => Ok(()),
    }
}
