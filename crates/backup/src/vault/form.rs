//! How the files of a backup are called: encrypted ones end with `.age`.

/// Whether a backup is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `NAME.tar.zst` and `NAME.manifest.json`.
    Plain,
    /// The same with `.age` at the end, each encrypted.
    Age,
}

impl Form {
    /// The end of the archive's name.
    pub(crate) fn archive(self) -> &'static str {
        match self {
            Form::Plain => ".tar.zst",
            Form::Age => ".tar.zst.age",
        }
    }

    /// The end of the manifest's name.
    pub(crate) fn manifest(self) -> &'static str {
        match self {
            Form::Plain => ".manifest.json",
            Form::Age => ".manifest.json.age",
        }
    }
}

/// The end of the name of the checksums, which are never encrypted: without a key they say whether a backup is whole.
pub(crate) const SUMS_SUFFIX: &str = ".sha256";

/// The ends of the names of all files that make up backups, the longer ones first.
pub(crate) const SUFFIXES: [&str; 5] = [
    ".tar.zst.age",
    ".manifest.json.age",
    ".tar.zst",
    ".manifest.json",
    SUMS_SUFFIX,
];
