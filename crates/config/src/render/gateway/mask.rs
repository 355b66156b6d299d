//! Masks and conversations as tables of the file.

use portcullis_mask::{Mode, Regions, Score};
use toml::{Table, Value};

use super::{bytes, count, duration, path, put, some, strings, table, tables};
use crate::config::{
    BuiltInSearch, CluesConfig, ConversationStore, ConversationsConfig, DatasetRequests,
    DictionaryConfig, DictionaryWords, DifyApi, LeakAction, MaskApplication, MaskConfig,
    PlaceholderForm, RecognizerConfig, UnknownMessage,
};

/// A `[[gateway.mask]]`.
pub(super) fn mask(mask: &MaskConfig) -> Table {
    let placeholders = match mask.placeholders {
        PlaceholderForm::Plain => "plain",
        PlaceholderForm::Brackets => "brackets",
        PlaceholderForm::Angles => "angles",
        PlaceholderForm::Tagged => "tagged",
    };
    let leaks = match mask.leaks {
        LeakAction::Off => "off",
        LeakAction::Report => "report",
        LeakAction::Mask => "mask",
        LeakAction::Block => "block",
    };
    let mode = match mask.mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    };
    let unknown = match mask.unknown {
        UnknownMessage::Refuse => "refuse",
        UnknownMessage::Pass => "pass",
    };
    let actions = mask.actions.iter();
    let actions = actions.map(|(name, action)| (name.clone(), action.name().into()));
    let mut out = table([
        ("name", mask.name.as_ref().into()),
        ("mode", mode.into()),
        ("placeholders", placeholders.into()),
        ("action", mask.action.name().into()),
        ("actions", Value::Table(actions.collect())),
        ("body_max", bytes(mask.body_bytes_max)),
        ("unknown", unknown.into()),
        ("leaks", leaks.into()),
    ]);
    application(&mask.application, &mut out);
    search(mask, &mut out);
    out
}

fn application(application: &MaskApplication, out: &mut Table) {
    let name = match application {
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
            put(out, "version", Some(version));
            put(out, "datasets", Some(datasets));
            put(out, "select_inputs", Some(strings(select_inputs)));
            "dify"
        }
        MaskApplication::OpenAi => "openai",
        MaskApplication::Anthropic => "anthropic",
        MaskApplication::Json {
            fields,
            answer_fields,
        } => {
            put(out, "fields", Some(strings(fields)));
            put(out, "answer_fields", some(answer_fields));
            "json"
        }
    };
    put(out, "application", Some(name));
}

fn search(mask: &MaskConfig, out: &mut Table) {
    let search = &mask.search;
    match &search.built_in {
        BuiltInSearch::All => {}
        BuiltInSearch::Only(words) => put(out, "only", Some(strings(words))),
        BuiltInSearch::Without(words) => put(out, "without", Some(strings(words))),
    }
    let thresholds = search.thresholds.iter();
    let thresholds = thresholds.map(|(name, score)| (name.clone(), self::score(*score)));
    put(out, "threshold", Some(score(search.threshold)));
    put(out, "thresholds", Some(Value::Table(thresholds.collect())));
    if search.phone_regions != Regions::ALL {
        let codes: Vec<String> = search.phone_regions.codes().map(str::to_owned).collect();
        put(out, "phone_regions", Some(strings(&codes)));
    }
    put(out, "allow", Some(strings(&search.allow)));
    put(out, "allow_patterns", Some(strings(&search.allow_patterns)));
    put(out, "dictionaries", Some(strings(&search.bundled)));
    if let Some(model) = &search.model {
        put(out, "model", Some(path(&model.folder)));
        put(out, "model_text_max", Some(bytes(model.text_bytes_max)));
    }
    put(
        out,
        "dictionary",
        Some(tables(&search.dictionaries, dictionary)),
    );
    put(
        out,
        "recognizer",
        Some(tables(&search.recognizers, recognizer)),
    );
}

fn dictionary(dictionary: &DictionaryConfig) -> Table {
    let mut out = table([
        ("name", dictionary.name.as_str().into()),
        ("entity", dictionary.entity.as_str().into()),
        ("case_sensitive", dictionary.is_case_sensitive.into()),
        ("within_words", dictionary.matches_within_words.into()),
        ("score", score(dictionary.score)),
    ]);
    match &dictionary.words {
        DictionaryWords::Given(words) => put(&mut out, "words", Some(strings(words))),
        DictionaryWords::File(file) => put(&mut out, "file", Some(path(file))),
    }
    clues(&dictionary.clues, &mut out);
    out
}

fn recognizer(recognizer: &RecognizerConfig) -> Table {
    let mut out = table([
        ("name", recognizer.name.as_str().into()),
        ("entity", recognizer.entity.as_str().into()),
        ("patterns", strings(&recognizer.patterns)),
        ("score", score(recognizer.score)),
    ]);
    clues(&recognizer.clues, &mut out);
    out
}

fn clues(clues: &CluesConfig, out: &mut Table) {
    put(out, "context", Some(strings(&clues.context)));
    put(out, "against", Some(strings(&clues.against)));
    put(out, "finds", Some(strings(&clues.finds)));
    put(out, "passes", Some(strings(&clues.passes)));
}

/// `[gateway.conversations]`.
pub(super) fn conversations(conversations: &ConversationsConfig) -> Table {
    let mut out = table([
        ("ttl", duration(conversations.ttl_ms)),
        ("values_max", count(conversations.values_max)),
    ]);
    let (keep, keys) = match &conversations.keep {
        ConversationStore::Memory {
            conversations_max,
            bytes_max,
        } => {
            put(
                &mut out,
                "conversations_max",
                Some(count(*conversations_max)),
            );
            put(&mut out, "memory_max", Some(bytes(*bytes_max)));
            ("memory", None)
        }
        ConversationStore::File { keys } => ("file", keys.as_ref()),
        ConversationStore::Shared { keys } => ("shared", Some(keys)),
    };
    put(&mut out, "keep", Some(keep));
    put(&mut out, "keys", keys.map(|keys| keys.expose()));
    out
}

fn score(score: Score) -> Value {
    score.fraction().into()
}
