//! Where the paths of a configuration stand in its file, so that a look at the disk can point there.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::bounds::SOCKET_PATH_BYTES_MAX;
use crate::overlay::Overlay;
use crate::report::{Report, Spot, Wrong};
use crate::source::Source;
use crate::{Code, Problems};

mod content;
mod file_fault;
mod linked;
mod mask_use;

pub(crate) use content::Content;
pub use file_fault::FileFault;
pub(crate) use mask_use::MaskUse;

/// A configuration's text, and the paths in it that the disk must have.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) uses: Vec<PathUse>,
    /// Masks whose words are in files.
    pub(crate) masks: Vec<MaskUse>,
    /// Other places of which something can be told later.
    pub(crate) marks: Vec<Spot>,
    /// The environment that was chosen.
    pub(crate) overlay: Option<Overlay>,
    /// The names of all environments of the file, in order.
    pub(crate) environments: Vec<String>,
}

/// A path that the disk must have.
#[derive(Debug, Clone)]
pub(crate) struct PathUse {
    pub(crate) path: PathBuf,
    pub(crate) wanted: Wanted,
    pub(crate) spot: Spot,
}

/// What must be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A release's artifact that is run itself.
    Program,
    /// A release's artifact that another program runs, such as a script.
    Artifact,
    /// The program of a hook.
    Hook,
    /// A file whose content is a secret.
    Secret,
    /// A file whose bytes are sent.
    Body,
    /// A store of one file.
    FileStore,
    /// A store of a whole folder.
    DirectoryStore,
    /// A store that is an SQLite database.
    SqliteStore,
    /// A store that is the folder of a Chroma database.
    ChromaStore,
    /// A folder of SQL files.
    SqlFolder,
    /// The folder of backups, which the first of them makes.
    Vault,
    /// A socket that will be made there.
    Socket,
    /// A file that the gateway reads.
    Read(Content),
    /// A file that will be made there, in a folder that is there.
    Written,
}

impl Origin {
    /// # Errors
    /// All problems found, each at its place in the file.
    pub(crate) fn check_files(&self) -> Result<(), Problems> {
        let report = Report::new(&self.source);
        self.look(&report);
        if report.is_empty() {
            Ok(())
        } else {
            Err(report.into_problems())
        }
    }

    /// Tells faults at the places of their keys.
    pub(crate) fn tell(&self, faults: Vec<FileFault>) -> Problems {
        let report = Report::new(&self.source);
        report.read_as(self.overlay.clone());
        let uses = self.uses.iter().map(|used| &used.spot);
        let spots: Vec<&Spot> = uses.chain(&self.marks).collect();
        let start = Spot {
            span: 0..0,
            key: String::new(),
            label: String::new(),
        };
        for fault in faults {
            let spot = spots.iter().find(|spot| spot.key == fault.key);
            let wrong = Wrong::new(Code::FileMissing, fault.message).hint(fault.hint);
            report.add(spot.copied().unwrap_or(&start), wrong);
        }
        report.read_as(None);
        report.into_problems()
    }

    /// Looks at the disk and reports what is missing.
    pub(crate) fn look(&self, report: &Report<'_>) {
        report.read_as(self.overlay.clone());
        for used in &self.uses {
            if let Some(wrong) = used.wrong() {
                report.add(&used.spot, wrong);
            }
        }
        linked::look(&self.uses, report);
        for mask in &self.masks {
            mask.try_out(report, true);
        }
        report.read_as(None);
    }
}

impl PartialEq for Origin {
    /// Where a value was written is no part of what it means.
    fn eq(&self, _other: &Origin) -> bool {
        true
    }
}

/// The database of Chroma's, in the folder that it persists to.
const CHROMA: &str = "chroma.sqlite3";

