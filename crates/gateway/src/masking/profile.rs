//! One `[[gateway.mask]]`, compiled.

use std::sync::Arc;

use portcullis_config::{
    DatasetRequests, DictionaryWords, DifyApi, LeakAction, MaskApplication, MaskConfig, MaskFault,
    PlaceholderForm, UnknownMessage,
};
use portcullis_mask::json::{FieldError, JsonLimits};
use portcullis_mask::wire::{Adapter, DifyVersion, PointerRules, Wire, WireOptions};
use portcullis_mask::{
    Action, Finder, LabelError, Limits, Mapping, Masker, Mode, NamedEntities, Policy, PolicyError,
    Style, Tag,
};

use super::versions::ServerVersions;
use super::{MaskModels, MaskingCounters};

/// Everything a mask's recognizers may build when they are first used, is built by looking into this.
const WARM_UP: &str =
    "call +84 24 3825 5555 or (415) 555-2671 and write to warm.up@example.com, 4111 1111 1111 1111";
/// The paths of OpenAI's responses API, which has a history of its own.
const RESPONSES: &str = "/responses";
/// Dify's answers that are kept for questions.
const ANNOTATIONS: &str = "/apps/annotations";
/// Characters of a tag. With 36 signs each, two tags of one conversation are the same once in 78 billion times.
const TAG_CHARACTERS: usize = 8;

