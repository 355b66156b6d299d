//! The gateway has the split that the journal says it was given.
//!
//! The gateway keeps its split in a file of its own. That may be gone after a crash, or be put back from an
//! older copy; then the gateway answers everybody 503, or sends them where nothing runs any more, while the
//! journal and everything that is read from it says that all is well. So it is looked at when the engine
//! starts and now and then after that. As with adopting services nothing is decided anew, so it is logged
//! and not recorded.

use portcullis_config::Config;
use portcullis_driver::{GatewayDriver, Recorded};
use portcullis_engine::{Engine, Standing};

use crate::bounds::SPLIT_LOOK_PAUSE;

/// Looks again and again, until the engine stops.
pub(super) async fn keep(engine: Engine, gateway: GatewayDriver, config: Config) {
    let mut told = None;
    loop {
        tokio::select! {
            _ = engine.ended() => return,
            () = tokio::time::sleep(SPLIT_LOOK_PAUSE) => {}
        }
        // An engine that has stopped in this moment decides nothing any more.
        let recorded = || match engine.standing() {
            Standing::Acting => engine.history().recorded_split(),
            Standing::Stopped | Standing::Failed(_) => None,
        };
        told = look(&gateway, &config, recorded, told).await;
    }
}

/// Looks once, and gives the gateway its split again if it has lost it. What keeps it from that is said once;
/// it is returned, to be handed in again as `told`.
pub(super) async fn look(
    gateway: &GatewayDriver,
    config: &Config,
    recorded: impl FnOnce() -> Option<Recorded>,
    told: Option<String>,
) -> Option<String> {
    let service = config.service.name.as_str();
    match gateway.restore(service, recorded).await {
        Ok(None) => None,
        Ok(Some(restored)) => {
            let before = restored.before.as_ref();
            let before = before.map_or_else(|| "none".to_owned(), ToString::to_string);
            tracing::warn!(
                service,
                before,
                "the gateway had not the split of the journal and was given it again: {}",
                restored.now
            );
            None
        }
        Err(failure) => {
            let why = failure.message;
            if told.as_ref() != Some(&why) {
                tracing::warn!(
                    service,
                    "the gateway does not have the split of the journal, or cannot be \
                    asked, and it is tried again: {why}"
                );
            }
            Some(why)
        }
    }
}
