//! How rules are put together.

use std::borrow::Cow;
use std::sync::Arc;

use regex::{Regex, RegexBuilder, RegexSet};

use super::allow::AllowList;
use super::custom::{CompiledPattern, Word, WordAutomaton, spellings};
use super::{Dictionary, Examples, PatternRecognizer, RecognizerFacts, Rules, RulesError};
use crate::entity::EntityFacts;
use crate::masker::Reach;
use crate::named::{self, Named, NamedEntities};
use crate::recognize::RecognizerId;
use crate::recognize::dictionary::Bundled;
use crate::recognize::phone::Regions;
use crate::{Entity, Finder, Score};

/// How sure a dictionary's word is when the rules do not say.
const WORD_SCORE: Score = Score::of(85);
/// How sure an expression's match is when the rules do not say.
const PATTERN_SCORE: Score = Score::of(60);
/// The most bytes that a compiled expression may need; more is refused, since every gateway thread uses it.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The most characters of an entity's name or label.
const NAME_MAX: usize = 40;

/// Collects what rules say, and builds them. Mistakes are collected too and told together.
pub struct RulesBuilder {
    rules: Rules,
    allowed: Vec<String>,
    allowed_patterns: Vec<String>,
    /// Words with what they mean, apart by whether their case counts.
    exact_words: Vec<(String, Word)>,
    words: Vec<(String, Word)>,
    examples: Vec<(RecognizerId, Examples)>,
    errors: Vec<RulesError>,
}

