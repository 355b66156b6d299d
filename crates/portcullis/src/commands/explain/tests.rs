//! The reference of codes, and how a code may be written.

use std::collections::HashSet;
use std::path::Path;

use super::*;

#[test]
fn the_reference_of_errors_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
    let made = markdown();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/errors.md is not what the program knows; run the tests of portcullis once \
         with UPDATE_REFERENCE=1"
    );
}

#[test]
fn a_code_may_be_written_in_three_ways() {
    for text in ["PC0601", "pc0601", "0601", "601", " pc601 "] {
        assert_eq!(normal(text).as_deref(), Some("PC0601"), "{text}");
    }
    assert_eq!(normal("PCX"), None);
}

#[test]
fn every_code_has_a_number_of_its_own_and_full_sentences() {
    let all = all();
    let numbers: HashSet<&str> = all.iter().map(|told| told.code.as_str()).collect();
    assert_eq!(numbers.len(), all.len());
    for told in &all {
        assert!(told.meaning.ends_with('.'), "{told:?}");
        assert!(told.remedy.ends_with(['.', '?']), "{told:?}");
        assert!(!told.title.ends_with('.'), "{told:?}");
    }
}
