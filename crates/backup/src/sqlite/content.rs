//! What is in an SQLite database, apart from how it lies in the file.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::TableEntry;
use crate::row_set::RowSet;
use crate::since::TableNow;

/// What is in an SQLite database.
///
/// Its digest is the SHA-256 of these lines, each ended by a line feed: `user_version <number>`,
/// `application_id <number>`, `schema <sha256>` and, for each table in order of name,
/// `table <rows> <digest> <name as JSON>`. So two databases with the same tables, rows, indexes, views and
/// triggers have the same digest, whatever their page sizes, logs and free pages, and before and after a
/// `VACUUM`. Statistics of the planner (`sqlite_stat1` and the like) do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteContent {
    /// How many pages it has.
    pub pages: u64,
    /// How many bytes a page has.
    pub page_size: u64,
    /// `PRAGMA user_version`, in which many programs keep the version of their schema.
    pub user_version: i64,
    /// `PRAGMA application_id`.
    pub application_id: i64,
    /// The SHA-256 of all statements of the schema, in order of type and name.
    pub schema_sha256: String,
    /// How many rows refer to a row that is not there. SQLite allows that unless a program asks otherwise, so
    /// it is noted and is no reason to refuse a backup.
    pub foreign_key_violations: u64,
    /// Its tables in order of name, those of full-text indexes and `sqlite_sequence` among them.
    pub tables: Vec<TableEntry>,
}

impl SqliteContent {
    /// The digest of the content.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        sha.update(format!("user_version {}\n", self.user_version));
        sha.update(format!("application_id {}\n", self.application_id));
        sha.update(format!("schema {}\n", self.schema_sha256));
        for table in &self.tables {
            sha.update(table.line());
        }
        hex::encode(sha.finalize())
    }

    /// Reads all of it, in one transaction.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let transaction = connection.unchecked_transaction()?;
        Self::read_within(&transaction)
    }

    /// Reads all of it, within a transaction of the caller's.
    pub(super) fn read_within(transaction: &Connection) -> rusqlite::Result<Self> {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            transaction.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
        };
        let mut content = Self {
            pages: u64::try_from(number("page_count")?).unwrap_or(0),
            page_size: u64::try_from(number("page_size")?).unwrap_or(0),
            user_version: number("user_version")?,
            application_id: number("application_id")?,
            schema_sha256: schema(transaction)?,
            foreign_key_violations: 0,
            tables: Vec::new(),
        };
        let mut violations = transaction.prepare("PRAGMA foreign_key_check")?;
        let mut rows = violations.query([])?;
        while rows.next()?.is_some() {
            content.foreign_key_violations += 1;
        }
        for name in tables(transaction)? {
            content.tables.push(table(transaction, name)?);
        }
        Ok(content)
    }
}

/// The statements that made everything in the database. Indexes that belong to a constraint have none.
fn schema(connection: &Connection) -> rusqlite::Result<String> {
    let query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut sha = Sha256::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_bytes().unwrap_or_default();
        if is_statistics(name) || row.get_ref(3)? == ValueRef::Null {
            continue;
        }
        for column in 0..4 {
            value(&mut sha, row.get_ref(column)?);
        }
    }
    Ok(hex::encode(sha.finalize()))
}

/// Each definition and the rows of each table, by name.
pub(super) fn things(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let transaction = connection.unchecked_transaction()?;
    let query = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
    let mut statement = transaction.prepare(query)?;
    let definitions = statement.query_map([], |row| {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        let sql: String = row.get(2)?;
        // ALTER TABLE writes the statement anew, with other spaces.
        let words: Vec<&str> = sql.split_whitespace().collect();
        Ok((format!("{kind} {name}"), words.join(" ")))
    })?;
    let mut things: BTreeMap<String, String> = definitions.collect::<Result<_, _>>()?;
    things.retain(|name, _| !name.contains("sqlite_stat"));
    for name in tables(&transaction)? {
        if name == "sqlite_sequence" {
            continue;
        }
        let entry = table(&transaction, name)?;
        let seen = format!("{} {}", entry.rows, entry.digest);
        things.insert(format!("what is in the rows of {}", entry.name), seen);
    }
    Ok(things)
}

