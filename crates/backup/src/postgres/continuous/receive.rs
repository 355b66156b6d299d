//! Receiving the write-ahead log as it is written.
//!
//! `pg_receivewal` does it, with a replication slot, so that the server keeps what was not received. It writes into a
//! folder of its own; what is complete there is sealed. The newest complete segment stays until the next one is begun:
//! `pg_receivewal` finds by it where to go on.
//!
//! Up to which moment everything is there is measured, not assumed: a session asks the server for its clock and how far
//! its log is, and once the stream has that, everything that was committed at that moment is in the archive. So it is
//! known on a server where nothing happens too.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::marks::Mark;
use super::segment_file::{self, INCOMING, LOG, SealedName};
use super::{
    ArchiveStanding, ContinuousArchive, ContinuousProblem, ContinuousSource, Lsn, Segment, Slot,
    TimelineHistory,
};
use crate::BackupError;
use crate::bounds::{
    WAL_LOOK_MS, WAL_NOTE_MS, WAL_PENDING_MAX, WAL_SLOT_FREE_ATTEMPTS, WAL_STOP_S,
};
use crate::clock::Stopwatch;
use crate::postgres::session::Session;
use crate::postgres::tools::{Tool, Tools};
use crate::vault::failed_to;

/// How the stream stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Everything that was committed until then is in the archive. By the server's clock.
    pub until: Option<Timestamp>,
    /// How long ago that was when it was told, by the server's clock: what a loss of the server would have cost.
    pub behind: Option<Duration>,
    /// How many bytes of write-ahead log the server keeps for the slot.
    pub kept_bytes: u64,
    /// What the server says of the slot: `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: Option<String>,
    /// Whether the server bounds by itself what slots keep (`max_slot_wal_keep_size`).
    pub bounded_by_server: bool,
}

/// One look at the server: its clock in microseconds, its log, how far the stream is, a setting, and the segment that the
/// server writes, whose name begins with the timeline. A user who may not see that
/// (`pg_read_all_stats`) sees the slot, which is moved on by what was synced.
type Look = (i64, String, Option<String>, String, String);
const LOOK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8, pg_current_wal_flush_lsn()::text, \
     (SELECT coalesce(CASE WHEN $2 = 'flush' THEN r.flush_lsn ELSE r.write_lsn END, s.restart_lsn)::text \
     FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = $1), \
     current_setting('max_slot_wal_keep_size'), pg_walfile_name(pg_current_wal_flush_lsn())";

/// What `pg_receivewal` says when it asks for log that the server does not have any more.
const REMOVED: &str = "has already been removed";

/// A stream that is under way.
struct Stream<'a> {
    archive: &'a ContinuousArchive,
    source: &'a ContinuousSource,
    session: Session,
    segment_bytes: u64,
    /// Moments of the server's clock, and what of its log was written then.
    pending: VecDeque<Mark>,
    standing: ArchiveStanding,
    /// Whether that was measured by this stream.
    measured: bool,
    /// The last standings of segments that the stream has left, until they are kept.
    left: Vec<ArchiveStanding>,
    noted: Stopwatch,
}

impl ContinuousArchive {
    /// Receives until it is told to stop, and says how it stands about once in a second. It begins the archive, and the
    /// slot, if there is none.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] with why the stream ended. Whether it may go well the next time is said by
    /// [`ContinuousProblem::is_passing`]; what was received stays, and the next call goes on there.
    pub fn receive(
        &self,
        source: &ContinuousSource,
        stop: &AtomicBool,
        tell: &(dyn Fn(&Received) + Sync),
    ) -> Result<(), BackupError> {
        let lost = |problem| self.failed(ContinuousProblem::Postgres(problem));
        crate::postgres::blocking_with(self.receiving(source, stop, tell), lost)
    }

