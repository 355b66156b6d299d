//! The steps that keep users out while the data is moved, and who is kept out while the new release is tried.
//!
//! There are two ways. Where the old release works on migrated data, only users' writes are kept out, until the new
//! release is promoted: both releases answer everything that reads, and going back restores the backup and loses nothing.
//! In a cut-over everybody is kept out and the old release is stopped, for it must not see what comes next; the service
//! is opened to the new release by shares of the users. From then on it may take writes that a restore would lose.

use super::{ATTEMPTS, Builder, arm};
use crate::{
    Action, ClosedFor, ClosedTo, Closure, CutOff, RestoreOrder, Running, Split, Undo, Weight,
};

impl Builder<'_> {
    /// Closes the service, and in a cut-over stops the release that serves.
    pub(super) fn close(&mut self) {
        let request = self.request;
        let Some(previous) = &request.previous else {
            return;
        };
        let open = Split {
            service: request.release.service.clone(),
            stable: arm(&previous.release, &previous.target),
            canary: None,
            weight: Weight::NONE,
            closed: None,
        };
        let closed = Split {
            closed: self.closed_before(),
            ..open.clone()
        };
        let undo = Undo::Run {
            action: Box::new(Action::Shift(open)),
        };
        let timeouts = &request.timeouts;
        let deadline_ms = timeouts.drain_ms + timeouts.short_ms;
        self.push("close", Action::Shift(closed), undo, deadline_ms, ATTEMPTS);
        if request.cuts_over() {
            let launch = self.launch(&previous.release, &previous.target, &request.stores);
            let again = Undo::Run {
                action: Box::new(Action::Start(launch)),
            };
            let stop = Action::Retire(self.cut_off_previous(previous));
            let stop_ms = timeouts.drain_ms + timeouts.stop_ms;
            let deadline_ms = stop_ms.max(timeouts.ready_ms) + timeouts.short_ms;
            self.push("stop", stop, again, deadline_ms, ATTEMPTS);
        }
    }

    /// The backup of what was there when the last write had ended. Going back to it is the undo of all that changes
    /// data afterwards, also of what the new release changes as it starts.
    pub(super) fn final_backup(&mut self) -> Option<String> {
        let request = self.request;
        let name = request.final_backup_name.clone();
        let name = name.filter(|_| !request.stores.is_empty())?;
        let reason = format!("while closed for rollout {}", request.id);
        let order = self.backup_order(&name, reason);
        let undo = match request.policy.restore && !request.reverses() {
            true => self.put_back(&name),
            false => Undo::Nothing,
        };
        let backup_ms = request.timeouts.backup_ms;
        self.push(
            "final-backup",
            Action::Backup(order),
            undo,
            backup_ms,
            ATTEMPTS,
        );
        Some(name)
    }

    /// The data that a release of before a cut-over had. The backup that was made in this moment undoes it.
    pub(super) fn restore_earlier(&mut self) {
        let request = self.request;
        let Some(backup) = request.restores.clone() else {
            return;
        };
        let order = RestoreOrder {
            backup,
            stores: request.stores.clone(),
        };
        let backup_ms = request.timeouts.backup_ms;
        self.push(
            "restore",
            Action::Restore(order),
            Undo::Nothing,
            backup_ms,
            ATTEMPTS,
        );
    }

    /// Who is kept out before the new release has a share, and when the shares are taken from it.
    pub(super) fn closed_before(&self) -> Option<Closure> {
        let to = match self.request.cuts_over() {
            true => ClosedTo::Everything,
            false => ClosedTo::Writes,
        };
        let closes = self.request.closes();
        closes.then(|| self.closure(to, ClosedFor::Everyone))
    }

    /// Who is kept out while the new release has a share.
    pub(super) fn closed_while_tried(&self) -> Option<Closure> {
        let (to, of) = match self.request.cuts_over() {
            true => (ClosedTo::Everything, ClosedFor::StableUsers),
            false => (ClosedTo::Writes, ClosedFor::Everyone),
        };
        let closes = self.request.closes();
        closes.then(|| self.closure(to, of))
    }

    fn closure(&self, to: ClosedTo, of: ClosedFor) -> Closure {
        let closing = &self.request.closing;
        Closure {
            to,
            of,
            hold_ms: closing.hold_ms,
            retry_after_s: closing.retry_after_s,
            drain_ms: self.request.timeouts.drain_ms,
            reads: closing.reads.clone(),
        }
    }

    /// Stopping the release that serves.
    pub(super) fn cut_off_previous(&self, previous: &Running) -> CutOff {
        let request = self.request;
        CutOff {
            service: request.release.service.clone(),
            release: previous.release.id.clone(),
            target: previous.target.clone(),
            drain_timeout_ms: request.timeouts.drain_ms,
            stop_timeout_ms: request.timeouts.stop_ms,
        }
    }
}