impl PathUse {
    fn wrong(&self) -> Option<Wrong> {
        let path = self.path.display();
        if self.wanted == Wanted::Socket {
            let bytes = self.path.as_os_str().as_bytes().len();
            let message = format!(
                "the socket `{path}` has a path of {bytes} bytes; the system allows \
                 {SOCKET_PATH_BYTES_MAX}"
            );
            let hint = "choose a shorter state.folder, or an address such as \"127.0.0.1:8081\"";
            return (bytes > SOCKET_PATH_BYTES_MAX)
                .then(|| Wrong::new(Code::BadValue, message).hint(hint));
        }
        let missing = |text: String| Some(Wrong::new(Code::FileMissing, text));
        if self.wanted == Wanted::Written {
            return self.unwritable();
        }
        let found = match std::fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.wanted == Wanted::Vault {
                    return None;
                }
                let wrong = missing(format!("there is nothing at `{path}`"));
                return wrong.map(|wrong| wrong.maybe(self.hint()));
            }
            Err(error) => return missing(format!("`{path}` cannot be looked at: {error}")),
        };
        match self.wanted {
            Wanted::DirectoryStore if found.is_file() => missing(format!(
                "`{path}` is a file, expected a folder; did you mean kind = \"file\"?"
            )),
            Wanted::DirectoryStore | Wanted::ChromaStore if found.is_dir() => self.folder_store(),
            Wanted::SqlFolder | Wanted::Vault if found.is_dir() => None,
            Wanted::DirectoryStore | Wanted::ChromaStore | Wanted::SqlFolder | Wanted::Vault => {
                missing(format!("`{path}` is not a folder"))
            }
            Wanted::FileStore | Wanted::SqliteStore if found.is_dir() => missing(format!(
                "`{path}` is a folder, expected a file; did you mean kind = \"directory\"?"
            )),
            _ if !found.is_file() => missing(format!("`{path}` is not a file")),
            Wanted::FileStore if sqlite(&self.path) == Some(true) => Some(
                Wrong::new(
                    Code::BadValue,
                    format!("`{path}` is an SQLite database: a copy of the file alone may be torn"),
                )
                .hint("set kind = \"sqlite\""),
            ),
            Wanted::SqliteStore if sqlite(&self.path) == Some(false) => Some(
                Wrong::new(
                    Code::BadValue,
                    format!("`{path}` is not an SQLite database: it does not begin like one"),
                )
                .hint("correct the path, or set kind = \"file\""),
            ),
            Wanted::Secret => std::fs::File::open(&self.path)
                .err()
                .and_then(|error| missing(format!("`{path}` cannot be read: {error}"))),
            Wanted::Program | Wanted::Hook if !executable(&found) => Some(
                Wrong::new(Code::FileMissing, format!("`{path}` may not be run"))
                    .hint(format!("make it a program with `chmod +x {path}`")),
            ),
            Wanted::Read(content) => content.wrong(&self.path),
            _ => None,
        }
    }

    /// What is wrong with a folder as a store of its kind: whether it is one of Chroma's.
    fn folder_store(&self) -> Option<Wrong> {
        let path = self.path.display();
        match (self.wanted, self.path.join(CHROMA).is_file()) {
            (Wanted::ChromaStore, false) => {
                let message =
                    format!("`{path}` is no folder of a Chroma database: it has no file {CHROMA}");
                let hint = "name the folder that Chroma persists to, or set kind = \"directory\"";
                Some(Wrong::new(Code::FileMissing, message).hint(hint))
            }
            (Wanted::DirectoryStore, true) => {
                let message = format!(
                    "`{path}` is the folder of a Chroma database: a copy of its files alone may be torn"
                );
                Some(Wrong::new(Code::BadValue, message).hint("set kind = \"chroma\""))
            }
            _ => None,
        }
    }

    /// What keeps a file from being made.
    fn unwritable(&self) -> Option<Wrong> {
        let path = self.path.display();
        let folder = self.path.parent().unwrap_or(&self.path);
        let message = if self.path.is_dir() {
            format!("`{path}` is a folder, expected a file")
        } else if !folder.is_dir() {
            format!("there is no folder `{}` for this file", folder.display())
        } else {
            return None;
        };
        Some(Wrong::new(Code::FileMissing, message).hint("make the folder or choose another path"))
    }

    fn hint(&self) -> Option<String> {
        let hint = match self.wanted {
            Wanted::Program | Wanted::Artifact => "build the release or correct the path",
            Wanted::Body | Wanted::Hook | Wanted::Secret | Wanted::SqlFolder => {
                "the path starts at the configuration file's folder"
            }
            Wanted::FileStore
            | Wanted::DirectoryStore
            | Wanted::SqliteStore
            | Wanted::ChromaStore => "a store must exist before the first release is brought out",
            Wanted::Read(content) => content.hint(),
            Wanted::Socket | Wanted::Written | Wanted::Vault => return None,
        };
        Some(hint.to_owned())
    }
}

/// Whether a file is an SQLite database; `None` when that cannot be seen. An empty file is a database without
/// tables, and may be any other file as well.
fn sqlite(path: &Path) -> Option<bool> {
    let mut head = [0; SQLITE_HEAD.len()];
    let mut file = std::fs::File::open(path).ok()?;
    if file.metadata().ok()?.len() == 0 {
        return None;
    }
    match file.read_exact(&mut head) {
        Ok(()) => Some(&head == SQLITE_HEAD),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Some(false),
        Err(_) => None,
    }
}

/// How an SQLite database begins (<https://www.sqlite.org/fileformat2.html>, section 1.2).
const SQLITE_HEAD: &[u8; 16] = b"SQLite format 3\0";

fn executable(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o111 != 0
}