    async fn receiving(
        &self,
        source: &ContinuousSource,
        stop: &AtomicBool,
        tell: &(dyn Fn(&Received) + Sync),
    ) -> Result<(), BackupError> {
        let told = |problem: ContinuousProblem| self.failed(problem);
        let mut session = Session::open(&source.address)
            .await
            .map_err(|problem| told(problem.into()))?;
        let identity = source.identify(&mut session).await.map_err(told)?;
        self.begin(&identity)?;
        let _lock = self.lock_receiving()?;
        self.prepare_slot(&mut session, source)
            .await
            .map_err(told)?;
        let tool = Tools::installed()
            .find("pg_receivewal", session.major, "the server")
            .await
            .map_err(|problem| told(problem.into()))?;
        self.clear_unfinished(identity.segment_bytes)?;
        self.settle_marks(identity.segment_bytes)?;
        let mut stream = Stream {
            archive: self,
            source,
            session,
            segment_bytes: identity.segment_bytes,
            pending: VecDeque::new(),
            standing: self.standing(),
            measured: false,
            left: Vec::new(),
            noted: Stopwatch::start(),
        };
        let outcome = stream.run(&tool, stop, tell).await;
        // What came last is noted whatever ended it.
        let noted = stream.note_last();
        let outcome = match outcome {
            Err(BackupError::Continuous { problem, .. })
                if matches!(*problem, ContinuousProblem::LogRemoved { .. }) =>
            {
                self.set_aside(identity.segment_bytes)?;
                // A server takes a slot back to what the receiver says it has, also behind what is removed; the next
                // stream would ask for that again, for ever. A new slot begins with what the server still has.
                let dropped = Slot::drop(&mut stream.session, &source.slot).await;
                dropped.map_err(told)?;
                Err(self.failed(*problem))
            }
            other => other,
        };
        stream.session.close().await;
        outcome.and(noted)
    }

    /// Makes the slot if there is none, and sees that nobody else uses it.
    async fn prepare_slot(
        &self,
        session: &mut Session,
        source: &ContinuousSource,
    ) -> Result<(), ContinuousProblem> {
        for _ in 0..WAL_SLOT_FREE_ATTEMPTS {
            let Some(slot) = Slot::look(session, &source.slot).await? else {
                return Slot::create(session, &source.slot).await;
            };
            if slot.wal_status.as_deref() == Some("lost") {
                Slot::drop(session, &source.slot).await?;
                continue;
            }
            self.bound(session, source, &slot).await?;
            if slot.active_pid.is_none() {
                return Ok(());
            }
            Slot::free(session, &source.slot).await?;
            sleep(Duration::from_millis(WAL_LOOK_MS)).await;
        }
        Err(ContinuousProblem::StreamEnded {
            why: format!("somebody else uses the replication slot {}", source.slot),
        })
    }

    /// Drops the slot if it makes the server keep too much.
    async fn bound(
        &self,
        session: &mut Session,
        source: &ContinuousSource,
        slot: &Slot,
    ) -> Result<(), ContinuousProblem> {
        if slot.kept_bytes <= source.slot_bytes_max {
            return Ok(());
        }
        Slot::drop(session, &source.slot).await?;
        Err(ContinuousProblem::SlotGivenUp {
            slot: source.slot.clone(),
            kept_bytes: slot.kept_bytes,
            limit_bytes: source.slot_bytes_max,
        })
    }

    /// Drops the replication slot, for an archive that is not kept any more. What was archived stays.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] if the server cannot be asked or refuses.
    pub fn drop_slot(&self, source: &ContinuousSource) -> Result<(), BackupError> {
        let lost = |problem| self.failed(ContinuousProblem::Postgres(problem));
        let work = async {
            let mut session = Session::open(&source.address)
                .await
                .map_err(|problem| self.failed(problem.into()))?;
            let dropped = Slot::drop(&mut session, &source.slot).await;
            session.close().await;
            dropped.map_err(|problem| self.failed(problem))
        };
        crate::postgres::blocking_with(work, lost)
    }

    /// Seals everything that was received, the partial segment too, so that the stream can begin somewhere else.
    fn set_aside(&self, segment_bytes: u64) -> Result<(), BackupError> {
        let (incoming, log) = (self.root().join(INCOMING), self.root().join(LOG));
        for path in received(&incoming)? {
            let name = segment_file::file_name(&path);
            let digits = name.strip_suffix(".partial").unwrap_or(&name);
            let is_segment = Segment::parse(digits, segment_bytes).is_some();
            if is_segment || TimelineHistory::timeline_of(&name).is_some() {
                segment_file::seal(&path, &name, &log)?;
            }
            segment_file::remove(&path)?;
        }
        Ok(())
    }

