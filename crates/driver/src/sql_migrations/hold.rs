//! Being asked to stop between two parts of the work.

use std::time::Duration;

use portcullis_migration::Migration;
use tokio::sync::watch;

use super::error::MigrationError;

/// Whether somebody has asked to stop.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    asked: Option<watch::Receiver<bool>>,
}

impl Hold {
    /// Nobody will.
    pub(super) fn never() -> Hold {
        Hold { asked: None }
    }

    /// Whoever holds the other end may.
    pub(super) fn by(asked: watch::Receiver<bool>) -> Hold {
        Hold { asked: Some(asked) }
    }

    /// Ends the work on a file here if it was asked for.
    pub(super) fn check(&self, migration: &Migration) -> Result<(), MigrationError> {
        match self.asked.as_ref().is_some_and(|asked| *asked.borrow()) {
            true => Err(MigrationError::Suspended {
                file: migration.file.clone(),
            }),
            false => Ok(()),
        }
    }

    /// Waits so many milliseconds, or until it is asked for.
    pub(super) async fn pause(&self, milliseconds: u64) {
        let over = tokio::time::sleep(Duration::from_millis(milliseconds));
        let Some(mut asked) = self.asked.clone() else {
            return over.await;
        };
        let is_asked = async {
            if asked.wait_for(|asked| *asked).await.is_err() {
                // Nobody can ask any more.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = over => {}
            () = is_asked => {}
        }
    }
}
