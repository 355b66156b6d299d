//! The services as the control thread knows them, and the table that is made of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use portcullis_api::gateway::{ArmStatus, RouteStatus, Split};
use tokio::task::JoinHandle;

use super::ChangeError;
use super::live::Live;
use crate::arm::ArmState;
use crate::bypass::{self, Bypasses};
use crate::clock;
use crate::first_errors::KeptSets;
use crate::health;
use crate::routing::Routing;
use crate::service::Service;
use crate::settings::ServiceSettings;
use crate::split_change::{must_check_canary, must_check_stable};
use crate::state_file::{SavedService, SavedState};
use crate::sticky::BucketHash;
use crate::table::Table;
use crate::traffic::Traffic;

/// All that is known of the services, under one lock.
pub(super) struct Services {
    /// How each is served, in the order of the settings.
    pub(super) settings: Vec<Guarded>,
    pub(super) routing: Arc<Routing>,
    /// Health checks of upstream servers.
    pub(super) checks: Vec<JoinHandle<()>>,
    pub(super) saved: SavedState,
    /// What takes a split out of the way for a while; also saved.
    pub(super) bypasses: Bypasses,
    /// The highest epoch that asked for a change, by service; it counts from the moment it is seen,
    /// and is saved when the change is decided.
    pub(super) seen: BTreeMap<String, u64>,
    pub(super) live: BTreeMap<String, Live>,
    /// A successor decides; this gateway only follows what it saves.
    pub(super) released: bool,
    /// What a predecessor still has under way.
    pub(super) predecessor: Option<Traffic>,
    /// The first errors of routing keys, as they are in their file.
    pub(super) kept: KeptSets,
}

/// The settings of a service as the data path reads them.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) settings: Arc<ServiceSettings>,
    pub(super) canary_users: Arc<HashSet<Box<[u8]>>>,
}

impl Services {
    pub(super) fn saved(&self, service: &str) -> SavedService {
        self.saved
            .services
            .get(service)
            .cloned()
            .unwrap_or_default()
    }

    /// The highest epoch known.
    pub(super) fn epoch(&self, service: &str) -> u64 {
        let seen = self.seen.get(service).copied().unwrap_or(0);
        seen.max(
            self.saved
                .services
                .get(service)
                .map_or(0, |saved| saved.epoch),
        )
    }

    /// The service as it is saved, if `epoch` may change it. From here on older ones may not.
    pub(super) fn claim(&mut self, service: &str, epoch: u64) -> Result<SavedService, ChangeError> {
        if self.released {
            return Err(ChangeError::Succeeded);
        }
        let current = self.epoch(service);
        if epoch < current {
            return Err(ChangeError::Stale {
                asked: epoch,
                current,
            });
        }
        self.seen.insert(service.to_owned(), epoch);
        Ok(self.saved(service))
    }

    /// The arms that must be healthy before `next` takes effect. New ones are made known here, so
    /// that a refusal shows in the status.
    pub(super) fn arms_to_check(
        &mut self,
        route: &ServiceSettings,
        current: &SavedService,
        next: &Split,
        workers: usize,
    ) -> Result<Vec<(&'static str, Arc<ArmState>)>, ChangeError> {
        let live = self.live.entry(route.service.clone()).or_default();
        let mut arms = Vec::new();
        if must_check_stable(current.split.as_ref(), next) {
            let arm = live
                .arm(&next.stable, route.protocol, workers)
                .map_err(ChangeError::Invalid)?;
            arms.push(("stable", Arc::clone(&arm.state)));
        }
        if let Some(canary) = &next.canary
            && must_check_canary(current.split.as_ref(), next)
        {
            let arm = live
                .arm(canary, route.protocol, workers)
                .map_err(ChangeError::Invalid)?;
            arms.push(("canary", Arc::clone(&arm.state)));
        }
        Ok(arms)
    }

    pub(super) fn status(&self, service: &str) -> RouteStatus {
        let saved = self.saved(service);
        let live = self.live.get(service);
        RouteStatus {
            service: service.to_owned(),
            split: saved.split,
            epoch: self.epoch(service),
            changes: saved.changes,
            changed_at_ms: saved.changed_at_ms,
            arms: live.map_or_else(Vec::new, |live| {
                let arms = live.arms.iter().map(|known| known.state.status());
                arms.map(|arm| self.with_predecessor(service, saved.changes, arm))
                    .collect()
            }),
            unrouted: live.map_or(0, |live| live.unrouted.load(Relaxed)),
            held: live.map_or(0, Live::held),
            turned_away: live.map_or(0, |live| live.turned_away.load(Relaxed)),
            pause: live.and_then(|live| live.told_pause().cloned()),
            bypass: self.bypasses.in_force(service, clock::wall_ms()).cloned(),
        }
    }

