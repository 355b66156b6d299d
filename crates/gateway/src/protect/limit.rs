//! Rate limits: who may make how many requests.
//!
//! Every key has a token bucket, kept as one number: the time at which the bucket would be full again
//! (`bucket`). A request may pass several limits; all of them must have a token, and a request that is
//! refused takes none.

mod bucket;
mod elsewhere;
mod headers;
mod table;

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use portcullis_config::{LimitConfig, LimitKey};

use super::Denial;
use bucket::{Rate, Taken};
pub(crate) use elsewhere::Claim;
use table::Table;

/// Who sent a request, as an API key or a token shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller<'a> {
    /// The id of an API key.
    Key(&'a str),
    /// The issuer and the subject of a token.
    Subject {
        /// The claim `iss`, empty without one.
        issuer: &'a str,
        /// The claim `sub`.
        subject: &'a str,
    },
}

/// Whose request it is.
#[derive(Debug, Clone, Copy)]
pub struct LimitSubject<'a> {
    /// The client's address, as [`super::ClientTrust`] finds it.
    pub client: IpAddr,
    /// The API key or token that let the request in.
    pub caller: Option<Caller<'a>>,
    /// The request's header fields.
    pub headers: &'a HeaderMap,
}

/// One limit with its buckets. All workers share it.
///
/// It keeps a hash of every key, not the key: 64 bits under a secret that is drawn when the process
/// starts, so that nobody can choose two keys that share a bucket, and no personal data is kept. A key
/// whose bucket is full again is forgotten.
///
/// **Beyond [`super::LIMIT_KEYS_MAX`] keys** with a bucket that is not full, no key is pushed out: a new
/// one shares one of 4,096 spare buckets with others until there is room. So whoever brings many
/// addresses neither frees his own buckets nor uses up memory, and all his further keys together get
/// at most what 4,096 keys get; new clients may share a bucket with him meanwhile, known ones do not.
#[derive(Debug)]
pub struct Limit {
    config: LimitConfig,
    rate: Rate,
    hasher: RandomState,
    store: Store,
    header: Option<HeaderName>,
    policy: String,
}

/// All limits of a configuration.
#[derive(Debug, Default)]
pub struct LimitTable {
    limits: Vec<Arc<Limit>>,
}

/// The limits of one route.
#[derive(Debug, Clone, Default)]
pub struct RouteLimits {
    limits: Vec<Arc<Limit>>,
    /// `RateLimit-Policy` of all of them.
    policy: Option<HeaderValue>,
}

/// Whether a request may pass its limits.
#[derive(Debug)]
pub enum LimitDecision {
    /// It may; these header fields go with its answer.
    Allowed(Vec<(HeaderName, HeaderValue)>),
    /// It may not.
    Refused {
        /// The limit that had no token.
        limit: Arc<str>,
        /// In how many milliseconds it will have one, for this key.
        retry_after_ms: u64,
        /// What to answer, with `Retry-After` in whole seconds, rounded up.
        denial: Denial,
    },
}

#[derive(Debug)]
enum Store {
    /// One bucket for everybody.
    One(AtomicU64),
    /// One bucket for every key.
    Many(Table),
}

impl Limit {
    /// A limit on which nothing was counted yet.
    #[must_use]
    pub fn new(config: LimitConfig) -> Limit {
        let store = match config.key {
            LimitKey::Route => Store::One(AtomicU64::new(0)),
            _ => Store::Many(Table::new(super::LIMIT_KEYS_MAX)),
        };
        let header = match &config.key {
            LimitKey::Header(name) => HeaderName::from_bytes(name.as_bytes()).ok(),
            _ => None,
        };
        Limit {
            rate: Rate::new(&config),
            hasher: RandomState::new(),
            store,
            header,
            policy: headers::policy(&config),
            config,
        }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &LimitConfig {
        &self.config
    }

    /// How many keys it keeps at the moment.
    #[must_use]
    pub fn keys(&self) -> usize {
        match &self.store {
            Store::One(_) => 1,
            Store::Many(table) => table.len(),
        }
    }

    fn take(&self, key: u64, now_ms: u64) -> Taken {
        let now_ns = now_ms.saturating_mul(bucket::NS_PER_MS);
        match &self.store {
            Store::One(full_at) => {
                let mut seen = full_at.load(Relaxed);
                loop {
                    let taken = self.rate.take(seen, now_ns);
                    let Some(next) = taken.full_at_ns else {
                        return taken;
                    };
                    match full_at.compare_exchange_weak(seen, next, Relaxed, Relaxed) {
                        Ok(_) => return taken,
                        Err(changed) => seen = changed,
                    }
                }
            }
            Store::Many(table) => table.take(key, now_ns, self.rate),
        }
    }

    /// What [`Limit::take`] would say, with nothing taken.
    fn look(&self, key: u64, now_ms: u64) -> Taken {
        let now_ns = now_ms.saturating_mul(bucket::NS_PER_MS);
        match &self.store {
            Store::One(full_at) => self.rate.take(full_at.load(Relaxed), now_ns),
            Store::Many(table) => table.look(key, now_ns, self.rate),
        }
    }

    /// Puts a token back that was taken by [`Limit::take`].
    fn give_back(&self, key: u64, spare: bool) {
        match &self.store {
            Store::One(full_at) => {
                let back = |seen| Some(self.rate.give_back(seen));
                let _ = full_at.fetch_update(Relaxed, Relaxed, back);
            }
            Store::Many(table) => table.give_back(key, spare, self.rate),
        }
    }

    /// The hash of what the request is counted under. Kinds of keys are told apart, so that nobody can
    /// send a header value that is counted as somebody's address.
    fn key(&self, subject: &LimitSubject<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        match (&self.config.key, subject.caller) {
            (LimitKey::Route, _) => return 0,
            (LimitKey::Caller, Some(caller)) => (1_u8, caller).hash(&mut hasher),
            (LimitKey::Header(_), _) => {
                let name = self.header.as_ref();
                match name.and_then(|name| subject.headers.get(name)) {
                    Some(value) => (2_u8, value.as_bytes()).hash(&mut hasher),
                    None => (0_u8, network(subject.client)).hash(&mut hasher),
                }
            }
            _ => (0_u8, network(subject.client)).hash(&mut hasher),
        }
        hasher.finish()
    }
}

impl LimitTable {
    /// The limits of a configuration. Those that `previous` has with the same settings go on counting
    /// where they were; a limit whose settings changed begins with full buckets.
    #[must_use]
    pub fn new(configs: &[LimitConfig], previous: Option<&LimitTable>) -> LimitTable {
        let limits = configs.iter().map(|config| {
            let known = previous.iter().flat_map(|table| &table.limits);
            let mut known = known.filter(|limit| limit.config == *config);
            let known = known.next().cloned();
            known.unwrap_or_else(|| Arc::new(Limit::new(config.clone())))
        });
        LimitTable {
            limits: limits.collect(),
        }
    }

