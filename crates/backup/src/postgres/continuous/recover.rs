//! Recovering a cluster to a moment.
//!
//! The newest base backup before the moment is unpacked to a folder, with the write-ahead log that follows it; a server
//! of the same version is started on it that listens nowhere but on a socket in a private folder, and replays the log
//! up to the moment. Nothing of the service's own runs in it: settings of the cluster are put aside while it runs, no
//! library is loaded beforehand (a scheduler in the database would begin its jobs), and no subscription is followed.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::base::BASE_ARCHIVE;
use super::recovered::Launch;
use super::segment_file;
use super::tail::replayable;
use super::{
    BaseBackup, ContinuousArchive, ContinuousProblem, FetchedCluster, LogGap, Lsn,
    RecoveredCluster, Segment,
};
use crate::BackupError;
use crate::bounds::RECOVERY_SPARE_BYTES;
use crate::clock::Stopwatch;
use crate::postgres::system_user::SystemUser;
use crate::postgres::tools::{Tool, Tools};
use crate::vault::failed_to;

/// Where clusters are recovered when PostgreSQL does not run as the user of this program.
const SHARED_SCRATCH: &str = "/var/tmp";
/// How the folders begin in which clusters are recovered that are thrown away.
const SCRATCH_PREFIX: &str = "portcullis-recovery-";
/// Settings that were made by ALTER SYSTEM: they are of the old place.
pub(crate) const AUTO: &str = "postgresql.auto.conf";
/// How far a moment must lie before a base backup so that the log before that one is enough, in seconds.
const MARGIN_S: i64 = 60;

/// What is to be recovered, and where.
#[derive(Clone, Debug)]
pub struct RecoveryOrder {
    /// The moment, by the server's clock; `None` is everything that is there.
    pub at: Option<Timestamp>,
    /// Where.
    pub place: RecoveryPlace,
}

/// Where a cluster is recovered.
#[derive(Clone, Debug)]
pub enum RecoveryPlace {
    /// In a new folder in this one. It is removed at the end.
    Scratch(PathBuf),
    /// In this folder, which must be empty or not there. It stays.
    Folder(PathBuf),
}

impl RecoveryPlace {
    /// A scratch folder in `folder`; where PostgreSQL runs as another user, who may not go into the folders of this one, in
    /// the folder of this machine for files that outlive a restart.
    #[must_use]
    pub fn scratch_in(folder: &Path) -> RecoveryPlace {
        RecoveryPlace::Scratch(match rustix::process::geteuid().is_root() {
            true => PathBuf::from(SHARED_SCRATCH),
            false => folder.to_owned(),
        })
    }
}

/// What was chosen for a moment.
pub(super) struct Choice {
    pub(super) base: BaseBackup,
    files: Vec<(Segment, PathBuf)>,
    histories: Vec<(u32, PathBuf)>,
    /// Whether there may be nothing after the moment in the log: then everything of it is taken.
    may_end_before: bool,
    /// Everything that was committed until then is in it.
    pub(super) reaches: Timestamp,
    /// Where the log must be replayed to, for that; `None` if nobody measured it.
    needs: Option<Lsn>,
    /// What keeps it from later log, if everything was asked for.
    pub(super) gap: Option<LogGap>,
}

impl ContinuousArchive {
    /// Recovers the cluster and leaves it running for whoever looks into it.
    ///
    /// # Errors
    /// [`ContinuousProblem::OutOfRange`] for a moment that cannot be recovered to, with those that can, and
    /// [`ContinuousProblem`] with what is missing, in the way, damaged, or what the server said. A folder that was to
    /// stay is left as it is then, for somebody to look at.
    pub fn recover(&self, order: &RecoveryOrder) -> Result<RecoveredCluster, BackupError> {
        self.fetch(order)?.recover()
    }

