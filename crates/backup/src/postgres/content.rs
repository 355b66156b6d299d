//! What is in a PostgreSQL database, apart from where it lies.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::moment::Moment;
use super::session::Session;
use super::{DatabaseSettings, PostgresProblem, schema};
use crate::TableEntry;
use crate::bounds::{LARGE_OBJECT_PIECE_BYTES, POSTGRES_COLUMNS_A_CALL};
use crate::since::TableNow;

/// What is in a PostgreSQL database.
///
/// Its digest is the SHA-256 of these lines, each ended by a line feed: for each kind of definitions
/// `definitions <kind> <count> <sha256>`, `large objects <number> <digest>` and, for each table in order of name,
/// `table <rows> <digest> <name as JSON>`. The digest of a table is computed by the server: two hashes of the text of
/// each row (`hashtextextended` with the seeds 0 and 1, as hash partitions have it), added up as two sums, so that the
/// order does not count. The text has the values in order of the columns' names with U+001F between them, and behind
/// U+001D which of them are NULL. Of large objects it is the SHA-256 of each piece, of which the first 128 bits are added
/// up so.
///
/// It tells data that differs by accident or by a program. It cannot tell, and leaves out: text with U+001D to U+001F in it
/// that went from one column to the next, what was left in sequences (they move on without a transaction), the rows of
/// materialized views and of foreign tables, computed columns, rows of tables that an extension made, statistics, and expressions that differ in nothing but casts and
/// parentheses. It is no proof against somebody who can choose rows to make a sum come out: what proves that a
/// stored backup is what was written are the SHA-256 of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresContent {
    /// The name that the database had.
    pub database: String,
    /// The server's version.
    pub server: String,
    /// The version of the `pg_dump` that wrote the dump; `pg_restore` must be at least as new.
    pub pg_dump: String,
    /// How large it was on the server, in bytes.
    pub size_bytes: u64,
    /// How it was set up.
    pub settings: DatabaseSettings,
    /// The roles that own something in it or may do something with it.
    pub roles: Vec<String>,
    /// Its extensions.
    pub extensions: Vec<ExtensionEntry>,
    /// Its definitions, by kind.
    pub definitions: Vec<DefinitionsEntry>,
    /// Its sequences, as they were just before the moment of the backup.
    pub sequences: Vec<SequenceEntry>,
    /// How many large objects it has.
    pub large_objects: u64,
    /// The digest of what is in them.
    pub large_objects_digest: String,
    /// Its tables in order of name, partitions among them.
    pub tables: Vec<TableEntry>,
}

/// An extension of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionEntry {
    /// Its name.
    pub name: String,
    /// Its version. A restore takes the version that the server has.
    pub version: String,
}

/// Definitions of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionsEntry {
    /// The kind, for example `functions`.
    pub kind: String,
    /// How many there are.
    pub count: u64,
    /// The SHA-256 of them all.
    pub sha256: String,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceEntry {
    /// Its name.
    pub name: String,
    /// The last value that it gave, if it gave any.
    pub last: Option<i64>,
}

/// What a session sees of the content, without what only a backup knows.
pub(super) struct Seen {
    pub(super) definitions: Vec<DefinitionsEntry>,
    pub(super) large_objects: u64,
    pub(super) large_objects_digest: String,
    pub(super) tables: Vec<TableEntry>,
}

impl PostgresContent {
    /// The digest of the content.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(
            &self.definitions,
            (self.large_objects, &self.large_objects_digest),
            &self.tables,
        )
    }

    /// Names the first thing in which a restored database differs.
    pub(super) fn compare(&self, found: &Seen) -> Result<(), PostgresProblem> {
        let differs = |what: String, expected: String, found: String| {
            Err(PostgresProblem::Differs {
                what,
                expected,
                found,
            })
        };
        for wanted in &self.tables {
            let got = found.tables.iter().find(|table| table.name == wanted.name);
            let words =
                |table: &TableEntry| format!("{} rows with digest {}", table.rows, table.digest);
            if got != Some(wanted) {
                let got = got.map_or_else(|| "no such table".to_owned(), words);
                return differs(format!("table {}", wanted.name), words(wanted), got);
            }
        }
        let (wanted, got) = (
            (self.large_objects, &self.large_objects_digest),
            (found.large_objects, &found.large_objects_digest),
        );
        if wanted != got {
            let words = |(count, digest): (u64, &String)| format!("{count} with digest {digest}");
            return differs("its large objects".to_owned(), words(wanted), words(got));
        }
        for (wanted, got) in self.definitions.iter().zip(&found.definitions) {
            if wanted != got {
                let words = |entry: &DefinitionsEntry| {
                    format!("{} with SHA-256 {}", entry.count, entry.sha256)
                };
                let what = format!("its definitions ({})", wanted.kind);
                return differs(what, words(wanted), words(got));
            }
        }
        if self.digest() != found.digest() {
            return differs("its content".to_owned(), self.digest(), found.digest());
        }
        Ok(())
    }
}

