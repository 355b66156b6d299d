//! What a verification found wrong with a backup.

use std::fmt;

/// One problem of a backup. The text names the file that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The `.sha256` file cannot be read as two lines of digest and file name.
    SumsUnreadable {
        /// What was found instead.
        why: String,
    },
    /// The digest of `file` in the `.sha256` file has a few wrong digits: the `.sha256` file itself
    /// was changed.
    SumsWrong {
        /// The file whose digest is wrong in it.
        file: String,
    },
    /// The archive is not the one that was written.
    ArchiveDigest {
        /// The digest in the `.sha256` file.
        expected: String,
        /// The digest of the archive.
        found: String,
    },
    /// The manifest beside the archive is not the one that was written.
    ManifestDigest {
        /// The digest in the `.sha256` file.
        expected: String,
        /// The digest of the manifest.
        found: String,
    },
    /// A file is not the one that the journal tells of, whatever its `.sha256` says.
    NotRecorded {
        /// The archive or the manifest.
        file: &'static str,
        /// The digest in the journal.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// The check command of a store refuses its data.
    CheckRefused {
        /// The store.
        store: String,
        /// How the command ended, with the last that it said.
        why: String,
    },
    /// The manifest beside the archive cannot be used.
    ManifestUnreadable {
        /// What is wrong with it.
        why: String,
    },
    /// The manifest in the archive and the one beside it differ.
    ManifestsDiffer,
    /// The archive cannot be read to its end.
    ArchiveUnreadable {
        /// What the decoder said.
        why: String,
    },
    /// The RDB of a Redis database cannot be read, or does not hold what the manifest says.
    Rdb {
        /// The path in the archive.
        path: String,
        /// What was found.
        why: String,
    },
    /// A dump of a database cannot be read by the program that would restore it.
    Dump {
        /// The path in the archive.
        path: String,
        /// What the program said.
        why: String,
    },
    /// A file in the archive does not have the content that the manifest gives.
    Content {
        /// The path in the archive.
        path: String,
        /// Size and digest in the manifest.
        expected: String,
        /// Size and digest in the archive.
        found: String,
    },
    /// Something in the archive is of another kind, mode or target than the manifest says.
    Attributes {
        /// The path in the archive.
        path: String,
        /// What the manifest says.
        expected: String,
        /// What the archive says.
        found: String,
    },
    /// The manifest lists what the archive does not have.
    Missing {
        /// The path in the archive.
        path: String,
    },
    /// The archive has what the manifest does not list, such as a path out of the store.
    Unexpected {
        /// The path in the archive.
        path: String,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SumsUnreadable { why } => write!(f, "the .sha256 file cannot be read: {why}"),
            Self::SumsWrong { file } => write!(
                f,
                "the .sha256 file was changed: a few digits of its digest of {file} are wrong"
            ),
            Self::ArchiveDigest { expected, found } => {
                write!(
                    f,
                    "the archive is not the one that was written: expected SHA-256 {expected}, found {found}"
                )
            }
            Self::ManifestDigest { expected, found } => {
                write!(
                    f,
                    "the manifest is not the one that was written: expected SHA-256 {expected}, found {found}"
                )
            }
            Self::NotRecorded {
                file,
                expected,
                found,
            } => {
                write!(
                    f,
                    "the {file} was replaced: the journal says SHA-256 {expected}, and it has {found}"
                )
            }
            Self::CheckRefused { store, why } => {
                write!(f, "the data of {store} cannot be read: {why}")
            }
            Self::ManifestUnreadable { why } => write!(f, "the manifest cannot be used: {why}"),
            Self::ManifestsDiffer => {
                f.write_str("the manifest in the archive is not the one beside it")
            }
            Self::ArchiveUnreadable { why } => write!(f, "the archive cannot be read: {why}"),
            Self::Rdb { path, why } => {
                write!(f, "{path} in the archive is not what it should be: {why}")
            }
            Self::Dump { path, why } => {
                write!(
                    f,
                    "{path} in the archive cannot be read by pg_restore: {why}"
                )
            }
            Self::Content {
                path,
                expected,
                found,
            }
            | Self::Attributes {
                path,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{path} in the archive: expected {expected}, found {found}"
                )
            }
            Self::Missing { path } => write!(f, "{path} is not in the archive"),
            Self::Unexpected { path } => {
                write!(f, "{path} is in the archive and not in the manifest")
            }
        }
    }
}
