//! Names of a model among everything else. The model here knows the names that it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{NamedEntities, NamedEntitiesError, NamedSpan};
use crate::wire::Mask;
use crate::{
    Action, Entity, FieldMasker, Finder, Limits, Mapping, MaskError, Masker, Mode, Policy, Rules,
    RulesBuilder, Score, Style,
};

/// Finds these words.
struct Known(&'static [(&'static str, Entity, u8)], AtomicUsize);

impl NamedEntities for Known {
    fn find(&self, text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
        self.1.fetch_add(1, Relaxed);
        if text.contains("broken") {
            return Err(NamedEntitiesError::of("it is broken"));
        }
        let mut spans = Vec::new();
        for (word, entity, score) in self.0 {
            spans.extend(text.match_indices(word).map(|(start, _)| NamedSpan {
                start,
                end: start + word.len(),
                entity: *entity,
                score: Score::of(*score),
            }));
        }
        spans.sort_by_key(|span| span.start);
        Ok(spans)
    }
}

fn known() -> Arc<Known> {
    let words = &[
        ("Ana Kova\u{10d}", Entity::PERSON, 97),
        ("jo", Entity::PERSON, 100),
        ("Maybe", Entity::PERSON, 40),
        ("Oslo", Entity::LOCATION, 90),
    ];
    Arc::new(Known(words, AtomicUsize::new(0)))
}

fn masker(model: Arc<Known>, adjust: impl FnOnce(RulesBuilder) -> RulesBuilder) -> Masker {
    let rules = adjust(Rules::builder().named_entities(model, 1000));
    let finder = Arc::new(Finder::new(rules.build().unwrap()));
    let policy = Policy::new(Action::Mask);
    Masker::new(finder, policy, Mode::Enforce).unwrap()
}

fn mapping() -> Mapping {
    Mapping::new(Style::Plain, Limits::default())
}

fn masked(masker: &Masker, text: &str) -> String {
    let masked = masker.mask(text, None, &mut mapping()).unwrap();
    masked.text.into_owned()
}

#[test]
fn names_are_hidden_with_everything_else() {
    let masker = masker(known(), |rules| rules);
    let text = "Ana Kova\u{10d} of Oslo: jo@example.com. Maybe.";
    assert_eq!(
        masked(&masker, text),
        "PERSON_1 of LOCATION_1: EMAIL_1. Maybe."
    );
    // Without the model, as answers are looked through.
    let found = masker.finder().find(text);
    assert_eq!(found.len(), 1);
    let notes = masker.finder().explain_all(text).unwrap();
    assert!(notes.len() > masker.finder().explain(text).len());
}

#[test]
fn rules_choose_among_names_as_among_everything() {
    let text = "Ana Kova\u{10d} of Oslo. Maybe.";
    type Change = fn(RulesBuilder) -> RulesBuilder;
    let cases: [(Change, &str); 5] = [
        (
            |rules| rules.without("LOCATION"),
            "PERSON_1 of Oslo. Maybe.",
        ),
        (
            |rules| rules.nothing().with("location_by_model"),
            "Ana Kova\u{10d} of LOCATION_1. Maybe.",
        ),
        (|rules| rules.allow("oslo"), "PERSON_1 of Oslo. Maybe."),
        (
            |rules| rules.threshold("PERSON", Score::of(30)),
            "PERSON_1 of LOCATION_1. PERSON_2.",
        ),
        (
            |rules| rules.threshold("LOCATION", Score::of(95)),
            "PERSON_1 of Oslo. Maybe.",
        ),
    ];
    for (adjust, expected) in cases {
        assert_eq!(masked(&masker(known(), adjust), text), expected);
    }
}

#[test]
fn a_model_of_which_nothing_is_wanted_is_not_asked() {
    let model = known();
    let masker = masker(Arc::clone(&model), |rules| rules.nothing().with("EMAIL"));
    assert!(!masker.finder().rules().asks_a_model());
    assert_eq!(masked(&masker, "broken jo@example.com"), "broken EMAIL_1");
    assert_eq!(model.1.load(Relaxed), 0);
}

#[test]
fn a_text_that_the_model_cannot_read_is_never_sent() {
    let masker = masker(known(), |rules| rules);
    let mut mapping = mapping();
    let error = masker.mask("broken jo@example.com", None, &mut mapping);
    assert!(matches!(error, Err(MaskError::Names(_))), "{error:?}");
    assert!(mapping.is_empty());
    assert!(masker.finder().explain_all("broken").is_err());
    // Nothing but digits and signs is no name.
    assert_eq!(masked(&masker, "12 + 3"), "12 + 3");
}

#[test]
fn a_place_that_is_none_is_an_error() {
    struct Wrong(usize, usize, Entity);
    impl NamedEntities for Wrong {
        fn find(&self, _text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
            let span = NamedSpan {
                start: self.0,
                end: self.1,
                entity: self.2,
                score: Score::CERTAIN,
            };
            Ok(vec![span])
        }
    }
    let text = "\u{1ed7}y";
    for (start, end, entity, is_right) in [
        (0, 3, Entity::PERSON, true),
        (1, 3, Entity::PERSON, false),
        (0, 9, Entity::PERSON, false),
        (3, 3, Entity::PERSON, false),
        (0, 3, Entity::EMAIL, false),
    ] {
        let model = Arc::new(Wrong(start, end, entity));
        let rules = Rules::builder()
            .named_entities(model, 1000)
            .build()
            .unwrap();
        let found = Finder::new(rules).find_all(text, None);
        assert_eq!(found.is_ok(), is_right, "{start}..{end}");
    }
}

#[test]
fn a_request_has_only_so_much_text_for_a_model() {
    let masker = masker(known(), |rules| rules);
    let mut mapping = mapping();
    let mut fields = FieldMasker::new(&masker, &mut mapping);
    let text = "x".repeat(400);
    fields.mask(&text, "").unwrap();
    fields.mask(&text, "").unwrap();
    let error = fields.mask(&text, "").unwrap_err();
    assert_eq!(error, MaskError::TooLong { bytes_max: 1000 });
}
