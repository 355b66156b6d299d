//! What can be recovered to by what lies in the folder of an archive.

use super::chain::Chain;
use super::inventory::Inventory;
use super::marks::Marks;
use super::{
    ArchiveIdentity, BaseBackup, ContinuousArchive, LogGap, RecoveryRange, TimelineHistory,
};
use crate::BackupError;

/// One look at an archive: what of it can be used.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) identity: ArchiveIdentity,
    /// Those that can be used, oldest first.
    pub(crate) bases: Vec<BaseBackup>,
    /// Without what was found damaged.
    pub(crate) inventory: Inventory,
    marks: Marks,
    history: TimelineHistory,
}

impl Survey {
    /// The log on the way to the newest timeline.
    pub(crate) fn chain(&self) -> Chain<'_> {
        let bytes = self.identity.segment_bytes;
        Chain::new(&self.inventory, self.history.clone(), &self.marks, bytes)
    }

    /// The moments that can be recovered to, oldest first.
    pub(crate) fn ranges(&self) -> Vec<RecoveryRange> {
        self.chain().ranges(&self.bases)
    }

    /// What is missing since the oldest copy of the cluster.
    pub(crate) fn gaps(&self) -> Vec<LogGap> {
        let oldest = self.bases.iter().map(|base| base.first_segment().number);
        let first = self.inventory.segments.keys().map(|segment| segment.number);
        let start = oldest.min().or(first.min());
        start.map_or_else(Vec::new, |start| self.chain().gaps(start, &self.bases))
    }
}

impl ContinuousArchive {
    /// The moments that can be recovered to, oldest first, by what lies in the folder and was not found damaged. Nothing is
    /// read back.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::identity`], and [`BackupError::Vault`].
    pub fn ranges(&self) -> Result<Vec<RecoveryRange>, BackupError> {
        Ok(self.survey()?.ranges())
    }

    /// The write-ahead log that is missing or damaged since the oldest copy of the cluster, oldest first, as far as that is
    /// known without reading anything back.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::ranges`].
    pub fn gaps(&self) -> Result<Vec<LogGap>, BackupError> {
        Ok(self.survey()?.gaps())
    }

    /// Looks at the archive. A file that is given another name just then may be in no list of its folder: what seems to be
    /// missing is looked for twice.
    pub(crate) fn survey(&self) -> Result<Survey, BackupError> {
        let first = self.look()?;
        match first.gaps().is_empty() {
            true => Ok(first),
            false => self.look(),
        }
    }

    fn look(&self) -> Result<Survey, BackupError> {
        let identity = self.identity()?;
        // First: what it says was received is in the folders then.
        let marks = self.marks()?;
        let bases = self.usable_bases()?;
        let damaged = self.damaged_files()?;
        let inventory = Inventory::read(self.root(), identity.segment_bytes, &damaged)?;
        let with_history = inventory.histories.keys().copied();
        let with_log = inventory.segments.keys().map(|segment| segment.timeline);
        let with_base = bases.iter().map(|base| base.timeline);
        let newest = with_history.chain(with_log).chain(with_base).max();
        let newest = newest.unwrap_or(1);
        let history = match inventory.histories.get(&newest) {
            None => TimelineHistory::first(newest),
            Some(path) => self.history(newest, path)?,
        };
        Ok(Survey {
            identity,
            bases,
            inventory,
            marks,
            history,
        })
    }
}
