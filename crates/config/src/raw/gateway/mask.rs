//! Masks.

use portcullis_mask::Score;

use crate::keys::Kind;
use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::{Entries, Table};
use crate::units;

/// A `[[gateway.mask]]` as written.
#[derive(Debug)]
pub(crate) struct RawMask {
    pub(crate) name: Option<At<String>>,
    pub(crate) application: Option<At<String>>,
    pub(crate) version: Option<At<String>>,
    pub(crate) mode: Option<At<String>>,
    pub(crate) placeholders: Option<At<String>>,
    pub(crate) action: Option<At<String>>,
    pub(crate) actions: Entries<String>,
    pub(crate) only: Vec<At<String>>,
    pub(crate) without: Vec<At<String>>,
    pub(crate) threshold: Score,
    pub(crate) thresholds: Entries<Score>,
    pub(crate) phone_regions: Option<At<Vec<At<String>>>>,
    pub(crate) allow: Vec<String>,
    pub(crate) allow_patterns: Vec<At<String>>,
    pub(crate) bundled: Vec<At<String>>,
    pub(crate) model: Option<At<String>>,
    pub(crate) model_text_bytes_max: Option<At<u64>>,
    pub(crate) fields: Option<At<Vec<At<String>>>>,
    pub(crate) answer_fields: Option<At<Vec<At<String>>>>,
    pub(crate) select_inputs: Option<At<Vec<At<String>>>>,
    pub(crate) body_bytes_max: u64,
    pub(crate) unknown: Option<At<String>>,
    pub(crate) leaks: Option<At<String>>,
    pub(crate) datasets: Option<At<String>>,
    pub(crate) dictionaries: Vec<RawDictionary>,
    pub(crate) recognizers: Vec<RawRecognizer>,
    /// Whether the file gives `fields`, rightly or not.
    pub(crate) fields_given: bool,
    /// Whether something in it could not be read: then its rules are not tried.
    pub(crate) is_broken: bool,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// A `[[gateway.mask.dictionary]]` as written.
#[derive(Debug)]
pub(crate) struct RawDictionary {
    pub(crate) name: Option<At<String>>,
    pub(crate) entity: Option<At<String>>,
    pub(crate) words: Option<At<Vec<At<String>>>>,
    pub(crate) file: Option<At<String>>,
    /// Whether the file gives words here and by a file, rightly or not.
    pub(crate) given: [bool; 2],
    pub(crate) is_case_sensitive: bool,
    pub(crate) matches_within_words: bool,
    pub(crate) score: Score,
    pub(crate) clues: RawClues,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// A `[[gateway.mask.recognizer]]` as written.
#[derive(Debug)]
pub(crate) struct RawRecognizer {
    pub(crate) name: Option<At<String>>,
    pub(crate) entity: Option<At<String>>,
    pub(crate) patterns: Vec<At<String>>,
    pub(crate) score: Score,
    pub(crate) clues: RawClues,
}

/// What dictionaries and recognizers have in common, as written.
#[derive(Debug)]
pub(crate) struct RawClues {
    pub(crate) context: Vec<String>,
    pub(crate) against: Vec<String>,
    pub(crate) finds: Vec<At<String>>,
    pub(crate) passes: Vec<At<String>>,
}

impl RawMask {
    pub(super) fn read(table: Table<'_>) -> RawMask {
        let told = table.report.told();
        let actions = table.entries("actions", entity, |value| {
            units::plain(Kind::Choice(crate::keys::ACTIONS), value)
        });
        let thresholds = table.entries("thresholds", entity, units::score);
        RawMask {
            name: table.text("name"),
            application: table.text("application"),
            version: table.text("version"),
            mode: table.text("mode"),
            placeholders: table.text("placeholders"),
            action: table.text("action"),
            actions: value_or_default(actions),
            only: table.texts("only"),
            without: table.texts("without"),
            threshold: score(&table, "threshold"),
            thresholds: value_or_default(thresholds),
            phone_regions: table.items("phone_regions", units::region),
            allow: table.plain_texts("allow"),
            allow_patterns: table.texts("allow_patterns"),
            bundled: table.texts("dictionaries"),
            model: table.text("model"),
            model_text_bytes_max: table.read("model_text_max", units::bytes),
            fields: table.items("fields", units::plain),
            answer_fields: table.items("answer_fields", units::plain),
            select_inputs: table.items("select_inputs", units::plain),
            body_bytes_max: value_or_default(table.read("body_max", units::bytes)),
            unknown: table.text("unknown"),
            leaks: table.text("leaks"),
            datasets: table.text("datasets"),
            dictionaries: table.tables("dictionary", RawDictionary::read),
            recognizers: table.tables("recognizer", RawRecognizer::read),
            fields_given: table.has("fields"),
            is_broken: table.report.told() != told || table.is_incomplete(),
            spot: table.spot.clone(),
        }
    }
}

impl RawDictionary {
    fn read(table: Table<'_>) -> RawDictionary {
        RawDictionary {
            name: table.text("name"),
            entity: table.text("entity"),
            words: table.items("words", units::plain),
            file: table.text("file"),
            given: ["words", "file"].map(|name| table.has(name)),
            is_case_sensitive: value_or_default(table.boolean("case_sensitive")),
            matches_within_words: value_or_default(table.boolean("within_words")),
            score: score(&table, "score"),
            clues: RawClues::read(&table),
            spot: table.spot.clone(),
        }
    }
}

impl RawRecognizer {
    fn read(table: Table<'_>) -> RawRecognizer {
        RawRecognizer {
            name: table.text("name"),
            entity: table.text("entity"),
            patterns: table.texts("patterns"),
            score: score(&table, "score"),
            clues: RawClues::read(&table),
        }
    }
}

impl RawClues {
    fn read(table: &Table<'_>) -> RawClues {
        RawClues {
            context: table.plain_texts("context"),
            against: table.plain_texts("against"),
            finds: table.texts("finds"),
            passes: table.texts("passes"),
        }
    }
}

fn score(table: &Table<'_>, name: &'static str) -> Score {
    let score = table.read(name, |_, value| units::score(value));
    score.map_or(Score::THRESHOLD, |at| at.value)
}

/// Names of entities are compared with those that there are later.
fn entity(_name: &str) -> Result<(), crate::report::Wrong> {
    Ok(())
}