/// The tables with rows of their own: what virtual tables show is in their shadow tables, or elsewhere.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT name FROM pragma_table_list WHERE schema = 'main' \
                 AND type IN ('table', 'shadow') AND name <> 'sqlite_schema' ORDER BY name";
    let mut statement = connection.prepare(query)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut names: Vec<String> = names.collect::<Result<_, _>>()?;
    names.retain(|name| !is_statistics(name.as_bytes()));
    Ok(names)
}

/// The tables as they are now, in one transaction, with how many rows have larger keys than those of `then`.
pub(super) fn tables_now(
    connection: &Connection,
    then: &[TableEntry],
) -> rusqlite::Result<Vec<TableNow>> {
    let transaction = connection.unchecked_transaction()?;
    let now = |name: String| {
        let key = whole_key(&transaction, &name)?;
        let keyed_later = match (key, TableEntry::last_key_of(then, &name)) {
            (Some(key), Some(last)) => {
                let query = format!(
                    "SELECT count(*) FROM main.{} WHERE {key} > ?1",
                    quoted(&name)
                );
                let later: i64 = transaction.query_row(&query, [last], |row| row.get(0))?;
                u64::try_from(later).ok()
            }
            _ => None,
        };
        let entry = table(&transaction, name)?;
        Ok(TableNow { entry, keyed_later })
    };
    tables(&transaction)?.into_iter().map(now).collect()
}

/// The column of a table's primary key, quoted, where it is one and a whole number.
fn whole_key(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let query = "SELECT name, type FROM pragma_table_xinfo(?1) WHERE pk > 0";
    let mut statement = connection.prepare(query)?;
    let columns = statement.query_map([name], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let columns: Vec<(String, String)> = columns.collect::<Result<_, _>>()?;
    Ok(match columns.as_slice() {
        [(column, kind)] if kind.eq_ignore_ascii_case("INTEGER") => Some(quoted(column)),
        _ => None,
    })
}

/// The largest key of a table; none without rows, and where another kind of value is the largest.
fn last_key(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let Some(key) = whole_key(connection, name)? else {
        return Ok(None);
    };
    let query = format!("SELECT max({key}) FROM main.{}", quoted(name));
    connection.query_row(&query, [], |row| match row.get_ref(0)? {
        ValueRef::Integer(last) => Ok(Some(last)),
        _ => Ok(None),
    })
}

fn is_statistics(name: &[u8]) -> bool {
    name.starts_with(b"sqlite_stat")
}

/// All rows of a table. Columns that are computed from others are left out: computing them may need functions
/// that only the application has.
fn table(connection: &Connection, name: String) -> rusqlite::Result<TableEntry> {
    let query = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
    let mut statement = connection.prepare(query)?;
    let columns = statement.query_map([&name], |row| row.get::<_, String>(0))?;
    let columns: Vec<String> = columns
        .map(|column| Ok(quoted(&column?)))
        .collect::<Result<_, rusqlite::Error>>()?;
    let query = format!("SELECT {} FROM main.{}", columns.join(", "), quoted(&name));
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([])?;
    let mut set = RowSet::default();
    while let Some(row) = rows.next()? {
        let mut sha = Sha256::new();
        for column in 0..columns.len() {
            value(&mut sha, row.get_ref(column)?);
        }
        set.add(sha);
    }
    let last_key = last_key(connection, &name)?;
    Ok(TableEntry {
        last_key,
        ..set.entry(name)
    })
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value with its type and length, so that no two rows look alike.
fn value(sha: &mut Sha256, value: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => return fixed(sha, 1, number.to_le_bytes()),
        ValueRef::Real(number) => return fixed(sha, 2, number.to_bits().to_le_bytes()),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    sha.update([kind]);
    sha.update((bytes.len() as u64).to_le_bytes());
    sha.update(bytes);
}

fn fixed(sha: &mut Sha256, kind: u8, bytes: [u8; 8]) {
    sha.update([kind]);
    sha.update(bytes);
}