    /// Unpacks what a moment needs from the archive, and replays nothing yet.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::recover`] but for what the server says.
    pub fn fetch(&self, order: &RecoveryOrder) -> Result<FetchedCluster, BackupError> {
        let watch = Stopwatch::start();
        let identity = self.identity()?;
        let standing = self.standing();
        let _reading = self.lock_reading()?;
        let user =
            SystemUser::for_server().map_err(|()| self.failed(ContinuousProblem::NobodyToRunAs))?;
        let server = self.server(identity.major)?;
        let choice = self.choose_whole(order.at)?;
        let place = self.place_for(&order.place, user)?;
        let size = choice.base.data_bytes.saturating_add(
            identity
                .segment_bytes
                .saturating_mul(choice.files.len() as u64),
        );
        self.room(place.data(), size)?;
        let data = place.data();
        let choice = self.unpack(choice, order.at, data)?;
        let unpacked = watch.elapsed();
        if let Some(user) = user {
            let owner = |error| failed_to("give to the user postgres", data, error);
            user.own(place.root()).map_err(owner)?;
        }
        let segments = choice.files.len() as u64;
        let log = data.join("pg_wal");
        let needs = choice.needs;
        let needs =
            needs.map(|needs| replayable(needs, &log, &choice.files, identity.segment_bytes));
        let needs = needs.transpose()?;
        let launch = Launch {
            archive: self.clone(),
            server,
            user,
            base: choice.base,
            at: order.at,
            may_end_before: choice.may_end_before,
            reaches: choice.reaches,
            needs,
            gap: choice.gap,
            durable: matches!(order.place, RecoveryPlace::Folder(_)),
            port: None,
        };
        Ok(FetchedCluster {
            launch,
            place,
            standing,
            segments,
            took: unpacked,
        })
    }

    /// The server's program of the same version.
    fn server(&self, major: u32) -> Result<Tool, BackupError> {
        let lost = |problem| self.failed(ContinuousProblem::Postgres(problem));
        let found = crate::postgres::blocking_with(
            async { Ok(Tools::installed().find_same("postgres", major).await) },
            lost,
        )?;
        found.map_err(|looked| self.failed(ContinuousProblem::ServerMissing { major, looked }))
    }

    /// Chooses what is needed for a moment, after it was looked whether what was received last is what was announced.
    fn choose_whole(&self, at: Option<Timestamp>) -> Result<Choice, BackupError> {
        let damage = self.note_tail()?;
        match (self.choose(at), damage) {
            (Err(BackupError::Continuous { problem, .. }), Some(damage))
                if matches!(*problem, ContinuousProblem::OutOfRange { .. }) =>
            {
                let file = segment_file::file_name(&damage.path);
                Err(self.without(file, &damage.why))
            }
            (chosen, _) => chosen,
        }
    }

    /// What is told when something cannot be recovered to because a file is damaged.
    pub(super) fn without(&self, file: String, why: &str) -> BackupError {
        // What cannot be recovered to is told with what can.
        let ranges = super::problem::possible(&self.ranges().unwrap_or_default());
        let why = format!("{why}; it cannot be recovered to that without it: {ranges}");
        self.failed(ContinuousProblem::Damaged { file, why })
    }

    pub(super) fn choose(&self, at: Option<Timestamp>) -> Result<Choice, BackupError> {
        let survey = self.survey()?;
        let (chain, bases) = (survey.chain(), &survey.bases);
        let ranges = survey.ranges();
        let refused = || {
            self.failed(ContinuousProblem::OutOfRange {
                asked: at,
                ranges: ranges.clone(),
            })
        };
        let last = ranges.last().ok_or_else(refused)?;
        let moment = at.unwrap_or(last.to);
        let base = chain.base_for(bases, moment).ok_or_else(refused)?;
        let start = base.first_segment().number;
        let mut files = chain.files_from(start);
        let open = ranges.iter().any(|range| range.open && range.has(moment));
        // What was committed until the moment lies before a base backup that was begun well after it.
        let later = bases.iter().find(|later| {
            let begun = later.started_at.as_second();
            begun > moment.as_second() + MARGIN_S && chain.supports(later)
        });
        let enough = later.filter(|_| at.is_some());
        if let Some(later) = enough {
            let last = later.last_segment_number();
            files.retain(|(segment, _)| segment.number <= last);
        }
        let files = files
            .into_iter()
            .map(|(segment, file)| (segment, file.path.clone()))
            .collect();
        let ancestors = chain.history.ancestors.iter().map(|(id, _)| *id);
        let histories = ancestors
            .chain([chain.history.timeline])
            .filter_map(|id| Some((id, survey.inventory.histories.get(&id)?.clone())))
            .collect();
        let gap = chain.gaps(start, bases).into_iter().next();
        let needs = match enough {
            // It was begun well after the moment.
            Some(later) => Some(later.start_lsn),
            None => chain.place_of(moment, base),
        };
        Ok(Choice {
            base: base.clone(),
            files,
            histories,
            may_end_before: open || enough.is_some() || chain.is_measured(base),
            reaches: moment,
            needs,
            gap: gap.filter(|_| at.is_none()),
        })
    }

