//! How a database is set up: what `CREATE DATABASE`, `ALTER DATABASE` and `GRANT ... ON DATABASE` say.

use serde::{Deserialize, Serialize};

use super::PostgresProblem;
use super::session::{Session, literal, quoted};

/// How a database is set up. A restore gives the new database all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSettings {
    /// The role that owns it.
    pub owner: String,
    /// Its encoding, for example `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// What compares texts: `c` for the system's library, `i` for ICU, `b` for PostgreSQL itself.
    pub locale_provider: String,
    /// The locale of that provider, unless it is the system's library.
    pub locale: Option<String>,
    /// How many sessions it may have; -1 for any number.
    pub connection_limit: i32,
    /// What `COMMENT ON DATABASE` says.
    pub comment: Option<String>,
    /// `ALTER DATABASE ... SET`, and `ALTER ROLE ... IN DATABASE ... SET`.
    pub settings: Vec<DatabaseSetting>,
    /// Who may do what with it; None for what every new database has.
    pub grants: Option<Vec<DatabaseGrant>>,
}

/// A setting of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSetting {
    /// The role for which it holds; None for all.
    pub role: Option<String>,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseGrant {
    /// Who has it; None for everybody.
    pub role: Option<String>,
    /// For example `CONNECT`.
    pub privilege: String,
    /// Whether it may be passed on.
    pub grantable: bool,
}

/// Settings whose value is a list of names, each quoted where it must be: a literal would be one name.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The roles that own something in the database of the session or may do something with it. What belongs to the
/// user who set the server up is in no list of dependencies, so owners are looked up too.
const ROLES: &str = "SELECT r.rolname::text FROM pg_roles r, pg_database d WHERE d.datname = current_database() \
     AND r.rolname !~ '^pg_' AND (r.oid = d.datdba \
     OR r.oid IN (SELECT s.refobjid FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass \
      AND (s.dbid = d.oid OR (s.classid = 'pg_database'::regclass AND s.objid = d.oid))) \
     OR r.oid IN (SELECT s.setrole FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) \
     OR r.oid IN (SELECT c.relowner FROM pg_class c WHERE c.oid >= 16384) \
     OR r.oid IN (SELECT p.proowner FROM pg_proc p WHERE p.oid >= 16384) \
     OR r.oid IN (SELECT n.nspowner FROM pg_namespace n WHERE n.oid >= 16384) \
     OR r.oid IN (SELECT t.typowner FROM pg_type t WHERE t.oid >= 16384)) ORDER BY 1";

type Row = (
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    i32,
    Option<String>,
    bool,
);

impl DatabaseSettings {
    /// Reads those of the database of the session.
    pub(super) async fn read(session: &mut Session) -> Result<Self, PostgresProblem> {
        const DATABASE: &str = "SELECT pg_get_userbyid(d.datdba)::text, pg_encoding_to_char(d.encoding)::text, \
             d.datcollate::text, d.datctype::text, coalesce(to_jsonb(d)->>'datlocprovider', 'c'), \
             coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'), d.datconnlimit, \
             shobj_description(d.oid, 'pg_database'), d.datacl IS NULL \
             FROM pg_database d WHERE d.datname = current_database()";
        const SETTINGS: &str = "SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole)::text END, \
             split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) FROM pg_db_role_setting s \
             JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c \
             WHERE d.datname = current_database() ORDER BY 1 NULLS FIRST, 2";
        const GRANTS: &str = "SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee)::text END, \
             a.privilege_type, a.is_grantable FROM pg_database d, aclexplode(d.datacl) AS a \
             WHERE d.datname = current_database() ORDER BY 1 NULLS FIRST, 2";
        let doing = "read the settings of the database";
        let rows: Vec<Row> = session.rows(doing, DATABASE, &[]).await?;
        let Some((
            owner,
            encoding,
            collate,
            ctype,
            locale_provider,
            locale,
            connection_limit,
            comment,
            usual,
        )) = rows.into_iter().next()
        else {
            return Ok(Self::default());
        };
        let settings: Vec<(Option<String>, String, String)> =
            session.rows(doing, SETTINGS, &[]).await?;
        let grants: Vec<(Option<String>, String, bool)> = session.rows(doing, GRANTS, &[]).await?;
        let setting = |(role, name, value)| DatabaseSetting { role, name, value };
        let grant = |(role, privilege, grantable)| DatabaseGrant {
            role,
            privilege,
            grantable,
        };
        Ok(Self {
            owner,
            encoding,
            collate,
            ctype,
            locale_provider,
            locale,
            connection_limit,
            comment,
            settings: settings.into_iter().map(setting).collect(),
            grants: (!usual).then(|| grants.into_iter().map(grant).collect()),
        })
    }

    /// The statement that makes a database like this one under a name, which is quoted already.
    pub(super) fn create(&self, name: &str) -> String {
        let mut statement = format!(
            "CREATE DATABASE {name} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            quoted(&self.owner),
            literal(&self.encoding),
            literal(&self.collate),
            literal(&self.ctype)
        );
        if let Some(locale) = &self.locale {
            let (provider, key) = match self.locale_provider.as_str() {
                "b" => ("builtin", "BUILTIN_LOCALE"),
                _ => ("icu", "ICU_LOCALE"),
            };
            statement.push_str(&format!(
                " LOCALE_PROVIDER {provider} {key} {}",
                literal(locale)
            ));
        }
        statement
    }

