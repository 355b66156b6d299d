//! Which configuration a command is about.

use std::path::PathBuf;

/// The configuration file, and the environment of it that is meant.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// The environment whose table overlays the file; `None` for the file as it stands.
    pub(crate) environment: Option<String>,
}
