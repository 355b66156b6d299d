//! Reading rows of any database: a column that no journal writes is a broken chain, not a failure of
//! the storage.

use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::bounds::NUMBER_MAX;
use crate::lease::LeaseRow;
use crate::{Breakage, Broken, Entry, Epoch, Hash, JournalError, Scope};

/// One row, read on behalf of a scope. `seq` is the entry it is about, as far as it is known.
pub(crate) struct Reading<'r, R> {
    pub(crate) row: &'r R,
    pub(crate) scope: &'r Scope,
    pub(crate) seq: u64,
}

impl<'r, R: Row> Reading<'r, R>
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    pub(crate) fn new(row: &'r R, scope: &'r Scope) -> Self {
        Self { row, scope, seq: 0 }
    }

    /// A whole entry.
    pub(crate) fn entry(mut self) -> Result<Entry, JournalError> {
        self.seq = self.number("seq")?;
        Ok(Entry {
            seq: self.seq,
            epoch: Epoch(self.number("epoch")?),
            at_ms: self.number("at_ms")?,
            by: self.column("written_by")?,
            body: self.column("body")?,
            prev_hash: self.hash("prev_hash")?,
            hash: self.hash("hash")?,
        })
    }

    /// The seq and hash of an entry.
    pub(crate) fn head(mut self) -> Result<(u64, Hash), JournalError> {
        self.seq = self.number("seq")?;
        Ok((self.seq, self.hash("hash")?))
    }

    /// A scope's lease.
    pub(crate) fn lease(self) -> Result<LeaseRow, JournalError>
    where
        Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(LeaseRow {
            epoch: Epoch(self.number("epoch")?),
            holder: self.column("holder")?,
            expires_ms: self.number("expires_ms")?,
        })
    }

    pub(crate) fn hash(&self, name: &'static str) -> Result<Hash, JournalError> {
        let text: String = self.column(name)?;
        text.parse()
            .map_err(|_| self.unreadable(format!("{name}: a hash"), text))
    }

    pub(crate) fn number(&self, name: &'static str) -> Result<u64, JournalError> {
        let signed: i64 = self.column(name)?;
        u64::try_from(signed)
            .map_err(|_| self.unreadable(format!("{name}: 0 or more"), signed.to_string()))
    }

    fn column<T>(&self, name: &'static str) -> Result<T, JournalError>
    where
        T: Decode<'r, R::Database> + Type<R::Database>,
    {
        self.row.try_get(name).map_err(|error| {
            self.unreadable(format!("{name}: a value of its type"), error.to_string())
        })
    }

    fn unreadable(&self, expected: String, found: String) -> JournalError {
        let what = Breakage::Unreadable;
        Broken {
            scope: self.scope.clone(),
            seq: self.seq,
            what,
            expected,
            found,
        }
        .into()
    }
}

/// For a signed column. Every number was checked against [`NUMBER_MAX`] when it came in, so nothing is
/// cut off here.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number.min(NUMBER_MAX)).unwrap_or(i64::MAX)
}
