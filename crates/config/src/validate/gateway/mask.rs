//! Masks.
//!
//! Their rules are built as the gateway builds them, and their examples are tried, so that a file that is found to be
//! right is right for the gateway. What is wrong with a single name or expression is told at its place before; only then
//! the whole is tried.

use portcullis_mask::{Action, Mode, Regions};

use super::{Context, text};
use crate::Code;
use crate::config::{
    BuiltInSearch, CluesConfig, DictionaryConfig, DictionaryWords, LeakAction, MaskConfig,
    ModelConfig, PlaceholderForm, RecognizerConfig, SearchConfig, UnknownMessage,
};
use crate::origin::{Content, MaskUse};
use crate::raw::{RawClues, RawDictionary, RawMask, RawRecognizer, value_or_default};
use crate::report::{At, Report, Wrong};

mod application;
mod effect;
mod expressions;
mod words;

/// The masks, in the order of the file.
pub(super) fn masks(raw: &[RawMask], context: &mut Context<'_>) -> Vec<MaskConfig> {
    let names = raw.iter().filter_map(|mask| mask.name.as_ref());
    context.marks.extend(names.map(|at| at.spot.clone()));
    raw.iter().map(|mask| self::mask(mask, context)).collect()
}

fn mask(raw: &RawMask, context: &mut Context<'_>) -> MaskConfig {
    let report = context.report;
    let told = report.told();
    let config = MaskConfig {
        name: value_or_default(raw.name.clone()).into(),
        application: application::application(raw, report),
        mode: match text(raw.mode.as_ref()) {
            Some("shadow") => Mode::Shadow,
            _ => Mode::Enforce,
        },
        placeholders: match text(raw.placeholders.as_ref()) {
            Some("brackets") => PlaceholderForm::Brackets,
            Some("angles") => PlaceholderForm::Angles,
            Some("tagged") => PlaceholderForm::Tagged,
            _ => PlaceholderForm::Plain,
        },
        action: action(text(raw.action.as_ref())),
        actions: raw
            .actions
            .iter()
            .map(|(name, at)| (name.clone(), action(Some(&at.value))))
            .collect(),
        search: search(raw, context),
        body_bytes_max: raw.body_bytes_max,
        unknown: match text(raw.unknown.as_ref()) {
            Some("pass") => UnknownMessage::Pass,
            _ => UnknownMessage::Refuse,
        },
        leaks: leaks(raw, report),
    };
    words::check(raw, &config.search, report);
    expressions::check(raw, report);
    if !raw.is_broken && report.told() == told {
        let mask_use = MaskUse::of(raw, &config);
        if let Some(rules) = mask_use.try_out(report, false) {
            effect::check(raw, &config.search, &rules, report);
        }
        if mask_use.has_files() {
            context.masks.push(mask_use);
        }
    }
    config
}

fn action(word: Option<&str>) -> Action {
    match word {
        Some("redact") => Action::Redact,
        Some("block") => Action::Block,
        Some("report") => Action::Report,
        _ => Action::Mask,
    }
}

/// In a mask that changes nothing nobody looks for leaks: nothing was hidden, so everything would be one.
fn leaks(raw: &RawMask, report: &Report<'_>) -> LeakAction {
    let leaks = match text(raw.leaks.as_ref()) {
        Some("report") => LeakAction::Report,
        Some("mask") => LeakAction::Mask,
        Some("block") => LeakAction::Block,
        _ => LeakAction::Off,
    };
    if let (true, Some("shadow"), Some(at)) = (
        leaks != LeakAction::Off,
        text(raw.mode.as_ref()),
        &raw.leaks,
    ) {
        let message = "mode = \"shadow\" hides nothing, so everything in an answer would be a leak";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(
            &at.spot,
            wrong.hint("remove `leaks`, or set mode = \"enforce\""),
        );
    }
    leaks
}

