//! The one who may change the routing table.
//!
//! A change is checked, its arms are checked, it is written to the disk, and then it takes effect
//! with one store. Whoever asked is answered after that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as ShortMutex, MutexGuard as ShortGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_api::gateway::{
    Arm, FollowerReport, GatewayStatus, Lead, RouteStatus, Split, SplitChange,
};
use portcullis_config::ClientsConfig;
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::arm::ArmState;
use crate::bounds::{FOLLOWERS_MAX, HEALTH_WAIT_MAX_MS};
use crate::bypass::Bypasses;
use crate::clock;
use crate::first_errors::KeptSets;
use crate::followers::Followers;
use crate::health;
use crate::observe::Observers;
use crate::routing::{Routing, RoutingError};
use crate::settings::{GatewaySettings, RoutingSettings, ServiceSettings};
use crate::split_change::validate;
use crate::state_file::{SavedService, SavedState, StateFileError};
use crate::table::Table;
use crate::traffic::Traffic;
use crate::worker::Orders;

mod bypassing;
mod live;
mod pausing;
mod services;

use live::Live;
use services::{Services, guarded};

/// Why a change of a split was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// No such service.
    #[error("no service `{0}` is served here")]
    UnknownService(String),
    /// The split is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The asker's epoch is not the newest.
    #[error(
        "epoch {asked} is fenced off: epoch {current} has been seen, so someone else holds the lease"
    )]
    Stale {
        /// The asker's.
        asked: u64,
        /// The newest.
        current: u64,
    },
    /// An arm may not get traffic.
    #[error("{role} {release} at {address} is not healthy, so it gets no traffic: {reason}")]
    Unhealthy {
        /// `stable` or `canary`.
        role: &'static str,
        /// Its release.
        release: String,
        /// Where it was asked.
        address: String,
        /// What the check saw.
        reason: String,
    },
    /// Another change took effect since the asker looked, or while this one waited for a health check.
    #[error("another change of the split took effect first; look at it and ask again")]
    Overtaken,
    /// Others follow already, as many as may.
    #[error("{FOLLOWERS_MAX} gateways follow this one, and it takes no more")]
    TooManyFollowers,
    /// A successor decides now.
    #[error("this gateway is being succeeded by another process, which decides now; ask again")]
    Succeeded,
    /// The change could not be saved, so it did not take effect.
    #[error("the change could not be saved and did not take effect")]
    Save(#[source] StateFileError),
    /// The bypass is not valid.
    #[error("{0}")]
    InvalidBypass(String),
    /// There is no bypass to end.
    #[error("no bypass of `{0}` is in force; nothing was changed")]
    NoBypass(String),
    /// The pause is not valid.
    #[error("{0}")]
    InvalidPause(String),
    /// Something else holds the split.
    #[error("writes cannot be paused now: {0}")]
    NotPaused(String),
    /// There is no such pause.
    #[error(
        "no pause of that name is known of `{0}`; the gateway may have been started anew since"
    )]
    NoPause(String),
    /// The bypass could not be recorded, so it did not take effect.
    #[error("the bypass could not be recorded and did not take effect")]
    Audit(#[source] std::io::Error),
}

/// What the admin API and the health checks work on.
pub(crate) struct Control {
    state_file: PathBuf,
    workers: usize,
    listen: String,
    instance: String,
    started_at_ms: u64,
    table: Arc<ArcSwap<Table>>,
    orders: watch::Sender<Orders>,
    observers: Arc<Observers>,
    services: Mutex<Services>,
    /// Held for a moment only, and never while `services` is waited for.
    followers: ShortMutex<Followers>,
}

