//! What copies there are, and removing one.

use std::collections::BTreeMap;

use futures::StreamExt;
use object_store::ObjectStoreExt;

use super::{Copies, CopyError, CopyProblem, Open};
use crate::vault::{SUFFIXES, SUMS_SUFFIX};
use crate::{BackupName, BackupState, BackupSummary, Sealed, Vault};

/// The files of one copy.
#[derive(Default)]
struct Files {
    archive_bytes: u64,
    ends: Vec<&'static str>,
}

impl Copies {
    /// Every copy that is there, newest first, as far as names and lengths tell: one with its `.sha256` was whole when it
    /// was made, and counts as verified; one without is unfinished, or what is left of one.
    ///
    /// # Errors
    /// [`CopyError`] if the place cannot be asked.
    pub fn list(&self) -> Result<Vec<BackupSummary>, CopyError> {
        let listed = self.run(&|| false, |open| async move { list(&open).await });
        listed.map_err(|problem| self.error(problem))
    }

    /// The same; those that were found to be damaged when they were read are told as broken.
    ///
    /// # Errors
    /// [`CopyError`] if the place cannot be asked.
    pub fn list_marked(&self, vault: &Vault) -> Result<Vec<BackupSummary>, CopyError> {
        let mut all = self.list()?;
        let damaged = self.damaged(vault);
        for copy in all.iter_mut().filter(|copy| damaged.contains(&copy.name)) {
            copy.verified = false;
            copy.state = BackupState::Broken {
                why: "damaged: it was read, and is not what was written; `portcullis backup copy` sends it again".to_owned(),
            };
        }
        Ok(all)
    }

    /// Removes a copy, its `.sha256` first: whether it may go is the caller's decision. Nobody copies meanwhile. Where the
    /// bucket keeps versions or locks objects, they stay there as long as it says.
    ///
    /// # Errors
    /// [`CopyProblem::Busy`] while somebody copies; others as they say.
    pub fn remove(&self, vault: &Vault, name: &BackupName) -> Result<(), CopyError> {
        let work = || {
            let _alone = self.alone(vault)?;
            self.run(&|| false, |open| async move { remove(&open, name).await })
        };
        work().map_err(|problem| self.error(problem))
    }
}

async fn list(open: &Open<'_>) -> Result<Vec<BackupSummary>, CopyProblem> {
    let prefix = (!open.prefix.as_ref().is_empty()).then_some(&open.prefix);
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    let mut listing = open.store.list(prefix);
    while let Some(object) = listing.next().await {
        let object = object.map_err(|error| open.problem("list", &open.prefix, &error))?;
        let Some(mut parts) = object.location.prefix_match(&open.prefix) else {
            continue;
        };
        // What lies deeper is of somebody else.
        let (Some(file), None) = (parts.next(), parts.next()) else {
            continue;
        };
        let file = file.as_ref();
        let Some(end) = SUFFIXES.iter().find(|end| file.ends_with(**end)) else {
            continue;
        };
        let files = found
            .entry(file[..file.len() - end.len()].to_owned())
            .or_default();
        files.ends.push(end);
        if end.starts_with(".tar") {
            files.archive_bytes = object.size;
        }
    }
    let named = found.into_iter();
    let named = named.filter_map(|(name, files)| Some((name.parse::<BackupName>().ok()?, files)));
    let mut all: Vec<_> = named.map(|(name, files)| summary(name, &files)).collect();
    all.sort_by(|a, b| {
        let by_name = || a.name.as_str().cmp(b.name.as_str());
        b.created_at.cmp(&a.created_at).then_with(by_name)
    });
    Ok(all)
}

fn summary(name: BackupName, files: &Files) -> BackupSummary {
    let has = |end: &str| files.ends.contains(&end);
    let sealed = has(".tar.zst.age") || has(".manifest.json.age");
    let all = match sealed {
        true => has(".tar.zst.age") && has(".manifest.json.age"),
        false => has(".tar.zst") && has(".manifest.json"),
    };
    let complete = all && has(SUMS_SUFFIX);
    BackupSummary {
        created_at: name.created_at(),
        name,
        bytes: files.archive_bytes,
        state: match complete {
            true => BackupState::Complete {
                release: None,
                reason: String::new(),
                stores: Vec::new(),
            },
            false => BackupState::Broken {
                why: "it is not complete: an upload is under way or was cut off".to_owned(),
            },
        },
        verified: complete,
        sealed: sealed.then(|| Sealed {
            recipients: Vec::new(),
            opens: false,
        }),
        protection: None,
    }
}

pub(super) async fn remove(open: &Open<'_>, name: &BackupName) -> Result<(), CopyProblem> {
    for end in std::iter::once(SUMS_SUFFIX).chain(SUFFIXES) {
        let path = open.path(name, end);
        match open.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(open.problem("remove", &path, &error)),
        }
    }
    Ok(())
}
