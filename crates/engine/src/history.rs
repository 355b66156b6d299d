//! A service's past: the fold of its journal.
//!
//! The live rollout and the last ones are known with every event. Of those before them an outline is kept:
//! what lists them, what serves, and what a way back to their release needs. Who asks for more reads it
//! from the journal again, where the outline says.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use portcullis_driver::Recorded;
use portcullis_journal::{Entry, Journal, Scope};
use portcullis_rollout::{
    DataOf, LedgerCheck, Migration, MigrationPhase, Plan, Purpose, Refused, Release, ReleaseId,
    RolloutId, Running, SqlMigration, Step,
};

use crate::bounds::{
    DURATIONS_MAX, EVENTS_KEPT, PAGE_ENTRIES, ROLLOUTS_KEPT, ROLLOUTS_LOOKED_AT, RUNNING_LOOKED_AT,
};
use crate::record::{Body, BodyUnreadable, event_of};

mod outline;
mod past;
mod reading;

pub use outline::Outline;
pub use past::Past;
pub use reading::ReadingError;

pub(crate) use reading::Recall;

use outline::{Promoted, Promotion};

/// All rollouts of one service, oldest first. Derived from the journal, stored nowhere else
/// (invariant 3).
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Those that are over and older than `recent`. Shared between copies: taking a copy of a history is
    /// cheap.
    old: Arc<Vec<Arc<Outline>>>,
    /// The newest, with their events; shared between copies too.
    recent: Vec<Arc<Past>>,
    /// How long the steps of the newest in `old` took, where one that is expected may depend on it.
    durations: VecDeque<Arc<Durations>>,
    next_seq: u64,
    /// What served before the first rollout that is known here; only a history that was not read from
    /// the journal's beginning has it.
    served_before: Option<Running>,
}

/// Steps by name, and how long each took in milliseconds.
type Durations = Vec<(String, u64)>;

/// A journal that the engine did not write, or not this version.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// An entry cannot be read.
    #[error(transparent)]
    Unreadable(#[from] BodyUnreadable),
    /// An entry is about a rollout that was never planned.
    #[error("journal entry {seq} is about rollout {rollout}, which was never planned")]
    Unplanned {
        /// The entry's number.
        seq: u64,
        /// The rollout.
        rollout: RolloutId,
    },
    /// An entry is about a rollout that was over long before.
    #[error("journal entry {seq} is about rollout {rollout}, which was over long before")]
    Over {
        /// The entry's number.
        seq: u64,
        /// The rollout.
        rollout: RolloutId,
    },
    /// A rollout is not where the journal had it.
    #[error("rollout {rollout} is not in the journal any more from entry {from_seq} on")]
    Gone {
        /// The rollout.
        rollout: RolloutId,
        /// The entry from which on it was expected.
        from_seq: u64,
    },
    /// An entry records an event that was not possible.
    #[error("journal entry {seq} records something that was not possible then")]
    Impossible {
        /// The entry's number.
        seq: u64,
        /// Why not.
        #[source]
        source: Refused,
    },
}

/// The data belongs to no release: a step that changes it is under way, or it is not known what became of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the data is between {from} and {to}: a step that changes it is not settled")]
pub struct InBetween {
    from: String,
    to: ReleaseId,
}