impl RulesBuilder {
    /// Begins with the default rules.
    pub(super) fn new() -> RulesBuilder {
        RulesBuilder {
            rules: Rules::default(),
            allowed: Vec::new(),
            allowed_patterns: Vec::new(),
            exact_words: Vec::new(),
            words: Vec::new(),
            examples: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Turns on what a word names: all recognizers of an entity (by name or label), or one recognizer.
    #[must_use]
    pub fn with(mut self, word: &str) -> RulesBuilder {
        self.switch(word, true);
        self
    }

    /// Turns off what a word names: all recognizers of an entity (by name or label), or one recognizer.
    #[must_use]
    pub fn without(mut self, word: &str) -> RulesBuilder {
        self.switch(word, false);
        self
    }

    /// Turns everything off; [`RulesBuilder::with`] then turns on what is wanted. Custom recognizers that are added later are on.
    #[must_use]
    pub fn nothing(mut self) -> RulesBuilder {
        self.rules.is_on.fill(false);
        self
    }

    /// The score that spans of an entity need, by name or label.
    #[must_use]
    pub fn threshold(mut self, entity: &str, score: Score) -> RulesBuilder {
        let entities = self.rules.entities_named(entity);
        if entities.is_empty() {
            self.unknown(entity);
        }
        for entity in entities {
            self.rules.thresholds[usize::from(entity.0)] = score;
        }
        self
    }

    /// The score that spans of every entity need.
    #[must_use]
    pub fn threshold_of_all(mut self, score: Score) -> RulesBuilder {
        self.rules.thresholds.fill(score);
        self
    }

    /// Looks for the national telephone numbers of these regions only; international ones are found all the same.
    #[must_use]
    pub fn phone_regions(mut self, regions: Regions) -> RulesBuilder {
        self.rules.phone_regions = regions;
        self
    }

    /// Never hides this value, whatever it is; case is ignored.
    #[must_use]
    pub fn allow(mut self, value: impl Into<String>) -> RulesBuilder {
        self.allowed.push(value.into());
        self
    }

    /// Never hides a value that this expression matches as a whole.
    #[must_use]
    pub fn allow_pattern(mut self, pattern: impl Into<String>) -> RulesBuilder {
        self.allowed_patterns.push(pattern.into());
        self
    }

    /// Adds a bundled dictionary by its name: `organizations`, `hostnames`.
    #[must_use]
    pub fn bundled(mut self, id: &str) -> RulesBuilder {
        let Some(bundled) = Bundled::named(id) else {
            let known = Bundled::names();
            self.errors.push(RulesError::UnknownDictionary {
                id: id.to_owned(),
                known,
            });
            return self;
        };
        self.dictionary(Dictionary {
            id: bundled.id.to_owned(),
            entity: bundled.entity.to_owned(),
            words: bundled.words().map(str::to_owned).collect(),
            is_case_sensitive: bundled.is_case_sensitive,
            ..Dictionary::default()
        })
    }

    /// Adds a dictionary.
    #[must_use]
    pub fn dictionary(mut self, dictionary: Dictionary) -> RulesBuilder {
        let Dictionary {
            id,
            entity,
            words,
            context,
            against,
            examples,
            ..
        } = dictionary;
        let what = match words.as_slice() {
            [] => Some("it has no words"),
            words if words.iter().any(|word| word.trim().is_empty()) => {
                Some("one of its words is empty")
            }
            _ => None,
        };
        if let Some(what) = what {
            self.errors.push(RulesError::Words { id, what });
            return self;
        }
        let place = format!("dictionary \"{id}\"");
        let Some(recognizer) = self.add(id, &entity, &place, (context, against), examples) else {
            return self;
        };
        let meaning = Word {
            recognizer,
            score: dictionary.score.unwrap_or(WORD_SCORE),
            within_words: dictionary.matches_within_words,
        };
        for word in words {
            if dictionary.is_case_sensitive {
                self.exact_words.push((word, meaning));
            } else {
                self.words.extend(
                    spellings(&word)
                        .into_iter()
                        .map(|spelling| (spelling, meaning)),
                );
            }
        }
        self
    }

    /// Adds a recognizer by expressions.
    #[must_use]
    pub fn pattern(mut self, pattern: PatternRecognizer) -> RulesBuilder {
        let PatternRecognizer {
            id,
            entity,
            patterns,
            score,
            context,
            against,
            examples,
        } = pattern;
        let place = format!("recognizer \"{id}\"");
        let compiled: Vec<Regex> = patterns
            .iter()
            .filter_map(|pattern| self.compiled(pattern, &place))
            .collect();
        let Some(recognizer) = self.add(id, &entity, &place, (context, against), examples) else {
            return self;
        };
        let score = score.unwrap_or(PATTERN_SCORE);
        let compiled = compiled.into_iter().map(|regex| CompiledPattern {
            recognizer,
            reach: Reach::of_pattern(regex.as_str()),
            regex,
            score,
        });
        self.rules.custom.patterns.extend(compiled);
        self
    }

    /// Also asks a model for names, which reads at most so many bytes of text for one request. Its recognizers are called
    /// `person_by_model`, `organization_by_model` and `location_by_model`; [`RulesBuilder::with`],
    /// [`RulesBuilder::without`] and [`RulesBuilder::nothing`] choose among them if they come later.
    #[must_use]
    pub fn named_entities(
        mut self,
        model: Arc<dyn NamedEntities>,
        text_bytes_max: usize,
    ) -> RulesBuilder {
        let mut recognizers = Vec::new();
        for (entity, id) in named::RECOGNIZERS {
            let label = Entity::BUILT_IN[usize::from(entity.0)].1;
            let words = (Vec::new(), Vec::new());
            let added = self.add((*id).to_owned(), label, "model", words, Examples::default());
            recognizers.extend(added.map(|recognizer| (*entity, recognizer)));
        }
        self.rules.named = Some(Named::new(model, recognizers, text_bytes_max));
        self
    }

    /// The rules.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, examples that fail included.
    pub fn build(mut self) -> Result<Rules, Vec<RulesError>> {
        self.build_allow_list();
        for (words, ignore_case) in [
            (std::mem::take(&mut self.exact_words), false),
            (std::mem::take(&mut self.words), true),
        ] {
            if words.is_empty() {
                continue;
            }
            let phrases = words.iter().map(|(phrase, _)| phrase.as_str());
            self.rules.custom.note_phrases(phrases);
            match WordAutomaton::new(words, ignore_case) {
                Ok(automaton) => self.rules.custom.automata.push(Arc::new(automaton)),
                Err(error) => {
                    let (place, why) = ("dictionaries".to_owned(), error.to_string());
                    self.errors.push(RulesError::Pattern { place, why });
                }
            }
        }
        if self.errors.is_empty() {
            self.try_examples();
        }
        if self.errors.is_empty() {
            Ok(self.rules)
        } else {
            Err(self.errors)
        }
    }

    /// Adds a custom recognizer, and its entity if it is a new one.
    fn add(
        &mut self,
        id: String,
        entity: &str,
        place: &str,
        (context, against): (Vec<String>, Vec<String>),
        examples: Examples,
    ) -> Option<RecognizerId> {
        if self.rules.recognizers.iter().any(|known| known.id == id) {
            self.errors.push(RulesError::Twice { id });
            return None;
        }
        let entity = self.entity(entity, place)?;
        let recognizer = RecognizerId(u16::try_from(self.rules.recognizers.len()).ok()?);
        self.rules.recognizers.push(RecognizerFacts {
            id: Cow::Owned(id),
            entity,
            context: context.into_iter().map(Cow::Owned).collect(),
            against: against.into_iter().map(Cow::Owned).collect(),
        });
        self.rules.is_on.push(true);
        self.examples.push((recognizer, examples));
        Some(recognizer)
    }

    /// The entity of this label or name; a new one when there is none.
    fn entity(&mut self, name: &str, place: &str) -> Option<Entity> {
        if let Some(known) = self.rules.entities_named(name).first() {
            return Some(*known);
        }
        let is_first = |byte: u8| byte.is_ascii_uppercase();
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = name.len() <= NAME_MAX
            && name.bytes().next().is_some_and(is_first)
            && name.bytes().all(is_name);
        if !fits {
            let (place, name) = (place.to_owned(), name.to_owned());
            self.errors.push(RulesError::Name { place, name });
            return None;
        }
        let entity = Entity(u16::try_from(self.rules.entities.len()).ok()?);
        self.rules.entities.push(EntityFacts {
            name: name.to_owned().into(),
            label: name.to_owned().into(),
            about: format!("What {place} finds.").into(),
        });
        self.rules.thresholds.push(Score::THRESHOLD);
        Some(entity)
    }

    /// Turns what a word names on or off.
    fn switch(&mut self, word: &str, on: bool) {
        let entities = self.rules.entities_named(word);
        let mut is_known = !entities.is_empty();
        for (facts, is_on) in self.rules.recognizers.iter().zip(&mut self.rules.is_on) {
            if entities.contains(&facts.entity) || facts.id.eq_ignore_ascii_case(word) {
                *is_on = on;
                is_known = true;
            }
        }
        if !is_known {
            self.unknown(word);
        }
    }

    /// Notes that nothing is called so, with the name that is nearest.
    fn unknown(&mut self, word: &str) {
        let wanted = word.to_ascii_uppercase();
        let names = self
            .rules
            .entities
            .iter()
            .flat_map(|facts| [facts.label.as_ref(), facts.name.as_ref()]);
        let recognizers = self.rules.recognizers.iter().map(|facts| facts.id.as_ref());
        let near = names
            .chain(recognizers)
            .map(|name| {
                (
                    strsim::damerau_levenshtein(&name.to_ascii_uppercase(), &wanted),
                    name,
                )
            })
            .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name.to_owned());
        self.errors.push(RulesError::Unknown {
            word: word.to_owned(),
            near,
        });
    }

    /// A compiled expression, or a note of what is wrong with it.
    fn compiled(&mut self, pattern: &str, place: &str) -> Option<Regex> {
        let place = place.to_owned();
        match RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
        {
            Ok(regex) if regex.is_match("") => {
                self.errors.push(RulesError::MatchesNothing { place })
            }
            Ok(regex) => return Some(regex),
            Err(error) => self.errors.push(RulesError::Pattern {
                place,
                why: reason(&error),
            }),
        }
        None
    }

    /// Compiles the allow list.
    fn build_allow_list(&mut self) {
        let patterns = std::mem::take(&mut self.allowed_patterns);
        let whole: Vec<String> = patterns
            .iter()
            .map(|pattern| format!("^(?:{pattern})$"))
            .collect();
        let all_fit = patterns
            .iter()
            .filter(|pattern| self.compiled(pattern, "allow").is_none())
            .count()
            == 0;
        if !all_fit {
            return;
        }
        let patterns = if whole.is_empty() {
            None
        } else {
            RegexSet::new(whole).ok()
        };
        self.rules.allowed = AllowList::new(std::mem::take(&mut self.allowed), patterns);
    }

    /// Tries the examples of custom recognizers with the rules as they will be.
    fn try_examples(&mut self) {
        let examples = std::mem::take(&mut self.examples);
        if examples
            .iter()
            .all(|(_, examples)| examples.finds.is_empty() && examples.passes.is_empty())
        {
            return;
        }
        let finder = Finder::new(self.rules.clone());
        for (recognizer, examples) in examples {
            let finds = |text: &String| finder.offers_of(text, recognizer);
            let (must, must_not) = (
                "must find something and does not",
                "must find nothing and does",
            );
            let wrong = examples
                .finds
                .iter()
                .map(|text| (!finds(text), must))
                .collect::<Vec<_>>();
            let passed = examples
                .passes
                .iter()
                .map(|text| (finds(text), must_not))
                .collect::<Vec<_>>();
            for (index, (is_wrong, what)) in wrong.into_iter().chain(passed).enumerate() {
                if is_wrong {
                    let id = self
                        .rules
                        .recognizer_name(recognizer)
                        .unwrap_or_default()
                        .to_owned();
                    self.errors.push(RulesError::Example {
                        id,
                        index: index + 1,
                        what,
                    });
                }
            }
        }
    }
}

/// The last line of what the compiler of expressions says: the others draw the expression.
fn reason(error: &regex::Error) -> String {
    let told = error.to_string();
    let last = told.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
