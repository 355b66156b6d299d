//! What is said of stores that were restored.

use portcullis_backup::{BackupName, Kept, Replaced, Store, StoreKind};
use portcullis_engine::StoreLoss;

use crate::output;

/// A store that was restored.
pub(super) struct Back {
    pub(super) store: String,
    /// Where it is; None if only its restore command knows.
    pub(super) place: Option<String>,
    pub(super) digest: String,
}

/// Says what was made and what was kept when a store was put back, and what could not be given to it.
pub(super) fn tell_replaced(held: &Store, replaced: &Replaced) {
    for folder in &replaced.folders_made {
        output::talk(&format!(
            "note: {}: the folder {} was missing and was made",
            held.name,
            folder.display()
        ));
    }
    not_set(
        &held.name,
        replaced.owners_not_set,
        replaced.attributes_not_set,
    );
    let Some(kept) = &replaced.kept else {
        return;
    };
    let undo = match kept {
        Kept::Path(_) => "move it back".to_owned(),
        Kept::Database(number) if held.kind() == StoreKind::Redis => {
            format!("exchange the two with SWAPDB NUMBER {number}, and DEL portcullis:mark")
        }
        Kept::Database(_) => "rename it back with ALTER DATABASE ... RENAME TO".to_owned(),
        Kept::Objects(_) => "copy it back with `aws s3 sync`".to_owned(),
        Kept::Versions(_) => "copy these versions back with `aws s3api copy-object`".to_owned(),
        Kept::Output(_) => "give it to the restore command on standard input".to_owned(),
        Kept::Nothing(_) => "none".to_owned(),
    };
    output::talk(&format!("what was there is kept as {kept}; undo: {undo}"));
}

/// Says what a copy could not be given, because this user or the file system may not.
pub(super) fn not_set(store: &str, owners: u64, attributes: u64) {
    if owners > 0 {
        output::talk(&format!(
            "note: {store}: {owners} entries keep the user who restored them as their owner, for only root may give files away"
        ));
    }
    if attributes > 0 {
        output::talk(&format!(
            "note: {store}: {attributes} extended attributes could not be set; this user or the file system may not"
        ));
    }
}

/// The result: which stores were restored to where, and what that took away if it was in place.
pub(super) fn report_restored(
    name: &BackupName,
    restored: &[Back],
    lost: Option<&[StoreLoss]>,
    json: bool,
) {
    if json {
        let rows = restored.iter().map(|back| {
            serde_json::json!({ "store": back.store, "path": back.place, "digest": back.digest })
        });
        let rows: Vec<_> = rows.collect();
        let mut all = serde_json::json!({
            "schema": "portcullis.backup-restore/1",
            "name": name.as_str(),
            "restored": rows,
        });
        if let Some(lost) = lost {
            all["lost"] = lost_json(lost);
        }
        output::json(&all);
        return;
    }
    for back in restored {
        let how = match &back.place {
            Some(place) => format!("to {place}"),
            None => "by its restore command".to_owned(),
        };
        output::result(&format!(
            "{} restored {how}; sha256 {}",
            back.store, back.digest
        ));
    }
}

/// What a restore in place took away, store by store; `added` is null where it could not be counted.
pub(super) fn lost_json(lost: &[StoreLoss]) -> serde_json::Value {
    let rows = lost.iter().map(
        |loss| serde_json::json!({ "store": loss.store, "added": loss.added, "words": loss.words }),
    );
    rows.collect()
}
