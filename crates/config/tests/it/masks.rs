//! Masks and conversations.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis_config::{
    BuiltInSearch, Config, ConversationStore, DictionaryWords, DifyApi, LeakAction,
    MaskApplication, MaskConfig, MaskFault, PlaceholderForm, UnknownMessage, WordsError, check,
    explain_text, load,
};
use portcullis_mask::{
    Action, Entity, Finder, Mode, NamedEntities, NamedEntitiesError, NamedSpan, Rules, RulesError,
    Score,
};

use crate::{least, read};

const GATEWAY: &str = include_str!("gateway.toml");

fn right(text: &str) -> Config {
    read(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A mask for everything, with these lines in it.
fn mask(lines: &str) -> String {
    let tables = format!(
        "[gateway]\ndefault_mask = \"chat\"\n[[gateway.mask]]\nname = \"chat\"\napplication = \"openai\"\n{lines}"
    );
    least("", &tables)
}

fn only_mask(lines: &str) -> MaskConfig {
    right(&mask(lines)).gateway.masks.remove(0)
}

#[test]
fn a_mask_of_two_lines_masks_everything_that_is_known() {
    let config = right(&mask(""));
    let mask = &config.gateway.masks[0];
    assert_eq!(config.gateway.default_mask.as_deref(), Some("chat"));
    assert_eq!(mask.application, MaskApplication::OpenAi);
    assert_eq!(
        (mask.mode, mask.action, mask.placeholders),
        (Mode::Enforce, Action::Mask, PlaceholderForm::Plain)
    );
    assert_eq!(
        (mask.unknown, mask.leaks, mask.body_bytes_max),
        (UnknownMessage::Refuse, LeakAction::Off, 10 * 1024 * 1024)
    );
    assert_eq!(mask.search.built_in, BuiltInSearch::All);
    assert_eq!(mask.search.threshold, Score::THRESHOLD);
    let rules = mask.rules().unwrap();
    assert!(rules.recognizer_names().all(|(_, _, is_on)| is_on));
    assert_eq!(
        mask.policy(&rules).unwrap().action(Entity::EMAIL),
        Action::Mask
    );
    let conversations = &config.gateway.conversations;
    assert_eq!(
        conversations.keep,
        ConversationStore::Memory {
            conversations_max: 100_000,
            bytes_max: 256 * 1024 * 1024
        }
    );
    assert_eq!(
        (conversations.ttl_ms, conversations.values_max),
        (30 * 86_400_000, 10_000)
    );
}

#[test]
fn a_file_without_masks_hides_nothing() {
    let gateway = right(&least("", "")).gateway;
    assert!(gateway.masks.is_empty() && gateway.default_mask.is_none());
}

#[test]
fn masks_arrive_with_all_their_settings() {
    let gateway = right(GATEWAY).gateway;
    assert_eq!(gateway.routes[0].mask.as_deref(), Some("dify"));
    assert_eq!(gateway.routes[1].mask, None);
    let [dify, own, _] = gateway.masks.as_slice() else {
        panic!("{:?}", gateway.masks)
    };
    let MaskApplication::Dify {
        version,
        select_inputs,
        ..
    } = &dify.application
    else {
        panic!("{:?}", dify.application)
    };
    assert_eq!((*version, select_inputs.len()), (DifyApi::V0_15, 1));
    assert_eq!(
        (dify.mode, dify.action, dify.unknown),
        (Mode::Shadow, Action::Redact, UnknownMessage::Pass)
    );
    let MaskApplication::Json {
        fields,
        answer_fields,
    } = &own.application
    else {
        panic!("{:?}", own.application)
    };
    assert_eq!(fields, &["/prompt", "/messages/*/text"]);
    assert_eq!(answer_fields, &["/answer"]);
    assert_eq!(own.leaks, LeakAction::Block);
    let search = &own.search;
    assert_eq!(search.threshold, Score::of(60));
    assert_eq!(search.thresholds, [("PERSON".to_owned(), Score::of(57))]);
    let projects = Path::new("/srv/dhash/projects.txt").to_owned();
    assert_eq!(
        search.dictionaries[1].words,
        DictionaryWords::File(projects)
    );
    let ConversationStore::Shared { keys } = &gateway.conversations.keep else {
        panic!("{:?}", gateway.conversations)
    };
    assert_eq!(keys.expose(), "env:PORTCULLIS_MASK_KEYS");
    assert_eq!(gateway.conversations.ttl_ms, 90 * 86_400_000);
}

/// Which values are found in a text.
fn found<'t>(rules: &Rules, text: &'t str) -> Vec<&'t str> {
    let spans = Finder::new(rules.clone()).find(text);
    spans
        .iter()
        .map(|span| &text[span.start..span.end])
        .collect()
}