impl Control {
    /// Takes over the saved state. Must be called on the control runtime: health checks start at
    /// once.
    pub(crate) fn new(
        settings: GatewaySettings,
        (routing, observers): (Arc<Routing>, Arc<Observers>),
        workers: usize,
        listen: String,
        saved: SavedState,
        (table, orders): (Arc<ArcSwap<Table>>, watch::Sender<Orders>),
    ) -> Result<Control, StateFileError> {
        let mut live: BTreeMap<String, Live> = BTreeMap::new();
        let kept = KeptSets::read(&settings.state_file);
        for service in &settings.services {
            let entry = live.entry(service.service.clone()).or_default();
            let split = saved
                .services
                .get(&service.service)
                .and_then(|saved| saved.split.as_ref());
            if let Some(split) = split {
                entry.begin_split(saved.services[&service.service].changes);
                let joined = validate(split).and_then(|()| entry.join(split, service, workers));
                joined.map_err(|reason| StateFileError::Split {
                    path: settings.state_file.clone(),
                    service: service.service.clone(),
                    reason,
                })?;
                entry.resume_first_errors(split, kept.of(&service.service));
            }
        }
        let mut services = Services {
            settings: guarded(settings.services),
            routing,
            checks: Vec::new(),
            saved,
            bypasses: Bypasses::read(&settings.state_file),
            seen: BTreeMap::new(),
            live,
            released: false,
            predecessor: None,
            kept,
        };
        services.check_upstreams();
        observers.set_watched(services.routing.watched());
        table.store(Arc::new(services.table()));
        Ok(Control {
            observers,
            workers,
            listen,
            instance: format!("{:016x}", rand::random::<u64>()),
            started_at_ms: clock::wall_ms(),
            table,
            orders,
            services: Mutex::new(services),
            followers: ShortMutex::default(),
            state_file: settings.state_file,
        })
    }

    /// Replaces the settings of the services, the routes and what clients may do, as a whole. Connections and
    /// requests under way go on; what counts goes on counting where its settings did not change.
    ///
    /// # Errors
    /// The settings cannot be carried out; then nothing has changed.
    pub(crate) async fn reload(
        &self,
        settings: Vec<ServiceSettings>,
        routing: &RoutingSettings,
        clients: &ClientsConfig,
    ) -> Result<(), RoutingError> {
        let mut services = self.services.lock().await;
        let before = Arc::clone(&services.routing);
        let sources = (routing, settings.as_slice(), clients);
        let next = Routing::new(sources, &self.observers, self.workers, Some(&before))?;
        let next = Arc::new(next);
        // Nobody who was let in a moment ago is turned away until somebody looks at the files.
        next.read_keys(&before);
        for changed in &settings {
            let known = services.settings_of(&changed.service);
            let same = known.is_ok_and(|known| known.health == changed.health);
            // Checks are made as the settings say from now on.
            if let Some(live) = services.live.get_mut(&changed.service).filter(|_| !same) {
                live.check_as(changed);
            }
        }
        services.settings = guarded(settings);
        services.routing = next;
        services.check_upstreams();
        self.observers.set_watched(services.routing.watched());
        self.table.store(Arc::new(services.table()));
        services.retire_upstreams(&before);
        self.orders.send_modify(|orders| orders.table_changes += 1);
        Ok(())
    }

    /// The routes in force.
    pub(crate) async fn routing(&self) -> Arc<Routing> {
        Arc::clone(&self.services.lock().await.routing)
    }

    /// The gateway and all its routes. What is told of first errors is kept before it is told: whoever adds them up must
    /// not be told of the same key again after a restart.
    pub(crate) async fn status(&self) -> GatewayStatus {
        let mut services = self.services.lock().await;
        let routes = services
            .settings
            .iter()
            .map(|service| self.with_followers(services.status(&service.settings.service)));
        let routes: Vec<RouteStatus> = routes.collect();
        self.keep_first_errors(&mut services).await;
        let followers = self.followers().list(clock::monotonic_ms());
        GatewayStatus {
            followers,
            instance: self.instance.clone(),
            started_at_ms: self.started_at_ms,
            now_ms: clock::wall_ms(),
            listen: self.listen.clone(),
            routes,
        }
    }

    /// One route.
    pub(crate) async fn route_status(&self, service: &str) -> Result<RouteStatus, ChangeError> {
        let services = self.services.lock().await;
        services.settings_of(service)?;
        Ok(self.with_followers(services.status(service)))
    }

