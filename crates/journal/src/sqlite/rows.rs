//! Reading rows: a column that no journal writes is a broken chain, not a failure of the storage.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite};

use crate::{Breakage, Broken, Entry, Epoch, Hash, JournalError, Scope};

pub(super) fn entry(row: &SqliteRow, scope: &Scope) -> Result<Entry, JournalError> {
    let seq = number(row, scope, 0, "seq")?;
    Ok(Entry {
        seq,
        epoch: Epoch(number(row, scope, seq, "epoch")?),
        at_ms: number(row, scope, seq, "at_ms")?,
        by: column(row, scope, seq, "written_by")?,
        body: column(row, scope, seq, "body")?,
        prev_hash: hash(row, scope, seq, "prev_hash")?,
        hash: hash(row, scope, seq, "hash")?,
    })
}

pub(super) fn hash(
    row: &SqliteRow,
    scope: &Scope,
    seq: u64,
    name: &'static str,
) -> Result<Hash, JournalError> {
    let text: String = column(row, scope, seq, name)?;
    text.parse()
        .map_err(|_| unreadable(scope, seq, format!("{name}: a hash"), text))
}

pub(super) fn number(
    row: &SqliteRow,
    scope: &Scope,
    seq: u64,
    name: &'static str,
) -> Result<u64, JournalError> {
    let signed: i64 = column(row, scope, seq, name)?;
    u64::try_from(signed)
        .map_err(|_| unreadable(scope, seq, format!("{name}: 0 or more"), signed.to_string()))
}

pub(super) fn column<'r, T>(
    row: &'r SqliteRow,
    scope: &Scope,
    seq: u64,
    name: &'static str,
) -> Result<T, JournalError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(name).map_err(|error| {
        unreadable(
            scope,
            seq,
            format!("{name}: a value of its type"),
            error.to_string(),
        )
    })
}

fn unreadable(scope: &Scope, seq: u64, expected: String, found: String) -> JournalError {
    let what = Breakage::Unreadable;
    Broken {
        scope: scope.clone(),
        seq,
        what,
        expected,
        found,
    }
    .into()
}
