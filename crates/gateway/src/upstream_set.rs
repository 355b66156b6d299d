//! The servers of an upstream and the choice among them.
//!
//! A set never changes; new settings make a new one, which takes over the servers that stay, with what
//! is known about them ([`UpstreamServer`]). A server is *out* while active checks say that it is
//! unhealthy, or for a while after too many of its answers failed (*ejected*). The choice is made in
//! tiers, and within a tier by weight:
//!
//! 1. servers with a weight that are in; 2. servers with weight 0 that are in; 3. when all are out,
//!    those with a weight, as if they were in: a check that is wrong about all servers must not be an
//!    outage; 4. any.
//!
//! When more servers are ejected than `share_max_percent` allows, ejections do not count at all: then it
//! is more likely that what they all depend on is broken. Servers that an earlier attempt
//! of the same request used are left out of every tier.
//!
//! Every choice is a pure function of its arguments and the counters: randomness comes as an argument.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_config::{UpstreamChoice, UpstreamConfig};

use crate::endpoint::Endpoint;
use crate::error::with_causes;
use crate::upstream::UpstreamTlsClient;

mod ejection;
mod server;

pub use server::{InFlightAt, Outcome, UpstreamServer};

/// How often a draw is repeated that met a server which is out, before all servers are looked through.
const DRAWS_MAX: u32 = 4;

/// The servers of one upstream, shared by all workers.
#[derive(Debug)]
pub struct UpstreamSet {
    /// The name of the settings.
    pub name: Arc<str>,
    choice: UpstreamChoice,
    share_max_percent: u32,
    tls: Option<Arc<UpstreamTlsClient>>,
    members: Box<[Member]>,
    weight_sum: u64,
    /// Whether all servers have the same share.
    has_equal_shares: bool,
    /// For [`UpstreamChoice::RoundRobin`], one for each worker, locked by that worker alone.
    turns: Box<[Mutex<Turns>]>,
}

/// A server with its share.
#[derive(Debug)]
struct Member {
    server: Arc<UpstreamServer>,
    weight: u32,
    /// The sum of the weights up to this one.
    weight_end: u64,
}

/// The current weights of smooth weighted round robin. Aligned so that two workers never share a cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Turns(Box<[i64]>);

/// What the choice among servers depends on besides the set.
#[derive(Debug, Clone, Copy)]
pub struct Pick<'a> {
    /// Which worker asks.
    pub worker: usize,
    /// Monotonic time in milliseconds.
    pub now_ms: u64,
    /// The client's address as bytes, for [`UpstreamChoice::ClientHash`].
    pub client: &'a [u8],
    /// Places of servers that were tried already.
    pub tried: &'a [usize],
}

/// Which servers a tier has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tier {
    with_weight: bool,
    when_out: bool,
    /// Whether ejections count.
    ejections: bool,
}

impl UpstreamSet {
    /// The set of the settings for `workers` workers. Servers that `before` has too, with the same protocol
    /// and TLS, keep their health, ejection and counters; what the settings say of them holds from
    /// [`UpstreamSet::put_in_force`] on, because `before` goes on with them if the set is not used after all. Reads
    /// the files of TLS if that is new.
    ///
    /// # Errors
    /// What is wrong with an address or a file.
    pub fn new(
        config: &UpstreamConfig,
        workers: usize,
        before: Option<&UpstreamSet>,
    ) -> Result<UpstreamSet, String> {
        let tls = tls_client(config, before)?;
        let mut weight_sum = 0;
        let mut members = Vec::with_capacity(config.servers.len());
        for entry in &config.servers {
            let kept =
                before.and_then(|before| before.server_at(&entry.address, config, tls.as_ref()));
            let server = match kept {
                Some(server) => Arc::clone(server),
                None => {
                    let endpoint = Endpoint::new(&entry.address, config.protocol, tls.clone())?;
                    let server = UpstreamServer::new(endpoint, workers);
                    server.set_eject(&config.eject);
                    Arc::new(server)
                }
            };
            weight_sum += u64::from(entry.weight);
            members.push(Member {
                server,
                weight: entry.weight,
                weight_end: weight_sum,
            });
        }
        let has_equal_shares = members
            .windows(2)
            .all(|pair| pair[0].weight.max(1) == pair[1].weight.max(1));
        let turns = || Mutex::new(Turns(vec![0; members.len()].into_boxed_slice()));
        Ok(UpstreamSet {
            name: Arc::clone(&config.name),
            choice: config.choice,
            share_max_percent: config.eject.share_max_percent,
            tls,
            turns: (0..workers).map(|_| turns()).collect(),
            members: members.into_boxed_slice(),
            weight_sum,
            has_equal_shares,
        })
    }

