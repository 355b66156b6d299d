//! The settings in force as the admin API tells them: no secret, and of what may be personal data itself only counts.

use std::collections::BTreeMap;

use portcullis_api::masking::{EffectiveConversations, EffectiveMask, OwnRecognizer};
use portcullis_config::{
    BuiltInSearch, DatasetRequests, DictionaryWords, DifyApi, LeakAction, MaskApplication,
    MaskConfig, PlaceholderForm, UnknownMessage,
};
use serde_json::{Value, json};

use super::{mode, recognizers_on};
use crate::masking::MaskProfile;
use crate::settings::{ConversationPlace, ConversationSettings};

/// What is told as a number only.
pub(super) const COUNTS_ONLY: [&str; 5] = [
    "allow",
    "allow_patterns",
    "dictionary.words",
    "recognizer.patterns",
    "words and examples around them",
];

/// A mask as it is in force.
pub(super) fn effective(mask: &MaskProfile, routes: Vec<String>) -> EffectiveMask {
    let config = &mask.config;
    let rules = mask.masker.finder().rules();
    EffectiveMask {
        name: config.name.to_string(),
        routes,
        application: application(&config.application).to_owned(),
        settings: settings(mask),
        recognizers_on: recognizers_on(mask),
        recognizers: rules.recognizer_names().count(),
        allow_count: config.search.allow.len(),
        allow_patterns_count: config.search.allow_patterns.len(),
        own: own(config),
    }
}

fn settings(mask: &MaskProfile) -> BTreeMap<String, Value> {
    let config = &mask.config;
    let search = &config.search;
    let mut all = BTreeMap::from([
        ("mode", json!(mode(mask))),
        ("placeholders", json!(placeholders(config.placeholders))),
        ("action", json!(config.action.name())),
        ("threshold", json!(search.threshold.fraction())),
        ("body_max", json!(config.body_bytes_max)),
        ("dictionaries", json!(search.bundled)),
        (
            "unknown",
            json!(match config.unknown {
                UnknownMessage::Refuse => "refuse",
                UnknownMessage::Pass => "pass",
            }),
        ),
        (
            "leaks",
            json!(match config.leaks {
                LeakAction::Off => "off",
                LeakAction::Report => "report",
                LeakAction::Mask => "mask",
                LeakAction::Block => "block",
            }),
        ),
    ]);
    let actions = config.actions.iter();
    let actions: BTreeMap<&str, &str> = actions
        .map(|(name, action)| (name.as_str(), action.name()))
        .collect();
    all.insert("actions", json!(actions));
    let thresholds = search.thresholds.iter();
    let thresholds: BTreeMap<&str, f64> = thresholds
        .map(|(name, score)| (name.as_str(), score.fraction()))
        .collect();
    all.insert("thresholds", json!(thresholds));
    match &search.built_in {
        BuiltInSearch::All => {}
        BuiltInSearch::Only(names) => {
            all.insert("only", json!(names));
        }
        BuiltInSearch::Without(names) => {
            all.insert("without", json!(names));
        }
    }
    of_application(&config.application, &mut all);
    let named = all.into_iter();
    named.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn of_application(application: &MaskApplication, all: &mut BTreeMap<&'static str, Value>) {
    match application {
        MaskApplication::Dify {
            version,
            select_inputs,
            datasets,
        } => {
            let version = match version {
                DifyApi::Detect => "detect",
                DifyApi::V0_15 => "0.15",
                DifyApi::V1 => "1",
            };
            let datasets = match datasets {
                DatasetRequests::Pass => "pass",
                DatasetRequests::Mask => "mask",
                DatasetRequests::Refuse => "refuse",
            };
            all.insert("version", json!(version));
            all.insert("datasets", json!(datasets));
            all.insert("select_inputs", json!(select_inputs));
        }
        MaskApplication::OpenAi | MaskApplication::Anthropic => {}
        MaskApplication::Json {
            fields,
            answer_fields,
        } => {
            all.insert("fields", json!(fields));
            all.insert("answer_fields", json!(answer_fields));
        }
    }
}

/// Recognizers of the file's own, without what they find.
fn own(config: &MaskConfig) -> Vec<OwnRecognizer> {
    let dictionaries = config.search.dictionaries.iter().map(|one| OwnRecognizer {
        name: one.name.clone(),
        kind: "dictionary".to_owned(),
        entity: one.entity.clone(),
        count: match &one.words {
            DictionaryWords::Given(words) => Some(words.len()),
            DictionaryWords::File(_) => None,
        },
    });
    let recognizers = config.search.recognizers.iter().map(|one| OwnRecognizer {
        name: one.name.clone(),
        kind: "recognizer".to_owned(),
        entity: one.entity.clone(),
        count: Some(one.patterns.len()),
    });
    dictionaries.chain(recognizers).collect()
}

/// Where conversations are kept.
pub(super) fn conversations(settings: &ConversationSettings) -> EffectiveConversations {
    let (conversations_max, memory_max) = match &settings.keep {
        ConversationPlace::Memory {
            conversations_max,
            bytes_max,
        } => (Some(*conversations_max), Some(*bytes_max)),
        ConversationPlace::File { .. } | ConversationPlace::Shared { .. } => (None, None),
    };
    let keys = match &settings.keep {
        ConversationPlace::Memory { .. } => "none",
        ConversationPlace::File { keys: None } => "made",
        ConversationPlace::File { keys: Some(_) } | ConversationPlace::Shared { .. } => "given",
    };
    EffectiveConversations {
        keep: keep(settings).to_owned(),
        ttl_seconds: settings.ttl_ms / 1000,
        values_max: settings.values_max,
        conversations_max,
        memory_max,
        keys: keys.to_owned(),
    }
}

/// As `keep` of the file names it.
pub(super) fn keep(settings: &ConversationSettings) -> &'static str {
    match &settings.keep {
        ConversationPlace::Memory { .. } => "memory",
        ConversationPlace::File { .. } => "file",
        ConversationPlace::Shared { .. } => "shared",
    }
}

/// As `application` of the file names it.
pub(super) fn application(application: &MaskApplication) -> &'static str {
    match application {
        MaskApplication::Dify { .. } => "dify",
        MaskApplication::OpenAi => "openai",
        MaskApplication::Anthropic => "anthropic",
        MaskApplication::Json { .. } => "json",
    }
}

fn placeholders(form: PlaceholderForm) -> &'static str {
    match form {
        PlaceholderForm::Plain => "plain",
        PlaceholderForm::Brackets => "brackets",
        PlaceholderForm::Angles => "angles",
        PlaceholderForm::Tagged => "tagged",
    }
}