    /// What was chosen without a segment that turned out to be damaged, which is noted. What was unpacked before it is
    /// enough for a moment before it.
    fn choose_without(
        &self,
        choice: &Choice,
        (file, why): (String, String),
        at: Option<Timestamp>,
    ) -> Result<Choice, BackupError> {
        self.note_damaged(file.clone(), why.clone())?;
        match self.choose(at) {
            Ok(now) if now.base.id == choice.base.id => Ok(now),
            _ => Err(self.without(file, &why)),
        }
    }

    /// Makes the folder, after it was looked whether the server can live there.
    fn place_for(
        &self,
        place: &RecoveryPlace,
        user: Option<SystemUser>,
    ) -> Result<Place, BackupError> {
        let refused = |folder: &Path, why: String| {
            self.failed(ContinuousProblem::PlaceRefused {
                folder: folder.display().to_string(),
                why,
            })
        };
        let (RecoveryPlace::Scratch(folder) | RecoveryPlace::Folder(folder)) = place;
        let folder = std::path::absolute(folder)
            .map_err(|error| refused(folder, format!("its path cannot be found: {error}")))?;
        let below = match place {
            RecoveryPlace::Scratch(_) => folder.join("scratch"),
            RecoveryPlace::Folder(_) => folder.clone(),
        };
        if let Some(closed) = user.and_then(|user| user.kept_out(&below)) {
            return Err(refused(
                &folder,
                format!(
                    "PostgreSQL runs as the user postgres here, who may not go into {}; name another folder",
                    closed.display()
                ),
            ));
        }
        let made = |error: io::Error| refused(&folder, format!("it cannot be made: {error}"));
        match place {
            RecoveryPlace::Scratch(_) => {
                clear_left_recoveries(&folder);
                let scratch = tempfile::Builder::new()
                    .prefix(SCRATCH_PREFIX)
                    .tempdir_in(&folder);
                let scratch = scratch.map_err(made)?;
                let lock = lock_scratch(scratch.path()).map_err(made)?;
                let data = scratch.path().join("data");
                DirBuilder::new().mode(0o700).create(&data).map_err(made)?;
                Ok(Place::Scratch {
                    scratch,
                    data,
                    _lock: lock,
                })
            }
            RecoveryPlace::Folder(_) => {
                match DirBuilder::new().mode(0o700).create(&folder) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        let mut within = fs::read_dir(&folder).map_err(made)?;
                        if within.next().is_some() {
                            return Err(refused(&folder, "it is not empty".to_owned()));
                        }
                        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                        fs::set_permissions(&folder, mode).map_err(made)?;
                    }
                    outcome => outcome.map_err(made)?,
                }
                Ok(Place::Folder { data: folder })
            }
        }
    }

    fn room(&self, folder: &Path, needed: u64) -> Result<(), BackupError> {
        let free = crate::free_bytes_of(folder)?;
        let needed = needed.saturating_add(RECOVERY_SPARE_BYTES);
        if needed <= free {
            return Ok(());
        }
        Err(self.failed(ContinuousProblem::Postgres(
            crate::PostgresProblem::NoRoom {
                place: folder.display().to_string(),
                needed,
                free,
            },
        )))
    }

    /// Unpacks the base backup, and the log that follows it where the server looks for it. Returns what was chosen in the
    /// end: log before a damaged segment can be enough.
    fn unpack(
        &self,
        mut choice: Choice,
        at: Option<Timestamp>,
        data: &Path,
    ) -> Result<Choice, BackupError> {
        self.unpack_base(&choice.base, data)?;
        let log = data.join("pg_wal");
        let writing = |error| failed_to("write", &log, error);
        match DirBuilder::new().mode(0o700).create(&log) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(writing(error));
            }
            _ => {}
        }
        let mut done = 0;
        while let Some((segment, path)) = choice.files.get(done) {
            let name = segment.name(choice.base.segment_bytes);
            let target = log.join(&name);
            match self.fetch_segment(path, &name, &log) {
                Err(BackupError::Continuous { problem, .. })
                    if matches!(*problem, ContinuousProblem::Damaged { .. }) =>
                {
                    segment_file::remove(&target)?;
                    let ContinuousProblem::Damaged { file, why } = *problem else {
                        return Err(self.failed(*problem));
                    };
                    choice = self.choose_without(&choice, (file, why), at)?;
                }
                fetched => {
                    fetched?;
                    // One that was begun a moment ago may be shorter; what it lacks is zeros.
                    let whole = fs::OpenOptions::new().write(true).open(&target);
                    let whole = whole.and_then(|file| file.set_len(choice.base.segment_bytes));
                    whole.map_err(|error| failed_to("write", &target, error))?;
                    done += 1;
                }
            }
        }
        for (timeline, path) in &choice.histories {
            self.fetch_segment(path, &format!("{timeline:08X}.history"), &log)?;
        }
        let signal = data.join("recovery.signal");
        create(&signal).map_err(|error| failed_to("write", &signal, error))?;
        let auto = data.join(AUTO);
        match fs::rename(&auto, data.join(format!("{AUTO}.aside"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed_to("rename", &auto, error))
            }
            _ => Ok(choice),
        }
    }

    /// Unpacks a base backup. One that is damaged is noted, so that the next attempt takes another one.
    fn unpack_base(&self, base: &BaseBackup, data: &Path) -> Result<(), BackupError> {
        let archive = BaseBackup::folder(self.root(), &base.id).join(BASE_ARCHIVE);
        let read = self.read_back(&archive, Some(&base.sha256), Some(data));
        match read.map(drop) {
            Err(BackupError::Continuous { problem, .. }) => match *problem {
                ContinuousProblem::Damaged { file, why } => {
                    self.note_damage(base, &format!("{file}: {why}"))?;
                    let ranges = super::problem::possible(&self.ranges()?);
                    let why = format!("{why}; nothing is recovered from it any more: {ranges}");
                    Err(self.failed(ContinuousProblem::Damaged { file, why }))
                }
                other => Err(self.failed(other)),
            },
            read => read,
        }
    }

    /// Copies a file of the log to where the server looks for it. What is received now is given its name of a complete
    /// segment: the server stops where it ends. It may be sealed while it is copied.
    fn fetch_segment(&self, from: &Path, name: &str, to: &Path) -> Result<(), BackupError> {
        let target = to.join(name);
        let mut file = create(&target).map_err(|error| failed_to("write", &target, error))?;
        let mut from = from.to_owned();
        loop {
            let read = segment_file::read(&from, &mut file);
            match read {
                Err(segment_file::ReadFailed::Read(error))
                    if error.kind() == io::ErrorKind::NotFound =>
                {
                    match self.moved(&from, name)? {
                        Some(now) => from = now,
                        None => return Err(failed_to("read", &from, error)),
                    }
                }
                read => {
                    let told = read.map_err(|failed| failed.told(&self.store, &from, &target));
                    return told.and_then(|()| {
                        file.flush()
                            .map_err(|error| failed_to("write", &target, error))
                    });
                }
            }
        }
    }

    /// Where a file is now that was in the folder of what is received.
    pub(super) fn moved(&self, from: &Path, name: &str) -> Result<Option<PathBuf>, BackupError> {
        let complete = from.with_file_name(name);
        if complete != from && complete.exists() {
            return Ok(Some(complete));
        }
        let log = self.root().join(segment_file::LOG);
        let listing = fs::read_dir(&log).map_err(|error| failed_to("list", &log, error))?;
        for entry in listing {
            let path = entry
                .map_err(|error| failed_to("list", &log, error))?
                .path();
            let found = segment_file::file_name(&path);
            let sealed = segment_file::SealedName::parse(&found);
            if sealed.is_some_and(|sealed| sealed.plain == name) && path != from {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

/// The folder of a cluster that is recovered.
#[derive(Debug)]
pub(crate) enum Place {
    Scratch {
        scratch: tempfile::TempDir,
        data: PathBuf,
        _lock: File,
    },
    Folder {
        data: PathBuf,
    },
}

impl Place {
    pub(crate) fn data(&self) -> &Path {
        match self {
            Self::Scratch { data, .. } | Self::Folder { data } => data,
        }
    }

    fn root(&self) -> &Path {
        match self {
            Self::Scratch { scratch, .. } => scratch.path(),
            Self::Folder { data } => data,
        }
    }
}

pub(crate) fn create(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn lock_scratch(scratch: &Path) -> io::Result<File> {
    let file = File::create(scratch.join("lock"))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Stops and removes what killed recoveries left in a folder, and says which. What cannot be removed is left: it is in
/// nobody's way.
pub fn clear_left_recoveries(folder: &Path) -> Vec<PathBuf> {
    let mut cleared = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Whoever works in it has its lock.
        let Some(_lock) = is_scratch(&path).then(|| left_lock(&path)).flatten() else {
            continue;
        };
        super::recovered::stop_left(&path.join("data"));
        if fs::remove_dir_all(&path).is_ok() {
            cleared.push(path);
        }
    }
    cleared
}

fn is_scratch(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(SCRATCH_PREFIX)
}

fn left_lock(scratch: &Path) -> Option<File> {
    let file = File::open(scratch.join("lock")).ok()?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}
