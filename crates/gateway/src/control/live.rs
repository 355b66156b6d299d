//! What is known of a service besides what is saved: its arms, their counters and their health.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use portcullis_api::gateway::{Arm, Split, WritePause};
use portcullis_config::UpstreamProtocol;
use tokio::task::JoinHandle;

use super::pausing::{Broken, Pause};
use crate::arm::ArmState;
use crate::bounds::ARMS_REMEMBERED;
use crate::closing::{Closed, Marked};
use crate::first_errors::{FirstErrors, KeptPair};
use crate::health;
use crate::service::ActiveSplit;
use crate::settings::ServiceSettings;
use crate::sticky::canary_buckets;

/// What is known of a service besides what is saved.
#[derive(Default)]
pub(super) struct Live {
    pub(super) unrouted: Arc<AtomicU64>,
    pub(super) turned_away: Arc<AtomicU64>,
    /// Which requests are kept out.
    closed: Option<Arc<Closed>>,
    /// The pause of writes in force.
    paused: Option<Pause>,
    /// The last pause that ended before it was asked to, until somebody asks.
    broken: Option<Broken>,
    /// Closures of before, whose requests still wait.
    opened: Vec<Arc<Closed>>,
    /// Every arm that is known, the latest to join the split last.
    pub(super) arms: Vec<KnownArm>,
    /// Which change of the split is in force, once one is.
    changes: Option<u64>,
}

/// An arm that is known.
pub(super) struct KnownArm {
    pub(super) state: Arc<ArmState>,
    /// Its health checks, as long as it is in the split.
    pub(super) checks: Option<JoinHandle<()>>,
    /// What it had been given when the split in force began.
    given_before: u64,
}