    /// The statements that set it up, but for the comment. The limit of sessions comes last.
    pub(super) fn statements(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        for DatabaseSetting {
            role,
            name: key,
            value,
        } in &self.settings
        {
            let whose = match role {
                Some(role) => format!("ROLE {} IN DATABASE {name}", quoted(role)),
                None => format!("DATABASE {name}"),
            };
            let value = match LISTS.contains(&key.as_str()) {
                true if value.is_empty() => "''".to_owned(),
                true => value.clone(),
                false => literal(value),
            };
            let key: Vec<String> = key.split('.').map(quoted).collect();
            all.push(format!("ALTER {whose} SET {} TO {value}", key.join(".")));
        }
        if let Some(grants) = &self.grants {
            let owner = quoted(&self.owner);
            all.push(format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"));
            all.push(format!("REVOKE ALL ON DATABASE {name} FROM {owner}"));
            for grant in grants {
                let whom = grant
                    .role
                    .as_deref()
                    .map_or_else(|| "PUBLIC".to_owned(), quoted);
                let option = match grant.grantable {
                    true => " WITH GRANT OPTION",
                    false => "",
                };
                all.push(format!(
                    "GRANT {} ON DATABASE {name} TO {whom}{option}",
                    grant.privilege
                ));
            }
        }
        if self.connection_limit != -1 {
            all.push(format!(
                "ALTER DATABASE {name} CONNECTION LIMIT {}",
                self.connection_limit
            ));
        }
        all
    }

    /// The statement that gives a database its comment back.
    pub(super) fn comment(&self, name: &str) -> String {
        let comment = self
            .comment
            .as_deref()
            .map_or_else(|| "NULL".to_owned(), literal);
        format!("COMMENT ON DATABASE {name} IS {comment}")
    }

    /// What `psql -v database=NAME -f database.sql` makes such a database with.
    pub(super) fn script(&self) -> String {
        const NAME: &str = ":\"database\"";
        let mut lines = vec![
            "-- Makes the database anew, without what is in it. In psql: psql -v database=NAME -f database.sql postgres"
                .to_owned(),
            format!("{};", self.create(NAME)),
        ];
        lines.extend(
            self.statements(NAME)
                .into_iter()
                .map(|line| format!("{line};")),
        );
        if self.comment.is_some() {
            lines.push(format!("{};", self.comment(NAME)));
        }
        lines.join("\n") + "\n"
    }
}

/// The names of the roles that a restore needs.
pub(super) async fn roles(session: &mut Session) -> Result<Vec<String>, PostgresProblem> {
    let rows: Vec<(String,)> = session.rows("read the roles", ROLES, &[]).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// What `psql -f roles.sql` makes those of these roles with that are missing. They get no password.
pub(super) async fn roles_script(
    session: &mut Session,
    names: &[String],
) -> Result<String, PostgresProblem> {
    let list: Vec<String> = names.iter().map(|name| literal(name)).collect();
    let list = format!("ARRAY[{}]::text[]", list.join(", "));
    let word = |column: &str, word: &str| {
        format!("CASE WHEN r.{column} THEN '{word}' ELSE 'NO{word}' END")
    };
    let query = format!(
        "SELECT r.rolname::text, concat_ws(' ', {}, {}, {}, {}, {}, {}, {}, 'CONNECTION LIMIT ' || r.rolconnlimit) \
         FROM pg_roles r WHERE r.rolname = ANY ({list}) ORDER BY 1",
        word("rolsuper", "SUPERUSER"),
        word("rolinherit", "INHERIT"),
        word("rolcreaterole", "CREATEROLE"),
        word("rolcreatedb", "CREATEDB"),
        word("rolcanlogin", "LOGIN"),
        word("rolreplication", "REPLICATION"),
        word("rolbypassrls", "BYPASSRLS")
    );
    let members = format!(
        "SELECT g.rolname::text, r.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid \
         JOIN pg_roles r ON r.oid = m.member WHERE g.rolname = ANY ({list}) AND r.rolname = ANY ({list}) \
         ORDER BY 1, 2"
    );
    let doing = "read the roles";
    let rows: Vec<(String, String)> = session.rows(doing, &query, &[]).await?;
    let members: Vec<(String, String)> = session.rows(doing, &members, &[]).await?;
    let mut script = "-- Makes the roles that are missing, without passwords. In psql: psql -f roles.sql postgres\n".to_owned();
    for (name, attributes) in rows {
        let make = format!("CREATE ROLE {} WITH {attributes}", quoted(&name));
        script.push_str(&format!(
            "SELECT {} WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) \\gexec\n",
            literal(&make),
            literal(&name)
        ));
    }
    for (group, member) in members {
        script.push_str(&format!(
            "GRANT {} TO {};\n",
            quoted(&group),
            quoted(&member)
        ));
    }
    Ok(script)
}
