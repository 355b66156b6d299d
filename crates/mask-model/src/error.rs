//! Why a folder cannot be used as a model.

use std::path::PathBuf;

/// Why a folder cannot be used as a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no such folder.
    #[error(
        "`{}` is no folder; expected one with config.json, tokenizer.json and model.safetensors", folder.display()
    )]
    NoFolder {
        /// What was named.
        folder: PathBuf,
    },
    /// One of its files is missing.
    #[error("there is no `{}`; {hint}", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// What to do.
        hint: &'static str,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than any that is meant.
    #[error("`{}` is larger than {bytes_max} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The most bytes.
        bytes_max: u64,
    },
    /// A file does not hold what it should.
    #[error("`{}`: {what}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// The key or tensor, what it has and what is expected.
        what: String,
    },
}
