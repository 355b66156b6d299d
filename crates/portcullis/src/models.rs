//! Named-entity models: loaded from their folders, if this program was built to have them (the feature `model`).

use std::path::Path;
use std::sync::Arc;

use portcullis_config::{Config, FileFault, Problems};
use portcullis_gateway::MaskModels;
use portcullis_mask::NamedEntities;

/// Why a model cannot be used, and what to do.
pub(crate) struct ModelFault {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

#[cfg(feature = "model")]
mod folder {
    use super::{Arc, ModelFault, NamedEntities, Path};
    use crate::command_error::{CommandError, Exit};
    use portcullis_mask_model::{Model, ModelError, shared};

    pub(super) fn load(folder: &Path) -> Result<Arc<dyn NamedEntities>, ModelFault> {
        match shared(folder) {
            Ok(model) => Ok(model),
            Err(error) => Err(fault(&error)),
        }
    }

    pub(super) fn examine(folder: &Path) -> Result<(), ModelFault> {
        Model::examine(folder).map_err(|error| fault(&error))
    }

    fn fault(error: &ModelError) -> ModelFault {
        ModelFault {
            message: CommandError::of(Exit::Usage, error).sentence(),
            hint: "name a folder in which `save_pretrained` of transformers has saved a token-classification model; \
                   `portcullis docs masking` says where to get one",
        }
    }
}

#[cfg(not(feature = "model"))]
mod folder {
    use super::{Arc, ModelFault, NamedEntities, Path};

    pub(super) fn load(_folder: &Path) -> Result<Arc<dyn NamedEntities>, ModelFault> {
        Err(unbuilt())
    }

    pub(super) fn examine(_folder: &Path) -> Result<(), ModelFault> {
        Err(unbuilt())
    }

    fn unbuilt() -> ModelFault {
        ModelFault {
            message: "this portcullis was built without the feature `model`, so it cannot ask a model for names"
                .to_owned(),
            hint: "build it with `cargo build --release --features model`, or leave the model out",
        }
    }
}

/// The model of a folder, shared with everybody in this process who uses it. Blocks while it is read.
pub(crate) fn load(folder: &Path) -> Result<Arc<dyn NamedEntities>, ModelFault> {
    folder::load(folder)
}

/// What is wrong with the models of masks, as far as it is told without reading all of them.
pub(crate) fn examine(config: &Config) -> Vec<FileFault> {
    let faults = named(config).filter_map(|(mask, folder)| {
        let fault = folder::examine(folder).err()?;
        Some(of_mask(mask, fault))
    });
    faults.collect()
}

/// The models of the masks. Blocks while they are read.
///
/// # Errors
/// What is wrong with them, each at its key.
pub(crate) fn load_all(config: &Config) -> Result<MaskModels, Problems> {
    let mut models = MaskModels::default();
    let mut faults = Vec::new();
    for (mask, folder) in named(config) {
        match load(folder) {
            Ok(model) => models = models.with(folder, model),
            Err(fault) => faults.push(of_mask(mask, fault)),
        }
    }
    config.tell_faults(faults).map(|()| models)
}

/// The masks that name a model, and its folder.
fn named(config: &Config) -> impl Iterator<Item = (usize, &Path)> {
    let masks = config.gateway.masks.iter().enumerate();
    masks.filter_map(|(index, mask)| Some((index, mask.search.model.as_ref()?.folder.as_path())))
}

fn of_mask(mask: usize, fault: ModelFault) -> FileFault {
    FileFault {
        key: format!("gateway.mask[{mask}].model"),
        message: fault.message,
        hint: fault.hint.to_owned(),
    }
}