    /// Takes note of what a follower says, and tells it the split in force.
    pub(crate) async fn hear_follower(&self, report: FollowerReport) -> Result<Lead, ChangeError> {
        let services = self.services.lock().await;
        let service = report.service.clone();
        services.settings_of(&service)?;
        if services.released {
            return Err(ChangeError::Succeeded);
        }
        if !self.followers().hear(report, clock::monotonic_ms()) {
            return Err(ChangeError::TooManyFollowers);
        }
        let mut services = services;
        let why = "another gateway follows this one since, and lets writes in";
        self.break_pause(&mut services, &service, (None, why));
        let (split, epoch) = (services.saved(&service).split, services.epoch(&service));
        Ok(Lead {
            service,
            split,
            epoch,
        })
    }

    /// A route with what followers have under way.
    fn with_followers(&self, mut route: RouteStatus) -> RouteStatus {
        let (mut followers, now_ms) = (self.followers(), clock::monotonic_ms());
        for arm in &mut route.arms {
            let place = (arm.arm.address.as_str(), route.split.as_ref());
            let under_way = followers.in_flight(&route.service, place, now_ms);
            arm.in_flight += under_way.all;
            arm.writes_in_flight += under_way.writes;
        }
        route
    }

    fn followers(&self) -> ShortGuard<'_, Followers> {
        // Only whole reports are put in and taken out, so a panic elsewhere cannot have bent it.
        let locked = self.followers.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces a split. When this returns, the new one is saved and in force, or nothing has
    /// changed.
    pub(crate) async fn change(
        &self,
        service: &str,
        change: SplitChange,
    ) -> Result<RouteStatus, ChangeError> {
        let mut services = self.services.lock().await;
        let route = services.settings_of(service)?;
        validate(&change.split).map_err(ChangeError::Invalid)?;
        let current = services.claim(service, change.epoch)?;
        if change
            .if_changes
            .is_some_and(|seen| seen != current.changes)
        {
            return Err(ChangeError::Overtaken);
        }
        if current.split.as_ref() == Some(&change.split) {
            if current.epoch < change.epoch {
                self.save(&mut services, service, None).await?;
            }
            return Ok(services.status(service));
        }
        let checks = services.arms_to_check(&route, &current, &change.split, self.workers)?;
        if !checks.is_empty() {
            // The lock is not held while arms are asked, so that the way back stays open meanwhile.
            drop(services);
            let checked = self.ensure_healthy(&route, checks).await;
            services = self.services.lock().await;
            let now = services.claim(service, change.epoch)?;
            if let Err(refused) = checked {
                self.save(&mut services, service, None).await?;
                return Err(refused);
            }
            if now.changes != current.changes {
                return Err(ChangeError::Overtaken);
            }
        }
        self.save(&mut services, service, Some(change.split))
            .await?;
        self.put_in_force(&mut services, &route)
            .map_err(ChangeError::Invalid)?;
        Ok(services.status(service))
    }

    /// Leaves every decision to a successor. A change that is under way does not take effect.
    pub(crate) async fn release(&self) {
        let mut services = self.services.lock().await;
        services.released = true;
        self.break_pauses(&mut services, "another process took over the gateway");
    }

    /// Decides again, from what is saved now.
    pub(crate) async fn reclaim(&self) {
        self.follow().await;
        self.services.lock().await.released = false;
    }