    /// Seals one file that is complete, and removes what is sealed and not needed to go on. Says whether there was one.
    pub(crate) fn seal_next(&self, segment_bytes: u64) -> Result<bool, BackupError> {
        let (incoming, log) = (self.root().join(INCOMING), self.root().join(LOG));
        let mut complete: Vec<(Segment, PathBuf)> = Vec::new();
        let (mut newest, mut newest_begun) = (None, None);
        let mut partial: Vec<(Segment, PathBuf)> = Vec::new();
        for path in received(&incoming)? {
            let name = segment_file::file_name(&path);
            if TimelineHistory::timeline_of(&name).is_some() {
                if self.is_sealed(&log, &name)?.is_none() {
                    segment_file::seal(&path, &name, &log)?;
                    return Ok(true);
                }
            } else if let Some(segment) = Segment::parse(&name, segment_bytes) {
                newest = newest.max(Some(segment));
                complete.push((segment, path));
            } else if let Some(segment) = name
                .strip_suffix(".partial")
                .and_then(|digits| Segment::parse(digits, segment_bytes))
            {
                newest_begun = newest_begun.max(Some(segment));
                partial.push((segment, path));
            }
        }
        let newest = newest.max(newest_begun);
        // A timeline that was left in the middle of a segment leaves it partial for ever.
        let left = partial
            .into_iter()
            .filter(|(segment, _)| Some(*segment) != newest_begun);
        complete.extend(left);
        complete.sort();
        for (segment, path) in complete {
            let name = segment_file::file_name(&path);
            if self.is_sealed(&log, &name)?.is_none() {
                segment_file::seal(&path, &name, &log)?;
                if Some(segment) < newest {
                    segment_file::remove(&path)?;
                }
                return Ok(true);
            }
            if Some(segment) < newest {
                segment_file::remove(&path)?;
            }
        }
        Ok(false)
    }

    /// The sealed file of a received one that is still there, if there is one that is not older.
    fn is_sealed(&self, log: &Path, name: &str) -> Result<Option<PathBuf>, BackupError> {
        let listing = fs::read_dir(log).map_err(|error| failed_to("list", log, error))?;
        for entry in listing {
            let entry = entry.map_err(|error| failed_to("list", log, error))?;
            let found = entry.file_name();
            let found = found.to_str().and_then(SealedName::parse);
            if found.is_some_and(|found| found.plain == name) {
                return Ok(Some(entry.path()));
            }
        }
        Ok(None)
    }
}

