//! The one who may change the routing table.
//!
//! A change is checked, its arms are checked, it is written to the disk, and then it takes effect
//! with one store. Whoever asked is answered after that.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_api::gateway::{Arm, ArmStatus, GatewayStatus, RouteStatus, Split, SplitChange};
use portcullis_config::{ClientsConfig, UpstreamProtocol};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinHandle;

use crate::arm::ArmState;
use crate::bounds::{ARMS_REMEMBERED, HEALTH_WAIT_MAX_MS};
use crate::clock;
use crate::health;
use crate::observe::Observers;
use crate::routing::{Routing, RoutingError};
use crate::service::{ActiveSplit, Service};
use crate::settings::{GatewaySettings, RoutingSettings, ServiceSettings};
use crate::split_change::{must_check_canary, must_check_stable, validate};
use crate::state_file::{SavedService, SavedState, StateFileError};
use crate::sticky::{BucketHash, canary_buckets};
use crate::table::Table;
use crate::traffic::Traffic;
use crate::worker::Orders;

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
    /// A successor decides now.
    #[error("this gateway is being succeeded by another process, which decides now; ask again")]
    Succeeded,
    /// The change could not be saved, so it did not take effect.
    #[error("the change could not be saved and did not take effect")]
    Save(#[source] StateFileError),
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
}

struct Services {
    /// How each is served, in the order of the settings.
    settings: Vec<Guarded>,
    routing: Arc<Routing>,
    /// Health checks of upstream servers.
    checks: Vec<JoinHandle<()>>,
    saved: SavedState,
    /// The highest epoch that asked for a change, by service; it counts from the moment it is seen,
    /// and is saved when the change is decided.
    seen: BTreeMap<String, u64>,
    live: BTreeMap<String, Live>,
    /// A successor decides; this gateway only follows what it saves.
    released: bool,
    /// What a predecessor still has under way.
    predecessor: Option<Traffic>,
}

/// The settings of a service as the data path reads them.
#[derive(Clone)]
struct Guarded {
    settings: Arc<ServiceSettings>,
    canary_users: Arc<HashSet<Box<[u8]>>>,
}

/// What is known of a service besides what is saved.
#[derive(Default)]
struct Live {
    unrouted: Arc<AtomicU64>,
    /// Every arm that is known, the latest to join the split last.
    arms: Vec<KnownArm>,
}

struct KnownArm {
    state: Arc<ArmState>,
    /// Its health checks, as long as it is in the split.
    checks: Option<JoinHandle<()>>,
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
        for service in &settings.services {
            let entry = live.entry(service.service.clone()).or_default();
            let split = saved
                .services
                .get(&service.service)
                .and_then(|saved| saved.split.as_ref());
            if let Some(split) = split {
                let joined = validate(split).and_then(|()| entry.join(split, service, workers));
                joined.map_err(|reason| StateFileError::Split {
                    path: settings.state_file.clone(),
                    service: service.service.clone(),
                    reason,
                })?;
            }
        }
        let mut services = Services {
            settings: guarded(settings.services),
            routing,
            checks: Vec::new(),
            saved,
            seen: BTreeMap::new(),
            live,
            released: false,
            predecessor: None,
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

    /// The gateway and all its routes.
    pub(crate) async fn status(&self) -> GatewayStatus {
        let services = self.services.lock().await;
        let routes = services
            .settings
            .iter()
            .map(|service| services.status(&service.settings.service));
        GatewayStatus {
            instance: self.instance.clone(),
            started_at_ms: self.started_at_ms,
            now_ms: clock::wall_ms(),
            listen: self.listen.clone(),
            routes: routes.collect(),
        }
    }

    /// One route.
    pub(crate) async fn route_status(&self, service: &str) -> Result<RouteStatus, ChangeError> {
        let services = self.services.lock().await;
        services.settings_of(service)?;
        Ok(services.status(service))
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
        self.services.lock().await.released = true;
    }

    /// Decides again, from what is saved now.
    pub(crate) async fn reclaim(&self) {
        self.follow().await;
        self.services.lock().await.released = false;
    }

    /// Takes over what a successor has saved.
    pub(crate) async fn follow(&self) {
        let path = self.state_file.clone();
        let read = tokio::task::spawn_blocking(move || SavedState::read(&path)).await;
        let saved = match read {
            Ok(Ok(saved)) => saved,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the successor's splits cannot be followed");
                return;
            }
            Err(_) => return,
        };
        let mut services = self.services.lock().await;
        if !services.released || services.saved == saved {
            return;
        }
        services.saved = saved;
        for route in services.settings.clone() {
            let route = &route.settings;
            if let Err(reason) = self.put_in_force(&mut services, route) {
                tracing::warn!(service = route.service, reason, "a split was not followed");
            }
        }
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
        let split = services.saved(&route.service).split;
        let live = services.live.entry(route.service.clone()).or_default();
        if let Some(split) = &split {
            live.join(split, route, self.workers)?;
        }
        self.table.store(Arc::new(services.table()));
        if let (Some(split), Some(live)) = (&split, services.live.get_mut(&route.service)) {
            live.retire_others(split);
        }
        // Workers close what they keep open to removed arms.
        self.orders.send_modify(|orders| orders.table_changes += 1);
        Ok(())
    }
}

impl Services {
    fn saved(&self, service: &str) -> SavedService {
        self.saved
            .services
            .get(service)
            .cloned()
            .unwrap_or_default()
    }

