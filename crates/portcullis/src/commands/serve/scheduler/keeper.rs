//! Keeps the schedules: what is due, what was seen to, and what is told.

use std::collections::BTreeMap;
use std::time::SystemTime;

use portcullis_api::data::DataStanding;
use portcullis_config::{Config, Schedule};
use portcullis_engine::{DataEntry, DataRecord, Drills, Due, Engine, Job, due, seen_ms};
use portcullis_rollout::State;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::standing;
use crate::bounds::LEFTOVER_PAUSE_MS;
use crate::clock::now_ms;
use crate::command_error::CommandError;
use crate::commands::drill::{DataJournal, open_records, unreadable};
use crate::commands::serve::acting::Grounds;
use crate::connect;

/// Who the records of schedules are by.
const BY: &str = "schedule";

/// Keeps the schedules of one service.
pub(super) struct Keeper {
    pub(super) grounds: Grounds,
    pub(super) config: Config,
    /// When the configuration file was changed last, as far as it was read.
    file_changed: Option<SystemTime>,
    pub(super) engine: Engine,
    pub(super) cancelled: CancellationToken,
    records: DataJournal,
    pub(super) entries: Vec<DataEntry>,
    seen: BTreeMap<Job, u64>,
    next: BTreeMap<Job, u64>,
    /// The times whose wait was told already.
    waiting: BTreeMap<Job, (u64, String)>,
    busy: watch::Sender<Option<String>>,
    leftovers_looked_ms: u64,
    standing_looked_ms: u64,
}

impl Keeper {
    pub(super) async fn open(
        grounds: &Grounds,
        engine: &Engine,
        cancelled: &CancellationToken,
        busy: &watch::Sender<Option<String>>,
    ) -> Result<Keeper, CommandError> {
        let records = open_records(&grounds.config).await?;
        let entries = records.read().await.map_err(|error| unreadable(&error))?;
        Ok(Keeper {
            config: grounds.config.clone(),
            file_changed: changed(grounds),
            grounds: grounds.clone(),
            engine: engine.clone(),
            cancelled: cancelled.clone(),
            records,
            entries,
            seen: BTreeMap::new(),
            next: BTreeMap::new(),
            waiting: BTreeMap::new(),
            busy: busy.clone(),
            leftovers_looked_ms: 0,
            standing_looked_ms: 0,
        })
    }

    /// One look: does what is due, and tells how everything stands.
    pub(super) async fn look(&mut self) {
        self.read_file();
        self.clear_leftovers().await;
        let mut changed = false;
        for job in [Job::Backup, Job::Drill] {
            changed |= self.look_at(job).await;
        }
        if changed || now_ms().abs_diff(self.standing_looked_ms) >= standing::PAUSE_MS {
            self.tell_standing().await;
        }
    }

    /// Reads the configuration file again when it was changed; one that is broken is left for `serve` to tell.
    fn read_file(&mut self) {
        let changed = changed(&self.grounds);
        if changed == self.file_changed {
            return;
        }
        self.file_changed = changed;
        let (file, environment) = (&self.grounds.file, self.grounds.environment.as_deref());
        let Ok(config) = portcullis_config::load_environment(file, environment) else {
            return;
        };
        let before = [Job::Backup, Job::Drill].map(|job| (job, self.schedule(job)));
        self.config = config;
        for (job, schedule) in before {
            if schedule != self.schedule(job) {
                self.seen.remove(&job);
                self.next.remove(&job);
            }
        }
    }

    fn schedule(&self, job: Job) -> Option<Schedule> {
        match job {
            Job::Backup => self.config.backup.schedule.clone(),
            Job::Drill => self.config.drill.schedule.clone(),
        }
    }

    /// Looks whether a job is due; returns whether anything happened.
    async fn look_at(&mut self, job: Job) -> bool {
        let Some(schedule) = self.schedule(job) else {
            self.waiting.remove(&job);
            return self.next.remove(&job).is_some();
        };
        let Some(seen_ms) = self.seen_ms(job, &schedule).await else {
            return false;
        };
        let name = format!("{} {}", self.config.service.name, job.word());
        match due(now_ms(), seen_ms, &schedule, &name) {
            Due::Never => false,
            Due::Anew => {
                tracing::warn!("the clock was put right: the schedule of {name} goes on from now");
                self.seen.insert(job, now_ms());
                false
            }
            Due::Wait { begins_ms, .. } => {
                self.waiting.remove(&job);
                self.next.insert(job, begins_ms) != Some(begins_ms)
            }
            Due::Missed { time_ms } => {
                let at = schedule.words_of(time_ms);
                let why = match self.waiting.remove(&job) {
                    Some((_, why)) => format!("the {} of {at} was given up: {why}", job.word()),
                    None => format!(
                        "the {} of {at} was missed: nothing ran then, and it is too late now",
                        job.word()
                    ),
                };
                self.not_done(job, time_ms, false, why).await;
                true
            }
            Due::Now { time_ms } => match self.in_the_way(job) {
                Some(why) => self.wait(job, time_ms, &schedule, why),
                None => {
                    self.waiting.remove(&job);
                    self.do_it(job, time_ms, &schedule).await;
                    true
                }
            },
        }
    }

    fn wait(&mut self, job: Job, time_ms: u64, schedule: &Schedule, why: String) -> bool {
        let told = self.waiting.insert(job, (time_ms, why.clone()));
        if told.as_ref().is_some_and(|(before, _)| *before == time_ms) {
            return false;
        }
        let at = schedule.words_of(time_ms);
        tracing::info!("the {} of {at} waits: {why}", job.word());
        true
    }

