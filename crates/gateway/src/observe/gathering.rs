//! Gathers what metrics and readiness tell, when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_api::gateway::{Arm, GatewayStatus, RouteStatus};
use tokio::sync::watch;

use super::{Backing, Observers, WatchedRoute};
use crate::clock;
use crate::control::Control;
use crate::health_endpoints::{Behind, HealthAnswer, Readiness, healthz, readyz};
use crate::masking::Vault;
use crate::masking::status::MaskingOverview;
use crate::metrics::{ArmScrape, Format, MaskScrape, RouteScrape, Scrape};
use crate::tls::Tls;
use crate::upstream_set::UpstreamSet;
use crate::worker::Orders;

/// Knows where everything is that metrics and readiness tell.
pub(crate) struct Gathering {
    observers: Arc<Observers>,
    control: Arc<Control>,
    tls: Option<Arc<Tls>>,
    orders: watch::Receiver<Orders>,
    began_ms: u64,
    masking: MaskingOverview,
}

/// What each arm of each service was given since its split began.
type Given = BTreeMap<String, Vec<(Arm, u64)>>;

impl Gathering {
    /// Knows all that there is to tell.
    pub(crate) fn start(
        observers: Arc<Observers>,
        control: Arc<Control>,
        tls: Option<Arc<Tls>>,
        (orders, vault): (watch::Receiver<Orders>, Arc<Vault>),
    ) -> Arc<Gathering> {
        let masking = MaskingOverview::new(Arc::clone(&control), Arc::clone(&observers), vault);
        Arc::new(Gathering {
            masking,
            observers,
            control,
            tls,
            orders,
            began_ms: clock::monotonic_ms(),
        })
    }

    /// How masking stands.
    pub(crate) fn masking(&self) -> &MaskingOverview {
        &self.masking
    }

    /// The text of all metrics.
    pub(crate) async fn metrics(&self, format: Format) -> String {
        let status = self.control.status().await;
        let given = self.control.given_in_splits().await;
        let watched = self.observers.watched();
        let certificates = self.tls.as_ref().map(|tls| tls.expiries());
        let data = self.observers.data();
        let scrape = Scrape {
            version: env!("CARGO_PKG_VERSION"),
            started_at_ms: status.started_at_ms,
            now_ms: clock::monotonic_ms(),
            gateway: self.observers.gateway(),
            access_lines_dropped: self.observers.lines_dropped(),
            tracer: self.observers.tracer().map(|tracer| tracer.counters()),
            certificates: certificates.as_deref().map_or(&[], Vec::as_slice),
            routes: watched.iter().map(route_scrape).collect(),
            arms: arms(&status, &given),
            held: (status.routes.iter())
                .map(|service| (service.service.as_str(), service.held))
                .collect(),
            upstreams: upstreams(&watched),
            masks: masks(&watched),
            data: data.as_ref().as_ref(),
        };
        scrape.render(format)
    }

    /// Whether the process is alive: it answers.
    pub(crate) fn alive(&self) -> HealthAnswer {
        healthz(clock::monotonic_ms().saturating_sub(self.began_ms))
    }

    /// Whether clients should be sent here.
    pub(crate) async fn ready(&self) -> HealthAnswer {
        let status = self.control.status().await;
        let watched = self.observers.watched();
        let now_ms = clock::monotonic_ms();
        let orders = *self.orders.borrow();
        let routes: Vec<(&str, Behind)> = match watched.is_empty() {
            // Without routes, every request goes to a service.
            true => {
                let services = status.routes.iter();
                services
                    .map(|service| (service.service.as_str(), behind_service(Some(service))))
                    .collect()
            }
            false => {
                let routes = watched.iter();
                routes
                    .map(|route| (&*route.observed.name, behind(route, &status, now_ms)))
                    .collect()
            }
        };
        readyz(&Readiness {
            accepting: !orders.held && orders.stop.is_none(),
            draining: orders.stop.is_some(),
            routes,
        })
    }
}

fn arms<'a>(status: &'a GatewayStatus, given: &Given) -> Vec<ArmScrape<'a>> {
    let arms_of = |service: &'a RouteStatus| {
        let given = given.get(&service.service);
        service.arms.iter().map(move |arm| ArmScrape {
            service: &service.service,
            status: arm,
            weight_percent: weight_percent(service, &arm.arm),
            sent_in_split: given.map_or(0, |given| sent(given, &arm.arm)),
        })
    };
    status.routes.iter().flat_map(arms_of).collect()
}

/// What an arm was given; 0 for one that was not there yet.
fn sent(given: &[(Arm, u64)], arm: &Arm) -> u64 {
    let known = given.iter().find(|(known, _)| known == arm);
    known.map_or(0, |(_, sent)| *sent)
}

/// The share of an arm by the split in force; `None` outside it.
fn weight_percent(service: &RouteStatus, arm: &Arm) -> Option<u8> {
    let split = service.split.as_ref()?;
    let canary_percent = match split.canary {
        Some(_) => split.weight_percent,
        None => 0,
    };
    if split.stable == *arm {
        return Some(100_u8.saturating_sub(canary_percent));
    }
    (split.canary.as_ref() == Some(arm)).then_some(canary_percent)
}

fn route_scrape(route: &WatchedRoute) -> RouteScrape<'_> {
    RouteScrape {
        name: &route.observed.name,
        counters: &route.observed.counters,
        capacity: &route.capacity,
    }
}

/// The upstreams of all routes, each once.
fn upstreams(watched: &[WatchedRoute]) -> Vec<&UpstreamSet> {
    let mut found: BTreeMap<&str, &UpstreamSet> = BTreeMap::new();
    for route in watched {
        if let Backing::Upstream(set) = &route.backing {
            found.insert(&set.name, set);
        }
    }
    found.into_values().collect()
}

/// The masks of all routes, each once.
fn masks(watched: &[WatchedRoute]) -> Vec<MaskScrape<'_>> {
    let masks = watched.iter().filter_map(|route| route.mask.as_ref());
    let named: BTreeMap<&str, MaskScrape<'_>> = masks
        .map(|mask| {
            let name = &*mask.config.name;
            let mode = match mask.is_shadow() {
                true => "shadow",
                false => "enforce",
            };
            let counters = &*mask.counters;
            (
                name,
                MaskScrape {
                    name,
                    mode,
                    counters,
                },
            )
        })
        .collect();
    named.into_values().collect()
}

fn behind(route: &WatchedRoute, status: &GatewayStatus, now_ms: u64) -> Behind {
    match &route.backing {
        Backing::Gateway => Behind::Gateway,
        Backing::Service(name) => {
            let service = status.routes.iter().find(|known| *known.service == **name);
            behind_service(service)
        }
        Backing::Upstream(set) if set.is_healthy(now_ms) => Behind::Healthy,
        Backing::Upstream(_) => Behind::Unhealthy,
    }
}

/// A service is there for clients as long as its stable arm is: a canary that is down costs nobody an answer.
fn behind_service(service: Option<&RouteStatus>) -> Behind {
    let Some((service, split)) = service.and_then(|known| Some((known, known.split.as_ref()?)))
    else {
        return Behind::NoRelease;
    };
    let stable = service.arms.iter().find(|arm| arm.arm == split.stable);
    match stable.is_some_and(|arm| arm.health.healthy) {
        true => Behind::Healthy,
        false => Behind::Unhealthy,
    }
}

#[cfg(test)]
mod tests;
