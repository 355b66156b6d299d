//! PostgreSQL databases: dumping one that is used, knowing what is in it, putting it into the place of another.
//!
//! A backup is of one moment: a session of ours begins a transaction that sees one moment, gives it a name
//! (`pg_export_snapshot`), `pg_dump` dumps under that name, and meanwhile the session reads under the same
//! transaction what the manifest says of the content. So rows that were committed before are in both, and rows that
//! come later are in neither.
//!
//! The dump lies in the archive as `dump`, a file in pg_dump's custom format, or a folder in its directory format when
//! several jobs write it; beside it are `roles.sql` and `database.sql`, which make what a dump does not hold.
//! It is not compressed: the archive is.
//!
//! Sessions are asynchronous and this crate is not, so each operation has a runtime on a thread of its own, which
//! also works where the caller is asynchronous.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::archive::ArchiveWriter;
use crate::bounds::POSTGRES_LOCK_S;
use crate::capture::Unsettled;
use crate::durable::{PrivateFolder, TEMPORARY_PREFIX};
use crate::manifest::StoreManifest;
use crate::on_disk::{OnDisk, Shape};
use crate::since::TableNow;
use crate::vault::failed_to;
use crate::{BackupError, OpenTransaction, StoreKind, StoreSize, TableEntry};

mod address;
mod amcheck;
mod content;
mod continuous;
mod listing;
mod moment;
mod problem;
mod remote;
mod restore;
mod rights;
mod schema;
mod session;
mod settings;
mod system_user;
mod tools;
mod transactions;

pub use address::PostgresAddress;
pub use amcheck::Amcheck;
pub use content::{DefinitionsEntry, ExtensionEntry, PostgresContent, SequenceEntry};
pub use continuous::{
    ArchiveIdentity, ArchiveLock, ArchivePoint, ArchiveStanding, ArchiveVerification, BaseBackup,
    ClusterExamined, ContinuousArchive, ContinuousProblem, ContinuousPruned, ContinuousSource,
    ContinuousVerified, FetchedCluster, LogGap, Lsn, PointLimits, Received, RecoveredCluster,
    RecoveryOrder, RecoveryPlace, RecoveryRange, clear_left_recoveries,
};
pub(crate) use listing::DumpCheck;
pub use problem::PostgresProblem;
pub use settings::{DatabaseGrant, DatabaseSetting, DatabaseSettings};

use content::Seen;
use moment::Moment;
use session::Session;
use tools::Tools;

/// The dump, within the store.
const DUMP: &str = "dump";
const ROLES: &str = "roles.sql";
const DATABASE: &str = "database.sql";

/// A database of a store, as this module knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Database<'a> {
    /// The name of the store.
    pub(crate) store: &'a str,
    pub(crate) address: &'a PostgresAddress,
    /// How many sessions dump and restore at a time.
    pub(crate) jobs: u32,
}