/// A mask that cannot be used. Its settings were tried when the file was read, so what is left are files of words.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Words or rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<MaskFault>),
    /// What is done with what is found.
    #[error("its actions cannot be carried out")]
    Policy(#[from] PolicyError),
    /// A label that no placeholder can have.
    #[error("one of its entities cannot be given placeholders")]
    Label(#[from] LabelError),
    /// A pointer to a field.
    #[error("its fields cannot be read")]
    Fields(#[from] FieldError),
}

impl ProfileError {
    /// What a person can do about it, in the mask of this name.
    pub(crate) fn hint(&self, mask: &str) -> String {
        let what = match self {
            ProfileError::Rules(faults) => {
                // The key and the way out, as `portcullis check` says them; the place of the mask is not known here.
                let first = faults.first().map(|fault| fault.of_mask(0).hint);
                first.unwrap_or_else(|| "correct its settings".to_owned())
            }
            ProfileError::Policy(_) => "correct its `actions`".to_owned(),
            ProfileError::Label(_) => {
                "correct the `entity` of its recognizers and dictionaries".to_owned()
            }
            ProfileError::Fields(_) => "correct its `fields` and `answer_fields`".to_owned(),
        };
        format!("in the [[gateway.mask]] `{mask}`: {what}; `portcullis check` shows the place")
    }
}

/// A compiled mask, shared by all workers.
pub(crate) struct MaskProfile {
    /// Its settings, by which it is known again.
    pub(crate) config: MaskConfig,
    /// Finds and hides.
    pub(crate) masker: Masker,
    /// Looks through answers, where the settings want it.
    pub(crate) leaks: Option<Arc<Masker>>,
    /// What is counted.
    pub(crate) counters: Arc<MaskingCounters>,
    /// What finds names, if the settings want it.
    model: Option<Arc<dyn NamedEntities>>,
    wire: Wire,
    /// The table of an older server.
    older_wire: Option<Wire>,
    /// What the servers said of themselves.
    pub(crate) versions: Arc<ServerVersions>,
}

impl MaskProfile {
    /// Compiles a mask for `workers` workers. It counts on where `before`, the mask of this name until now, did.
    ///
    /// # Errors
    /// A file of words cannot be used any more.
    pub(crate) fn compile(
        config: &MaskConfig,
        models: &MaskModels,
        workers: usize,
        before: Option<&MaskProfile>,
    ) -> Result<MaskProfile, ProfileError> {
        let model = model_of(config, models).cloned();
        let rules = config.rules_with(model.clone());
        let rules = rules.map_err(ProfileError::Rules)?;
        let policy = config.policy(&rules)?;
        let finder = Arc::new(Finder::new(rules));
        let _ = finder.find(WARM_UP);
        let masker = Masker::new(Arc::clone(&finder), policy, config.mode)?;
        let (wire, older_wire) = wires(config)?;
        Ok(MaskProfile {
            masker,
            leaks: leak_masker(config.leaks, &finder)?,
            counters: match before {
                Some(before) => Arc::clone(&before.counters),
                None => Arc::new(MaskingCounters::new(workers)),
            },
            model,
            wire,
            older_wire,
            versions: before.map_or_else(Arc::default, |before| Arc::clone(&before.versions)),
            config: config.clone(),
        })
    }

    /// Whether compiling these settings would give the same. Files of words may have changed.
    pub(crate) fn is_same(&self, config: &MaskConfig, models: &MaskModels) -> bool {
        let is_same_model = match (&self.model, model_of(config, models)) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        let mut dictionaries = config.search.dictionaries.iter();
        let reads = dictionaries.any(|one| matches!(one.words, DictionaryWords::File(_)));
        !reads && is_same_model && self.config == *config
    }

    /// The table that fits the server, as far as it has said what it is. The newer one has all paths of the older one.
    pub(crate) fn wire(&self) -> &Wire {
        match &self.older_wire {
            Some(older) if self.versions.table() == Some(DifyVersion::V0_15) => older,
            _ => &self.wire,
        }
    }

    /// Whether its servers tell their version.
    pub(crate) fn has_versions(&self) -> bool {
        matches!(self.config.application, MaskApplication::Dify { .. })
    }

    /// Whether what requests of this operation belong to is kept: where the application keeps the history itself.
    pub(crate) fn keeps(&self, operation: &str) -> bool {
        let keeps_history = match self.config.application {
            MaskApplication::Dify { .. } => true,
            MaskApplication::OpenAi => operation.starts_with(RESPONSES),
            _ => false,
        };
        keeps_history && self.config.mode == Mode::Enforce
    }

    /// What becomes of requests of the knowledge API; `None` if it is not one.
    pub(crate) fn datasets(&self, operation: Option<&str>) -> Option<DatasetRequests> {
        match &self.config.application {
            MaskApplication::Dify { datasets, .. } => operation
                .is_some_and(|operation| operation.starts_with("/datasets"))
                .then_some(*datasets),
            _ => None,
        }
    }

    /// Whether what requests of this operation hold belongs to no conversation, but to all of the tenant's: knowledge, and
    /// answers that are kept for questions.
    pub(crate) fn is_tenants(&self, operation: Option<&str>) -> bool {
        let is_annotation = operation.is_some_and(|operation| operation.starts_with(ANNOTATIONS));
        let is_dify = matches!(self.config.application, MaskApplication::Dify { .. });
        self.datasets(operation).is_some() || (is_dify && is_annotation)
    }

    /// Whether what cannot be looked into passes.
    pub(crate) fn passes_unknown(&self) -> bool {
        self.config.unknown == UnknownMessage::Pass || self.is_shadow()
    }

    /// Whether answers with data of elsewhere do not pass as they are.
    pub(crate) fn withholds_leaks(&self) -> bool {
        matches!(self.config.leaks, LeakAction::Mask | LeakAction::Block)
    }

    /// Whether looking into a request takes longer than others may wait.
    pub(crate) fn asks_a_model(&self) -> bool {
        self.masker.finder().rules().asks_a_model()
    }

    /// Whether the application names conversations itself, in its first answer.
    pub(crate) fn names_conversations(&self) -> bool {
        matches!(self.config.application, MaskApplication::Dify { .. })
    }

    /// Whether it only counts.
    pub(crate) fn is_shadow(&self) -> bool {
        self.config.mode == Mode::Shadow
    }

    /// How much JSON is read.
    pub(crate) fn json_limits(&self) -> JsonLimits {
        JsonLimits {
            bytes_max: usize::try_from(self.config.body_bytes_max)
                .unwrap_or(usize::MAX)
                .min(u32::MAX as usize - 1),
            ..JsonLimits::default()
        }
    }

    /// An empty mapping for a conversation that begins.
    pub(crate) fn mapping(&self, limits: Limits) -> Mapping {
        Mapping::new(self.style(), limits)
    }

    /// An empty mapping for a conversation of whose beginning nothing is known: its placeholders are none that were ever
    /// given in it.
    pub(crate) fn mapping_of_unknown(&self, limits: Limits) -> Mapping {
        Mapping::new(tagged(), limits)
    }

    fn style(&self) -> Style {
        match self.config.placeholders {
            PlaceholderForm::Plain => Style::Plain,
            PlaceholderForm::Brackets => Style::Brackets,
            PlaceholderForm::Angles => Style::Angles,
            PlaceholderForm::Tagged => tagged(),
        }
    }
}

impl std::fmt::Debug for MaskProfile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MaskProfile({})", self.config.name)
    }
}

