//! A guarded service as the data path sees it: which of its arms answers a request.
//!
//! A service is never changed, only replaced as a whole, so a request sees either the old split or
//! the new one and nothing in between (invariant 10).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::{HeaderMap, HeaderValue};

use crate::arm::{ArmState, Health};
use crate::bounds::STICKY_COOKIE_MAX_AGE_S;
use crate::closing::{Closed, Marked};
use crate::headers::CANARY;
use crate::protect::Scheme;
use crate::routing::Route;
use crate::settings::{ServiceSettings, Sticky};
use crate::sticky::{self, BUCKETS, BucketHash, bucket_of};

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// How the service is served.
    pub(crate) settings: Arc<ServiceSettings>,
    /// How its users are divided.
    pub(crate) hash: BucketHash,
    /// The split in force; `None` before the first release.
    pub(crate) active: Option<ActiveSplit>,
    /// Requests that found no release to serve them.
    pub(crate) unrouted: Arc<AtomicU64>,
    /// Requests that found it closed and were refused.
    pub(crate) turned_away: Arc<AtomicU64>,
    /// Users that always get the canary.
    pub(crate) canary_users: Arc<HashSet<Box<[u8]>>>,
    /// The way of requests that no route of the settings takes.
    pub(crate) plain: Arc<Route>,
    /// Its split and its masking are out of the way for a while.
    pub(crate) is_bypassed: bool,
}

/// A split with the arms it names.
#[derive(Debug, Clone)]
pub(crate) struct ActiveSplit {
    /// The release that serves.
    pub(crate) stable: Arc<ArmState>,
    /// The candidate.
    pub(crate) canary: Option<Arc<ArmState>>,
    /// How many of the [`crate::sticky::BUCKETS`] belong to the canary.
    pub(crate) canary_buckets: u16,
    /// Which requests are kept out.
    pub(crate) closed: Option<Arc<Closed>>,
    /// No user meets the canary: it gets mirrored requests alone.
    pub(crate) mirror_only: bool,
}

/// Which arm answers a request.
#[derive(Debug, Clone)]
pub(crate) enum Assignment {
    /// The stable arm: healthy or not, it is what there is.
    Stable(Arc<ArmState>),
    /// The canary; the stable arm answers if it cannot be reached.
    Canary {
        /// The canary.
        canary: Arc<ArmState>,
        /// Its stand-in.
        stable: Arc<ArmState>,
    },
    /// The canary, for the stable arm takes nothing.
    CanaryAlone(Arc<ArmState>),
    /// The user belongs to the canary, which is down: the stable arm answers and the canary is
    /// charged with the failure, so that a gate sees it.
    StandIn {
        /// The canary that is down.
        canary: Arc<ArmState>,
        /// Its stand-in.
        stable: Arc<ArmState>,
    },
}

/// What is decided for a request.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// The arm.
    pub(crate) to: Assignment,
    /// The cookie that will choose it again, where one is needed.
    pub(crate) cookie: Option<HeaderValue>,
    /// The hash of the user's routing key, if the weight and nothing else has chosen the arm by it.
    pub(crate) key: Option<u64>,
}

impl Service {
    /// Chooses the arm for a request of `client` (its address as text, and how it spoke).
    pub(crate) fn assign(
        &self,
        split: &ActiveSplit,
        headers: &HeaderMap,
        (client, scheme): (&HeaderValue, Scheme),
    ) -> Assigned {
        if split.canary.is_none() || split.mirror_only {
            return Assigned {
                to: split.assign(BUCKETS, false),
                cookie: None,
                key: None,
            };
        }
        let mut issued = None;
        let drawn: [u8; 16];
        let made;
        let key: &[u8] = match &self.settings.sticky {
            Sticky::ClientAddress => client.as_bytes(),
            Sticky::Header { name } => match headers.get(name.as_str()) {
                Some(value) => value.as_bytes(),
                None => {
                    drawn = rand::random();
                    &drawn
                }
            },
            Sticky::Cookie { name } => match sticky::cookie(headers, name) {
                Some(value) => value,
                None => {
                    made = format!("{:032x}", rand::random::<u128>());
                    issued = cookie(name, &made, scheme);
                    made.as_bytes()
                }
            },
        };
        let forced = self.asks_for_canary(headers) || self.canary_users.contains(key);
        let hash = self.hash.of(key);
        let bucket = bucket_of(hash);
        let to = split.assign(bucket, forced);
        let is_canarys = bucket < split.canary_buckets;
        let by_weight = !forced && is_canarys != matches!(to, Assignment::Stable(_));
        Assigned {
            to,
            cookie: issued,
            key: by_weight.then_some(hash),
        }
    }

    fn asks_for_canary(&self, headers: &HeaderMap) -> bool {
        self.settings.force_header
            && headers
                .get(CANARY)
                .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"true"))
    }

    /// Whether `host` (with or without a port) is the service's name or one of its subdomains by first
    /// label.
    pub(crate) fn is_named_by(&self, host: &str) -> bool {
        host_names(host, &self.settings.service)
    }
}

impl ActiveSplit {
    /// What the stable arm and the canary do not take.
    fn marks(&self) -> (Marked, Marked) {
        let closed = self.closed.as_ref();
        closed.map_or((Marked::Open, Marked::Open), |closed| closed.marks())
    }

    /// The closure that may keep a request out which goes there.
    pub(crate) fn closed_to(&self, to: &Assignment) -> Option<&Arc<Closed>> {
        let marked = match to {
            Assignment::Canary { .. } | Assignment::CanaryAlone(_) => self.marks().1,
            Assignment::Stable(_) | Assignment::StandIn { .. } => self.marks().0,
        };
        self.closed.as_ref().filter(|_| marked != Marked::Open)
    }

    /// Chooses the arm for a user in `bucket`; `forced` is a request for the canary whatever the
    /// weight.
    pub(crate) fn assign(&self, bucket: u16, forced: bool) -> Assignment {
        let stable = Arc::clone(&self.stable);
        let Some(canary) = self.canary.clone().filter(|_| !self.mirror_only) else {
            return Assignment::Stable(stable);
        };
        if !forced && bucket >= self.canary_buckets {
            return Assignment::Stable(stable);
        }
        if self.marks().0 == Marked::ToEverything && self.marks().1 == Marked::Open {
            return Assignment::CanaryAlone(canary);
        }
        match canary.health() {
            Health::Healthy => Assignment::Canary { canary, stable },
            Health::Unhealthy => Assignment::StandIn { canary, stable },
            // Not checked yet, as just after a start: nothing to hold against it.
            Health::Unknown => Assignment::Stable(stable),
        }
    }
}

/// The cookie that ties a user to an arm. No script reads it, requests that other sites make do not carry it but for
/// links, and one that was issued under TLS does not go over the wire in plain text.
fn cookie(name: &str, value: &str, scheme: Scheme) -> Option<HeaderValue> {
    let secure = match scheme {
        Scheme::Https => "; Secure",
        Scheme::Http => "",
    };
    let cookie = format!(
        "{name}={value}; Max-Age={STICKY_COOKIE_MAX_AGE_S}; Path=/; HttpOnly; SameSite=Lax{secure}"
    );
    HeaderValue::from_str(&cookie).ok()
}

fn host_names(host: &str, service: &str) -> bool {
    let Some(start) = host.get(..service.len()) else {
        return false;
    };
    let rest = &host[service.len()..];
    start.eq_ignore_ascii_case(service)
        && (rest.is_empty() || rest.starts_with('.') || rest.starts_with(':'))
}

#[cfg(test)]
mod tests;
