//! The state folder: who may look into it, the token, and who acts on it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use portcullis_config::Config;
use portcullis_rollout::ValueSource;

use super::finding::Finding;
use crate::state_folder::StateFolder;

/// The folder and its token: there, ours, and for nobody else.
pub(super) fn folder(config: &Config) -> Vec<Finding> {
    let root = &config.state.folder;
    let folder = StateFolder::new(root);
    let meta = match fs::metadata(root) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!("{} is not there", root.display());
            return vec![Finding::fail("state folder", message).hint("`portcullis init` makes it")];
        }
        Err(error) => return vec![unseen("state folder", config, &error)],
    };
    let mut found = vec![private("state folder", root, &meta)];
    found.push(match folder.token() {
        Ok(_) => match fs::metadata(root.join("token")) {
            Ok(meta) => private("token", &root.join("token"), &meta),
            Err(error) => Finding::fail("token", error.to_string()),
        },
        Err(error) => {
            let hint = error.first_hint().unwrap_or("`portcullis init` makes it");
            Finding::fail("token", error.sentence()).hint(hint)
        }
    });
    found
}

/// Files with identities that open encrypted backups and that others may read too.
pub(super) fn identities(config: &Config) -> Vec<Finding> {
    let identities = config.backup.encryption.identities.iter();
    let files = identities.filter_map(|identity| match ValueSource::of(identity.expose()) {
        ValueSource::File(path) => Some(config.folder.join(path)),
        _ => None,
    });
    let open = files.filter_map(|path| {
        // One that is not there is told with the backups.
        let mode = fs::metadata(&path).ok()?.mode() & 0o7777;
        let shown = path.display();
        (mode & 0o077 != 0).then(|| {
            let message = format!(
                "the identity file {shown} has mode {mode:04o}: whoever can use it opens every backup for its key"
            );
            Finding::warn("backups", message).hint(format!(
                "chmod 600 {shown}; if others may have read it, put a new key in its place"
            ))
        })
    });
    open.collect()
}

/// Something that this user may not look at. Nothing is said of it but that.
pub(super) fn unseen(about: &'static str, config: &Config, error: &std::io::Error) -> Finding {
    let message = format!("cannot be looked at: {error}");
    let found = Finding::fail(about, message);
    match error.kind() {
        ErrorKind::PermissionDenied => {
            found.hint(StateFolder::new(&config.state.folder).permission_hint())
        }
        _ => found.hint("look at the disk"),
    }
}

fn private(about: &'static str, path: &Path, meta: &fs::Metadata) -> Finding {
    let shown = path.display();
    let (mode, owner) = (meta.mode() & 0o7777, meta.uid());
    let ours = rustix::process::geteuid().as_raw();
    if mode & 0o077 != 0 {
        let wanted = if meta.is_dir() { "700" } else { "600" };
        Finding::fail(
            about,
            format!("{shown} has mode {mode:04o}: others may look into it"),
        )
        .hint(format!("chmod {wanted} {shown}"))
    } else if owner != ours && ours != 0 {
        Finding::fail(
            about,
            format!("{shown} belongs to user {owner}, and you are user {ours}"),
        )
        .hint("run Portcullis as the user that owns it")
    } else {
        Finding::ok(about, format!("{shown} has mode {mode:04o} and is yours"))
    }
}

/// Who acts on the folder. A shared lock is tried for a moment: it is had exactly when nobody acts.
pub(super) fn lock(config: &Config) -> Finding {
    let path = config.state.folder.join("lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::ok("lock", "nobody has acted here yet");
        }
        Err(error) => return unseen("lock", config, &error),
    };
    let note = fs::read_to_string(&path).unwrap_or_default();
    let holder = note.trim();
    match file.try_lock_shared() {
        Ok(()) => Finding::ok("lock", "free: no `portcullis serve` acts on this folder"),
        Err(fs::TryLockError::WouldBlock) => {
            let pid = holder.strip_prefix("pid ").unwrap_or_default();
            let lives = Path::new("/proc").join(pid).is_dir() && !pid.is_empty();
            if lives {
                Finding::ok("lock", format!("held by {holder}, which lives"))
            } else {
                Finding::warn(
                    "lock",
                    format!("held, but the process on record ({holder}) is gone"),
                )
                .hint("see who holds it: `fuser -v` on the file `lock` in the state folder")
            }
        }
        Err(fs::TryLockError::Error(error)) => Finding::warn("lock", error.to_string()),
    }
}
