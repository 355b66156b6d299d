//! What going back would lose, counted while a person is asked whether to go back.

use std::time::Duration;

use portcullis_api::data::{Loss, StoreLoss};
use portcullis_config::Config;
use portcullis_engine::{Engine, asked_restore, loss};
use tokio::sync::watch;

use crate::bounds::{LOSS_LOOK_PAUSE, LOSS_REST, LOSS_REST_FACTOR};
use crate::clock::{monotonic_us, now_ms};

/// Counts again and again while a rollout is held with that question, and forgets it afterwards. Counting reads each table,
/// so it rests much longer than it takes.
pub(super) async fn keep(engine: Engine, config: Config, told: watch::Sender<Option<Loss>>) {
    let mut rest = LOSS_LOOK_PAUSE;
    loop {
        tokio::select! {
            _ = engine.ended() => return,
            () = tokio::time::sleep(rest) => {}
        }
        rest = LOSS_LOOK_PAUSE;
        let history = engine.history();
        let asked = history.live().and_then(|past| {
            let order = asked_restore(past.rollout())?;
            Some((past.id().to_string(), order.clone()))
        });
        let Some((rollout, order)) = asked else {
            told.send_if_modified(|told| told.take().is_some());
            continue;
        };
        let is_new = told.borrow().as_ref().map(|loss| &loss.rollout) != Some(&rollout);
        let counted_recently = |loss: &Loss| {
            let age = Duration::from_millis(now_ms().saturating_sub(loss.counted_ms));
            age < Duration::from_millis(loss.rest_ms)
        };
        if !is_new && told.borrow().as_ref().is_some_and(counted_recently) {
            continue;
        }
        let began_us = monotonic_us();
        let stores = match loss(&order, &config).await {
            Ok(stores) => stores.into_iter().map(|store| StoreLoss {
                store: store.store,
                added: store.added,
                words: store.words,
            }),
            Err(failure) => {
                tracing::warn!(
                    error = failure.message,
                    "what going back would lose cannot be counted"
                );
                continue;
            }
        };
        let took = Duration::from_micros(monotonic_us().saturating_sub(began_us));
        let rest_ms = LOSS_REST.max(took * LOSS_REST_FACTOR);
        told.send_replace(Some(Loss {
            rollout,
            backup: order.backup.clone(),
            counted_ms: now_ms(),
            rest_ms: u64::try_from(rest_ms.as_millis()).unwrap_or(u64::MAX),
            stores: stores.collect(),
        }));
    }
}
