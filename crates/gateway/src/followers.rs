//! Gateways elsewhere that follow this one's splits.
//!
//! A follower asks for the split in force a few times a second, and says with each question what it has counted and
//! what it has under way. So whoever measures adds its counters to this gateway's, and whoever waits for an arm to
//! drain waits for its requests too. One that was not heard for a while is forgotten: it may be gone, or cut off and
//! serving from its last saved split, and nobody here can tell.

use std::collections::BTreeMap;

use portcullis_api::gateway::{Follower, FollowerReport, Split};

use crate::bounds::{FOLLOWER_LOST_MS, FOLLOWERS_MAX};

/// Those that were heard lately, by instance.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    heard: BTreeMap<String, Heard>,
}

/// What is under way to an arm at other gateways.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// All requests.
    pub(crate) all: u64,
    /// Those that may write.
    pub(crate) writes: u64,
}

#[derive(Debug)]
struct Heard {
    at_ms: u64,
    report: FollowerReport,
}

impl Followers {
    /// Takes note of a report at a monotonic time; `false` when there are too many others. Reports of a follower
    /// that goes, or begins to refuse, are told once.
    pub(crate) fn hear(&mut self, report: FollowerReport, now_ms: u64) -> bool {
        self.forget_lost(now_ms);
        let instance = report.status.instance.clone();
        let before = self.heard.get(&instance);
        if before.is_none() && self.heard.len() >= FOLLOWERS_MAX {
            return false;
        }
        let (name, listen) = (&report.name, &report.status.listen);
        match (before.map(|before| &before.report.why_not), &report.why_not) {
            (None, None) => tracing::info!(name, listen, "a gateway follows this one's splits"),
            (known, Some(why)) if known.and_then(Option::as_ref) != Some(why) => {
                tracing::warn!(
                    name,
                    listen,
                    why,
                    "a gateway does not follow the split in force"
                );
            }
            (Some(Some(_)), None) => {
                tracing::info!(name, listen, "a gateway follows the split in force again");
            }
            _ => {}
        }
        let at_ms = now_ms;
        self.heard.insert(instance, Heard { at_ms, report });
        true
    }

    /// What is under way at all of them to an arm of a service. One that does not have the split in force and still
    /// sends requests there counts as one more.
    pub(crate) fn in_flight(
        &mut self,
        service: &str,
        (address, in_force): (&str, Option<&Split>),
        now_ms: u64,
    ) -> Elsewhere {
        self.forget_lost(now_ms);
        let routes = self.heard.values().flat_map(|heard| {
            let routes = heard.report.status.routes.iter();
            routes.filter(|route| route.service == service)
        });
        let mut elsewhere = Elsewhere::default();
        for route in routes {
            let there = route.arms.iter().filter(|arm| arm.arm.address == address);
            for arm in there {
                elsewhere.all += arm.in_flight;
                elsewhere.writes += arm.writes_in_flight;
            }
            let behind = route.split.as_ref() != in_force;
            let sends = route
                .split
                .as_ref()
                .is_some_and(|split| sends_to(split, address));
            let unheard = u64::from(behind && sends);
            elsewhere.all += unheard;
            elsewhere.writes += unheard;
        }
        elsewhere
    }

    /// All of them.
    pub(crate) fn list(&mut self, now_ms: u64) -> Vec<Follower> {
        self.forget_lost(now_ms);
        let all = self.heard.values().map(|heard| Follower {
            heard_ms_ago: now_ms.saturating_sub(heard.at_ms),
            report: heard.report.clone(),
        });
        all.collect()
    }

    fn forget_lost(&mut self, now_ms: u64) {
        self.heard.retain(|_, heard| {
            let is_lost = now_ms.saturating_sub(heard.at_ms) > FOLLOWER_LOST_MS;
            if is_lost {
                tracing::warn!(
                    name = heard.report.name,
                    "a gateway that followed this one's splits is not heard any more"
                );
            }
            !is_lost
        });
    }
}

fn sends_to(split: &Split, address: &str) -> bool {
    let canary = split.canary.as_ref();
    split.stable.address == address || canary.is_some_and(|canary| canary.address == address)
}

#[cfg(test)]
mod tests;