#[test]
fn national_telephone_numbers_are_looked_for_in_the_regions_that_are_named() {
    let text = "(415) 555-2671, 0912 345 678, +49 30 901820";
    let (us, vn, international) = ("(415) 555-2671", "0912 345 678", "+49 30 901820");
    for (lines, expected) in [
        ("", vec![us, vn, international]),
        ("phone_regions = [\"VN\"]", vec![vn, international]),
        (
            "phone_regions = [\"US\", \"VN\"]",
            vec![us, vn, international],
        ),
        ("phone_regions = []", vec![international]),
    ] {
        let rules = only_mask(lines).rules().unwrap();
        assert_eq!(found(&rules, text), expected, "{lines}");
    }
}

const PEOPLE: &str = "[[gateway.mask.dictionary]]\nname = \"people\"\nentity = \"PERSON\"\n";

#[test]
fn a_region_by_another_of_its_codes_is_hinted_at_and_no_other_country() {
    for (code, hint) in [
        ("UK", Some("did you mean \"GB\"?")),
        ("gb", Some("did you mean \"GB\"?")),
        ("VNM", Some("did you mean \"VN\"?")),
        (
            "EL",
            Some("the ISO 3166 code is \"GR\", but how its people write numbers is not known"),
        ),
        ("UA", None),
    ] {
        let lines = mask(&format!("phone_regions = [\"{code}\"]"));
        let told = read(&lines).expect_err("no region").to_string();
        assert!(told.contains(&format!("found \"{code}\"")), "{told}");
        assert_eq!(
            told.contains("did you mean"),
            hint.is_some_and(|hint| hint.starts_with("did")),
            "{told}"
        );
        assert!(hint.is_none_or(|hint| told.contains(hint)), "{told}");
    }
}

#[test]
fn only_and_without_choose_among_what_is_built_in() {
    let text = "Le Van B, a@b.example, 192.0.2.7";
    let mail = "a@b.example";
    let people = format!("{PEOPLE}words = [\"Le Van B\"]\n");
    let all = found(&only_mask(&people).rules().unwrap(), text);
    assert!(all.contains(&"Le Van B") && all.contains(&mail), "{all:?}");
    let only = only_mask(&format!("only = [\"email\"]\n{people}"));
    assert_eq!(found(&only.rules().unwrap(), text), ["Le Van B", mail]);
    let nothing = only_mask(&format!("only = [\"people\"]\n{people}"));
    assert_eq!(found(&nothing.rules().unwrap(), text), ["Le Van B"]);
    let without = only_mask(&format!("without = [\"EMAIL_ADDRESS\"]\n{people}"));
    assert!(!found(&without.rules().unwrap(), text).contains(&mail));
}

#[test]
fn a_label_counts_before_a_name_that_covers_several() {
    for actions in [
        "{ EMAIL = \"report\", US_SSN = \"block\" }",
        "{ email_address = \"report\", us_ssn = \"block\" }",
    ] {
        let mask = only_mask(&format!("actions = {actions}\n"));
        let rules = mask.rules().unwrap();
        let policy = mask.policy(&rules).unwrap();
        assert_eq!(policy.action(Entity::EMAIL), Action::Report);
        assert_eq!(policy.action(Entity::US_SSN), Action::Block);
        assert_eq!(policy.action(Entity::IPV6), Action::Mask);
    }
    let mut mask = only_mask("");
    let both = [
        ("IP_PRIVATE", Action::Report),
        ("IP_ADDRESS", Action::Block),
    ];
    mask.actions = both
        .iter()
        .map(|(name, action)| ((*name).to_owned(), *action))
        .collect();
    let policy = mask.policy(&Rules::default()).unwrap();
    assert_eq!(policy.action(Entity::IP_PRIVATE), Action::Report);
    assert_eq!(policy.action(Entity::IP_PUBLIC), Action::Block);
}

