//! A server on a recovered cluster, that only we can reach.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;

use super::base_check;
use super::recover::{AUTO, Place, create};
use super::segment_file;
use super::server::Server;
use super::{BaseBackup, ContinuousArchive, ContinuousProblem, LogGap, Lsn};
use crate::bounds::{
    POSTGRES_TOOL_S, RECOVERY_ADMIT_MS, RECOVERY_LOOK_MS, RECOVERY_STOP_S, TOOL_WORDS_BYTES_MAX,
};
use crate::clock::Stopwatch;
use crate::postgres::amcheck;
use crate::postgres::content::Seen;
use crate::postgres::moment::Moment;
use crate::postgres::session::{Session, literal, quoted};
use crate::postgres::system_user::SystemUser;
use crate::postgres::tools::{Tool, interrupt, quit};
use crate::vault::failed_to;
use crate::{Amcheck, BackupError, PostgresAddress, PostgresProblem, Store};

/// The port is part of the name of the socket, which is in a folder of its own.
const PORT: u16 = 5432;
/// A database that every cluster has.
const ANY: &str = "template1";
const HBA: &str = "pg_hba.conf";
const HBA_LINES: &str = "local all all trust\n";
/// What the server says when the log ends before the moment.
const TOO_SHORT: &str = "recovery ended before configured recovery target was reached";

/// What is started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) archive: ContinuousArchive,
    pub(super) server: Tool,
    pub(super) user: Option<SystemUser>,
    pub(super) base: BaseBackup,
    pub(super) at: Option<Timestamp>,
    pub(super) may_end_before: bool,
    pub(super) reaches: Timestamp,
    /// Where the log must be replayed to, for that.
    pub(super) needs: Option<Lsn>,
    pub(super) gap: Option<LogGap>,
    /// Whether what is recovered stays.
    pub(super) durable: bool,
    /// The port of this machine's loopback address on which it listens besides; `None` is nowhere.
    pub(super) port: Option<u16>,
}

/// A recovered cluster with a server on it, that ends with this value. It listens on a socket in a private folder, and
/// nowhere else.
#[derive(Debug)]
pub struct RecoveredCluster {
    /// From which base backup.
    pub base: BaseBackup,
    /// When the last transaction that it has was committed, by the server's clock; `None` if there was none since the
    /// base backup.
    pub last_commit: Option<Timestamp>,
    /// Everything that was committed until then is in it: the moment that was asked for, or the last one that there is. The
    /// log was replayed that far, as far as it was measured where that is.
    pub reaches: Timestamp,
    /// The log that is missing after that, if everything was asked for: log that came later cannot be used.
    pub gap: Option<LogGap>,
    /// How far the log was replayed.
    pub last_lsn: Option<Lsn>,
    /// Whether the log went on after the moment, so that everything until then is in it whatever else is known.
    pub stopped_at_moment: bool,
    /// How long unpacking took.
    pub unpacked_in: Duration,
    /// How long it took until it could be asked.
    pub took: Duration,
    store: String,
    server: Server,
    socket: tempfile::TempDir,
    port: Option<u16>,
    place: Place,
    settings: tempfile::TempDir,
}

/// What was found in a recovered database that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterExamined {
    /// The digest of its content, as a backup of it would have.
    pub digest: String,
    /// How many tables it has.
    pub tables: u64,
    /// How many rows they have.
    pub rows: u64,
    /// What `pg_amcheck` read.
    pub amcheck: Amcheck,
}

