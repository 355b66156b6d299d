//! Putting a dump into a new database, and the new database into the place of the old one.
//!
//! Until it is in place the new database carries a comment that says what it is (before it has one, a limit of sessions
//! that nobody else gives): what a crash leaves behind is known by it. The two are exchanged by two renames in one transaction. While that runs nobody can open a session
//! with the old database (the server makes new sessions wait for the lock of the rename), those that are open are
//! ended, and if the transaction does not end well the server undoes it: there is no moment in which the name leads
//! to neither.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::content::{Seen, behind, sequences};
use super::moment::Moment;
use super::problem::listed;
use super::rights;
use super::session::{Session, quoted};
use super::tools::Tools;
use super::{PostgresAddress, PostgresContent, PostgresProblem};
use crate::bounds::{POSTGRES_NAME_BYTES_MAX, POSTGRES_SESSIONS_PAUSE_MS, POSTGRES_SWAP_ATTEMPTS};

/// How the comment of a database begins that was made by this program and is not in use.
const MARK: &str = "Portcullis: ";

/// The limit of sessions of a database that was just made and has no comment yet: a database cannot be made together with
/// a comment, and a crash between the two would leave one that nobody knows. It limits nothing.
const UNCOMMENTED_LIMIT: i32 = 1_913_470_127;

/// The name of a database that belongs to another one, cut where the server would cut it.
pub(super) fn beside(database: &str, suffix: &str) -> String {
    let mut end = database
        .len()
        .min(POSTGRES_NAME_BYTES_MAX.saturating_sub(suffix.len()));
    while !database.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &database[..end])
}

/// What is needed for a restore, looked at before anything is touched.
pub(super) async fn prepare(
    session: &mut Session,
    wanted: &PostgresContent,
) -> Result<(), PostgresProblem> {
    let names: Vec<(String,)> = session
        .rows("read the roles", "SELECT rolname::text FROM pg_roles", &[])
        .await?;
    let missing = |name: &&String| !names.iter().any(|(known,)| known == *name);
    let roles: Vec<String> = wanted.roles.iter().filter(missing).cloned().collect();
    if !roles.is_empty() {
        return Err(PostgresProblem::RolesMissing {
            place: session.place.clone(),
            names: roles,
        });
    }
    const AVAILABLE: &str = "SELECT name::text FROM pg_available_extensions";
    let available: Vec<(String,)> = session.rows("read the extensions", AVAILABLE, &[]).await?;
    let missing = wanted
        .extensions
        .iter()
        .filter(|wanted| !available.iter().any(|(known,)| *known == wanted.name));
    let missing: Vec<String> = missing
        .map(|extension| format!("{} {}", extension.name, extension.version))
        .collect();
    if !missing.is_empty() {
        return Err(PostgresProblem::ExtensionsMissing {
            place: session.place.clone(),
            names: missing,
        });
    }
    rights::may_make(session, &wanted.roles, &wanted.extensions).await
}