impl Database<'_> {
    /// Dumps the database as it is at one moment and writes the dump to the archive. Until it is packed, it lies in
    /// a private folder in `vault`.
    fn dump(&self, archive: &mut ArchiveWriter, vault: &Path) -> Result<StoreManifest, Unsettled> {
        let private = PrivateFolder::new(vault, TEMPORARY_PREFIX)
            .map_err(|source| failed_to("create a folder in", vault, source))?;
        let folder = private.path().join(self.store);
        fs::create_dir(&folder).map_err(|source| failed_to("create", &folder, source))?;
        let content = self.blocking(async {
            let taken = take(self.address, (self.jobs, self.jobs), &folder).await;
            match taken {
                // The sessions that read have taken the room of those that dump.
                Err(problem) if self.jobs > 1 && problem.lacks_room_for_sessions() => {
                    let emptied =
                        fs::remove_dir_all(&folder).and_then(|()| fs::create_dir(&folder));
                    emptied.map_err(|error| not_written(&folder, &error))?;
                    take(self.address, (self.jobs, 1), &folder).await
                }
                taken => taken,
            }
        })?;
        let on_disk = OnDisk {
            name: self.store.to_owned(),
            shape: Shape::Directory,
            path: folder,
        };
        let mut manifest = crate::capture::capture(&on_disk, Some(archive))?;
        manifest.kind = StoreKind::Postgres;
        manifest.digest = content.digest();
        manifest.postgres = Some(content);
        Ok(manifest)
    }

    /// The digest of what is in the database now.
    fn digest(&self) -> Result<String, BackupError> {
        self.blocking(async {
            let mut moment = self.moment().await?;
            let seen = Seen::read(&mut moment).await?;
            moment.end().await?.close().await;
            Ok(seen.digest())
        })
    }

    /// What is in the database now, thing by thing.
    fn things(&self) -> Result<BTreeMap<String, String>, BackupError> {
        self.blocking(async {
            let mut moment = self.moment().await?;
            let things = content::things(&mut moment).await?;
            moment.end().await?.close().await;
            Ok(things)
        })
    }

    /// The tables as they are now, of one moment, with how many rows have larger keys than those of `then`.
    fn tables_now(&self, then: &[TableEntry]) -> Result<Vec<TableNow>, BackupError> {
        self.blocking(async {
            let mut moment = self.moment().await?;
            let tables = content::tables_now(&mut moment, then).await?;
            moment.end().await?.close().await;
            Ok(tables)
        })
    }

    /// Sessions that see it as it is now.
    async fn moment(&self) -> Result<Moment, PostgresProblem> {
        let mut moment = Moment::of(self.address).await?;
        moment.widen(self.address, self.jobs).await?;
        Ok(moment)
    }

    /// Has `pg_amcheck` read a copy that is thrown away.
    pub(crate) fn amcheck_copy(&self) -> Result<Amcheck, BackupError> {
        self.blocking(amcheck::amcheck(self.address, true))
    }

    /// How large the database is now.
    fn bytes(&self) -> Result<StoreSize, BackupError> {
        self.blocking(async {
            let mut session = Session::open(self.address).await?;
            let bytes: i64 = session.value(SIZE).await?;
            session.close().await;
            Ok(StoreSize {
                entries: ENTRIES,
                bytes: u64::try_from(bytes).unwrap_or(0),
            })
        })
    }

    /// Whether a backup could begin: the tools are there, and everything may be read.
    fn can_be_dumped(&self) -> Result<(), BackupError> {
        self.blocking(async {
            let mut session = Session::open(self.address).await?;
            let tools = Tools::installed();
            for tool in ["pg_dump", "pg_restore"] {
                tools.find(tool, session.major, "the server").await?;
            }
            rights::may_read(&mut session).await?;
            session.close().await;
            Ok(())
        })
    }

    /// Whether the user may copy the database beside itself, and put a copy into its place.
    fn may_be_restored(&self) -> Result<(), BackupError> {
        self.blocking(async {
            let mut session = Session::open(self.address).await?;
            rights::may_restore(&mut session, self.address.database()).await?;
            session.close().await;
            Ok(())
        })
    }

    /// Transactions of others that have been open for at least so many milliseconds, the oldest first.
    fn open_transactions(&self, at_least_ms: u64) -> Result<Vec<OpenTransaction>, BackupError> {
        self.blocking(async {
            let mut session = Session::open(self.address).await?;
            let open = transactions::open_for(&mut session, at_least_ms).await?;
            session.close().await;
            Ok(open)
        })
    }

    /// Whether a restore could begin: roles, extensions, rights and the tool are there.
    fn prepare(&self, wanted: &PostgresContent) -> Result<(), BackupError> {
        self.blocking(async {
            let mut session = Session::beside(self.address).await?;
            let major = restore::major_of(&wanted.pg_dump);
            let tools = Tools::installed();
            tools.find("pg_restore", major, "the dump").await?;
            restore::prepare(&mut session, wanted).await?;
            rights::may_rename(&mut session, self.address.database()).await?;
            session.close().await;
            Ok(())
        })
    }

    /// Whether the sessions that are open with the database now may be ended. None of them is.
    fn may_be_emptied_of_sessions(&self) -> Result<(), BackupError> {
        self.blocking(async {
            let mut session = Session::beside(self.address).await?;
            restore::may_end_sessions(&mut session, self.address.database()).await?;
            session.close().await;
            Ok(())
        })
    }

    /// Makes the database, which must not exist, and puts the dump in `folder` into it.
    fn load(&self, wanted: &PostgresContent, folder: &Path, what: &str) -> Result<(), BackupError> {
        self.blocking(restore::load(self.address, wanted, folder, self.jobs, what))
    }

    /// Puts the database `new` into the place of this one, which is kept as `kept`. Says whether there was one.
    fn swap(&self, new: &str, kept: &str, wanted: &PostgresContent) -> Result<bool, BackupError> {
        self.blocking(restore::swap(self.address, new, kept, wanted))
    }

    /// Which of these databases the server has.
    fn existing(&self, names: [&str; 2]) -> Result<[bool; 2], BackupError> {
        self.blocking(async {
            let mut session = Session::beside(self.address).await?;
            let found = [
                restore::exists(&mut session, names[0]).await?,
                restore::exists(&mut session, names[1]).await?,
            ];
            session.close().await;
            Ok(found)
        })
    }

    /// Databases that this program made on the same server and that are not in use.
    fn marked(&self) -> Result<Vec<String>, BackupError> {
        self.blocking(async {
            let mut session = Session::beside(self.address).await?;
            let names = restore::marked(&mut session).await?;
            session.close().await;
            Ok(names)
        })
    }

    /// Drops this database, if this program made and marked it.
    fn drop_marked(&self) -> Result<(), BackupError> {
        self.blocking(async {
            let mut session = Session::beside(self.address).await?;
            restore::drop_marked(&mut session, self.address.database()).await?;
            session.close().await;
            Ok(())
        })
    }

    fn blocking<T: Send>(
        &self,
        work: impl Future<Output = Result<T, PostgresProblem>> + Send,
    ) -> Result<T, BackupError> {
        blocking(work).map_err(|problem| BackupError::Postgres {
            store: self.store.to_owned(),
            problem,
        })
    }
}

