//! What keeps a mask from being used.

use std::path::PathBuf;

use portcullis_mask::RulesError;

use super::WordsError;
use crate::FileFault;

/// What keeps a mask's rules from being built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskFault {
    /// A file of words cannot be used.
    #[error("{error}")]
    Words {
        /// The place of its dictionary in the mask, from 0 on.
        dictionary: usize,
        /// What is wrong with it.
        error: WordsError,
    },
    /// The mask has a model that nobody has loaded.
    #[error("the model in `{}` was not loaded", .0.display())]
    Model(PathBuf),
    /// The rules cannot be built.
    #[error("{0}")]
    Rules(RulesError),
}

impl MaskFault {
    /// The fault as [`crate::Config::tell_faults`] takes it, of the mask at this place of
    /// [`crate::GatewayConfig::masks`], from 0 on.
    pub fn of_mask(&self, mask: usize) -> FileFault {
        let (key, hint) = match self {
            MaskFault::Words { dictionary, .. } => (
                format!("gateway.mask[{mask}].dictionary[{dictionary}].file"),
                WordsError::HINT,
            ),
            MaskFault::Model(_) => (
                format!("gateway.mask[{mask}].model"),
                "this is a fault of Portcullis: please report it",
            ),
            MaskFault::Rules(_) => (
                format!("gateway.mask[{mask}].name"),
                "correct the file of words or the settings of this mask",
            ),
        };
        FileFault {
            key,
            message: self.to_string(),
            hint: hint.to_owned(),
        }
    }
}