    /// Reads the files of TLS again if one has changed, and says so in the log. To be called once in a
    /// while, on a thread that may wait for the disk.
    pub(crate) fn look_at_files(&self) {
        if let Some(tls) = &self.tls {
            tls.look();
        }
    }

    /// Lets the settings hold for servers that were there before, too.
    pub fn put_in_force(&self, config: &UpstreamConfig) {
        for server in self.servers() {
            server.set_eject(&config.eject);
            if config.health.is_none() {
                server.forget_checks();
            }
        }
    }

    /// Marks servers that `next` does not have as retired, so that connections to them are closed; requests
    /// under way go on.
    pub(crate) fn retire_others(&self, next: Option<&UpstreamSet>) {
        for server in self.servers() {
            let kept = |next: &UpstreamSet| next.servers().any(|other| Arc::ptr_eq(server, other));
            if !next.is_some_and(kept) {
                server.endpoint.set_retired(true);
            }
        }
    }

    /// The servers in the order of the settings.
    pub fn servers(&self) -> impl ExactSizeIterator<Item = &Arc<UpstreamServer>> {
        self.members.iter().map(|member| &member.server)
    }

    /// The server at a place that [`UpstreamSet::pick`] gave.
    pub fn server(&self, place: usize) -> &Arc<UpstreamServer> {
        &self.members[place].server
    }

    /// Whether a server is in, so that the set counts as healthy.
    pub fn is_healthy(&self, now_ms: u64) -> bool {
        self.servers().any(|server| !server.is_out(now_ms))
    }

    /// The place of a server for a request; `None` when all were tried. `draw` gives random numbers; it is
    /// asked only under [`UpstreamChoice::LeastLoaded`].
    pub fn pick(&self, pick: &Pick<'_>, mut draw: impl FnMut() -> u64) -> Option<usize> {
        if self.choice == UpstreamChoice::LeastLoaded
            && let Some(place) = self.pick_fast(pick, &mut draw)
        {
            return Some(place);
        }
        let tier = self.tier(pick)?;
        let is_in = |place: usize| self.is_in(tier, place, pick);
        match self.choice {
            UpstreamChoice::LeastLoaded => {
                let first = self.draw_among(draw(), is_in)?;
                let second = self.draw_among(draw(), |place| place != first && is_in(place));
                Some(self.less_loaded(first, second.unwrap_or(first)))
            }
            UpstreamChoice::RoundRobin => self.next_in_turn(pick.worker, is_in),
            UpstreamChoice::ClientHash => self.highest_score(pick.client, is_in),
        }
    }

    /// Two weighted draws that both meet servers that may be chosen: the common case, whose cost does not depend on
    /// the number of servers. `None` leaves the choice to the tiers.
    fn pick_fast(&self, pick: &Pick<'_>, draw: &mut impl FnMut() -> u64) -> Option<usize> {
        if let [only] = &*self.members {
            let is_in = !only.server.is_out(pick.now_ms) && pick.tried.is_empty();
            return is_in.then_some(0);
        }
        let (mut first, mut tier) = (None, None);
        for _ in 0..DRAWS_MAX {
            let ticket = draw().checked_rem(self.weight_sum)?;
            let place = self
                .members
                .partition_point(|member| member.weight_end <= ticket);
            if pick.tried.contains(&place) || first == Some(place) {
                continue;
            }
            if self.members[place].server.is_out(pick.now_ms) {
                // Ejections may not count, so what is out has to be known exactly.
                let tier = match tier {
                    Some(tier) => tier,
                    None => *tier.insert(self.tier(pick)?),
                };
                if !self.is_in(tier, place, pick) {
                    continue;
                }
            }
            match first {
                None => first = Some(place),
                Some(first) => return Some(self.less_loaded(first, place)),
            }
        }
        // The first draw stands: to draw both again whenever the second meets the same server would be to the
        // disadvantage of a heavy one.
        let first = first?;
        let tier = self.tier(pick)?;
        let is_other = |place: usize| place != first && self.is_in(tier, place, pick);
        let second = self.draw_among(draw(), is_other).unwrap_or(first);
        Some(self.less_loaded(first, second))
    }

    /// The first tier that has a server left.
    fn tier(&self, pick: &Pick<'_>) -> Option<Tier> {
        let ejected = self
            .servers()
            .filter(|server| server.is_ejected(pick.now_ms))
            .count() as u64;
        let share_max = u64::from(self.share_max_percent) * self.members.len() as u64;
        let ejections = ejected * 100 <= share_max;
        let tiers = [(true, false), (false, false), (true, true), (false, true)];
        tiers
            .into_iter()
            .map(|(with_weight, when_out)| Tier {
                with_weight,
                when_out,
                ejections,
            })
            .find(|tier| (0..self.members.len()).any(|place| self.is_in(*tier, place, pick)))
    }