impl Live {
    /// The arm, made known if it is not.
    pub(super) fn arm(
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
                    given_before: 0,
                });
                self.forget_oldest();
                self.arms.len() - 1
            }
        };
        Ok(&mut self.arms[index])
    }

    /// Brings a split's arms into service: known, not retired, and under checks.
    pub(super) fn join(
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
        self.pair(split);
        self.close(split);
        Ok(())
    }

    /// Marks the arms of a split with what they do not take. To be called before workers see the split.
    fn close(&mut self, split: &Split) {
        let known = self.closed.take();
        let paused = self.paused.as_ref().map(|pause| &pause.closure);
        let wanted = split.closed.as_ref().or(paused).cloned();
        let same = |known: &Arc<Closed>| Some(&known.closure) == wanted.as_ref();
        self.closed = match known {
            Some(known) if same(&known) => Some(known),
            known => {
                self.opened.extend(known);
                wanted.map(|closure| Arc::new(Closed::new(closure)))
            }
        };
        let closed = self.closed.as_ref();
        let (stable, canary) = closed.map_or((Marked::Open, Marked::Open), |closed| closed.marks());
        for known in &self.arms {
            let arm = &known.state.arm;
            if *arm == split.stable {
                known.state.mark.set(stable);
            } else if Some(arm) == split.canary.as_ref() {
                known.state.mark.set(canary);
            }
        }
    }

    /// Pauses writes. To be called before workers see it.
    pub(super) fn pause(&mut self, pause: Pause, split: &Split) {
        self.paused = Some(pause);
        self.close(split);
    }

    /// Ends the pause if it is the one that is meant. Whoever waits is let go of by [`Live::let_in`].
    pub(super) fn unpause(
        &mut self,
        is_it: impl Fn(&Pause) -> bool,
        split: Option<&Split>,
    ) -> Option<Pause> {
        let pause = self.paused.take_if(|pause| is_it(pause))?;
        if let Some(split) = split {
            self.close(split);
        }
        Some(pause)
    }

    pub(super) fn told_pause(&self) -> Option<&WritePause> {
        self.paused.as_ref().map(|pause| &pause.told)
    }

    pub(super) fn note_broken(&mut self, broken: Broken) {
        self.broken = Some(broken);
    }

    pub(super) fn take_broken(&mut self, is_it: impl Fn(&Broken) -> bool) -> Option<Broken> {
        self.broken.take_if(|broken| is_it(broken))
    }

    /// Lets go of the requests that waited for closures of before. To be called when workers see the split.
    pub(super) fn let_in(&mut self) {
        for opened in self.opened.drain(..) {
            opened.end();
        }
    }

    /// How many requests wait to be let in.
    pub(super) fn held(&self) -> u64 {
        self.closed
            .as_ref()
            .map_or(0, |closed| closed.held() as u64)
    }

    /// Counts anew what arms are given, if `changes` says that another split begins. To be called just before
    /// workers see it, so that none of its requests is missed.
    pub(super) fn begin_split(&mut self, changes: u64) {
        if self.changes.replace(changes) != Some(changes) {
            for known in &mut self.arms {
                known.given_before = known.state.given();
            }
        }
    }

    /// What each arm was given since the split in force began.
    pub(super) fn given_in_split(&self) -> Vec<(Arm, u64)> {
        let arms = self.arms.iter().map(|known| {
            let given = known.state.given().saturating_sub(known.given_before);
            (known.state.arm.clone(), given)
        });
        arms.collect()
    }

    /// Takes arms that are not in `split` out of service. Their requests under way go on.
    pub(super) fn retire_others(&mut self, split: &Split) {
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
    pub(super) fn check_as(&mut self, settings: &ServiceSettings) {
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
    pub(super) fn forget_oldest(&mut self) {
        let is_idle = |known: &KnownArm| known.checks.is_none() && known.state.in_flight() == 0;
        while self.arms.iter().filter(|known| is_idle(known)).count() > ARMS_REMEMBERED {
            let Some(oldest) = self.arms.iter().position(is_idle) else {
                return;
            };
            self.arms.remove(oldest);
        }
    }

    /// Both arms of a split count first errors of routing keys together, and anew when they are not the two that
    /// did. An arm that is alone counts none.
    fn pair(&self, split: &Split) {
        let of = |arm: &Arm| self.arms.iter().find(|known| known.state.arm == *arm);
        let pair = split.canary.as_ref().and_then(of).zip(of(&split.stable));
        let known = pair.and_then(|(canary, stable)| {
            let known = stable.state.first_errors()?;
            let others = canary.state.first_errors()?;
            Arc::ptr_eq(&known, &others).then_some(known)
        });
        let shared = known.unwrap_or_else(|| Arc::new(FirstErrors::new()));
        for arm in &self.arms {
            let is_in = |(canary, stable): (&KnownArm, &KnownArm)| {
                let state = &arm.state;
                Arc::ptr_eq(state, &canary.state) || Arc::ptr_eq(state, &stable.state)
            };
            let with = pair.is_some_and(is_in).then(|| Arc::clone(&shared));
            arm.state.share_first_errors(with);
        }
    }

    /// Goes on with the first errors that were kept of the two arms of a split, after a restart.
    pub(super) fn resume_first_errors(&self, split: &Split, kept: Option<&KeptPair>) {
        let Some(keys) = kept.and_then(|kept| kept.keys_of(split)) else {
            return;
        };
        let keys = Arc::new(keys);
        for arm in &self.arms {
            if arm.state.first_errors().is_some() {
                arm.state.share_first_errors(Some(Arc::clone(&keys)));
            }
        }
    }

    /// The first errors of the two arms of a split, to be kept.
    pub(super) fn first_errors(&self, split: &Split) -> Option<KeptPair> {
        let canary = split.canary.as_ref()?;
        let arm = self.arms.iter().find(|known| known.state.arm == *canary)?;
        let keys = arm.state.first_errors()?;
        Some(KeptPair::of((&split.stable, canary), &keys))
    }

    pub(super) fn active(&self, split: &Split) -> Option<ActiveSplit> {
        let find = |arm: &Arm| {
            let found = self.arms.iter().find(|known| known.state.arm == *arm);
            found.map(|known| Arc::clone(&known.state))
        };
        Some(ActiveSplit {
            stable: find(&split.stable)?,
            canary: split.canary.as_ref().and_then(find),
            canary_buckets: canary_buckets(split.weight_percent),
            closed: self.closed.clone(),
            mirror_only: split.mirror_only,
        })
    }
}