    /// Takes over what a successor has saved.
    pub(crate) async fn follow(&self) {
        let path = self.state_file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let bypasses = Bypasses::read(&path);
            SavedState::read(&path).map(|saved| (saved, bypasses))
        });
        let (saved, bypasses) = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the successor's splits cannot be followed");
                return;
            }
            Err(_) => return,
        };
        let mut services = self.services.lock().await;
        let is_known = services.saved == saved && services.bypasses == bypasses;
        if !services.released || is_known {
            return;
        }
        services.saved = saved;
        services.bypasses = bypasses;
        for route in services.settings.clone() {
            let route = &route.settings;
            if let Err(reason) = self.put_in_force(&mut services, route) {
                tracing::warn!(service = route.service, reason, "a split was not followed");
            }
        }
    }

    /// What each arm of each service was given since the split in force began.
    pub(crate) async fn given_in_splits(&self) -> BTreeMap<String, Vec<(Arm, u64)>> {
        let services = self.services.lock().await;
        let live = services.live.iter();
        live.map(|(service, live)| (service.clone(), live.given_in_split()))
            .collect()
    }

    /// What is under way.
    pub(crate) async fn traffic(&self) -> Traffic {
        let services = self.services.lock().await;
        let mut traffic = Traffic::default();
        for (service, live) in &services.live {
            let changes = services.saved(service).changes;
            traffic.changes.insert(service.clone(), changes);
            for known in &live.arms {
                let address = known.state.arm.address.clone();
                *traffic.in_flight.entry(address).or_default() += known.state.in_flight();
            }
        }
        traffic
    }

    /// Takes note of what a predecessor still has under way.
    pub(crate) async fn note_predecessor(&self, traffic: Option<Traffic>) {
        self.services.lock().await.predecessor = traffic;
    }

    async fn ensure_healthy(
        &self,
        route: &ServiceSettings,
        arms: Vec<(&'static str, Arc<ArmState>)>,
    ) -> Result<(), ChangeError> {
        for (role, arm) in arms {
            let limit = Duration::from_millis(HEALTH_WAIT_MAX_MS);
            let checked = tokio::time::timeout(limit, health::ensure(&arm, &route.health)).await;
            let checked = checked.unwrap_or_else(|_| Err("the check took too long".to_owned()));
            checked.map_err(|reason| ChangeError::Unhealthy {
                role,
                release: arm.arm.release.clone(),
                address: arm.arm.address.clone(),
                reason,
            })?;
        }
        Ok(())
    }

    /// Writes the first errors to the disk, if they are others than those that are there. Without it they are counted
    /// once more after a restart, which is told and keeps nobody from serving.
    async fn keep_first_errors(&self, services: &mut MutexGuard<'_, Services>) {
        let next = services.first_errors();
        if services.released || services.kept == next {
            return;
        }
        let (path, copy) = (self.state_file.clone(), next.clone());
        let written = tokio::task::spawn_blocking(move || copy.write(&path)).await;
        match written {
            Ok(Ok(())) => services.kept = next,
            Ok(Err(error)) => tracing::warn!(%error, "first errors of users cannot be kept"),
            Err(error) => tracing::warn!(%error, "first errors of users cannot be kept"),
        }
    }

    /// Writes the new state to the disk, and only then takes it as the saved one.
    async fn save(
        &self,
        services: &mut MutexGuard<'_, Services>,
        service: &str,
        split: Option<Split>,
    ) -> Result<(), ChangeError> {
        let mut next = services.saved.clone();
        let epoch = services.epoch(service);
        let entry = next.services.entry(service.to_owned()).or_default();
        entry.epoch = epoch;
        if let Some(split) = split {
            entry.split = Some(split);
            entry.changes += 1;
            entry.changed_at_ms = clock::wall_ms();
        }
        let (path, copy): (PathBuf, _) = (self.state_file.clone(), next.clone());
        let written = tokio::task::spawn_blocking(move || copy.write(&path)).await;
        let written = written.unwrap_or_else(|panicked| {
            let path = self.state_file.clone();
            Err(StateFileError::Write {
                path,
                source: std::io::Error::other(panicked),
            })
        });
        written.map_err(ChangeError::Save)?;
        services.saved = next;
        Ok(())
    }

    /// Makes the saved split the one that workers see.
    fn put_in_force(&self, services: &mut Services, route: &ServiceSettings) -> Result<(), String> {
        let SavedService { split, changes, .. } = services.saved(&route.service);
        let live = services.live.entry(route.service.clone()).or_default();
        // Whoever changes the split does not wait for a backup.
        let paused = live.unpause(|_| true, None);
        if let Some(pause) = paused {
            live.note_broken(pause.broken("the split was changed"));
        }
        if let Some(split) = &split {
            live.join(split, route, self.workers)?;
        }
        live.begin_split(changes);
        self.table.store(Arc::new(services.table()));
        if let (Some(split), Some(live)) = (&split, services.live.get_mut(&route.service)) {
            live.retire_others(split);
            live.let_in();
        }
        // Workers close what they keep open to removed arms.
        self.orders.send_modify(|orders| orders.table_changes += 1);
        Ok(())
    }
}