impl Launch {
    /// Starts the server and waits until it has replayed the log.
    pub(super) fn run(self, mut place: Place) -> Result<RecoveredCluster, BackupError> {
        base_check::check(&self.archive, place.data(), self.base.major)?;
        let (mut socket, mut settings) = (
            self.folder("portcullis-socket-")?,
            self.folder("portcullis-server-")?,
        );
        if let Some(closed) = self.user.and_then(|user| user.kept_out(socket.path())) {
            return Err(self.failed(ContinuousProblem::PlaceRefused {
                folder: socket.path().display().to_string(),
                why: format!(
                    "the user postgres may not go into {}; set TMPDIR to a folder where everybody may",
                    closed.display()
                ),
            }));
        }
        let mut at = self.at;
        loop {
            let log = settings.path().join("log");
            let child = self.start(&place, (socket.path(), settings.path()), at, &log)?;
            let mut cluster = RecoveredCluster {
                base: self.base.clone(),
                last_commit: None,
                last_lsn: None,
                reaches: self.reaches,
                gap: self.gap.clone(),
                stopped_at_moment: false,
                unpacked_in: Duration::ZERO,
                took: Duration::ZERO,
                store: self.archive.store.clone(),
                server: Server::of(child),
                socket,
                port: self.port,
                place,
                settings,
            };
            match cluster.wait(&log) {
                Ok(()) => {
                    // With a moment to stop at, it ends well only if the log goes on after it.
                    cluster.stopped_at_moment = at.is_some();
                    return match self.short_of(&cluster) {
                        Some(why) => self.fell_short(cluster, &why),
                        None => Ok(cluster),
                    };
                }
                // Nothing was committed after the moment, so all that there is belongs to it.
                Err(why) if why.contains(TOO_SHORT) && self.may_end_before && at.is_some() => {
                    (place, socket, settings) = cluster.dissolve();
                    at = None;
                }
                Err(why) => {
                    drop(cluster);
                    let problem = match why.contains(TOO_SHORT) {
                        true => ContinuousProblem::OutOfRange {
                            asked: self.at,
                            ranges: self.archive.ranges().unwrap_or_default(),
                        },
                        false => ContinuousProblem::RecoveryFailed { why },
                    };
                    return Err(self.failed(problem));
                }
            }
        }
    }

    /// A new temporary folder of the user that the server runs as.
    fn folder(&self, what: &str) -> Result<tempfile::TempDir, BackupError> {
        let made = tempfile::Builder::new().prefix(what).tempdir();
        let made = made.and_then(|made| {
            if let Some(user) = self.user {
                user.own(made.path())?;
            }
            Ok(made)
        });
        made.map_err(|error| failed_to("create a folder in", &std::env::temp_dir(), error))
    }

    fn failed(&self, problem: ContinuousProblem) -> BackupError {
        self.archive.failed(problem)
    }

    /// Why not everything is in a cluster that is to be there, if it was replayed to the end of its log.
    fn short_of(&self, cluster: &RecoveredCluster) -> Option<String> {
        let (replayed, needs) = (cluster.last_lsn?, self.needs?);
        (!cluster.stopped_at_moment && replayed < needs).then(|| {
            format!("the server replays the log up to {replayed}, and up to {needs} was received")
        })
    }

    /// The log can be replayed less far than was announced. What cannot be is damaged for everybody from now on; everything
    /// that is there is still worth having.
    fn fell_short(
        &self,
        mut cluster: RecoveredCluster,
        why: &str,
    ) -> Result<RecoveredCluster, BackupError> {
        let number = cluster.last_lsn.unwrap_or(Lsn(0)).0 / self.base.segment_bytes;
        let survey = self.archive.survey()?;
        if let Some((_, file)) = survey.chain().file(number) {
            self.archive.note_damaged(file.noted_as(), why.to_owned())?;
            if self.at.is_some() {
                return Err(self
                    .archive
                    .without(segment_file::file_name(&file.path), why));
            }
        }
        match self.archive.choose(self.at) {
            Ok(now) if now.gap.is_some() && now.base.id == self.base.id => {
                cluster.reaches = now.reaches;
                cluster.gap = now.gap;
                Ok(cluster)
            }
            _ => Err(self.failed(ContinuousProblem::RecoveryFailed {
                why: why.to_owned(),
            })),
        }
    }

    fn start(
        &self,
        place: &Place,
        (socket, settings): (&Path, &Path),
        at: Option<Timestamp>,
        log: &Path,
    ) -> Result<Child, BackupError> {
        let writing = |error| failed_to("write the settings of the server to", settings, error);
        let written = |name: &str, text: &str| -> std::io::Result<()> {
            let path = settings.join(name);
            let _ = fs::remove_file(&path);
            create(&path)?.write_all(text.as_bytes())
        };
        let text = self.settings(place.data(), socket, settings, at);
        written("postgresql.conf", &text).map_err(writing)?;
        // The socket is in a folder into which only this user may go.
        written(HBA, HBA_LINES).map_err(writing)?;
        written("pg_ident.conf", "").map_err(writing)?;
        if let Some(user) = self.user {
            user.own(settings).map_err(writing)?;
        }
        let output = File::create(log).map_err(writing)?;
        let arguments = [
            "-D".into(),
            place.data().into(),
            "-c".into(),
            format!("config_file={}", settings.join("postgresql.conf").display()).into(),
        ];
        self.server
            .serve(&arguments, place.data(), output, self.user)
            .map_err(|problem| self.failed(problem.into()))
    }