/// Makes the database of `copy` and puts the dump in `folder` into it, as the backup has it. If that fails, the
/// database is dropped again.
pub(super) async fn load(
    copy: &PostgresAddress,
    wanted: &PostgresContent,
    folder: &Path,
    jobs: u32,
    what: &str,
) -> Result<(), PostgresProblem> {
    let mut maintenance = Session::beside(copy).await?;
    let tool = Tools::installed()
        .find("pg_restore", major_of(&wanted.pg_dump), "the dump")
        .await?;
    let name = quoted(copy.database());
    if exists(&mut maintenance, copy.database()).await? {
        return Err(PostgresProblem::TargetExists {
            database: copy.database().to_owned(),
        });
    }
    let creating = format!(
        "{} CONNECTION LIMIT {UNCOMMENTED_LIMIT}",
        wanted.settings.create(&name)
    );
    maintenance.run("create a database", &creating).await?;
    let mark = super::session::literal(&format!(
        "{MARK}{what}; it may be dropped while no Portcullis works on it"
    ));
    let filled = async {
        let marking = format!("COMMENT ON DATABASE {name} IS {mark}");
        maintenance.run("mark the new database", &marking).await?;
        let mut arguments: Vec<OsString> = [
            "--exit-on-error",
            "--no-password",
            "--dbname",
            copy.database(),
            "--jobs",
            &jobs.to_string(),
        ]
        .map(OsString::from)
        .to_vec();
        arguments.push(folder.join(super::DUMP).into());
        tool.run(&arguments, Some(copy)).await?;
        for statement in wanted.settings.statements(&name) {
            // The limit of sessions counts for those that check it too, unless they are a superuser's.
            if !statement.contains("CONNECTION LIMIT") {
                maintenance
                    .run("set the new database up", &statement)
                    .await?;
            }
        }
        check(copy, wanted, jobs).await
    };
    let outcome = filled.await;
    if outcome.is_err() {
        // If even this fails, it is left behind with its mark.
        let dropping = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let _ = maintenance.run("drop the new database", &dropping).await;
    } else {
        let limit = wanted.settings.connection_limit;
        let limiting = format!("ALTER DATABASE {name} CONNECTION LIMIT {limit}");
        maintenance
            .run("set the new database up", &limiting)
            .await?;
    }
    maintenance.close().await;
    outcome
}

/// Compares what is in the new database with the manifest, and has the server gather its statistics: without them the
/// first questions would be answered slowly.
async fn check(
    copy: &PostgresAddress,
    wanted: &PostgresContent,
    jobs: u32,
) -> Result<(), PostgresProblem> {
    let mut moment = Moment::of(copy).await?;
    moment.widen(copy, jobs).await?;
    let found = Seen::read(&mut moment).await?;
    let sequences = sequences(moment.first()).await?;
    let mut session = moment.end().await?;
    wanted.compare(&found)?;
    if let Some(name) = behind(&wanted.sequences, &sequences) {
        let last = |entries: &[super::SequenceEntry]| {
            let entry = entries.iter().find(|entry| entry.name == name);
            entry
                .and_then(|entry| entry.last)
                .map_or_else(|| "none".to_owned(), |last| last.to_string())
        };
        return Err(PostgresProblem::Differs {
            what: format!("the sequence {name}"),
            expected: format!("at least {}", last(&wanted.sequences)),
            found: last(&sequences),
        });
    }
    session.run("gather statistics", "ANALYZE").await?;
    session.close().await;
    Ok(())
}

/// Puts the database `new` into the place of `live`, which is kept as `kept`. Says whether there was an old one.
pub(super) async fn swap(
    live: &PostgresAddress,
    new: &str,
    kept: &str,
    wanted: &PostgresContent,
) -> Result<bool, PostgresProblem> {
    let mut renamer = Session::beside(live).await?;
    let mut closer = Session::beside(live).await?;
    let old = exists(&mut renamer, live.database()).await?;
    let (live_name, new_name) = (quoted(live.database()), quoted(new));
    let put = format!(
        "{}; ALTER DATABASE {new_name} RENAME TO {live_name}",
        wanted.settings.comment(&new_name)
    );
    if old {
        may_end_sessions(&mut closer, live.database()).await?;
        let keep = format!("ALTER DATABASE {live_name} RENAME TO {}", quoted(kept));
        let mut attempts = 0;
        loop {
            attempts += 1;
            renamer.run("begin the swap", "BEGIN").await?;
            let renamed = tokio::select! {
                renamed = renamer.run("keep the old database", &keep) => renamed,
                never = end_sessions(&mut closer, live.database()) => Err(never),
            };
            match renamed {
                Ok(()) => break,
                Err(error) => {
                    // In vain, if the connection is gone: then the server undoes it by itself.
                    let _ = renamer.run("undo the swap", "ROLLBACK").await;
                    let used = matches!(&error, PostgresProblem::Failed { why, .. } if why.contains("being accessed"));
                    if !used {
                        return Err(error);
                    }
                    if attempts >= POSTGRES_SWAP_ATTEMPTS {
                        let by = users(&mut closer, live.database()).await?;
                        return Err(PostgresProblem::InUse {
                            database: live.database().to_owned(),
                            by,
                        });
                    }
                }
            }
        }
    } else {
        renamer.run("begin the swap", "BEGIN").await?;
    }
    renamer.run("put the new database in place", &put).await?;
    renamer
        .run("put the new database in place", "COMMIT")
        .await?;
    renamer.close().await;
    closer.close().await;
    Ok(old)
}