/// The name under which a restored database waits, and the one under which the replaced one is kept.
fn names_beside(database: &str, time: &str) -> (String, String) {
    let name = |what: &str| restore::beside(database, &format!("_{what}_{time}"));
    (name(RESTORED), name(REPLACED))
}

/// How the names of databases begin that restores of this one made, up to where names are cut.
fn restored_prefix(database: &str, time: &str) -> String {
    let (name, _) = names_beside(database, time);
    name.strip_suffix(time).unwrap_or(&name).to_owned()
}

const RESTORED: &str = "restored";
const REPLACED: &str = "replaced";

const SIZE: &str = "SELECT pg_database_size(current_database())";
/// The dump and the two scripts beside it.
const ENTRIES: u64 = 3;
/// Dumps the database into `folder` in so many sessions, while so many read the rows.
async fn take(
    address: &PostgresAddress,
    (jobs, readers): (u32, u32),
    folder: &Path,
) -> Result<PostgresContent, PostgresProblem> {
    let mut session = Session::open(address).await?;
    let tool = Tools::installed()
        .find("pg_dump", session.major, "the server")
        .await?;
    rights::may_read(&mut session).await?;
    let mut moment = Moment::begin(session).await?;
    let snapshot = moment.export().await?;
    let session = moment.first();
    // They go on without a transaction, so the dump has them as they are now or later.
    let sequences = content::sequences(session).await?;
    let (settings, roles, extensions, size_bytes) = beside_rows(session, folder).await?;
    moment.widen_by(&snapshot, address, readers).await?;
    let mut arguments: Vec<OsString> = [
        "--no-password",
        "--compress=0",
        &format!("--snapshot={snapshot}"),
        &format!("--lock-wait-timeout={}", POSTGRES_LOCK_S * 1000),
    ]
    .map(OsString::from)
    .to_vec();
    if jobs > 1 {
        arguments.extend(["--format=directory".into(), format!("--jobs={jobs}").into()]);
    } else {
        arguments.push("--format=custom".into());
    }
    arguments.extend(["--file".into(), folder.join(DUMP).into()]);
    // If one fails, the other is given up.
    let (_, seen) = tokio::try_join!(tool.run(&arguments, Some(address)), Seen::read(&mut moment))?;
    let session = moment.end().await?;
    let server = session.version.clone();
    session.close().await;
    Ok(PostgresContent {
        database: address.database().to_owned(),
        server,
        pg_dump: tool.version,
        size_bytes,
        settings,
        roles,
        extensions,
        definitions: seen.definitions,
        sequences,
        large_objects: seen.large_objects,
        large_objects_digest: seen.large_objects_digest,
        tables: seen.tables,
    })
}

/// What a dump does not hold, noted and written beside it.
async fn beside_rows(
    session: &mut Session,
    folder: &Path,
) -> Result<(DatabaseSettings, Vec<String>, Vec<ExtensionEntry>, u64), PostgresProblem> {
    let settings = DatabaseSettings::read(session).await?;
    let roles = settings::roles(session).await?;
    let roles_script = settings::roles_script(session, &roles).await?;
    let extensions = content::extensions(session).await?;
    let size: i64 = session.value(SIZE).await?;
    let written = |name: &str, text: &str| {
        fs::write(folder.join(name), text).map_err(|error| not_written(folder, &error))
    };
    written(ROLES, &roles_script)?;
    written(DATABASE, &settings.script())?;
    Ok((
        settings,
        roles,
        extensions,
        u64::try_from(size).unwrap_or(0),
    ))
}

fn not_written(folder: &Path, error: &io::Error) -> PostgresProblem {
    PostgresProblem::Failed {
        doing: "write beside the dump",
        place: folder.display().to_string(),
        why: error.to_string(),
    }
}

/// Runs asynchronous work to its end, on a thread of its own.
fn blocking<T: Send>(
    work: impl Future<Output = Result<T, PostgresProblem>> + Send,
) -> Result<T, PostgresProblem> {
    blocking_with(work, |problem| problem)
}

/// The same for work with errors of another kind, which `lost` makes if the thread fails.
fn blocking_with<T: Send, E: Send>(
    work: impl Future<Output = Result<T, E>> + Send,
    lost: impl Fn(PostgresProblem) -> E + Sync,
) -> Result<T, E> {
    crate::runtime::blocking(work, |why| {
        lost(PostgresProblem::Failed {
            doing: "work",
            place: "this machine".to_owned(),
            why,
        })
    })
}

#[cfg(test)]
mod tests;
