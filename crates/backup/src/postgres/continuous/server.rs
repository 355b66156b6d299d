//! A server that was started here.

use std::process::{Child, ExitStatus};

use crate::postgres::tools::quit;

/// A server that was started here. It is ended at once when this is dropped.
#[derive(Debug)]
pub(super) struct Server(Option<Child>);

impl Server {
    pub(super) fn of(child: Child) -> Server {
        Server(Some(child))
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.0.as_mut()?.try_wait().ok()??;
        // Its number may be somebody else's from now on.
        self.0 = None;
        Some(status)
    }

    /// The process, unless it has ended.
    pub(super) fn child(&self) -> Option<&Child> {
        self.0.as_ref()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            quit(child.id());
            let _ = child.wait();
        }
    }
}