impl History {
    /// The history that journal entries tell.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn read(entries: &[Entry]) -> Result<History, HistoryError> {
        let mut history = History::default();
        for entry in entries {
            history.push(entry)?;
        }
        Ok(history)
    }

    /// The history from the last plan in `entries` on, which are the end of a journal; `None` when no
    /// plan is among them. It knows one rollout only, and tells of the present all that the whole one
    /// does: which rollout was last or is live, what serves, and the next entry's number.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn read_last(entries: &[Entry]) -> Result<Option<History>, HistoryError> {
        for (position, entry) in entries.iter().enumerate().rev() {
            if let Body::Planned { plan, .. } = Body::decode(entry)? {
                let mut history = History {
                    served_before: plan.previous.clone(),
                    ..History::default()
                };
                for entry in &entries[position..] {
                    history.push(entry)?;
                }
                return Ok(Some(history));
            }
        }
        Ok(None)
    }

    /// The history that a journal tells, read in pages: neither its text nor all of its events need to
    /// fit in memory.
    ///
    /// # Errors
    /// When the journal cannot be read, and at the first entry that does not fit.
    pub async fn read_all<J: Journal>(journal: &J, scope: &Scope) -> Result<History, ReadingError> {
        let mut history = History::default();
        loop {
            let next_seq = history.next_seq();
            let page = journal.read_page(scope, next_seq, PAGE_ENTRIES).await?;
            for entry in &page {
                history.push(entry)?;
            }
            if page.is_empty() {
                return Ok(history);
            }
        }
    }

    /// Adds the next journal entry.
    ///
    /// # Errors
    /// When it does not fit what went before.
    pub fn push(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        let seq = entry.seq;
        match Body::decode(entry)? {
            Body::Planned { plan, .. } => self.recent.push(Arc::new(Past::new(plan, seq))),
            Body::Happened { rollout, kind } => {
                let mut newest_first = self.recent.iter_mut().rev();
                let Some(past) = newest_first.find(|past| past.id() == &rollout) else {
                    return Err(match self.old.iter().any(|old| old.id == rollout) {
                        true => HistoryError::Over { seq, rollout },
                        false => HistoryError::Unplanned { seq, rollout },
                    });
                };
                Arc::make_mut(past).push(seq, entry.epoch.0, event_of(entry, kind))?;
            }
        }
        self.next_seq = seq + 1;
        self.forget();
        Ok(())
    }

    /// Every rollout in short, oldest first.
    pub fn outlines(&self) -> impl DoubleEndedIterator<Item = Arc<Outline>> {
        let recent = self.recent.iter().map(|past| Arc::new(past.outline()));
        self.old.iter().cloned().chain(recent)
    }

    /// How many rollouts there were.
    pub fn len(&self) -> usize {
        self.old.len() + self.recent.len()
    }

    /// Whether nothing was ever planned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest rollout.
    pub fn last(&self) -> Option<&Past> {
        self.recent.last().map(Arc::as_ref)
    }

    /// The rollout with this name, if it is the live one or among the last ones. For any other
    /// [`History::outline`] says where the journal has it.
    pub fn find(&self, id: &str) -> Option<&Past> {
        let mut newest_first = self.recent.iter().rev();
        let found = newest_first.find(|past| past.id().as_str() == id);
        found.map(Arc::as_ref)
    }

    /// The rollout with this name in short, however old it is.
    pub fn outline(&self, id: &str) -> Option<Arc<Outline>> {
        if let Some(past) = self.find(id) {
            return Some(Arc::new(past.outline()));
        }
        let mut newest_first = self.old.iter().rev();
        newest_first.find(|old| old.id.as_str() == id).cloned()
    }

    /// The rollout that is not over, if there is one. At most one is live at a time.
    pub fn live(&self) -> Option<&Past> {
        let mut newest_first = self.recent.iter().rev();
        let live = newest_first.find(|past| !past.rollout().state().is_done());
        live.map(Arc::as_ref)
    }

    /// The number of the journal entry after the last one seen.
    pub fn next_seq(&self) -> u64 {
        self.next_seq.max(1)
    }

    /// The release that serves and where: the last one that was promoted, also by a rollout that is
    /// still live because the old release is kept warm or is being retired.
    pub fn serving(&self) -> Option<Running> {
        let promoted = self.promotions().next_back();
        promoted.map_or_else(|| self.served_before.clone(), |last| Some(last.running()))
    }

    /// The release that served at a moment, milliseconds since the Unix epoch. Of a rollout of which only an outline is
    /// left, the end is taken for its promotion.
    pub fn served_at(&self, moment_ms: u64) -> Option<ReleaseId> {
        let recent = self.recent.iter().rev().map(|past| {
            let promoted = past.promoted().map(|promoted| promoted.release.id.clone());
            (past.promoted_at_ms(), promoted)
        });
        let old = self.old.iter().rev().map(|old| {
            let promoted = old.promoted().map(|promoted| promoted.release.id.clone());
            (Some(old.changed_at_ms), promoted)
        });
        let mut newest_first = recent.chain(old);
        let before = newest_first.find_map(|(at_ms, release)| {
            release.filter(|_| at_ms.is_some_and(|at_ms| at_ms <= moment_ms))
        });
        before.or_else(|| Some(self.served_before.as_ref()?.release.id.clone()))
    }

    /// The split that the gateway was given last; `None` before the first release.
    pub fn recorded_split(&self) -> Option<Recorded> {
        self.last()?.recorded_split()
    }

    /// The release with this name and where it last ran, if it was ever promoted.
    pub fn promoted(&self, release: &ReleaseId) -> Option<Running> {
        let mut newest_first = self.promotions().rev();
        let found = newest_first.find(|promoted| promoted.release.id == *release)?;
        Some(found.running())
    }

    /// The release whose data the live stores have: the one that serves, and while a rollout has migrated or restored them
    /// and has not gone back, the one that it brings out. Nothing before the first release.
    ///
    /// # Errors
    /// A step that changes the data is under way, or it is not known what became of one.
    pub fn data_release(&self) -> Result<Option<ReleaseId>, InBetween> {
        let serving = self.serving().map(|running| running.release.id);
        let Some(live) = self.live() else {
            return Ok(serving);
        };
        let to = live.rollout().plan().release.id.clone();
        match live.rollout().data_of() {
            DataOf::Before => Ok(serving),
            DataOf::After => Ok(Some(to)),
            DataOf::Between => {
                let from = serving.map_or_else(|| "no release".to_owned(), |id| id.to_string());
                Err(InBetween { from, to })
            }
        }
    }

    /// The rollout that brought out the release that serves; `None` when none ever did.
    pub fn serving_outline(&self) -> Option<Arc<Outline>> {
        let mut newest_first = self.outlines().rev();
        newest_first.find(|outline| outline.promoted().is_some())
    }

    /// The releases that were ever promoted, newest first, each once.
    pub fn promoted_releases(&self) -> Vec<ReleaseId> {
        let mut seen: Vec<ReleaseId> = Vec::new();
        for promoted in self.promotions().rev() {
            if !seen.contains(&promoted.release.id) {
                seen.push(promoted.release.id.clone());
            }
        }
        seen
    }

    /// The releases with a migration that were promoted since this one served last, newest first.
    pub fn migrated_since(&self, release: &ReleaseId) -> Vec<ReleaseId> {
        self.promotions()
            .rev()
            .take_while(|promoted| promoted.release.id != *release)
            .filter(|promoted| promoted.release.migration.is_some())
            .map(|promoted| promoted.release.id.clone())
            .collect()
    }

    /// What the ledger of SQL files must say if a release is to serve now; nothing if neither it nor any that was promoted
    /// since it served last has such files.
    pub fn ledger_check(&self, release: &Release, goes_back: bool) -> Option<LedgerCheck> {
        let promotions: Vec<Promoted<'_>> = self.promotions().collect();
        let served = promotions
            .iter()
            .rposition(|one| one.release.id == release.id);
        let (known, since) = promotions.split_at(served.map_or(promotions.len(), |at| at + 1));
        let sql = |one: &Promoted<'_>| match &one.release.migration {
            Some(Migration::Sql(sql)) => Some(sql.clone()),
            _ => None,
        };
        let contractions = |promoted: &[Promoted<'_>]| {
            let files = promoted.iter().filter_map(sql).flat_map(|sql| sql.files);
            let files = files.filter(|file| file.phase == MigrationPhase::Contract);
            files.map(|file| file.name).collect::<BTreeSet<String>>()
        };
        let taken_away: Vec<String> = contractions(since)
            .difference(&contractions(known))
            .cloned()
            .collect();
        let migration = match &release.migration {
            Some(Migration::Sql(own)) => own.clone(),
            _ if taken_away.is_empty() => return None,
            _ => SqlMigration {
                files: Vec::new(),
                ..since.iter().rev().find_map(sql)?
            },
        };
        Some(LedgerCheck {
            migration,
            taken_away,
            goes_back,
        })
    }

    /// How long each step of a plan took in earlier rollouts of the service, shortest and longest of the
    /// last five, in milliseconds; `None` for a step that was never done.
    pub fn expected_ms(&self, plan: &Plan) -> Vec<Option<(u64, u64)>> {
        let recent = self.recent.iter().rev();
        let recent = recent.map(|past| Arc::new(past.timeline().durations_ms()));
        let newest_first = recent.chain(self.durations.iter().rev().cloned());
        let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
        for durations in newest_first.take(ROLLOUTS_LOOKED_AT) {
            for (name, took_ms) in durations.iter() {
                let known = seen.entry(name.clone()).or_default();
                if known.len() < DURATIONS_MAX {
                    known.push(*took_ms);
                }
            }
        }
        let range = |step: &Step| {
            let known = seen.get(&step.name)?;
            Some((*known.iter().min()?, *known.iter().max()?))
        };
        plan.steps.iter().map(range).collect()
    }

    /// The release to which a rollback would return: the one that the serving release replaced when
    /// it was first brought out. Rolling back twice goes back twice, it never flips forward.
    pub fn predecessor(&self) -> Option<Running> {
        let serving = self.serving()?;
        self.came_after(&serving.release.id)
    }

    /// What must be put back if a release that served before is to serve again: its data, where a cut-over has taken that
    /// from it since it served last. `Err` names the release of the cut-over behind which no way is known.
    ///
    /// # Errors
    /// There was a cut-over, and no backup of the moment at which this release was stopped.
    pub fn data_of(&self, release: &ReleaseId) -> Result<Option<String>, ReleaseId> {
        let since: Vec<Promoted<'_>> = self
            .promotions()
            .rev()
            .take_while(|promoted| promoted.release.id != *release)
            .collect();
        let Some(cut) = since.iter().find(|promoted| promoted.cut.is_some()) else {
            return Ok(None);
        };
        // What it left is what was backed up when it was stopped, by whatever came right after it.
        let next = since.last().filter(|next| {
            let from = next.previous.map(|previous| &previous.release.id);
            from == Some(release)
        });
        let backup = next.and_then(|next| Some(next.cut.as_ref()?.backup.clone()));
        backup.map(Some).ok_or_else(|| cut.release.id.clone())
    }

    /// The backups that `rollback` would put back from here, each with the release whose data it has: behind a cut-over, what the
    /// release before it left, and after such a rollback what the newer one left. Once another release was promoted the
    /// way back is another, and so are they.
    pub fn ways_back(&self) -> Vec<(String, ReleaseId)> {
        let newest = self.promotions().next_back();
        let replaced = newest.and_then(|newest| Some(newest.previous?.release.id.clone()));
        let before = self.predecessor().map(|before| before.release.id);
        let mut ways: Vec<(String, ReleaseId)> = Vec::new();
        for release in before.into_iter().chain(replaced) {
            if let Ok(Some(backup)) = self.data_of(&release)
                && ways.iter().all(|(known, _)| *known != backup)
            {
                ways.push((backup, release));
            }
        }
        ways
    }

    /// The name of the next rollout.
    pub fn next_id(&self, service: &str) -> RolloutId {
        RolloutId::new(format!("{service}-{}", self.len() + 1))
    }

    fn promotions(&self) -> impl DoubleEndedIterator<Item = Promoted<'_>> {
        let old = self.old.iter().filter_map(|old| old.promoted());
        old.chain(self.recent.iter().filter_map(|past| past.promoted()))
    }

    fn came_after(&self, release: &ReleaseId) -> Option<Running> {
        let brought = self
            .promotions()
            .rev()
            .filter(|promoted| promoted.purpose == Purpose::Deploy)
            .find(|promoted| promoted.release.id == *release)?;
        brought.previous.cloned()
    }

    /// Keeps only the outline of what is over and no longer among the last: those are bounded in number
    /// and in events. The newest stays.
    fn forget(&mut self) {
        let mut events: usize = self.recent.iter().map(|past| past.events().len()).sum();
        while self.recent.len() > ROLLOUTS_KEPT || (events > EVENTS_KEPT && self.recent.len() > 1) {
            if !self.recent[0].rollout().state().is_done() {
                break;
            }
            let past = self.recent.remove(0);
            events -= past.events().len();
            if self.recent.len() < ROLLOUTS_LOOKED_AT {
                let durations = past.timeline().durations_ms();
                self.durations.push_back(Arc::new(durations));
                if self.durations.len() > ROLLOUTS_LOOKED_AT {
                    self.durations.pop_front();
                }
            }
            let mut outline = past.outline();
            if let Some(promotion) = &mut outline.promotion {
                self.share(promotion);
            }
            Arc::make_mut(&mut self.old).push(Arc::new(outline));
        }
    }

    /// What one rollout brought out is what the next one comes from: it is kept once.
    fn share(&self, promotion: &mut Promotion) {
        let known = self.old.iter().rev().take(RUNNING_LOOKED_AT);
        let known = known.filter_map(|old| old.promotion.as_ref());
        let known: Vec<&Arc<Running>> = known
            .flat_map(|before| std::iter::once(&before.running).chain(&before.previous))
            .collect();
        for running in std::iter::once(&mut promotion.running).chain(&mut promotion.previous) {
            if let Some(same) = known.iter().find(|known| ***known == *running) {
                *running = Arc::clone(same);
            }
        }
    }
}