    /// What of a rollout keeps a run from beginning: a step that is under way may change data or traffic, and one that is
    /// held may have left it half changed. Gates and pauses do not: they may last for days.
    /// A backup for which writes wait does not go together with a rollout that divides users or closes the service.
    fn in_the_way(&self, job: Job) -> Option<String> {
        let history = self.engine.history();
        let live = history.live()?;
        let id = live.id();
        match live.rollout().state() {
            State::Advancing { .. } | State::Unwinding { .. } => {
                Some(format!("a step of rollout {id} is under way"))
            }
            State::Held { .. } => Some(format!("rollout {id} is held and waits for a person")),
            State::Watching { .. } | State::Paused { .. }
                if job == Job::Backup && self.config.backup.pause =>
            {
                Some(format!(
                    "rollout {id} is under way, and writes cannot be paused meanwhile"
                ))
            }
            State::Planned | State::Watching { .. } | State::Paused { .. } | State::Done { .. } => {
                None
            }
        }
    }

    /// Does what is due, and gives up the times that came meanwhile. If it could not begin, the newest of them has a turn of
    /// its own.
    async fn do_it(&mut self, job: Job, time_ms: u64, schedule: &Schedule) {
        let at = schedule.words_of(time_ms);
        let words = format!("the {} of {at} is under way", job.word());
        self.busy.send_replace(Some(words));
        self.tell_standing().await;
        let known = self.entries.len();
        match job {
            Job::Backup => self.back_up(time_ms, &at).await,
            Job::Drill => self.drill(time_ms, &at).await,
        }
        self.busy.send_replace(None);
        let has_not_begun = |entry: &DataEntry| {
            matches!(&entry.record, DataRecord::NotDone { job: of, time_ms: at_ms, tried: false, .. }
                if (*of, *at_ms) == (job, time_ms))
        };
        if self.entries.iter().skip(known).any(has_not_begun) {
            return;
        }
        let newest = schedule.at_or_before(now_ms());
        if let Some(newest_ms) = newest.filter(|newest_ms| *newest_ms > time_ms) {
            let newest = schedule.words_of(newest_ms);
            let why = format!(
                "the {} of {newest} was skipped: that of {at} was still under way",
                job.word()
            );
            self.not_done(job, newest_ms, false, why).await;
        }
    }

    /// How far a schedule was seen to. One that is new is in force from now on.
    async fn seen_ms(&mut self, job: Job, schedule: &Schedule) -> Option<u64> {
        if let Some(seen_ms) = self.seen.get(&job) {
            return Some(*seen_ms);
        }
        let named = (schedule.text(), schedule.zone_name());
        let seen = match seen_ms(&self.entries, job, named) {
            Some(seen) => seen,
            None => {
                let record = DataRecord::Scheduled {
                    job,
                    schedule: schedule.text().to_owned(),
                    time_zone: schedule.zone_name().to_owned(),
                };
                self.record(&record).await?
            }
        };
        self.seen.insert(job, seen);
        Some(seen)
    }

    /// Writes a record; returns when that was. Without a record nothing is lost but what was known.
    pub(super) async fn record(&mut self, record: &DataRecord) -> Option<u64> {
        match self.records.append(record, BY).await {
            Ok(entry) => {
                let at_ms = entry.at_ms;
                self.entries.push(entry);
                Some(at_ms)
            }
            Err(error) => {
                tracing::error!(%error, "what happened to the data could not be recorded");
                None
            }
        }
    }

    /// Sees to a time.
    pub(super) fn saw(&mut self, job: Job, time_ms: u64) {
        let seen = self.seen.entry(job).or_default();
        *seen = time_ms.max(*seen);
    }

    /// Records and tells that a run was not done.
    pub(super) async fn not_done(&mut self, job: Job, time_ms: u64, tried: bool, why: String) {
        tracing::warn!("{why}");
        self.saw(job, time_ms);
        let record = DataRecord::NotDone {
            job,
            time_ms,
            tried,
            why: why.clone(),
        };
        self.record(&record).await;
        self.notify(&why);
    }

    /// Tells people, through the hooks for notices.
    pub(super) fn notify(&self, sentence: &str) {
        super::notify(&self.config, &self.engine, sentence);
    }

    /// Stops and removes what a killed drill left, wherever it was held.
    async fn clear_leftovers(&mut self) {
        if now_ms().abs_diff(self.leftovers_looked_ms) < LEFTOVER_PAUSE_MS {
            return;
        }
        self.leftovers_looked_ms = now_ms();
        let folder = self.grounds.folder.root();
        if !Drills::has_leftovers(folder) {
            return;
        }
        let Ok(checks) = connect::checks(&self.config) else {
            return;
        };
        // One that is being held has leftovers too, and the lock.
        if let Ok(drills) = Drills::open(folder, checks).await {
            for name in drills.cleared() {
                tracing::warn!("{name}, which a drill left that was killed, was removed");
            }
        }
    }

    async fn tell_standing(&mut self) {
        self.standing_looked_ms = now_ms();
        // Drills are held by command too, and then recorded by somebody else.
        if let Ok(entries) = self.records.read().await {
            self.entries = entries;
        }
        let waits = self.waiting.iter().next();
        let now =
            self.busy.borrow().clone().or_else(|| {
                waits.map(|(job, (_, why))| format!("the {} waits: {why}", job.word()))
            });
        let standing = standing::standing(&self.config, &self.entries, &self.next, now).await;
        self.grounds.data.send_modify(|data| {
            // How archives stand is told by those who keep them.
            let continuous = std::mem::take(&mut data.get_or_insert_default().continuous);
            *data = Some(DataStanding {
                continuous,
                ..standing
            });
        });
    }
}

fn changed(grounds: &Grounds) -> Option<SystemTime> {
    std::fs::metadata(&grounds.file).ok()?.modified().ok()
}
