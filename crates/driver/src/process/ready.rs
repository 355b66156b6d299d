//! Waiting until a started process answers its readiness check.

use std::time::Duration;

use portcullis_rollout::{Fact, Launch};

use super::Inner;
use crate::CheckFailed;
use crate::bounds::{READY_PAUSE_MAX, READY_PAUSE_MIN};
use crate::clock::Stopwatch;
use crate::command::CommandEnd;
use crate::session::Session;

impl Inner {
    /// The error says what happened, to be put behind the release, and shows what the last check saw.
    pub(super) async fn wait_ready(
        &self,
        session: &mut Session,
        launch: &Launch,
        watch: Stopwatch,
    ) -> Result<(), (String, Vec<Fact>)> {
        let timeout = Duration::from_millis(launch.ready_timeout_ms);
        let address = &launch.target.address;
        let mut pause = READY_PAUSE_MIN;
        let mut last: Option<CheckFailed> = None;
        loop {
            let rest = watch.left_of(timeout);
            let evidence = |last: Option<CheckFailed>| last.map_or_else(Vec::new, |l| l.facts());
            if rest.is_zero() {
                let seen = last.as_ref().map_or("no answer", |last| &last.message);
                let ms = launch.ready_timeout_ms;
                let message = format!("was not ready at {address} within {ms} ms: {seen}");
                return Err((message, evidence(last)));
            }
            let check = tokio::time::timeout(rest, self.checks.run(&launch.ready, address));
            let ended = tokio::select! {
                biased;
                ended = session.ended() => Some(ended),
                checked = check => match checked {
                    Ok(Ok(_)) => match session.poll_ended() {
                        Ok(None) => return Ok(()),
                        // What answered is not what was started.
                        Ok(Some(status)) => Some(Ok(status)),
                        Err(error) => Some(Err(error)),
                    },
                    Ok(Err(failed)) => { last = Some(failed); None }
                    Err(_) => None,
                },
            };
            let ended = match ended {
                Some(ended) => Some(ended),
                None => tokio::time::timeout(pause.min(rest), session.ended())
                    .await
                    .ok(),
            };
            if let Some(ended) = ended {
                let how = match ended {
                    Ok(status) => CommandEnd::of(status).to_string(),
                    Err(error) => format!("was lost: {error}"),
                };
                let ms = watch.elapsed_ms();
                return Err((
                    format!("{how} after {ms} ms, before it was ready"),
                    evidence(last),
                ));
            }
            pause = (pause * 2).min(READY_PAUSE_MAX);
        }
    }
}
