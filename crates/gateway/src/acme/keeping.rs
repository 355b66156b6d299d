//! The keeper's task, which pauses while another gateway acts for this one's state folder.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_config::AcmeConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answers::Answers;
use super::error::AcmeError;
use super::keeper::{Keeper, tell_failure};
use crate::settings::GatewaySettings;
use crate::tls::Tls;
use crate::worker::Orders;

/// Whoever keeps the certificate of one gateway. It ends with the runtime that it runs on.
pub(crate) struct Keeping {
    config: AcmeConfig,
    state_file: PathBuf,
    answers: Arc<Answers>,
    orders: watch::Receiver<Orders>,
    /// Until it is started.
    opened: Option<Keeper>,
    task: Option<JoinHandle<()>>,
}

impl Keeping {
    /// Reads what was kept and puts the certificate in force; `None` where no authority is asked. Nothing is
    /// ordered before [`Keeping::start`].
    ///
    /// # Errors
    /// As [`Keeper::open`].
    pub(crate) fn open(
        settings: &GatewaySettings,
        tls: Option<&Tls>,
        orders: watch::Receiver<Orders>,
    ) -> Result<Option<Keeping>, AcmeError> {
        let config = settings.tls.as_ref().and_then(|tls| tls.acme.clone());
        let answers = tls.and_then(Tls::answers);
        let (Some(config), Some(answers)) = (config, answers) else {
            return Ok(None);
        };
        let state_file = settings.state_file.clone();
        let answers = Arc::clone(answers);
        let keeper = Keeper::open(config.clone(), &state_file, Arc::clone(&answers))?;
        Ok(Some(Keeping {
            config,
            state_file,
            answers,
            orders,
            opened: Some(keeper),
            task: None,
        }))
    }

    /// Starts, or goes on after [`Keeping::pause`] with what is in the folder by now.
    pub(crate) fn start(&mut self) {
        let opened = self.opened.take().map_or_else(
            || {
                let answers = Arc::clone(&self.answers);
                Keeper::open(self.config.clone(), &self.state_file, answers)
            },
            Ok,
        );
        match opened {
            Ok(keeper) => self.task = Some(tokio::spawn(keeper.run(self.orders.clone()))),
            Err(error) => tell_failure(&error, "the certificate by ACME is not renewed any more"),
        }
    }

    /// Stops ordering. An order that is under way is given up; its successor begins another in a while.
    pub(crate) fn pause(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}