impl Seen {
    /// Reads all of it.
    pub(super) async fn read(moment: &mut Moment) -> Result<Self, PostgresProblem> {
        let session = moment.first();
        let mut definitions = Vec::new();
        for kind in schema::PARTS {
            let lines = schema::lines(session, kind).await?;
            let mut sha = Sha256::new();
            for line in &lines {
                sha.update(line);
                sha.update("\n");
            }
            definitions.push(DefinitionsEntry {
                kind: kind.to_owned(),
                count: lines.len() as u64,
                sha256: hex::encode(sha.finalize()),
            });
        }
        let (_, large_objects_digest) = rows_digest(session, &large_objects()).await?;
        let count: i64 = session
            .value("SELECT count(*) FROM pg_largeobject_metadata")
            .await?;
        let tables = tables_now(moment, &[]).await?;
        Ok(Self {
            definitions,
            large_objects: u64::try_from(count).unwrap_or(0),
            large_objects_digest,
            tables: tables.into_iter().map(|now| now.entry).collect(),
        })
    }

    pub(super) fn digest(&self) -> String {
        digest(
            &self.definitions,
            (self.large_objects, &self.large_objects_digest),
            &self.tables,
        )
    }
}

/// Each definition and the rows of each table.
pub(super) async fn things(
    moment: &mut Moment,
) -> Result<BTreeMap<String, String>, PostgresProblem> {
    let mut things = BTreeMap::new();
    for kind in schema::PARTS {
        for line in schema::lines(moment.first(), kind).await? {
            things.insert(format!("in its {kind} {line}"), String::new());
        }
    }
    for TableNow { entry: table, .. } in tables_now(moment, &[]).await? {
        let seen = format!("{} {}", table.rows, table.digest);
        things.insert(format!("what is in the rows of {}", table.name), seen);
    }
    Ok(things)
}

/// The sequences as they are now, whatever the transaction sees.
pub(super) async fn sequences(
    session: &mut Session,
) -> Result<Vec<SequenceEntry>, PostgresProblem> {
    const LIST: &str = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences \
         WHERE schemaname !~ '^pg_' ORDER BY 1";
    let rows: Vec<(String, Option<i64>)> = session.rows("read the sequences", LIST, &[]).await?;
    let entry = |(name, last)| SequenceEntry { name, last };
    Ok(rows.into_iter().map(entry).collect())
}

/// The extensions with their versions, but for the language that every database has.
pub(super) async fn extensions(
    session: &mut Session,
) -> Result<Vec<ExtensionEntry>, PostgresProblem> {
    const LIST: &str =
        "SELECT extname::text, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1";
    let rows: Vec<(String, String)> = session.rows("read the extensions", LIST, &[]).await?;
    let entry = |(name, version)| ExtensionEntry { name, version };
    Ok(rows.into_iter().map(entry).collect())
}

/// A table as the server lists it: its name, its columns, and the column of its primary key if that is one and a whole number.
type Listed = (String, Option<Vec<String>>, Option<String>);

/// Tables with rows of their own that no extension made, the largest first, and their columns in order of name: a
/// restore may put inherited columns in another order.
const TABLES: &str = "SELECT c.oid::regclass::text, (SELECT array_agg(quote_ident(a.attname) \
     ORDER BY a.attname COLLATE \"C\") FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 \
     AND NOT a.attisdropped AND a.attgenerated = ''), \
     (SELECT quote_ident(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
     AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 \
     AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' \
     AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d \
     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
     ORDER BY c.relpages DESC, 1";

/// The tables as they are, in order of name, with how many rows have larger keys than those of `then`. Each session
/// reads one, and then the next that nobody reads.
pub(super) async fn tables_now(
    moment: &mut Moment,
    then: &[TableEntry],
) -> Result<Vec<TableNow>, PostgresProblem> {
    let listed: Vec<Listed> = moment.first().rows("list the tables", TABLES, &[]).await?;
    let waiting = Mutex::new(listed.into_iter());
    let (first, others) = moment.split();
    let others = others
        .into_iter()
        .map(|session| read_last(session, &waiting, then));
    let (mut tables, others) =
        try_join(read_waiting(first, &waiting, then), try_join_all(others)).await?;
    tables.extend(others.into_iter().flatten());
    tables.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
    Ok(tables)
}

/// Tables that nobody reads yet.
type Waiting = Mutex<std::vec::IntoIter<Listed>>;

/// Reads one table after the other until none waits.
async fn read_waiting(
    session: &mut Session,
    waiting: &Waiting,
    then: &[TableEntry],
) -> Result<Vec<TableNow>, PostgresProblem> {
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let mut read = Vec::new();
    while let Some(listed) = next() {
        read.push(table(session, listed, then).await?);
    }
    Ok(read)
}

/// The same in a session that is closed then: it has locks on what it read, and while it waits for the others here, the
/// server sees no deadlock in that.
async fn read_last(
    mut session: Session,
    waiting: &Waiting,
    then: &[TableEntry],
) -> Result<Vec<TableNow>, PostgresProblem> {
    let read = read_waiting(&mut session, waiting, then).await?;
    session.close().await;
    Ok(read)
}

