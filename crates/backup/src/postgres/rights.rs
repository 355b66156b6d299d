//! What the user of a store must be allowed to, looked at before anything is begun.

use super::problem::listed;
use super::session::{Session, quoted};
use super::{ExtensionEntry, PostgresProblem, content, settings};
use crate::bounds::NAMED_MAX;

/// Tables and sequences that the user may not read.
const HIDDEN: &str = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' \
     AND n.nspname <> 'information_schema' AND (NOT has_schema_privilege(n.oid, 'USAGE') \
     OR NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') \
      ELSE has_table_privilege(c.oid, 'SELECT') END) ORDER BY 1";
/// Large objects that the user may not read, and their owners. No role that may read all data covers them, and the server
/// has a question of its own for that only from version 18 on.
const HIDDEN_LARGE: &str = "SELECT m.oid::text, pg_get_userbyid(m.lomowner)::text FROM pg_largeobject_metadata m \
     WHERE current_setting('lo_compat_privileges') <> 'on' \
     AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \
     AND NOT pg_has_role(current_user, m.lomowner, 'USAGE') \
     AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' \
      AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role(current_user, a.grantee, 'USAGE') END) ORDER BY m.oid";

/// Whether everything in the database may be read.
pub(super) async fn may_read(session: &mut Session) -> Result<(), PostgresProblem> {
    const LOOK: &str = "look at its rights";
    let hidden: Vec<(String,)> = session.rows(LOOK, HIDDEN, &[]).await?;
    if !hidden.is_empty() {
        let user = user(session).await?;
        let hidden: Vec<String> = hidden.into_iter().map(|(name,)| name).collect();
        return Err(PostgresProblem::NoRight {
            doing: format!("read {}", listed(&hidden)),
            why: format!(
                "everything is backed up or nothing: GRANT pg_read_all_data TO {}",
                quoted(&user)
            ),
        });
    }
    let hidden: Vec<(String, String)> = session.rows(LOOK, HIDDEN_LARGE, &[]).await?;
    let Some((first, _)) = hidden.first() else {
        return Ok(());
    };
    let user = quoted(&user(session).await?);
    let mut owners: Vec<String> = hidden.iter().map(|(_, owner)| quoted(owner)).collect();
    owners.sort();
    owners.dedup();
    let numbers: Vec<String> = hidden.iter().map(|(number, _)| number.clone()).collect();
    let owners = owners[..owners.len().min(NAMED_MAX)].join(", ");
    Err(PostgresProblem::NoRight {
        doing: format!("read the large objects {}", listed(&numbers)),
        why: format!(
            "pg_read_all_data does not cover them: GRANT {owners} TO {user} makes it a member of their owners, which covers \
             those to come too; or GRANT SELECT ON LARGE OBJECT {first} TO {user}, and so for each"
        ),
    })
}

/// Whether a copy of the database as it is now could be made beside it, and put into its place.
pub(super) async fn may_restore(
    session: &mut Session,
    database: &str,
) -> Result<(), PostgresProblem> {
    let roles = settings::roles(session).await?;
    let extensions = content::extensions(session).await?;
    may_make(session, &roles, &extensions).await?;
    may_rename(session, database).await
}

/// Whether the user may make a database, own it and what is in it by these roles, and have these extensions.
pub(super) async fn may_make(
    session: &mut Session,
    roles: &[String],
    extensions: &[ExtensionEntry],
) -> Result<(), PostgresProblem> {
    const OWN: &str = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user";
    let own: Vec<(bool, bool)> = session.rows("read the rights", OWN, &[]).await?;
    let (all, create) = own.into_iter().next().unwrap_or_default();
    if all {
        return Ok(());
    }
    let user = quoted(&user(session).await?);
    let refused = |doing: String, why: String| Err(PostgresProblem::NoRight { doing, why });
    if !create {
        let why = format!("a restore goes into a new database: ALTER ROLE {user} CREATEDB");
        return refused("create a database".to_owned(), why);
    }
    const MEMBER: &str = "SELECT pg_has_role(current_user, $1::name, 'MEMBER')";
    let mut foreign = Vec::new();
    for role in roles {
        let member: Vec<(bool,)> = session.rows("read the rights", MEMBER, &[role]).await?;
        if member != [(true,)] {
            foreign.push(role.clone());
        }
    }
    if !foreign.is_empty() {
        let names: Vec<String> = foreign.iter().map(|role| quoted(role)).collect();
        let why = format!(
            "make it a member of these roles: GRANT {} TO {user}",
            names.join(", ")
        );
        return refused(
            format!("give what is restored to {}", listed(&foreign)),
            why,
        );
    }
    const TRUSTED: &str = "SELECT bool_and(trusted OR NOT superuser) FROM pg_available_extension_versions \
         WHERE name = $1::name";
    for extension in extensions {
        let trusted: Vec<(Option<bool>,)> = session
            .rows("read the extensions", TRUSTED, &[&extension.name])
            .await?;
        if trusted != [(Some(true),)] {
            let why = "only a superuser may: restore as one".to_owned();
            return refused(format!("create the extension {}", extension.name), why);
        }
    }
    Ok(())
}

/// Whether the user may rename a database, which need not exist.
pub(super) async fn may_rename(
    session: &mut Session,
    database: &str,
) -> Result<(), PostgresProblem> {
    const OWNER: &str = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = $1 \
         AND NOT pg_has_role(current_user, datdba, 'USAGE')";
    let owner: Vec<(String,)> = session.rows("read the rights", OWNER, &[database]).await?;
    let Some((owner,)) = owner.into_iter().next() else {
        return Ok(());
    };
    let user = user(session).await?;
    Err(PostgresProblem::NoRight {
        doing: format!("rename the database {database}"),
        why: format!(
            "it belongs to {owner}: make the user a member of that role: GRANT {} TO {}",
            quoted(&owner),
            quoted(&user)
        ),
    })
}

async fn user(session: &mut Session) -> Result<String, PostgresProblem> {
    session.value("SELECT current_user::text").await
}
