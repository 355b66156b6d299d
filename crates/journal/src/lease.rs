//! The right to act on a scope, and the rules for granting it.
//!
//! The rules are plain functions over the one row that describes a scope's lease, so that every
//! implementation decides the same: read the row, decide here, write the row, in one transaction.

use serde::{Deserialize, Serialize};

use crate::entry::{check_name, check_number};
use crate::{Epoch, JournalError, Scope};

/// The right to act on a scope for a while.
///
/// Losing it by expiry is a matter of clocks and therefore only a hint; losing it by a higher
/// epoch is certain, and appends are refused from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What it guards.
    pub scope: Scope,
    /// Who holds it. Two processes must not use the same name: they would fence each other off.
    pub holder: String,
    /// Its number.
    pub epoch: Epoch,
    /// From when on another holder may take the scope over, in milliseconds since 1970-01-01 UTC.
    pub expires_ms: u64,
}

/// What a journal remembers of a scope's lease. The epoch outlives the holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) epoch: Epoch,
    /// None after a release.
    pub(crate) holder: Option<String>,
    pub(crate) expires_ms: u64,
}

impl LeaseRow {
    /// Nobody holds the scope, but its epoch is remembered.
    pub(crate) fn released(epoch: Epoch) -> Self {
        Self {
            epoch,
            holder: None,
            expires_ms: 0,
        }
    }
}

impl From<&Lease> for LeaseRow {
    fn from(lease: &Lease) -> Self {
        Self {
            epoch: lease.epoch,
            holder: Some(lease.holder.clone()),
            expires_ms: lease.expires_ms,
        }
    }
}

/// Grants the scope to `holder` unless another one holds an unexpired lease.
pub(crate) fn grant(
    row: Option<&LeaseRow>,
    scope: &Scope,
    holder: &str,
    now_ms: u64,
    ttl_ms: u64,
) -> Result<Lease, JournalError> {
    check_name("holder", holder)?;
    let expires_ms = expiry(now_ms, ttl_ms)?;
    let mut last = Epoch(0);
    if let Some(row) = row {
        last = row.epoch;
        if let Some(other) = row.holder.as_deref().filter(|other| *other != holder)
            && row.expires_ms > now_ms
        {
            return Err(JournalError::LeaseHeld {
                scope: scope.clone(),
                holder: other.to_owned(),
                expires_ms: row.expires_ms,
                epoch: row.epoch,
            });
        }
    }
    let epoch = Epoch(last.0.saturating_add(1));
    check_number("epoch", epoch.0)?;
    Ok(Lease {
        scope: scope.clone(),
        holder: holder.to_owned(),
        epoch,
        expires_ms,
    })
}

/// Extends a lease that nobody has taken over, even if it has expired meanwhile.
pub(crate) fn extend(
    row: Option<&LeaseRow>,
    lease: &Lease,
    now_ms: u64,
    ttl_ms: u64,
) -> Result<Lease, JournalError> {
    check_current(row, &lease.scope, lease.epoch)?;
    if row.is_none_or(|row| row.holder.as_deref() != Some(lease.holder.as_str())) {
        return Err(JournalError::LeaseReleased {
            scope: lease.scope.clone(),
            epoch: lease.epoch,
        });
    }
    Ok(Lease {
        expires_ms: expiry(now_ms, ttl_ms)?,
        ..lease.clone()
    })
}

/// The fence: passes only the epoch that was issued last.
pub(crate) fn check_current(
    row: Option<&LeaseRow>,
    scope: &Scope,
    given: Epoch,
) -> Result<(), JournalError> {
    let current = row.map_or(Epoch(0), |row| row.epoch);
    let scope = scope.clone();
    if given.0 == 0 || given > current {
        Err(JournalError::EpochNeverIssued {
            scope,
            current,
            given,
        })
    } else if given < current {
        Err(JournalError::Fenced {
            scope,
            current,
            given,
        })
    } else {
        Ok(())
    }
}

fn expiry(now_ms: u64, ttl_ms: u64) -> Result<u64, JournalError> {
    let expires_ms = now_ms.saturating_add(ttl_ms);
    check_number("expires_ms", expires_ms)?;
    Ok(expires_ms)
}