/// Ends every session of a database again and again, for as long as it is waited for. Returns only with a failure.
async fn end_sessions(closer: &mut Session, database: &str) -> PostgresProblem {
    const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = $1 AND backend_type = 'client backend'";
    loop {
        let ended: Result<Vec<(bool,)>, _> =
            closer.rows("end its sessions", END, &[database]).await;
        if let Err(error) = ended {
            return error;
        }
        sleep(Duration::from_millis(POSTGRES_SESSIONS_PAUSE_MS)).await;
    }
}

/// Whether every session of a database may be ended by the user; nothing is ended if not.
pub(super) async fn may_end_sessions(
    closer: &mut Session,
    database: &str,
) -> Result<(), PostgresProblem> {
    const FOREIGN: &str = "SELECT DISTINCT usename::text FROM pg_stat_activity a \
         WHERE a.datname = $1 AND a.backend_type = 'client backend' AND NOT (\
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR \
         (NOT (SELECT rolsuper FROM pg_roles r WHERE r.oid = a.usesysid) AND \
          (pg_has_role(current_user, a.usesysid, 'USAGE') OR \
           pg_has_role(current_user, 'pg_signal_backend', 'USAGE'))))";
    let foreign: Vec<(Option<String>,)> = closer
        .rows("look at its sessions", FOREIGN, &[database])
        .await?;
    if foreign.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = foreign.into_iter().flat_map(|(name,)| name).collect();
    Err(PostgresProblem::InUse {
        database: database.to_owned(),
        by: format!(
            "sessions of {} may not be ended by this user",
            listed(&names)
        ),
    })
}

/// Who uses a database, for people.
async fn users(closer: &mut Session, database: &str) -> Result<String, PostgresProblem> {
    const USERS: &str = "SELECT concat_ws(' ', coalesce(nullif(application_name, ''), backend_type), \
         '(' || usename || ', process ' || pid || ')') FROM pg_stat_activity WHERE datname = $1 \
         UNION ALL SELECT 'a prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = $1";
    let users: Vec<(String,)> = closer
        .rows("look at its sessions", USERS, &[database])
        .await?;
    let users: Vec<String> = users.into_iter().map(|(user,)| user).collect();
    Ok(match users.is_empty() {
        true => "sessions come again as fast as they are ended".to_owned(),
        false => listed(&users),
    })
}

/// Whether a database of that name is there.
pub(super) async fn exists(session: &mut Session, database: &str) -> Result<bool, PostgresProblem> {
    const FIND: &str = "SELECT datname::text FROM pg_database WHERE datname = $1";
    let found: Vec<(String,)> = session
        .rows("look for the database", FIND, &[database])
        .await?;
    Ok(!found.is_empty())
}

/// Databases that this program made on the server and that are not in use: copies, and what a crash left.
pub(super) async fn marked(session: &mut Session) -> Result<Vec<String>, PostgresProblem> {
    let find = format!(
        "SELECT datname::text FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE $1 || '%' \
         OR datconnlimit = {UNCOMMENTED_LIMIT} ORDER BY 1"
    );
    let found: Vec<(String,)> = session.rows("look for copies", &find, &[MARK]).await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Drops a database that this program made and marked. Nothing happens if there is none.
pub(super) async fn drop_marked(
    session: &mut Session,
    database: &str,
) -> Result<(), PostgresProblem> {
    if !exists(session, database).await? {
        return Ok(());
    }
    if !marked(session).await?.iter().any(|name| name == database) {
        return Err(PostgresProblem::NotOurs {
            database: database.to_owned(),
        });
    }
    let dropping = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database));
    session.run("drop the copy", &dropping).await
}

/// The first number of a version.
pub(super) fn major_of(version: &str) -> u32 {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