    /// The first errors of all services, to be kept.
    pub(super) fn first_errors(&self) -> KeptSets {
        let pairs = self.live.iter().filter_map(|(service, live)| {
            let split = self.saved(service).split?;
            Some((service.clone(), live.first_errors(&split)?))
        });
        pairs.collect()
    }

    /// An arm with the requests that a predecessor still has under way to it.
    pub(super) fn with_predecessor(
        &self,
        service: &str,
        changes: u64,
        mut arm: ArmStatus,
    ) -> ArmStatus {
        if let Some(traffic) = &self.predecessor {
            let there = traffic.in_flight(service, &arm.arm.address, changes);
            arm.in_flight += there;
            // It does not say what they do.
            arm.writes_in_flight += there;
        }
        arm
    }

    pub(super) fn table(&self) -> Table {
        let plain = &self.routing.plain;
        let services = self.settings.iter().zip(plain).map(|(guarded, plain)| {
            let settings = &guarded.settings;
            let live = self.live.get(&settings.service);
            let bypassed = self
                .bypasses
                .in_force(&settings.service, clock::wall_ms())
                .is_some();
            let split = self.saved(&settings.service).split;
            // The masking of its requests is out of the way too. Nothing else is: limits and access stay.
            let split = match bypassed {
                // Of a service that is closed the canary may be all that answers.
                true => split.map(|split| match bypass::has_nobody(&split) {
                    true => split,
                    false => bypass::without_canary(split),
                }),
                false => split,
            };
            Arc::new(Service {
                settings: Arc::clone(settings),
                hash: BucketHash::new(&settings.service),
                active: split
                    .zip(live)
                    .and_then(|(split, live)| live.active(&split)),
                unrouted: live
                    .map(|live| Arc::clone(&live.unrouted))
                    .unwrap_or_default(),
                turned_away: live
                    .map(|live| Arc::clone(&live.turned_away))
                    .unwrap_or_default(),
                canary_users: Arc::clone(&guarded.canary_users),
                plain: Arc::clone(plain),
                is_bypassed: bypassed,
            })
        });
        Table {
            services: services.collect(),
            routing: Arc::clone(&self.routing),
        }
    }

    pub(super) fn settings_of(&self, service: &str) -> Result<Arc<ServiceSettings>, ChangeError> {
        let mut all = self.settings.iter();
        let found = all.find(|one| one.settings.service == service);
        let found = found.map(|one| Arc::clone(&one.settings));
        found.ok_or_else(|| ChangeError::UnknownService(service.to_owned()))
    }

    /// Begins to check the servers of upstreams as the settings say, and ends the checks of before.
    pub(super) fn check_upstreams(&mut self) {
        for check in self.checks.drain(..) {
            check.abort();
        }
        let upstreams = &self.routing.settings().upstreams;
        for (config, set) in upstreams.iter().zip(&self.routing.upstreams) {
            set.put_in_force(config);
            let Some(health) = &config.health else {
                continue;
            };
            for server in set.servers() {
                let watching = health::watch_server(Arc::clone(server), health.clone());
                self.checks.push(tokio::spawn(watching));
            }
        }
    }

    /// Takes servers that are in no upstream any more out of service: connections to them are closed as they
    /// fall idle.
    pub(super) fn retire_upstreams(&self, before: &Routing) {
        for set in &before.upstreams {
            let mut next = self.routing.upstreams.iter();
            set.retire_others(next.find(|next| next.name == set.name).map(Arc::as_ref));
        }
    }
}

/// The settings of services as the data path reads them.
pub(super) fn guarded(settings: Vec<ServiceSettings>) -> Vec<Guarded> {
    let settings = settings.into_iter().map(|settings| Guarded {
        canary_users: Arc::new(
            settings
                .canary_users
                .iter()
                .map(|user| user.as_bytes().into())
                .collect(),
        ),
        settings: Arc::new(settings),
    });
    settings.collect()
}
