//! The names that a mask uses: of entities, labels and recognizers.

use portcullis_mask::{Entity, Rules};

use crate::Code;
use crate::config::{SearchConfig, is_known};
use crate::raw::RawMask;
use crate::report::{At, Report, Spot, Wrong};
use crate::similar::nearest;

/// The entity of texts that look like placeholders.
const LITERAL: &str = "LITERAL";
/// Where the names are.
const LISTED: &str = "`portcullis mask entities` lists them";

/// Reports names that nothing has, and names that something else has already.
pub(super) fn check(raw: &RawMask, search: &SearchConfig, report: &Report<'_>) {
    let known = Known {
        built_in: search.before_own(),
        search,
        report,
    };
    known.own_names(raw);
    for at in raw.only.iter().chain(&raw.without) {
        known.entity_or_recognizer(at);
    }
    for at in &raw.without {
        if search.brings(&at.value) && !is_known(&known.built_in, &at.value) {
            let message = format!("this mask brings {} itself", at.value);
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(
                &at.spot,
                wrong.hint("remove it here, or remove its dictionary or recognizer"),
            );
        }
    }
    let actions = raw.actions.iter().map(|(name, at)| (name, &at.spot));
    known.entities(actions.collect());
    let thresholds = raw.thresholds.iter().map(|(name, at)| (name, &at.spot));
    known.entities(thresholds.collect());
}

/// What may be named.
struct Known<'a> {
    built_in: Rules,
    search: &'a SearchConfig,
    report: &'a Report<'a>,
}

impl Known<'_> {
    /// Dictionaries and recognizers have names of their own.
    fn own_names(&self, raw: &RawMask) {
        let dictionaries = raw
            .dictionaries
            .iter()
            .map(|one| (one.name.as_ref(), one.entity.as_ref()));
        let recognizers = raw
            .recognizers
            .iter()
            .map(|one| (one.name.as_ref(), one.entity.as_ref()));
        let mut names: Vec<&str> = Vec::new();
        for (name, entity) in dictionaries.chain(recognizers) {
            if let Some(at) = name {
                let name = at.value.as_str();
                let taken = if names.contains(&name) {
                    Some("another dictionary or recognizer of this mask")
                } else if self.search.bundled.iter().any(|bundled| bundled == name) {
                    Some("a bundled dictionary of this mask")
                } else if self.recognizers().any(|known| known == name) {
                    Some("a built-in recognizer")
                } else {
                    None
                };
                if let Some(taken) = taken {
                    let message = format!("{taken} is already named `{name}`");
                    self.report
                        .add(&at.spot, Wrong::new(Code::Duplicate, message));
                }
                names.push(name);
            }
            if let Some(at) = entity {
                self.no_literal(&at.value, &at.spot);
            }
        }
    }

    fn recognizers(&self) -> impl Iterator<Item = &str> {
        self.built_in.recognizer_names().map(|(name, _, _)| name)
    }

    /// Reports a name of `only` or `without` that nothing has.
    fn entity_or_recognizer(&self, at: &At<String>) {
        if self.no_literal(&at.value, &at.spot) {
            return;
        }
        let word = &at.value;
        if is_known(&self.built_in, word)
            || self.search.brings(word)
            || self.search.bundled.contains(word)
        {
            return;
        }
        let message = format!(
            "there is no entity, label or recognizer `{}`",
            word.escape_debug()
        );
        self.unknown(
            word,
            message,
            self.entity_names().chain(self.recognizers()),
            &at.spot,
        );
    }

    /// Reports names of entities that nothing has or that mean the same.
    fn entities(&self, named: Vec<(&String, &Spot)>) {
        let mut seen: Vec<(&str, Vec<Entity>)> = Vec::new();
        for (word, spot) in named {
            if self.no_literal(word, spot) {
                continue;
            }
            let entities = self.built_in.entities_named(word);
            if entities.is_empty() && !self.brings_entity(word) {
                self.unknown_entity(word, spot);
                continue;
            }
            let same = |(other, others): &&(&str, Vec<Entity>)| {
                other.eq_ignore_ascii_case(word) || (!entities.is_empty() && *others == entities)
            };
            if let Some((other, _)) = seen.iter().find(same) {
                let message = format!("`{word}` and `{other}` mean the same data");
                let wrong = Wrong::new(Code::Duplicate, message);
                self.report.add(spot, wrong.hint("keep one of them"));
            }
            seen.push((word, entities));
        }
    }

    fn unknown_entity(&self, word: &str, spot: &Spot) {
        let found = self
            .built_in
            .recognizer_names()
            .find(|(name, _, _)| name.eq_ignore_ascii_case(word));
        let facts = found.and_then(|(_, entity, _)| self.built_in.entity_facts(entity));
        if let Some(facts) = facts {
            let message = format!(
                "`{word}` is a recognizer, and this is said of what is found: {}",
                facts.label
            );
            let wrong = Wrong::new(Code::UnknownName, message);
            self.report
                .add(spot, wrong.hint(format!("did you mean {}?", facts.label)));
            return;
        }
        let message = format!("there is no entity or label `{}`", word.escape_debug());
        self.unknown(word, message, self.entity_names(), spot);
    }

    fn unknown<'n>(
        &self,
        word: &str,
        message: String,
        names: impl Iterator<Item = &'n str>,
        spot: &Spot,
    ) {
        let hint = nearest(word, names).map_or_else(
            || LISTED.to_owned(),
            |near| format!("did you mean {near}? {LISTED}"),
        );
        self.report
            .add(spot, Wrong::new(Code::UnknownName, message).hint(hint));
    }

    /// Labels first: of two names as near as each other the first one is taken.
    fn entity_names(&self) -> impl Iterator<Item = &str> {
        let facts = || self.built_in.entities().map(|(_, facts)| facts);
        let labels = facts().map(|facts| facts.label.as_ref());
        let names = facts().map(|facts| facts.name.as_ref());
        let own = self.search.dictionaries.iter().map(|one| &one.entity);
        let own = own.chain(self.search.recognizers.iter().map(|one| &one.entity));
        labels
            .chain(names)
            .chain(own.map(String::as_str))
            .filter(|name| *name != LITERAL)
    }

    fn brings_entity(&self, word: &str) -> bool {
        let dictionaries = self.search.dictionaries.iter().map(|one| &one.entity);
        let recognizers = self.search.recognizers.iter().map(|one| &one.entity);
        dictionaries
            .chain(recognizers)
            .any(|entity| entity.eq_ignore_ascii_case(word))
    }

    /// Reports a word that means texts that look like placeholders.
    fn no_literal(&self, word: &str, spot: &Spot) -> bool {
        let is_literal = self
            .built_in
            .entities_named(word)
            .contains(&Entity::LITERAL);
        if is_literal {
            let message = "what looks like a placeholder is always masked: otherwise one that somebody types could \
                           be turned into a value";
            let wrong = Wrong::new(Code::BadValue, message);
            self.report.add(spot, wrong.hint("remove it"));
        }
        is_literal
    }
}