    /// The settings of the server: nothing but what a recovery needs.
    fn settings(
        &self,
        data: &Path,
        socket: &Path,
        settings: &Path,
        at: Option<Timestamp>,
    ) -> String {
        let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let path = |path: &Path| text(&path.display().to_string());
        let durable = if self.durable { "on" } else { "off" };
        // One prepared transaction more than there could be.
        let prepared = (self.base.prepared_max + 1).to_string();
        let listen = self.port.map_or("", |_| "127.0.0.1");
        let mut lines = vec![
            ("data_directory", path(data)),
            ("hba_file", path(&settings.join("pg_hba.conf"))),
            ("ident_file", path(&settings.join("pg_ident.conf"))),
            ("listen_addresses", text(listen)),
            ("port", self.port.unwrap_or(PORT).to_string()),
            ("unix_socket_directories", path(socket)),
            ("unix_socket_permissions", "0700".to_owned()),
            ("ssl", "off".to_owned()),
            ("hot_standby", "off".to_owned()),
            ("archive_mode", "off".to_owned()),
            ("autovacuum", "off".to_owned()),
            ("shared_preload_libraries", text("")),
            ("max_logical_replication_workers", "0".to_owned()),
            ("max_prepared_transactions", prepared),
            ("max_connections", "100".to_owned()),
            ("fsync", durable.to_owned()),
            ("full_page_writes", durable.to_owned()),
            ("logging_collector", "off".to_owned()),
            ("log_destination", text("stderr")),
            ("lc_messages", text("C")),
            ("log_min_messages", "fatal".to_owned()),
            // A statement may have data in it.
            ("log_min_error_statement", "panic".to_owned()),
            // What is needed lies in pg_wal.
            ("restore_command", text("false")),
            ("recovery_target_timeline", text("latest")),
            ("recovery_target_action", text("promote")),
        ];
        if let Some(at) = at {
            let at = at.strftime("%Y-%m-%d %H:%M:%S.%6f+00").to_string();
            lines.push(("recovery_target_time", text(&at)));
        }
        let lines = lines
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"));
        lines.collect()
    }
}

impl RecoveredCluster {
    /// Where a database of it is, for its superuser.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] if a name in it cannot be part of an address.
    pub fn address(&self, database: &str) -> Result<PostgresAddress, BackupError> {
        let port = self.port.unwrap_or(PORT);
        PostgresAddress::at_socket(self.socket.path(), port, &self.base.superuser, database)
            .map_err(|problem| self.failed(problem))
    }

    /// A database of it as a store, to be backed up like any other.
    ///
    /// # Errors
    /// As [`RecoveredCluster::address`].
    pub fn store(&self, database: &str, jobs: u32) -> Result<Store, BackupError> {
        let address = self.address(database)?;
        Ok(Store::postgres(&self.store, address, jobs))
    }

    /// Checks a database of it with `pg_amcheck`, if it has the extension `amcheck`. Nothing in it is changed. If
    /// `pg_amcheck` cannot do its work, that says nothing about the database, and keeps nobody from recovering it.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] with what is damaged.
    pub fn check(&self, database: &str) -> Result<Amcheck, BackupError> {
        let address = self.address(database)?;
        match crate::postgres::blocking(amcheck::amcheck(&address, false)) {
            Err(problem @ PostgresProblem::ToolFailed { .. }) => Ok(Amcheck::NotRun {
                why: problem.to_string(),
            }),
            checked => checked.map_err(|problem| self.failed(problem)),
        }
    }

