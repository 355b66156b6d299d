//! Topics are found, and pages are laid out.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const LOOK: Look = Look {
    width: 40,
    bold: false,
};

#[test]
fn a_page_is_plain_text_with_aligned_tables_and_indented_code() {
    let text = "# Title\n\nSome `code` and a [link](x.md) in words that need two lines.\n\n\
                - one\n- two\n\n```\nrun  it\n```\n\n| key | meaning |\n|---|---|\n| `a` | first |\n\
                | `bb` | a longer meaning which does not fit |\n\n1. first\n2. second\n";
    insta::assert_snapshot!(page(text, LOOK), @r"
    Title
    =====

    Some `code` and a link in words that
    need two lines.

    - one
    - two

        run  it

    key   meaning
    ----  ----------------------------------
    `a`   first
    `bb`  a longer meaning which does not
          fit

    1. first
    2. second
    ");
}

#[test]
fn every_document_of_the_repository_is_a_topic() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(docs.join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect()
    };
    let listed = |list: &[(&str, &str)]| -> BTreeSet<String> {
        list.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    assert_eq!(names("guide"), listed(&library::GUIDES), "add it to GUIDES");
    let mut references = listed(&library::REFERENCES);
    // These are made from the program itself.
    references.extend(["config", "cli", "errors"].map(str::to_owned));
    assert_eq!(names("reference"), references, "add it to REFERENCES");
}

#[test]
fn a_section_of_the_configuration_is_a_topic_and_plural_is_singular() {
    let topics = library::topics(String::new(), String::new());
    for wanted in [
        "gate",
        "gates",
        "[gate]",
        "gate.rule",
        "Glossary",
        "exit-code",
    ] {
        assert!(find(&topics, wanted).is_some(), "{wanted}");
    }
    let gate = find(&topics, "gate").unwrap();
    assert!(gate.text.contains("window"), "{}", gate.text);
    assert!(!gate.text.contains("requests_min` |"), "{}", gate.text);
    assert!(find(&topics, "nothing").is_none());
}