/// The model that a mask names.
fn model_of<'m>(config: &MaskConfig, models: &'m MaskModels) -> Option<&'m Arc<dyn NamedEntities>> {
    models.of(&config.search.model.as_ref()?.folder)
}

/// The table of the application, and that of its older version where the server decides.
fn wires(config: &MaskConfig) -> Result<(Wire, Option<Wire>), FieldError> {
    let none = WireOptions::default();
    let adapter = match &config.application {
        MaskApplication::Dify {
            version,
            select_inputs,
            ..
        } => {
            let options = WireOptions {
                select_inputs: select_inputs.clone(),
                ..WireOptions::default()
            };
            let dify = |version| Wire::new(&Adapter::Dify(version), &options);
            return Ok(match version {
                DifyApi::V1 => (dify(DifyVersion::V1)?, None),
                DifyApi::V0_15 => (dify(DifyVersion::V0_15)?, None),
                DifyApi::Detect => (dify(DifyVersion::V1)?, Some(dify(DifyVersion::V0_15)?)),
            });
        }
        MaskApplication::OpenAi => Adapter::OpenAi,
        MaskApplication::Anthropic => Adapter::Anthropic,
        MaskApplication::Json {
            fields,
            answer_fields,
        } => Adapter::Pointers(pointers(fields, answer_fields)),
    };
    Ok((Wire::new(&adapter, &none)?, None))
}

/// In streams the same strings are pieces of a text: one that is whole in every event is restored as well.
fn pointers(fields: &[String], answer_fields: &[String]) -> PointerRules {
    let answer = match answer_fields.is_empty() {
        true => vec!["/**".to_owned()],
        false => answer_fields.to_vec(),
    };
    PointerRules {
        request: fields.to_vec(),
        request_left: Vec::new(),
        event_pieces: answer.clone(),
        answer,
    }
}

/// What looks through answers.
fn leak_masker(leaks: LeakAction, finder: &Arc<Finder>) -> Result<Option<Arc<Masker>>, LabelError> {
    let action = match leaks {
        LeakAction::Off => return Ok(None),
        LeakAction::Report => Action::Report,
        LeakAction::Mask => Action::Redact,
        LeakAction::Block => Action::Block,
    };
    let masker = Masker::new(Arc::clone(finder), Policy::new(action), Mode::Enforce)?;
    Ok(Some(Arc::new(masker)))
}

/// A style with a tag that nobody can guess.
fn tagged() -> Style {
    const SIGNS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    loop {
        let signs = (0..TAG_CHARACTERS).map(|place| {
            let known = if place == 0 { 26 } else { SIGNS.len() };
            char::from(SIGNS[rand::random_range(0..known)])
        });
        // It always fits: a letter, then letters and digits.
        if let Ok(tag) = Tag::new(signs.collect::<String>()) {
            return Style::Tagged(tag);
        }
    }
}
