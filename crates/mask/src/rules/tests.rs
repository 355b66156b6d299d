use crate::{Dictionary, Entity, Examples, Finder, PatternRecognizer, Rules, RulesError, Score};

fn found(rules: Rules, text: &str) -> Vec<(String, String)> {
    let finder = Finder::new(rules);
    let label = |entity| {
        finder
            .rules()
            .entity_facts(entity)
            .unwrap()
            .label
            .to_string()
    };
    finder
        .find(text)
        .into_iter()
        .map(|span| (text[span.start..span.end].to_owned(), label(span.entity)))
        .collect()
}

fn pair(value: &str, label: &str) -> (String, String) {
    (value.to_owned(), label.to_owned())
}

#[test]
fn a_word_of_a_dictionary_within_an_address_does_not_rename_it() {
    let rules = Rules::builder().bundled("organizations").build().unwrap();
    let finder = Finder::new(rules);
    for (text, entity) in [
        ("about api.github.com issues", Entity::DOMAIN),
        ("about github.com issues", Entity::DOMAIN),
        ("ask google@example.com", Entity::EMAIL),
        ("see https://example.com/google/maps", Entity::URL),
    ] {
        let spans = finder.find(text);
        assert_eq!(spans.len(), 1, "{text}");
        assert_eq!(spans[0].entity, entity, "{text}");
    }
}

#[test]
fn the_organisations_of_the_first_document_are_found_as_whole_words_when_the_dictionary_is_on() {
    let rules = || Rules::builder().bundled("organizations").build().unwrap();
    let expected = [pair("Google", "ORG"), pair("Microsoft", "ORG")];
    assert_eq!(
        found(rules(), "I work at Google and my friend works at Microsoft"),
        expected
    );
    assert_eq!(
        found(
            rules(),
            "Tech giants: Google, Microsoft, Amazon, Apple, Facebook"
        )
        .len(),
        5
    );
    assert_eq!(
        found(rules(), "Companies: google, MICROSOFT, Amazon").len(),
        3
    );
    assert_eq!(found(rules(), "Googled something and Microsoftware"), []);
    assert_eq!(
        found(rules(), "we use Hugging Face"),
        [pair("Hugging Face", "ORG")]
    );
    assert_eq!(found(Rules::default(), "I work at Google"), []);
}

#[test]
fn words_with_diacritics_are_found_in_any_case() {
    let dictionary = Dictionary {
        id: "people".to_owned(),
        entity: "PERSON".to_owned(),
        words: vec!["Nguyễn Thị Ánh".to_owned()],
        ..Dictionary::default()
    };
    let rules = Rules::builder().dictionary(dictionary).build().unwrap();
    assert_eq!(
        found(rules.clone(), "gặp NGUYỄN THỊ ÁNH nhé"),
        [pair("NGUYỄN THỊ ÁNH", "PERSON")]
    );
    assert_eq!(
        found(rules.clone(), "chị nguyễn thị ánh"),
        [pair("nguyễn thị ánh", "PERSON")]
    );
    assert_eq!(found(rules, "Nguyễn Thị Ánhx"), []);
}

#[test]
fn a_custom_expression_brings_its_own_entity_with_group_context_and_examples() {
    let employee = PatternRecognizer {
        id: "employee".to_owned(),
        entity: "EMPLOYEE_ID".to_owned(),
        patterns: vec![r"\b(?:E-)?(?P<value>\d{6})\b".to_owned()],
        score: Some(Score::of(30)),
        context: vec!["employee".to_owned()],
        examples: Examples {
            finds: vec!["employee 123456".to_owned()],
            passes: vec!["room 123456".to_owned()],
        },
        ..PatternRecognizer::default()
    };
    let rules = Rules::builder().pattern(employee.clone()).build().unwrap();
    assert_eq!(
        found(rules.clone(), "Employee E-123456 left"),
        [pair("123456", "EMPLOYEE_ID")]
    );
    assert_eq!(found(rules, "box 123456"), []);
    let mut wrong = employee.clone();
    wrong.examples.passes.push("the employee 999999".to_owned());
    let errors = Rules::builder().pattern(wrong).build().err().unwrap();
    assert_eq!(
        errors[0].to_string(),
        "recognizer \"employee\": its example 3 must find nothing and does"
    );
}

#[test]
fn allowed_values_stay() {
    let rules = Rules::builder()
        .allow("Support@Example.com")
        .allow_pattern(r".*@portcullis\.dev")
        .build()
        .unwrap();
    let text = "support@example.com, a@portcullis.dev, b@example.com";
    assert_eq!(found(rules, text), [pair("b@example.com", "EMAIL")]);
}

#[test]
fn recognizers_are_turned_on_and_off_by_any_of_their_names() {
    let text = "SSN 536-22-8145, mail a@example.com";
    let only = Rules::builder()
        .nothing()
        .with("email_address")
        .build()
        .unwrap();
    assert_eq!(found(only, text), [pair("a@example.com", "EMAIL")]);
    let without = Rules::builder().without("EMAIL").build().unwrap();
    assert!(found(without, text).contains(&pair("536-22-8145", "US_SSN")));
    let by_id = Rules::builder().nothing().with("us_ssn").build().unwrap();
    assert_eq!(found(by_id, text), [pair("536-22-8145", "US_SSN")]);
    let strict = Rules::builder()
        .nothing()
        .with("us_ssn")
        .threshold("US_SSN", Score::of(90));
    assert_eq!(found(strict.build().unwrap(), "536-22-8145"), []);
}

#[test]
fn all_mistakes_are_told_at_once_and_say_what_to_do() {
    let dictionary = |id: &str, words: &[&str]| Dictionary {
        id: id.to_owned(),
        entity: "THING".to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ..Dictionary::default()
    };
    let pattern = |id: &str, entity: &str, pattern: &str| PatternRecognizer {
        id: id.to_owned(),
        entity: entity.to_owned(),
        patterns: vec![pattern.to_owned()],
        ..PatternRecognizer::default()
    };
    let errors = Rules::builder()
        .without("EMAL_ADDRESS")
        .threshold("QQQQQQ", Score::NONE)
        .bundled("companies")
        .dictionary(dictionary("none", &[]))
        .dictionary(dictionary("blank", &["a", " "]))
        .pattern(pattern("open", "X", "("))
        .pattern(pattern("empty", "X", "a*"))
        .pattern(pattern("us_ssn", "X", "a"))
        .pattern(pattern("lower", "x-ray", "a"))
        .allow_pattern("[")
        .build()
        .err()
        .unwrap();
    let told: Vec<String> = errors.iter().map(RulesError::to_string).collect();
    let expected = [
        "there is no entity or recognizer \"EMAL_ADDRESS\"; did you mean EMAIL_ADDRESS?",
        "there is no entity or recognizer \"QQQQQQ\"",
        "there is no bundled dictionary \"companies\"; there are organizations, hostnames",
        "dictionary \"none\": it has no words",
        "dictionary \"blank\": one of its words is empty",
        "recognizer \"open\": the expression is not valid: unclosed group",
        "recognizer \"empty\": the expression matches an empty text; say what it must find at least",
        "the recognizer \"us_ssn\" exists already; choose another name",
        "recognizer \"lower\": \"x-ray\" cannot be the name of an entity; use capitals, digits and underscores, beginning with a letter, 40 at most",
        "allow: the expression is not valid: unclosed character class",
    ];
    assert_eq!(told, expected);
}