    /// The highest epoch known.
    fn epoch(&self, service: &str) -> u64 {
        let seen = self.seen.get(service).copied().unwrap_or(0);
        seen.max(
            self.saved
                .services
                .get(service)
                .map_or(0, |saved| saved.epoch),
        )
    }

    /// The service as it is saved, if `epoch` may change it. From here on older ones may not.
    fn claim(&mut self, service: &str, epoch: u64) -> Result<SavedService, ChangeError> {
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
    fn arms_to_check(
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

    fn status(&self, service: &str) -> RouteStatus {
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
        }
    }

    /// An arm with the requests that a predecessor still has under way to it.
    fn with_predecessor(&self, service: &str, changes: u64, mut arm: ArmStatus) -> ArmStatus {
        if let Some(traffic) = &self.predecessor {
            arm.in_flight += traffic.in_flight(service, &arm.arm.address, changes);
        }
        arm
    }

    fn table(&self) -> Table {
        let plain = &self.routing.plain;
        let services = self.settings.iter().zip(plain).map(|(guarded, plain)| {
            let settings = &guarded.settings;
            let live = self.live.get(&settings.service);
            let split = self.saved(&settings.service).split;
            Arc::new(Service {
                settings: Arc::clone(settings),
                hash: BucketHash::new(&settings.service),
                active: split
                    .zip(live)
                    .and_then(|(split, live)| live.active(&split)),
                unrouted: live
                    .map(|live| Arc::clone(&live.unrouted))
                    .unwrap_or_default(),
                canary_users: Arc::clone(&guarded.canary_users),
                plain: Arc::clone(plain),
            })
        });
        Table {
            services: services.collect(),
            routing: Arc::clone(&self.routing),
        }
    }

    fn settings_of(&self, service: &str) -> Result<Arc<ServiceSettings>, ChangeError> {
        let mut all = self.settings.iter();
        let found = all.find(|one| one.settings.service == service);
        let found = found.map(|one| Arc::clone(&one.settings));
        found.ok_or_else(|| ChangeError::UnknownService(service.to_owned()))
    }

    /// Begins to check the servers of upstreams as the settings say, and ends the checks of before.
    fn check_upstreams(&mut self) {
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
    fn retire_upstreams(&self, before: &Routing) {
        for set in &before.upstreams {
            let mut next = self.routing.upstreams.iter();
            set.retire_others(next.find(|next| next.name == set.name).map(Arc::as_ref));
        }
    }
}

fn guarded(settings: Vec<ServiceSettings>) -> Vec<Guarded> {
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

impl Live {
    /// The arm, made known if it is not.
    fn arm(
        &mut self,
        arm: &Arm,
        protocol: UpstreamProtocol,
        workers: usize,
    ) -> Result<&mut KnownArm, String> {
        let found = self.arms.iter().position(|known| known.state.arm == *arm);
        let index = match found {
            Some(index) => index,
            None => {
                let state = Arc::new(ArmState::new(arm.clone(), protocol, workers)?);
                state.set_retired(true);
                self.arms.push(KnownArm {
                    state,
                    checks: None,
                });
                self.forget_oldest();
                self.arms.len() - 1
            }
        };
        Ok(&mut self.arms[index])
    }

    /// Brings a split's arms into service: known, not retired, and under checks.
    fn join(
        &mut self,
        split: &Split,
        route: &ServiceSettings,
        workers: usize,
    ) -> Result<(), String> {
        for arm in std::iter::once(&split.stable).chain(&split.canary) {
            let known = self.arm(arm, route.protocol, workers)?;
            known.state.set_retired(false);
            if known.checks.is_none() {
                let checks = health::watch(Arc::clone(&known.state), route.health.clone());
                known.checks = Some(tokio::spawn(checks));
            }
        }
        // A stable sort: those in the split are the latest that were in it.
        self.arms.sort_by_key(|known| known.checks.is_some());
        Ok(())
    }

    /// Takes arms that are not in `split` out of service. Their requests under way go on.
    fn retire_others(&mut self, split: &Split) {
        for known in &mut self.arms {
            let arm = &known.state.arm;
            if *arm != split.stable && Some(arm) != split.canary.as_ref() {
                known.state.set_retired(true);
                if let Some(checks) = known.checks.take() {
                    checks.abort();
                }
            }
        }
    }

    /// Checks the arms of the split as `settings` say from now on.
    fn check_as(&mut self, settings: &ServiceSettings) {
        for known in &mut self.arms {
            if let Some(checks) = known.checks.take() {
                checks.abort();
                let checks = health::watch(Arc::clone(&known.state), settings.health.clone());
                known.checks = Some(tokio::spawn(checks));
            }
        }
    }

    /// Keeps the number of idle arms outside the split bounded. One with requests under way
    /// is kept: whoever waits for it to drain must see it.
    fn forget_oldest(&mut self) {
        let is_idle = |known: &KnownArm| known.checks.is_none() && known.state.in_flight() == 0;
        while self.arms.iter().filter(|known| is_idle(known)).count() > ARMS_REMEMBERED {
            let Some(oldest) = self.arms.iter().position(is_idle) else {
                return;
            };
            self.arms.remove(oldest);
        }
    }

    fn active(&self, split: &Split) -> Option<ActiveSplit> {
        let find = |arm: &Arm| {
            let found = self.arms.iter().find(|known| known.state.arm == *arm);
            found.map(|known| Arc::clone(&known.state))
        };
        Some(ActiveSplit {
            stable: find(&split.stable)?,
            canary: split.canary.as_ref().and_then(find),
            canary_buckets: canary_buckets(split.weight_percent),
        })
    }
}