#[test]
fn thresholds_and_allowed_values_hold() {
    let mask =
        only_mask("threshold = 1\nthresholds = { EMAIL = 0.25 }\nallow = [\"A@b.example\"]\n");
    let rules = mask.rules().unwrap();
    assert_eq!(rules.threshold(Entity::EMAIL), Score::of(25));
    assert_eq!(rules.threshold(Entity::US_SSN), Score::CERTAIN);
    assert_eq!(found(&rules, "a@b.example, c@b.example"), ["c@b.example"]);
}

#[test]
fn words_of_a_file_are_read_with_the_rules_and_their_mistakes_have_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    let program = folder.path().join("dhash");
    fs::write(&program, "").unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let words = folder.path().join("people.txt");
    let lines = format!("{PEOPLE}file = \"people.txt\"\nfinds = [\"see Le Van B\"]\n");
    fs::write(&file, mask(&lines)).unwrap();
    let problems = |content: Option<&[u8]>| {
        let _ = fs::remove_file(&words);
        if let Some(content) = content {
            fs::write(&words, content).unwrap();
        }
        let told = check(&file, None).expect_err("problems").to_string();
        told.replace(&folder.path().display().to_string(), "FOLDER")
    };
    let told = [
        problems(None),
        problems(Some(b"Le Van B\n\nAnh\n")),
        problems(Some(b"Le Van B\nAn\xff\n")),
        problems(Some(b"")),
        problems(Some(b"Somebody else\n")),
    ];
    insta::assert_snapshot!(told.join("\n"));

    let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    let mask = &config.gateway.masks[0];
    let faults = mask.rules().err().expect("an example that fails");
    assert!(
        matches!(
            faults.as_slice(),
            [portcullis_config::MaskFault::Rules(
                RulesError::Example { .. }
            )]
        ),
        "{faults:?}"
    );
    fs::write(&words, "\u{feff}Le Van B  \r\nAnh\r\n").unwrap();
    config
        .check_files()
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(found(&mask.rules().unwrap(), "le van b"), ["le van b"]);

    // What changes later is told at its place, too.
    fs::write(&words, "Anh\n \n").unwrap();
    let faults = mask.rules().err().expect("an empty line");
    let empty = portcullis_config::MaskFault::Words {
        dictionary: 0,
        error: WordsError::EmptyWord { line: 2 },
    };
    assert_eq!(faults, [empty]);
    let faults = faults.iter().map(|fault| fault.of_mask(0)).collect();
    let told = config.tell_faults(faults).expect_err("a problem");
    let told = told.as_slice();
    assert_eq!(
        (told[0].key.as_str(), told[0].line > 1),
        ("gateway.mask[0].dictionary[0].file", true)
    );
}

#[test]
fn keys_are_never_shown() {
    let key = "3f1a9c0d2b4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8";
    let tables = |keys: &str| {
        let text = mask("");
        format!("{text}[gateway.conversations]\nkeep = \"file\"\nkeys = \"{keys}\"\n")
    };
    let problems = read(&tables(key)).expect_err("a key in the file");
    assert!(!problems.to_string().contains("3f1a"), "{problems}");
    let broken = format!("{}ttl = \n", tables(key));
    let problems = read(&broken).expect_err("no TOML");
    assert!(!problems.to_string().contains("3f1a"), "{problems}");
    let literal = tables(&format!("text:{key}"));
    let config = right(&literal);
    assert!(!format!("{:?}", config.gateway).contains("3f1a"));
    let explained = explain_text(&literal, Path::new("portcullis.toml"), None)
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(!format!("{explained:?}").contains("3f1a"));
}

