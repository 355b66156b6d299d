//! Beginning and ending a bypass: recorded first, then saved, then in force.

use portcullis_api::gateway::{Bypass, BypassEnd, BypassWish, RouteStatus};
use tokio::sync::MutexGuard;

use super::{ChangeError, Control, Services};
use crate::audit::{AuditEntry, AuditEvent, AuditTrail};
use crate::bypass::{self, Bypasses};
use crate::clock;
use crate::state_file::StateFileError;

/// Who ends a bypass whose time is over.
const NOBODY: &str = "gateway";

impl Control {
    /// Takes a service's split out of the way. When this returns, that is recorded, saved and in force,
    /// or nothing has changed. A bypass needs no epoch: it is a person's, and changes no split.
    pub(crate) async fn begin_bypass(
        &self,
        service: &str,
        wish: BypassWish,
    ) -> Result<RouteStatus, ChangeError> {
        bypass::validate(&wish).map_err(ChangeError::InvalidBypass)?;
        let mut services = self.services.lock().await;
        services.settings_of(service)?;
        if services.released {
            return Err(ChangeError::Succeeded);
        }
        let split = services.saved(service).split;
        if split.is_some_and(|split| bypass::has_nobody(&split)) {
            let why = "the service is closed for a cut-over: no stable release runs that could take the traffic. Abort \
                       the rollout instead";
            return Err(ChangeError::InvalidBypass(why.to_owned()));
        }
        let begun_at_ms = clock::wall_ms();
        let bypass = Bypass {
            by: wish.by,
            reason: wish.reason,
            begun_at_ms,
            until_ms: begun_at_ms.saturating_add(wish.for_ms),
        };
        let mut entry = entry(AuditEvent::BypassBegun, service, &bypass.by, &bypass);
        self.record(entry.clone())
            .await
            .map_err(ChangeError::Audit)?;
        let mut next = services.bypasses.clone();
        next.begin(service, bypass.clone());
        if let Err(error) = self.save_bypasses(&next).await {
            entry.event = AuditEvent::BypassNotBegun;
            self.record_if_possible(entry).await;
            return Err(ChangeError::Save(error));
        }
        services.bypasses = next;
        let why = "a bypass of the service was begun";
        self.break_pause(&mut services, service, (None, why));
        self.show(&mut services);
        let (by, reason, until_ms) = (&bypass.by, &bypass.reason, bypass.until_ms);
        tracing::warn!(service, by, reason, until_ms, "the split is bypassed");
        Ok(services.status(service))
    }

    /// Ends a bypass. Never refused because it could not be recorded or saved: the split that is
    /// configured holds again, and the log says what is missing.
    pub(crate) async fn end_bypass(
        &self,
        service: &str,
        end: BypassEnd,
    ) -> Result<RouteStatus, ChangeError> {
        bypass::validate_name(&end.by).map_err(ChangeError::InvalidBypass)?;
        let mut services = self.services.lock().await;
        services.settings_of(service)?;
        if services.released {
            return Err(ChangeError::Succeeded);
        }
        let now_ms = clock::wall_ms();
        let in_force = services.bypasses.in_force(service, now_ms).cloned();
        let Some(bypass) = in_force else {
            return Err(ChangeError::NoBypass(service.to_owned()));
        };
        services.bypasses.end(service);
        self.show(&mut services);
        let entry = entry(AuditEvent::BypassEnded, service, &end.by, &bypass);
        self.record_if_possible(entry).await;
        self.save_if_possible(&services).await;
        let by = &end.by;
        tracing::warn!(service, by, "the bypass was ended: the split holds again");
        Ok(services.status(service))
    }

    /// Ends what is over, also what ended while no gateway ran.
    pub(crate) async fn expire_bypasses(&self) {
        let mut services = self.services.lock().await;
        // A successor does it, and what it saves is followed.
        if services.released {
            return;
        }
        let over = services.bypasses.take_over(clock::wall_ms());
        if over.is_empty() {
            return;
        }
        self.show(&mut services);
        for (service, bypass) in over {
            let entry = entry(AuditEvent::BypassExpired, &service, NOBODY, &bypass);
            self.record_if_possible(entry).await;
            let by = &bypass.by;
            tracing::warn!(service, by, "the bypass is over: the split holds again");
        }
        self.save_if_possible(&services).await;
    }

    /// Makes what is saved what the workers see.
    pub(super) fn show(&self, services: &mut Services) {
        self.table.store(std::sync::Arc::new(services.table()));
        self.orders.send_modify(|orders| orders.table_changes += 1);
    }

    async fn record(&self, entry: AuditEntry) -> std::io::Result<()> {
        let trail = AuditTrail::beside(&self.state_file);
        let written = tokio::task::spawn_blocking(move || trail.append(&entry)).await;
        written.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))
    }

    async fn record_if_possible(&self, entry: AuditEntry) {
        let (service, event) = (entry.service.clone(), entry.event.words());
        if let Err(error) = self.record(entry).await {
            tracing::error!(service, event, %error, "this is missing in the record of bypasses");
        }
    }

    async fn save_bypasses(&self, bypasses: &Bypasses) -> Result<(), StateFileError> {
        let (bypasses, path) = (bypasses.clone(), self.state_file.clone());
        let written = tokio::task::spawn_blocking(move || bypasses.write(&path)).await;
        written.unwrap_or_else(|panicked| {
            Err(StateFileError::Write {
                path: self.state_file.clone(),
                source: std::io::Error::other(panicked),
            })
        })
    }

    async fn save_if_possible(&self, services: &MutexGuard<'_, Services>) {
        if let Err(error) = self.save_bypasses(&services.bypasses).await {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(
                %error,
                source,
                "a bypass that is over could not be taken out of its file: a restart before its time is \
                 over would put it in force again"
            );
        }
    }
}

fn entry(event: AuditEvent, service: &str, by: &str, bypass: &Bypass) -> AuditEntry {
    AuditEntry {
        at_ms: clock::wall_ms(),
        event,
        service: service.to_owned(),
        by: by.to_owned(),
        reason: bypass.reason.clone(),
        until_ms: bypass.until_ms,
    }
}