    fn is_in(&self, tier: Tier, place: usize, pick: &Pick<'_>) -> bool {
        let member = &self.members[place];
        let out = match tier.ejections {
            true => member.server.is_out(pick.now_ms),
            false => member.server.is_unhealthy(),
        };
        (member.weight > 0) == tier.with_weight
            && (tier.when_out || !out)
            && !pick.tried.contains(&place)
    }

    /// A server drawn by weight; those with weight 0 are drawn alike.
    fn draw_among(&self, ticket: u64, is_in: impl Fn(usize) -> bool) -> Option<usize> {
        let places = || (0..self.members.len()).filter(|place| is_in(*place));
        let sum: u64 = places().map(|place| self.share(place)).sum();
        let mut ticket = ticket.checked_rem(sum)?;
        for place in places() {
            let share = self.share(place);
            if ticket < share {
                return Some(place);
            }
            ticket -= share;
        }
        None
    }

    /// The weight as it counts among the servers of one tier.
    fn share(&self, place: usize) -> u64 {
        u64::from(self.members[place].weight.max(1))
    }

    /// Of two servers, the one with fewer requests under way for its weight; the first of equals, so that the
    /// draw, which goes by weight, decides. The request to be sent does not count: it would weigh more on the lighter
    /// of two idle servers, which then got nothing as long as there is little to do.
    fn less_loaded(&self, first: usize, second: usize) -> usize {
        let load = |place: usize| self.members[place].server.in_flight();
        let of_first = load(first).saturating_mul(self.share(second));
        let of_second = load(second).saturating_mul(self.share(first));
        if of_second < of_first { second } else { first }
    }

    /// Smooth weighted round robin, as nginx does it: everybody gains its weight, the richest is chosen and pays
    /// all that was gained, so the choices of a heavy server are spread out.
    fn next_in_turn(&self, worker: usize, is_in: impl Fn(usize) -> bool) -> Option<usize> {
        let mut turns = self.turns[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut best: Option<usize> = None;
        let mut gained = 0;
        for place in (0..self.members.len()).filter(|place| is_in(*place)) {
            let share = self.share(place) as i64;
            gained += share;
            turns.0[place] += share;
            if best.is_none_or(|best| turns.0[place] > turns.0[best]) {
                best = Some(place);
            }
        }
        turns.0[best?] -= gained;
        best
    }

    /// Weighted rendezvous hashing (highest random weight): every server gets a score for this client that depends
    /// on nothing but the two and its weight. A server that goes takes only its own clients with it,
    /// and one that comes takes its share from all others.
    fn highest_score(&self, client: &[u8], is_in: impl Fn(usize) -> bool) -> Option<usize> {
        let client = server::hash(client);
        let hash = |place: usize| server::mix(client ^ self.members[place].server.hash);
        let places = (0..self.members.len()).filter(|place| is_in(*place));
        if self.has_equal_shares {
            // The score grows with the hash, so the highest hash has the highest score.
            return places.max_by_key(|place| hash(*place) >> 11);
        }
        let score = |place: usize| {
            // 53 bits make a number in (0, 1).
            let uniform = ((hash(place) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
            self.share(place) as f64 / -uniform.ln()
        };
        let scores = places.map(|place| (place, score(place)));
        let best = scores.max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map(|(place, _)| place)
    }

    /// The server at an address, if it is spoken to in the same way.
    fn server_at(
        &self,
        address: &str,
        config: &UpstreamConfig,
        tls: Option<&Arc<UpstreamTlsClient>>,
    ) -> Option<&Arc<UpstreamServer>> {
        self.servers().find(|server| {
            server.address == address && server.endpoint.speaks(config.protocol, tls)
        })
    }
}

/// TLS for the servers; that of `before` if it was made with the same settings, because it knows sessions.
fn tls_client(
    config: &UpstreamConfig,
    before: Option<&UpstreamSet>,
) -> Result<Option<Arc<UpstreamTlsClient>>, String> {
    let Some(settings) = &config.tls else {
        return Ok(None);
    };
    let known = before.and_then(|before| before.tls.as_ref());
    if let Some(known) = known.filter(|known| known.is_of(settings, config.protocol)) {
        return Ok(Some(Arc::clone(known)));
    }
    match UpstreamTlsClient::load(settings, config.protocol) {
        Ok(client) => Ok(Some(Arc::new(client))),
        Err(error) => {
            let (name, cause) = (&config.name, with_causes(&error));
            Err(format!(
                "TLS to the upstream `{name}` cannot be set up: {cause}"
            ))
        }
    }
}

#[cfg(test)]
mod tests;
