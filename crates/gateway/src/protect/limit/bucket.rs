//! A token bucket in one number: the generic cell rate algorithm.
//!
//! With `T = per / requests` between tokens and `tau = (burst - 1) * T`, a request at `t` conforms when
//! `t >= TAT - tau`, and then `TAT = max(t, TAT) + T`, where `TAT` is the theoretical arrival time: when
//! the bucket will be full again (virtual scheduling algorithm: ITU-T I.371, annex A; ATM Forum,
//! Traffic Management 4.1, 4.4.2). It admits exactly what a bucket of `burst` tokens admits that fills
//! with one token every `T`.

use portcullis_config::LimitConfig;

/// Nanoseconds of a millisecond.
pub(super) const NS_PER_MS: u64 = 1_000_000;

/// How a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// The time between two tokens, rounded up: what is let in is never more than was set, and less by
    /// one nanosecond a token at most. At least 1.
    token_ns: u64,
    /// The time in which an empty bucket fills.
    whole_ns: u64,
}

/// What became of the attempt to take a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// When the bucket will be full again, a token having been taken; `None` when there was none.
    pub(super) full_at_ns: Option<u64>,
    /// Whole tokens that are left.
    pub(super) remaining: u64,
    /// In how long there is one token more than is left.
    pub(super) wait_ns: u64,
    /// Whether the bucket is one that keys share for which there is no room.
    pub(super) spare: bool,
}

impl Taken {
    /// There was no token; there is one in `wait_ns`.
    pub(super) fn missing(wait_ns: u64) -> Taken {
        Taken {
            full_at_ns: None,
            remaining: 0,
            wait_ns,
            spare: false,
        }
    }
}

impl Rate {
    pub(super) fn new(config: &LimitConfig) -> Rate {
        let requests = u64::from(config.requests.max(1));
        let per_ns = config.per_ms.max(1).saturating_mul(NS_PER_MS);
        let token_ns = per_ns.div_ceil(requests).max(1);
        let whole_ns = token_ns.saturating_mul(u64::from(config.burst.max(1)));
        Rate { token_ns, whole_ns }
    }

    /// Takes a token at `now_ns` from a bucket that is full at `full_at_ns`.
    pub(super) fn take(self, full_at_ns: u64, now_ns: u64) -> Taken {
        let full_at_ns = full_at_ns.max(now_ns);
        let after_ns = full_at_ns.saturating_add(self.token_ns);
        let missing_ns = after_ns - now_ns;
        match missing_ns.checked_sub(self.whole_ns) {
            None | Some(0) => self.taken(missing_ns, now_ns),
            Some(wait_ns) => Taken::missing(wait_ns),
        }
    }

    /// A token was taken at `now_ns`, and now the bucket is full in `missing_ns`, which is at most
    /// [`Rate::whole_ns`].
    pub(super) fn taken(self, missing_ns: u64, now_ns: u64) -> Taken {
        let left_ns = self.whole_ns.saturating_sub(missing_ns);
        Taken {
            full_at_ns: Some(now_ns.saturating_add(missing_ns)),
            remaining: left_ns / self.token_ns,
            wait_ns: self.token_ns - left_ns % self.token_ns,
            spare: false,
        }
    }

    /// The time between two tokens.
    pub(super) fn token_ns(self) -> u64 {
        self.token_ns
    }

    /// The time in which an empty bucket fills.
    pub(super) fn whole_ns(self) -> u64 {
        self.whole_ns
    }

    /// When a bucket is full into which a token is put back.
    pub(super) fn give_back(self, full_at_ns: u64) -> u64 {
        full_at_ns.saturating_sub(self.token_ns)
    }
}