#[test]
fn environments_may_mask_more() {
    let tables = "[environment.staging.gateway]\ndefault_mask = \"chat\"\n\
                  [[environment.staging.gateway.mask]]\nname = \"chat\"\napplication = \"dify\"\n\
                  [environment.staging.gateway.conversations]\nttl = \"1m\"\n";
    let text = least("", tables);
    let file = Path::new("/srv/dhash/portcullis.toml");
    let staging = portcullis_config::parse_environment(&text, file, Some("staging"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(staging.gateway.masks.len(), 1);
    assert_eq!(staging.gateway.conversations.ttl_ms, 60_000);
    assert!(right(&text).gateway.masks.is_empty());
}

#[test]
fn the_bundled_dictionaries_are_those_of_the_mask_crate() {
    let error = Rules::builder().bundled("none").build().err().unwrap();
    let [RulesError::UnknownDictionary { known, .. }] = error.as_slice() else {
        panic!("{error:?}")
    };
    let all: Vec<String> = known.split(", ").map(|name| format!("{name:?}")).collect();
    let mask = only_mask(&format!("dictionaries = [{}]\n", all.join(", ")));
    assert_eq!(mask.search.bundled.len(), all.len());
    mask.rules().unwrap();
}

#[test]
fn a_model_is_chosen_from_like_everything_that_is_built_in() {
    let mask = only_mask(
        "model = \"names\"\nwithout = [\"LOCATION\"]\nactions = { PERSON = \"redact\" }\nthresholds = { ORG = 0.8 }\n",
    );
    let model = mask.search.model.clone().unwrap();
    assert!(model.folder.is_absolute() && model.folder.ends_with("names"));
    assert_eq!(model.text_bytes_max, 32 * 1024);
    // Nobody gets rules that leave names out.
    let faults = mask.rules().err().expect("no model was given");
    assert_eq!(faults, [MaskFault::Model(model.folder.clone())]);
    assert_eq!(faults[0].of_mask(1).key, "gateway.mask[1].model");

    let rules = mask.rules_with(Some(Arc::new(Anna))).unwrap();
    let text = "Anna knows Oslo";
    let spans = Finder::new(rules).find_all(text, None).unwrap();
    let found: Vec<&str> = spans.iter().map(|s| &text[s.start..s.end]).collect();
    assert_eq!(found, ["Anna"]);

    let without_model = only_mask("");
    assert!(without_model.rules_with(Some(Arc::new(Anna))).is_ok());
}

/// Knows two names.
struct Anna;

impl NamedEntities for Anna {
    fn find(&self, text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
        let names = [("Anna", Entity::PERSON), ("Oslo", Entity::LOCATION)];
        let spans = names.iter().filter_map(|(name, entity)| {
            let start = text.find(name)?;
            Some(NamedSpan {
                start,
                end: start + name.len(),
                entity: *entity,
                score: Score::of(90),
            })
        });
        Ok(spans.collect())
    }
}

#[test]
fn a_model_without_effect_is_told() {
    for (lines, key, words) in [
        (
            "model_text_max = \"1MiB\"\n",
            "model_text_max",
            "there is no `model`",
        ),
        (
            "model = \"names\"\nonly = [\"EMAIL\"]\n",
            "model",
            "nothing for the model to look for",
        ),
        (
            "model = \"names\"\nwithout = [\"PERSON\", \"ORG\", \"location_by_model\"]\n",
            "model",
            "nothing for the model to look for",
        ),
        (
            "only = [\"PERSON\"]\n",
            "only[0]",
            "nothing in this mask looks for PERSON",
        ),
        (
            "without = [\"PERSON\"]\n",
            "without[0]",
            "nothing that is built in looks for PERSON",
        ),
        ("model = \"\"\n", "model", "expected"),
        (
            "model = \"names\"\nmodel_text_max = \"1GiB\"\n",
            "model_text_max",
            "from",
        ),
    ] {
        let problems = read(&mask(lines)).expect_err(lines);
        let told = problems.as_slice();
        assert_eq!(told[0].key, format!("gateway.mask[0].{key}"), "{problems}");
        assert!(told[0].message.contains(words), "{problems}");
    }
    right(&mask("model = \"names\"\nonly = [\"PERSON\", \"EMAIL\"]\n"));
    right(&mask(
        "model = \"names\"\nwithout = [\"person_by_model\"]\n",
    ));
}