    /// Reads every row of a database of it, and has `pg_amcheck` read its tables and indexes. For a cluster that is
    /// thrown away: the extension that this needs is made for the moment if it is missing.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] with what is damaged or cannot be read.
    pub fn examine(&self, database: &str) -> Result<ClusterExamined, BackupError> {
        let address = self.address(database)?;
        let work = async {
            let mut moment = Moment::of(&address).await?;
            let seen = Seen::read(&mut moment).await?;
            moment.end().await?.close().await;
            let amcheck = amcheck::amcheck(&address, true).await?;
            Ok(ClusterExamined {
                digest: seen.digest(),
                tables: seen.tables.len() as u64,
                rows: seen.tables.iter().map(|table| table.rows).sum(),
                amcheck,
            })
        };
        crate::postgres::blocking(work).map_err(|problem| self.failed(problem))
    }

    /// Lets a user into a database of it from this machine, by the port on which it listens, with a password of this
    /// cluster's own: how the live server knows its users does not matter then. Returns the address.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] if the cluster listens on no port, or has no such user or database.
    pub fn admit(&self, user: &str, database: &str) -> Result<PostgresAddress, BackupError> {
        let password = self.password()?;
        let port = self.port.ok_or_else(|| {
            let why = "it listens on no port".to_owned();
            self.as_error(ContinuousProblem::RecoveryFailed { why })
        })?;
        let plain = |name: &str| !name.chars().any(char::is_control);
        if !(plain(user) && plain(database)) {
            let why = "the name of the user or of the database has a control character".to_owned();
            return Err(self.as_error(ContinuousProblem::RecoveryFailed { why }));
        }
        // Nobody could come in so before.
        let line = format!(
            "host {} {} 127.0.0.1/32 scram-sha-256\n",
            quoted(database),
            quoted(user)
        );
        let path = self.settings.path().join(HBA);
        fs::write(&path, format!("{HBA_LINES}{line}"))
            .map_err(|error| failed_to("write", &path, error))?;
        let address = self.address(database)?;
        let role = quoted(user);
        let statement = format!(
            "SET password_encryption = 'scram-sha-256'; SET log_statement = 'none'; \
             ALTER ROLE {role} LOGIN PASSWORD {} VALID UNTIL 'infinity'; SELECT pg_reload_conf()",
            literal(&password)
        );
        let admitted = PostgresAddress::at_loopback(port, (user, &password), database);
        crate::postgres::blocking(async {
            let mut session = Session::open(&address).await?;
            session.run("give the user a password", &statement).await?;
            session.close().await;
            // The server reads its settings a moment later.
            let watch = Stopwatch::start();
            loop {
                match Session::open(&admitted).await {
                    Ok(session) => {
                        session.close().await;
                        return Ok(());
                    }
                    Err(_) if !watch.is_over(RECOVERY_ADMIT_MS) => {
                        tokio::time::sleep(Duration::from_millis(RECOVERY_LOOK_MS)).await;
                    }
                    Err(problem) => return Err(problem),
                }
            }
        })
        .map_err(|problem| self.failed(problem))?;
        Ok(admitted)
    }

