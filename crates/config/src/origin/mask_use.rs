//! The rules of a mask, tried, with the places at which what is wrong is told.

use portcullis_mask::{Labels, Rules, RulesError};

use crate::Code;
use crate::config::{CluesConfig, DictionaryWords, MaskConfig, MaskFault};
use crate::raw::{RawClues, RawMask};
use crate::report::{At, Report, Spot, Wrong};

/// A mask with its places in the file.
#[derive(Debug, Clone)]
pub(crate) struct MaskUse {
    config: MaskConfig,
    /// The mask's own place.
    spot: Spot,
    /// The examples of each dictionary and recognizer, by its name.
    examples: Vec<(String, ExampleSpots)>,
}

/// The places of examples.
#[derive(Debug, Clone)]
struct ExampleSpots {
    finds: Vec<Spot>,
    passes: Vec<Spot>,
}

impl MaskUse {
    /// A mask in which everything could be read.
    pub(crate) fn of(raw: &RawMask, config: &MaskConfig) -> MaskUse {
        let dictionaries = raw.dictionaries.iter().map(|one| (&one.name, &one.clues));
        let recognizers = raw.recognizers.iter().map(|one| (&one.name, &one.clues));
        let examples = dictionaries.chain(recognizers).filter_map(|(name, clues)| {
            let name = name.as_ref()?.value.clone();
            Some((name, ExampleSpots::of(clues)))
        });
        MaskUse {
            config: config.clone(),
            spot: raw.spot.clone(),
            examples: examples.collect(),
        }
    }

    /// Whether a file of words takes part.
    pub(crate) fn has_files(&self) -> bool {
        let mut dictionaries = self.config.search.dictionaries.iter();
        dictionaries.any(|one| matches!(one.words, DictionaryWords::File(_)))
    }

    /// Builds the rules as the gateway does and reports what is wrong. Without a look at the disk something stands in for
    /// words in files and for a model, and examples of those files are not tried. A file that cannot be used is told elsewhere.
    pub(crate) fn try_out(&self, report: &Report<'_>, with_files: bool) -> Option<Rules> {
        let mut config = self.config.clone();
        if !with_files {
            for one in &mut config.search.dictionaries {
                if matches!(one.words, DictionaryWords::File(_)) {
                    one.words = DictionaryWords::Given(vec![STAND_IN.to_owned()]);
                    one.clues = CluesConfig::default();
                }
            }
        }
        match config.rules_without_names() {
            Ok(rules) => self.labels(rules, report),
            Err(faults) => {
                for fault in faults {
                    if let MaskFault::Rules(error) = fault {
                        self.tell(&error, report);
                    }
                }
                None
            }
        }
    }

    /// The rules, if their labels fit and every action names something.
    fn labels(&self, rules: Rules, report: &Report<'_>) -> Option<Rules> {
        let wrong = match (Labels::of(&rules), self.config.policy(&rules)) {
            (Err(error), _) => error.to_string(),
            (_, Err(error)) => error.to_string(),
            (Ok(_), Ok(_)) => return Some(rules),
        };
        report.add(&self.spot, Wrong::new(Code::BadValue, wrong));
        None
    }

    fn tell(&self, error: &RulesError, report: &Report<'_>) {
        let RulesError::Example { id, index, .. } = error else {
            report.add(&self.spot, Wrong::new(Code::BadValue, error.to_string()));
            return;
        };
        let place = self
            .examples
            .iter()
            .find(|(name, _)| name == id)
            .and_then(|(_, spots)| spots.place(*index));
        let Some((spot, must_be_found)) = place else {
            report.add(&self.spot, Wrong::new(Code::BadValue, error.to_string()));
            return;
        };
        let (message, hint) = if must_be_found {
            (
                format!("`{id}` finds nothing in this example"),
                "correct what it looks for, or its score: with its context words it must reach the threshold",
            )
        } else {
            (
                format!("`{id}` finds something in this example and must not"),
                "look for less, or add a word of the example to `against`",
            )
        };
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
}

/// A word that no text has.
const STAND_IN: &str = "\u{1}";

impl ExampleSpots {
    fn of(clues: &RawClues) -> ExampleSpots {
        let spots = |list: &[At<String>]| list.iter().map(|at| at.spot.clone()).collect();
        ExampleSpots {
            finds: spots(&clues.finds),
            passes: spots(&clues.passes),
        }
    }

    /// The place of an example, from 1 on, and whether it is one in which something must be found.
    fn place(&self, index: usize) -> Option<(&Spot, bool)> {
        let index = index.checked_sub(1)?;
        match self.finds.get(index) {
            Some(spot) => Some((spot, true)),
            None => {
                let spot = self.passes.get(index - self.finds.len())?;
                Some((spot, false))
            }
        }
    }
}