fn search(raw: &RawMask, context: &mut Context<'_>) -> SearchConfig {
    SearchConfig {
        built_in: built_in(raw, context.report),
        threshold: raw.threshold,
        thresholds: raw
            .thresholds
            .iter()
            .map(|(name, at)| (name.clone(), at.value))
            .collect(),
        phone_regions: phone_regions(raw),
        allow: raw.allow.clone(),
        allow_patterns: values(&raw.allow_patterns),
        bundled: values(&raw.bundled),
        model: model(raw, context),
        dictionaries: raw
            .dictionaries
            .iter()
            .map(|one| dictionary(one, context))
            .collect(),
        recognizers: raw.recognizers.iter().map(recognizer).collect(),
    }
}

/// Only known regions get through reading.
fn phone_regions(raw: &RawMask) -> Regions {
    match &raw.phone_regions {
        Some(at) => {
            Regions::of(at.value.iter().map(|code| code.value.as_str())).unwrap_or_default()
        }
        None => Regions::ALL,
    }
}

/// The model. What is in its folder is looked at by whoever can load one, and told at the key.
fn model(raw: &RawMask, context: &mut Context<'_>) -> Option<ModelConfig> {
    let text_max = raw.model_text_bytes_max.as_ref();
    let Some(at) = &raw.model else {
        if let Some(at) = text_max.filter(|at| at.given) {
            let wrong = Wrong::new(
                Code::Contradiction,
                "there is no `model`, so this has no effect",
            );
            context.report.add(
                &at.spot,
                wrong.hint("remove it, or name the folder of a model"),
            );
        }
        return None;
    };
    context.marks.push(at.spot.clone());
    Some(ModelConfig {
        folder: context.absolute(&at.value),
        text_bytes_max: text_max.map_or(0, |at| at.value),
    })
}

fn built_in(raw: &RawMask, report: &Report<'_>) -> BuiltInSearch {
    match (raw.only.as_slice(), raw.without.as_slice()) {
        ([], []) => BuiltInSearch::All,
        ([], without) => BuiltInSearch::Without(values(without)),
        (only, []) => BuiltInSearch::Only(values(only)),
        (only, [first, ..]) => {
            let message = "`only` says what is looked for alone, so `without` has no effect";
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(&first.spot, wrong.hint("remove `without` or `only`"));
            BuiltInSearch::Only(values(only))
        }
    }
}

fn dictionary(raw: &RawDictionary, context: &mut Context<'_>) -> DictionaryConfig {
    let wrong = match raw.given {
        [true, true] => Some(Wrong::new(
            Code::Contradiction,
            "the words stand either here or in a file, not both",
        )),
        [false, false] => Some(Wrong::new(Code::MissingKey, "expected `words` or `file`")),
        _ => None,
    };
    if let Some(wrong) = wrong {
        context.report.add(&raw.spot, wrong);
    }
    let words = match (&raw.words, &raw.file) {
        (None, Some(file)) => DictionaryWords::File(context.file(Some(file), Content::Words)),
        (words, _) => DictionaryWords::Given(values(&value_or_default(words.clone()))),
    };
    DictionaryConfig {
        name: value_or_default(raw.name.clone()),
        entity: value_or_default(raw.entity.clone()),
        words,
        is_case_sensitive: raw.is_case_sensitive,
        matches_within_words: raw.matches_within_words,
        score: raw.score,
        clues: clues(&raw.clues),
    }
}

fn recognizer(raw: &RawRecognizer) -> RecognizerConfig {
    RecognizerConfig {
        name: value_or_default(raw.name.clone()),
        entity: value_or_default(raw.entity.clone()),
        patterns: values(&raw.patterns),
        score: raw.score,
        clues: clues(&raw.clues),
    }
}

fn clues(raw: &RawClues) -> CluesConfig {
    CluesConfig {
        context: raw.context.clone(),
        against: raw.against.clone(),
        finds: values(&raw.finds),
        passes: values(&raw.passes),
    }
}

fn values(list: &[At<String>]) -> Vec<String> {
    list.iter().map(|at| at.value.clone()).collect()
}