impl Stream<'_> {
    async fn run(
        &mut self,
        tool: &Tool,
        stop: &AtomicBool,
        tell: &(dyn Fn(&Received) + Sync),
    ) -> Result<(), BackupError> {
        let arguments = self.arguments();
        let address = &self.source.address;
        let failed = |problem: ContinuousProblem| self.archive.failed(problem);
        let mut child = tool
            .spawn(&arguments, Some(address), std::process::Stdio::null())
            .map_err(|problem| failed(problem.into()))?;
        let pid = child.id();
        let (words_of, output_of) = (child.stderr.take(), child.stdout.take());
        drop(output_of);
        let watching = async {
            let words = crate::postgres::tools::last_words(words_of);
            let (status, words) = tokio::join!(child.wait(), words);
            (status, words)
        };
        let mut watching = std::pin::pin!(watching);
        let pause = Duration::from_millis(WAL_LOOK_MS);
        let (mut wait, mut looked) = (pause, Stopwatch::start());
        loop {
            let ended = timeout(wait, &mut watching).await;
            if let Ok((status, words)) = ended {
                self.seal_all()?;
                return Err(self.judge(status.ok(), &words));
            }
            if stop.load(Ordering::Relaxed) {
                if let Some(pid) = pid {
                    crate::postgres::tools::interrupt(pid);
                }
                // It is killed when it is dropped.
                let _ = timeout(Duration::from_secs(WAL_STOP_S), &mut watching).await;
                return self.seal_all();
            }
            // A server that writes much is followed without a pause.
            wait = match self.archive.seal_next(self.segment_bytes)? {
                true => Duration::ZERO,
                false => pause,
            };
            if !looked.is_over(WAL_LOOK_MS - 1) {
                continue;
            }
            looked = Stopwatch::start();
            let received = self.look().await.map_err(|problem| {
                let archive = self.archive;
                archive.failed(problem)
            })?;
            tell(&received);
            for left in std::mem::take(&mut self.left) {
                self.archive.keep_mark(&left)?;
            }
            if self.noted.is_over(WAL_NOTE_MS) {
                self.noted = Stopwatch::start();
                self.note()?;
            }
        }
    }

    /// What `pg_receivewal` is told.
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = [
            "--no-loop",
            "--no-password",
            "--status-interval=1",
            &format!("--slot={}", self.source.slot),
        ]
        .map(OsString::from)
        .to_vec();
        if self.source.synchronous {
            arguments.push("--synchronous".into());
        }
        let incoming = self.archive.root().join(INCOMING);
        arguments.extend(["--directory".into(), incoming.into()]);
        arguments
    }

    /// Notes how far it came. Where that was not measured yet, what an earlier stream noted stays as it is, also if that was
    /// damaged.
    fn note(&self) -> Result<(), BackupError> {
        match self.measured {
            true => self.archive.note_standing(&self.standing),
            false => Ok(()),
        }
    }

    /// The same when it ends, also as the last mark of its segment.
    fn note_last(&self) -> Result<(), BackupError> {
        self.note()?;
        match self.measured {
            true => self.archive.keep_mark(&self.standing),
            false => Ok(()),
        }
    }

    fn seal_all(&mut self) -> Result<(), BackupError> {
        while self.archive.seal_next(self.segment_bytes)? {}
        Ok(())
    }

    fn judge(&self, status: Option<ExitStatus>, words: &str) -> BackupError {
        let words = self.source.address.scrubbed(words.trim());
        let lines: Vec<&str> = words.lines().map(str::trim).collect();
        let ended = status.map_or_else(String::new, |status| format!(" ({status})"));
        let why = match lines.is_empty() {
            true => format!("pg_receivewal ended{ended}"),
            false => format!("{}{ended}", lines.join("; ")),
        };
        self.archive.failed(match why.contains(REMOVED) {
            true => ContinuousProblem::LogRemoved { why },
            false => ContinuousProblem::StreamEnded { why },
        })
    }

    /// Asks the server how far it is, and knows then how far the stream is.
    async fn look(&mut self) -> Result<Received, ContinuousProblem> {
        let how = if self.source.synchronous {
            "flush"
        } else {
            "write"
        };
        let asked = [self.source.slot.as_str(), how];
        let rows: Vec<Look> = self
            .session
            .rows("look at the stream", LOOK, &asked)
            .await?;
        let slot = Slot::look(&mut self.session, &self.source.slot).await?;
        let Some(slot) = slot else {
            return Err(ContinuousProblem::StreamEnded {
                why: format!("the replication slot {} is gone", self.source.slot),
            });
        };
        self.archive
            .bound(&mut self.session, self.source, &slot)
            .await?;
        let mut received = Received {
            kept_bytes: slot.kept_bytes,
            wal_status: slot.wal_status,
            ..Received::default()
        };
        if let Some((clock_us, written, streamed, keep, writes)) = rows.into_iter().next() {
            received.bounded_by_server = keep != "-1";
            let clock = Timestamp::from_microsecond(clock_us).unwrap_or_default();
            if let Ok(lsn) = written.parse() {
                let digits = writes.get(..8).unwrap_or_default();
                self.pending.push_back(Mark {
                    timeline: u32::from_str_radix(digits, 16).ok(),
                    lsn,
                    at: clock,
                });
            }
            let streamed: Option<Lsn> = streamed.and_then(|streamed| streamed.parse().ok());
            self.advance(streamed);
            received.until = self.standing.received_until;
            let behind = received.until.map(|until| clock.duration_since(until));
            received.behind = behind.and_then(|behind| Duration::try_from(behind).ok());
        }
        Ok(received)
    }

    /// What the stream has reached of the moments that are waited for.
    fn advance(&mut self, streamed: Option<Lsn>) {
        let Some(streamed) = streamed else { return };
        while let Some(mark) = self.pending.front().copied() {
            if mark.lsn > streamed {
                break;
            }
            self.pending.pop_front();
            if Some(mark.at) > self.standing.received_until {
                self.measured = true;
                let before = std::mem::replace(
                    &mut self.standing,
                    ArchiveStanding {
                        received_until: Some(mark.at),
                        received_lsn: Some(mark.lsn),
                        received_timeline: mark.timeline,
                    },
                );
                let of = |lsn: Lsn| lsn.0.saturating_sub(1) / self.segment_bytes;
                // The last one of its segment.
                let is_last = before
                    .received_lsn
                    .is_some_and(|lsn| of(lsn) != of(mark.lsn));
                if is_last || before.received_timeline != mark.timeline {
                    self.left.push(before);
                }
            }
        }
        // A stream that is far behind needs no moment of each second.
        while self.pending.len() > WAL_PENDING_MAX {
            self.pending.pop_back();
        }
    }
}

/// The files in the folder of what is received.
fn received(incoming: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let failed = |error| failed_to("list", incoming, error);
    let listing = fs::read_dir(incoming).map_err(failed)?;
    let paths: Result<Vec<PathBuf>, _> = listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}