    /// A password that nobody knows.
    fn password(&self) -> Result<String, BackupError> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|error| {
            let why = format!("there is no random password: {error}");
            self.as_error(ContinuousProblem::RecoveryFailed { why })
        })?;
        Ok(hex::encode(bytes))
    }

    /// The name of the store whose cluster it is.
    #[must_use]
    pub fn store_name(&self) -> &str {
        &self.store
    }

    /// Where it lies.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.place.data()
    }

    /// Stops the server. A folder that was to stay is then as PostgreSQL leaves it after a shutdown, with the settings
    /// that it came with; a scratch folder is removed.
    ///
    /// # Errors
    /// [`ContinuousProblem::RecoveryFailed`] if it does not end.
    pub fn stop(mut self) -> Result<(), BackupError> {
        if let Some(child) = self.server.child() {
            interrupt(child.id());
        }
        let watch = Stopwatch::start();
        loop {
            match self.server.ended() {
                Some(status) if status.success() => break,
                Some(status) => {
                    let why = format!("the server did not stop well ({status})");
                    let problem = ContinuousProblem::RecoveryFailed { why };
                    return Err(self.as_error(problem));
                }
                None if watch.is_over(RECOVERY_STOP_S * 1000) => {
                    let why = "the server did not stop".to_owned();
                    let problem = ContinuousProblem::RecoveryFailed { why };
                    return Err(self.as_error(problem));
                }
                None => sleep(Duration::from_millis(RECOVERY_LOOK_MS)),
            }
        }
        let data = self.place.data();
        let aside = data.join(format!("{AUTO}.aside"));
        if aside.exists() {
            let auto = data.join(AUTO);
            fs::rename(&aside, &auto).map_err(|error| failed_to("rename", &auto, error))?;
        }
        Ok(())
    }

    fn as_error(&self, problem: ContinuousProblem) -> BackupError {
        BackupError::Continuous {
            store: self.store.clone(),
            problem: Box::new(problem),
        }
    }

    fn failed(&self, problem: PostgresProblem) -> BackupError {
        self.as_error(problem.into())
    }

    /// Waits until the log is replayed; says why the server ended if it did.
    fn wait(&mut self, log: &Path) -> Result<(), String> {
        let address = self.address(ANY).map_err(|error| error.to_string())?;
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.server.ended() {
                return Err(said(log, &status.to_string()));
            }
            let asked = crate::postgres::blocking(ask(&address));
            match asked {
                Ok(Some((commit, lsn))) => {
                    self.last_commit =
                        commit.and_then(|commit| Timestamp::from_microsecond(commit).ok());
                    self.last_lsn = lsn.and_then(|lsn| lsn.parse().ok());
                    return Ok(());
                }
                Ok(None) => {}
                // It is not up yet, or lets nobody in before it is consistent.
                Err(problem) if problem.is_passing() => {}
                Err(problem) => return Err(problem.to_string()),
            }
            if watch.is_over(POSTGRES_TOOL_S * 1000) {
                return Err(format!("it took more than {POSTGRES_TOOL_S} s"));
            }
            sleep(Duration::from_millis(RECOVERY_LOOK_MS));
        }
    }

    /// The folders, once the server has ended.
    fn dissolve(self) -> (Place, tempfile::TempDir, tempfile::TempDir) {
        let Self {
            server,
            place,
            socket,
            settings,
            ..
        } = self;
        drop(server);
        (place, socket, settings)
    }
}

/// When the last commit was and how far the log was replayed, once the recovery is over.
async fn ask(
    address: &PostgresAddress,
) -> Result<Option<(Option<i64>, Option<String>)>, PostgresProblem> {
    const ASK: &str = "SELECT pg_is_in_recovery(), \
         (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::int8, pg_last_wal_replay_lsn()::text";
    let mut session = Session::open(address).await?;
    let rows: Vec<(bool, Option<i64>, Option<String>)> = session
        .rows("ask for the end of the recovery", ASK, &[])
        .await?;
    session.close().await;
    let row = rows.into_iter().next();
    Ok(row.and_then(|(recovering, commit, lsn)| (!recovering).then_some((commit, lsn))))
}

/// What a server said before it ended. Only what it gives as the reason: other lines may have data in them.
fn said(log: &Path, status: &str) -> String {
    let text = fs::read(log).unwrap_or_default();
    let from = text.len().saturating_sub(TOOL_WORDS_BYTES_MAX);
    let text = String::from_utf8_lossy(&text[from..]).into_owned();
    let reasons = text.lines().filter_map(|line| {
        let kinds = ["FATAL:", "PANIC:", "HINT:"];
        let at = kinds.iter().find_map(|kind| line.find(kind))?;
        Some(line[at..].to_owned())
    });
    let mut reasons: Vec<String> = reasons.collect();
    reasons.dedup();
    match reasons.is_empty() {
        true => format!("the server ended ({status})"),
        false => reasons.join("; "),
    }
}

/// Stops a server that a killed recovery left on a folder.
pub(crate) fn stop_left(data: &Path) {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let pid = text.lines().next().and_then(|line| line.parse().ok());
    let Some(pid) = pid else { return };
    // Another process may have got the number: that one works somewhere else.
    let works_in = fs::read_link(format!("/proc/{pid}/cwd"));
    let here = fs::canonicalize(data);
    if works_in.is_ok() && works_in.ok() == here.ok() {
        quit(pid);
        let watch = Stopwatch::start();
        while PathBuf::from(format!("/proc/{pid}")).exists()
            && !watch.is_over(RECOVERY_STOP_S * 1000)
        {
            sleep(Duration::from_millis(RECOVERY_LOOK_MS));
        }
    }
}
