//! Pauses of writes: begun for a backup of several stores, and ended by whoever began them or by themselves.
//!
//! A pause lies over the split and is no part of it: it needs no epoch, is not saved, and is not told to anybody else. So
//! it cannot outlive this process, and whatever changes the split ends it: a rollout never waits for a backup. Whoever
//! asked for it hears of that when the pause is ended, and gives the backup up. Where others send requests to the
//! releases too, followers or a predecessor that ends, there is no pause.

use std::sync::Arc;
use std::time::Duration;

use portcullis_api::gateway::{
    ClosedFor, ClosedTo, Closure, PauseEnded, PauseWish, RouteStatus, Split, WritePause,
};

use super::services::Services;
use super::{ChangeError, Control};
use crate::bounds::PAUSE_MS_MAX;
use crate::bypass;
use crate::clock;

/// A pause in force.
pub(super) struct Pause {
    pub(super) told: WritePause,
    pub(super) closure: Closure,
    began_ms: u64,
}

/// A pause that ended before it was asked to.
pub(super) struct Broken {
    id: u64,
    why: String,
    lasted_ms: u64,
}

impl Pause {
    pub(super) fn broken(self, why: &str) -> Broken {
        let lasted_ms = clock::monotonic_ms().saturating_sub(self.began_ms);
        let (by, reason) = (&self.told.by, &self.told.reason);
        tracing::warn!(by, reason, lasted_ms, why, "a pause of writes was ended");
        Broken {
            id: self.told.id,
            why: why.to_owned(),
            lasted_ms,
        }
    }
}

impl Control {
    /// Keeps writes out of a service. When this returns it is in force: no further write is let in, and those under way
    /// are told by the status.
    pub(crate) async fn begin_pause(
        self: &Arc<Control>,
        service: &str,
        wish: PauseWish,
    ) -> Result<RouteStatus, ChangeError> {
        validate(&wish).map_err(ChangeError::InvalidPause)?;
        let mut services = self.services.lock().await;
        services.settings_of(service)?;
        let split = self.pausable(&services, service)?;
        let begun_at_ms = clock::wall_ms();
        let told = WritePause {
            // Small enough for every reader of JSON.
            id: u64::from(rand::random::<u32>()),
            by: wish.by,
            reason: wish.reason,
            begun_at_ms,
            until_ms: begun_at_ms.saturating_add(wish.for_ms),
        };
        let id = told.id;
        let (by, reason) = (told.by.clone(), told.reason.clone());
        let live = services.live.entry(service.to_owned()).or_default();
        live.pause(
            Pause {
                told,
                closure: wish.closure,
                began_ms: clock::monotonic_ms(),
            },
            &split,
        );
        self.show(&mut services);
        tracing::info!(
            service,
            by,
            reason,
            for_ms = wish.for_ms,
            "writes are paused"
        );
        let (control, name) = (Arc::clone(self), service.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(wish.for_ms)).await;
            let mut services = control.services.lock().await;
            let why = "its time was over before it was ended";
            control.break_pause(&mut services, &name, (Some(id), why));
        });
        Ok(services.status(service))
    }

    /// Ends a pause and says whether it held to its end.
    pub(crate) async fn end_pause(
        &self,
        service: &str,
        id: u64,
    ) -> Result<PauseEnded, ChangeError> {
        let mut services = self.services.lock().await;
        services.settings_of(service)?;
        let split = services.saved(service).split;
        let no_pause = || ChangeError::NoPause(service.to_owned());
        let live = services.live.get_mut(service).ok_or_else(no_pause)?;
        if let Some(broken) = live.take_broken(|broken| broken.id == id) {
            return Ok(PauseEnded {
                lasted_ms: broken.lasted_ms,
                broken: Some(broken.why),
            });
        }
        let pause = live.unpause(|pause| pause.told.id == id, split.as_ref());
        let pause = pause.ok_or_else(no_pause)?;
        let lasted_ms = clock::monotonic_ms().saturating_sub(pause.began_ms);
        self.let_in(&mut services, service);
        tracing::info!(service, lasted_ms, "writes are let in again");
        Ok(PauseEnded {
            lasted_ms,
            broken: None,
        })
    }

    /// Ends a pause that cannot hold any longer, if there is one: the one of that name, or any.
    pub(super) fn break_pause(
        &self,
        services: &mut Services,
        service: &str,
        (id, why): (Option<u64>, &str),
    ) {
        let split = services.saved(service).split;
        let Some(live) = services.live.get_mut(service) else {
            return;
        };
        let is_it = |pause: &Pause| id.is_none_or(|id| id == pause.told.id);
        if let Some(pause) = live.unpause(is_it, split.as_ref()) {
            live.note_broken(pause.broken(why));
            self.let_in(services, service);
        }
    }

    /// Ends every pause.
    pub(super) fn break_pauses(&self, services: &mut Services, why: &str) {
        let all: Vec<String> = services.live.keys().cloned().collect();
        for service in all {
            self.break_pause(services, &service, (None, why));
        }
    }

    /// The split of a service whose writes may be paused now.
    fn pausable(&self, services: &Services, service: &str) -> Result<Split, ChangeError> {
        let refused = |why: &str| Err(ChangeError::NotPaused(why.to_owned()));
        if services.released {
            return Err(ChangeError::Succeeded);
        }
        let Some(split) = services.saved(service).split else {
            return refused("no release serves yet");
        };
        if split.closed.is_some() {
            return refused("the service is closed by a rollout");
        }
        if split.canary.is_some() && !split.mirror_only {
            return refused("a rollout divides its users");
        }
        if services
            .bypasses
            .in_force(service, clock::wall_ms())
            .is_some()
        {
            return refused("a bypass is in force");
        }
        let live = services.live.get(service);
        if live.is_some_and(|live| live.told_pause().is_some()) {
            return refused("its writes are paused already");
        }
        if services.predecessor.is_some() {
            return refused("the process before this one still has requests under way");
        }
        if !self.followers().list(clock::monotonic_ms()).is_empty() {
            return refused("other gateways follow this one, and would let writes in");
        }
        Ok(split)
    }

    /// Lets everybody in who waited.
    fn let_in(&self, services: &mut Services, service: &str) {
        self.show(services);
        if let Some(live) = services.live.get_mut(service) {
            live.let_in();
        }
    }
}

fn validate(wish: &PauseWish) -> Result<(), String> {
    bypass::validate_text("by", &wish.by)?;
    bypass::validate_text("reason", &wish.reason)?;
    if (wish.closure.to, wish.closure.of) != (ClosedTo::Writes, ClosedFor::Everyone) {
        return Err("a pause keeps out writes of everyone, and nothing else".to_owned());
    }
    match wish.for_ms {
        1..=PAUSE_MS_MAX => Ok(()),
        other => Err(format!(
            "a pause lasts at least 1 ms and at most {PAUSE_MS_MAX} ms, and not {other} ms"
        )),
    }
}