    /// The limits of these names, as a route lists them. `None` when there is none of a name, which the
    /// check of the configuration refuses: a route must not go without a limit that it asks for.
    #[must_use]
    pub fn route(&self, names: &[Arc<str>]) -> Option<RouteLimits> {
        let find = |name: &Arc<str>| {
            let mut limits = self.limits.iter();
            limits.find(|limit| limit.config.name == *name).cloned()
        };
        let limits: Vec<_> = names.iter().map(find).collect::<Option<_>>()?;
        Some(RouteLimits::new(limits))
    }
}

impl RouteLimits {
    /// All of these limits.
    #[must_use]
    pub fn new(limits: Vec<Arc<Limit>>) -> RouteLimits {
        let policies: Vec<&str> = limits.iter().map(|limit| limit.policy.as_str()).collect();
        let policy = match policies.is_empty() {
            true => None,
            false => HeaderValue::from_str(&policies.join(", ")).ok(),
        };
        RouteLimits { limits, policy }
    }

    /// Takes a token from every limit, or none from any. `now_ms` is monotonic.
    ///
    /// Of requests that come at the same time on several threads, one may find the token missing that
    /// another, refused one is about to put back: then one more is refused, and none let in too many.
    #[must_use]
    pub fn check(&self, subject: &LimitSubject<'_>, now_ms: u64) -> LimitDecision {
        let mut taken = Vec::with_capacity(self.limits.len());
        for limit in &self.limits {
            let key = limit.key(subject);
            let answer = limit.take(key, now_ms);
            let refused = answer.full_at_ns.is_none();
            taken.push((limit, key, answer));
            if refused {
                break;
            }
        }
        let refused = taken.pop_if(|(_, _, answer)| answer.full_at_ns.is_none());
        let Some((limit, _, answer)) = refused else {
            let states = taken.iter().map(|(limit, _, answer)| (&***limit, *answer));
            return LimitDecision::Allowed(headers::fields(states, self.policy.as_ref()));
        };
        for (earlier, key, answer) in &taken {
            earlier.give_back(*key, answer.spare);
        }
        self.refusal(limit, answer)
    }

    /// Those that count by address alone: they hold for requests of which nobody asks who sent them.
    #[must_use]
    pub fn of_addresses(&self) -> RouteLimits {
        let limits = self.limits.iter();
        let limits = limits.filter(|limit| limit.config.key == LimitKey::ClientAddress);
        RouteLimits::new(limits.cloned().collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// The answer to a request for which a limit that counts by address has no token here, as
    /// [`RouteLimits::check`] would give it; no token is taken. `now_ms` is monotonic.
    #[must_use]
    pub fn used_up_by_address(
        &self,
        subject: &LimitSubject<'_>,
        now_ms: u64,
    ) -> Option<LimitDecision> {
        let mut limits = self.limits.iter();
        limits.find_map(|limit| {
            if limit.config.key != LimitKey::ClientAddress {
                return None;
            }
            let found = limit.look(limit.key(subject), now_ms);
            let is_used_up = found.full_at_ns.is_none();
            is_used_up.then(|| self.refusal(limit, found))
        })
    }

    /// What a request is answered for which `limit` has no token.
    fn refusal(&self, limit: &Limit, answer: Taken) -> LimitDecision {
        let states = std::iter::once((limit, answer));
        let mut fields = headers::fields(states, self.policy.as_ref());
        fields.push(headers::retry_after(answer.wait_ns));
        LimitDecision::Refused {
            limit: Arc::clone(&limit.config.name),
            retry_after_ms: answer.wait_ns.div_ceil(bucket::NS_PER_MS),
            denial: Denial {
                status: StatusCode::TOO_MANY_REQUESTS,
                kind: "urn:portcullis:problem:rate-limited",
                title: "Too many requests",
                detail: "more requests came than are allowed; wait as long as Retry-After says",
                cause: "rate-limited",
                headers: fields,
            },
        }
    }
}

/// What of an address has a bucket of its own: an IPv4 address (also when it is written as IPv6), and
/// the first 64 bits of an IPv6 address, because whoever has one has as a rule the whole network
/// (RFC 6177).
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        // No IPv6 network looks like an IPv4 address: those with 64 zero bits in front are told apart
        // by the bit below them.
        IpAddr::V6(address) => (u128::from(address) >> 64 << 64) | (1 << 63),
    }
}

#[cfg(test)]
mod tests;
