//! What is looked for: what the options name, or what a `[[gateway.mask]]` of the configuration says.

use std::path::Path;
use std::sync::Arc;

use portcullis_config::{MaskConfig, PlaceholderForm};
use portcullis_mask::{Finder, Masker, Mode, NamedEntities, Policy, Regions, Rules, Score};

use crate::cli::{Finding, StyleName};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::models;
use crate::site::Site;

/// What is looked for and what is done with it.
pub(super) struct Chosen {
    rules: Rules,
    policy: Policy,
    /// How the mask writes placeholders; `None` if no mask was named.
    pub(super) style: Option<StyleName>,
}

impl Chosen {
    /// What the options name.
    ///
    /// # Errors
    /// A name that nothing has, or a configuration that cannot be used.
    pub(super) fn of(site: &Site, finding: &Finding) -> Result<Chosen, CommandError> {
        match &finding.rules {
            Some(name) => Chosen::of_mask(&mask_named(site, name)?),
            None => Ok(Chosen {
                rules: rules(finding)?,
                policy: Policy::default(),
                style: None,
            }),
        }
    }

    /// What a mask says. One in shadow mode hides here, too: this shows what it would do.
    fn of_mask(config: &MaskConfig) -> Result<Chosen, CommandError> {
        let model = config.search.model.as_ref();
        let model = model.map(|model| load(&model.folder)).transpose()?;
        let rules = config.rules_with(model).map_err(|faults| {
            let told = faults.iter().map(ToString::to_string).collect();
            wrong(told, "`portcullis check` says where")
        })?;
        let policy = config.policy(&rules);
        let policy = policy.map_err(|error| CommandError::of(Exit::Usage, &error))?;
        let style = match config.placeholders {
            PlaceholderForm::Plain => StyleName::Plain,
            PlaceholderForm::Brackets => StyleName::Brackets,
            PlaceholderForm::Angles => StyleName::Angles,
            PlaceholderForm::Tagged => StyleName::Tagged,
        };
        Ok(Chosen {
            rules,
            policy,
            style: Some(style),
        })
    }

    /// What finds it.
    pub(super) fn finder(self) -> Finder {
        Finder::new(self.rules)
    }

    /// What hides it.
    ///
    /// # Errors
    /// A label that no placeholder can have.
    pub(super) fn masker(self) -> Result<Masker, CommandError> {
        let finder = Arc::new(Finder::new(self.rules));
        Masker::new(finder, self.policy, Mode::Enforce)
            .map_err(|error| CommandError::of(Exit::Usage, &error))
    }
}

/// The model of a folder.
fn load(folder: &Path) -> Result<Arc<dyn NamedEntities>, CommandError> {
    models::load(folder)
        .map_err(|fault| CommandError::coded(ErrorCode::BadValue, fault.message).hint(fault.hint))
}

/// The mask of this name.
fn mask_named(site: &Site, name: &str) -> Result<MaskConfig, CommandError> {
    let config = portcullis_config::load_environment(&site.file, site.environment.as_deref())?;
    let masks = config.gateway.masks;
    let names: Vec<&str> = masks.iter().map(|mask| mask.name.as_ref()).collect();
    let file = site.file.display();
    let hint = match names.as_slice() {
        [] => format!("{file} has no [[gateway.mask]]; leave out --rules, or add one"),
        names => format!("{file} has {}", names.join(", ")),
    };
    let found = masks.iter().find(|mask| mask.name.as_ref() == name);
    found.cloned().ok_or_else(|| {
        let message = format!(
            "there is no [[gateway.mask]] named `{}`",
            name.escape_debug()
        );
        CommandError::coded(ErrorCode::BadValue, message).hint(hint)
    })
}

/// The rules that the options name.
fn rules(finding: &Finding) -> Result<Rules, CommandError> {
    let mut builder = Rules::builder();
    if let Some(folder) = &finding.model {
        // Whoever waits here decides how much is read.
        builder = builder.named_entities(load(folder)?, usize::MAX);
    }
    builder = builder.threshold_of_all(Score::of((finding.threshold * 100.0).round() as u8));
    if !finding.only.is_empty() {
        builder = builder.nothing();
    }
    for name in &finding.only {
        builder = builder.with(name);
    }
    for name in &finding.without {
        builder = builder.without(name);
    }
    for value in &finding.allow {
        builder = builder.allow(value);
    }
    for name in &finding.dictionary {
        builder = builder.bundled(name);
    }
    if !finding.phone_region.is_empty() {
        let regions = Regions::of(finding.phone_region.iter().map(String::as_str));
        builder =
            builder.phone_regions(regions.map_err(|error| CommandError::of(Exit::Usage, &error))?);
    }
    builder.build().map_err(|errors| {
        let told = errors.iter().map(ToString::to_string).collect();
        wrong(
            told,
            "`portcullis mask entities` lists what can be recognized",
        )
    })
}

fn wrong(told: Vec<String>, hint: &str) -> CommandError {
    let mut told = told.into_iter();
    let message = told.next().unwrap_or_default();
    let error = CommandError::coded(ErrorCode::BadValue, message);
    told.fold(error, CommandError::cause).hint(hint)
}

impl Finding {
    /// Everything, as when no option is given.
    pub(super) fn everything() -> Finding {
        Finding {
            rules: None,
            only: Vec::new(),
            without: Vec::new(),
            threshold: Score::THRESHOLD.fraction(),
            allow: Vec::new(),
            dictionary: Vec::new(),
            phone_region: Vec::new(),
            model: None,
        }
    }
}