/// Reads a table. What comes quoted from the server is used as it is.
async fn table(
    session: &mut Session,
    (name, columns, key): Listed,
    then: &[TableEntry],
) -> Result<TableNow, PostgresProblem> {
    let keyed_later = match (&key, TableEntry::last_key_of(then, &name)) {
        (Some(key), Some(last)) => {
            let query = format!("SELECT count(*) FROM ONLY {name} WHERE {key} > {last}");
            let found: Vec<(i64,)> = session.rows("count the rows", &query, &[]).await?;
            found.first().and_then(|(rows,)| u64::try_from(*rows).ok())
        }
        _ => None,
    };
    // OFFSET keeps the planner from making the text twice for each row.
    let query = format!(
        "SELECT count(*), coalesce(sum(hashtextextended(seen COLLATE \"C\", 0)), 0)::text, \
         coalesce(sum(hashtextextended(seen COLLATE \"C\", 1)), 0)::text \
         FROM (SELECT {} AS seen FROM ONLY {name} OFFSET 0) AS of_row",
        row_text(&columns.unwrap_or_default())
    );
    let (rows, digest) = rows_digest(session, &query).await?;
    let last_key = match key {
        Some(key) => {
            let query = format!("SELECT max({key})::int8 FROM ONLY {name}");
            let found: Vec<(Option<i64>,)> = session.rows("read the last key", &query, &[]).await?;
            found.first().and_then(|(last,)| *last)
        }
        None => None,
    };
    let entry = TableEntry {
        name,
        rows,
        digest,
        last_key,
    };
    Ok(TableNow { entry, keyed_later })
}

/// The text of a row: its values with U+001F between them, and where one is NULL, U+001D and for each whether it is. That
/// takes the server half the time of the text of a record, which is quoted sign by sign. A function takes 100 values at
/// most, so that many columns are put together in groups, with U+001E between them.
fn row_text(columns: &[String]) -> String {
    let group = |columns: &[String]| {
        let values = columns.join(", ");
        let nulls: Vec<String> = columns
            .iter()
            // `IS NULL` says it of a record of NULLs too.
            .map(|name| format!("{name} IS NOT DISTINCT FROM NULL"))
            .collect();
        let nulls = nulls.join(", ");
        format!(
            "concat_ws(chr(31), {values}, CASE WHEN num_nulls({values}) > 0 THEN concat(chr(29), {nulls}) END)"
        )
    };
    let groups: Vec<String> = columns.chunks(POSTGRES_COLUMNS_A_CALL).map(group).collect();
    match groups.as_slice() {
        [] => "''".to_owned(),
        [one] => one.clone(),
        several => format!("concat_ws(chr(30), {})", several.join(", ")),
    }
}

/// How many rows there are, and the two sums of the digests of what `row` makes of each.
fn summed(row: &str, from: &str) -> String {
    format!(
        "SELECT count(*), coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::int8), 0)::text, \
         coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::int8), 0)::text \
         FROM (SELECT encode(sha256({row}), 'hex') AS h FROM {from} OFFSET 0) AS hashed"
    )
}

/// Large objects in pieces, so that neither side holds a whole one.
fn large_objects() -> String {
    let size = LARGE_OBJECT_PIECE_BYTES;
    let pieces = format!(
        "(WITH RECURSIVE piece (id, number, bytes) AS (SELECT oid, 0::int8, lo_get(oid, 0, {size}) \
         FROM pg_largeobject_metadata UNION ALL SELECT id, number + 1, lo_get(id, (number + 1) * {size}, {size}) \
         FROM piece WHERE length(bytes) = {size}) SELECT * FROM piece) AS pieces"
    );
    summed(
        "convert_to(id || '/' || number || '/', 'SQL_ASCII') || bytes",
        &pieces,
    )
}

async fn rows_digest(session: &mut Session, query: &str) -> Result<(u64, String), PostgresProblem> {
    let rows: Vec<(i64, String, String)> = session.rows("read the rows", query, &[]).await?;
    let (count, first, second) = rows.into_iter().next().unwrap_or_default();
    let digest = Sha256::digest(format!("{count} {first} {second}"));
    Ok((u64::try_from(count).unwrap_or(0), hex::encode(digest)))
}

fn digest(definitions: &[DefinitionsEntry], large: (u64, &str), tables: &[TableEntry]) -> String {
    let mut sha = Sha256::new();
    for DefinitionsEntry {
        kind,
        count,
        sha256,
    } in definitions
    {
        sha.update(format!("definitions {kind} {count} {sha256}\n"));
    }
    sha.update(format!("large objects {} {}\n", large.0, large.1));
    for table in tables {
        sha.update(table.line());
    }
    hex::encode(sha.finalize())
}

/// The first sequence that would give values again which it gave before the backup.
pub(super) fn behind(wanted: &[SequenceEntry], found: &[SequenceEntry]) -> Option<String> {
    let is_behind = |wanted: &&SequenceEntry| {
        let got = found.iter().find(|got| got.name == wanted.name);
        // One that goes down or around has no order that could be told from here.
        got.is_none_or(|got| wanted.last.is_some() && got.last.is_none())
    };
    wanted
        .iter()
        .find(is_behind)
        .map(|entry| entry.name.clone())
}
