//! Whom PostgreSQL's server runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// The user that PostgreSQL's packages make.
const NAME: &str = "postgres";
const USERS: &str = "/etc/passwd";

/// A user of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemUser {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl SystemUser {
    /// Who runs a server of ours: we ourselves (`Ok(None)`), but as root, whom the server refuses, the user `postgres`.
    pub(crate) fn for_server() -> Result<Option<Self>, ()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string(USERS).map_err(drop)?;
        let found = users.lines().find_map(|line| Self::parse(line, NAME));
        found.map(Some).ok_or(())
    }

    /// A line of the list of users: name, password, user, group and more.
    fn parse(line: &str, wanted: &str) -> Option<Self> {
        let mut parts = line.split(':');
        (parts.next()? == wanted).then_some(())?;
        let (user, group) = (parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { user, group })
    }

    /// Gives a file or a folder with everything in it to the user. Links are not followed.
    pub(crate) fn own(self, path: &Path) -> std::io::Result<()> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_symlink() {
            return Ok(());
        }
        chown(path, Some(self.user), Some(self.group))?;
        if metadata.is_dir() {
            for entry in fs::read_dir(path)? {
                self.own(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// The folder on the way to `path` into which the user may not go, if there is one.
    pub(crate) fn kept_out(self, path: &Path) -> Option<std::path::PathBuf> {
        let closed = |folder: &&Path| {
            let Ok(metadata) = fs::metadata(folder) else {
                return true;
            };
            let bit = match (metadata.uid() == self.user, metadata.gid() == self.group) {
                (true, _) => 0o100,
                (_, true) => 0o010,
                _ => 0o001,
            };
            metadata.mode() & bit == 0
        };
        let way = path.ancestors().skip(1);
        way.filter(|folder| !folder.as_os_str().is_empty())
            .find(closed)
            .map(Path::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_the_list() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        let found = SystemUser::parse(line, NAME).unwrap();
        assert_eq!((found.user, found.group), (101, 104));
        assert_eq!(SystemUser::parse(line, "postgre"), None);
        assert_eq!(SystemUser::parse("postgres:x", NAME), None);
    }
}
