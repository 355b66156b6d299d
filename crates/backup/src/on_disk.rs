//! A store as what it is on the disk: a file or a folder.

use std::path::PathBuf;

use crate::StoreKind;

/// A named file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnDisk {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) path: PathBuf,
}

/// What must be at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One regular file.
    File,
    /// A folder with everything in it.
    Directory,
}

impl Shape {
    /// The word for messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
        }
    }

    /// The kind of a store that is nothing but this.
    pub(crate) fn kind(self) -> StoreKind {
        match self {
            Self::File => StoreKind::File,
            Self::Directory => StoreKind::Directory,
        }
    }
}

impl StoreKind {
    /// What it is in an archive: one file, or a folder with files.
    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::File | Self::Sqlite => Shape::File,
            Self::Directory
            | Self::Chroma
            | Self::Postgres
            | Self::Redis
            | Self::Bucket
            | Self::Command => Shape::Directory,
        }
    }
}
