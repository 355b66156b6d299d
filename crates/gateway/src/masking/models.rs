//! The named-entity models of masks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_mask::NamedEntities;

/// The models that masks name, each under its folder as the settings write it. Whoever makes the settings loads them: the
/// gateway has no runtime for models of its own.
#[derive(Clone, Default)]
pub struct MaskModels(BTreeMap<PathBuf, Arc<dyn NamedEntities>>);

impl MaskModels {
    /// Adds the model of a folder.
    #[must_use]
    pub fn with(mut self, folder: &Path, model: Arc<dyn NamedEntities>) -> MaskModels {
        self.0.insert(folder.to_owned(), model);
        self
    }

    /// The model of a folder.
    pub(crate) fn of(&self, folder: &Path) -> Option<&Arc<dyn NamedEntities>> {
        self.0.get(folder)
    }
}

impl PartialEq for MaskModels {
    /// The same models, not equal ones: one that was loaded again may be another.
    fn eq(&self, other: &MaskModels) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| {
                let ((folder, model), (other_folder, other_model)) = (one, other);
                folder == other_folder && Arc::ptr_eq(model, other_model)
            })
    }
}

impl Eq for MaskModels {}

impl std::fmt::Debug for MaskModels {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
