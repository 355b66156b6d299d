//! The cases of the plugin that this product began with, each run: what the plugin does or says it does, and what we do.
//!
//! Where both are the same there is nothing more to say. Where they differ, the table must have the reason. What the
//! tests of other crates hold is listed with the names of those tests. `docs/reference/seed-cases.md` is this table.

mod bodies;
mod dify;
mod elsewhere;
mod samples;
mod streams;
mod texts;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use portcullis_mask::{
    Encoding, Finder, Limits, Mapping, Masker, Mode, Policy, Rules, Style, Vocabulary, restore,
};

/// One case.
pub(crate) struct Case {
    /// What it is about.
    pub(crate) group: &'static str,
    /// What is given, which `run` is run on.
    pub(crate) given: &'static str,
    /// What the plugin gives, or is documented or tested to give.
    pub(crate) theirs: &'static str,
    /// What we give.
    pub(crate) ours: &'static str,
    /// Why that is not the same; empty when it is.
    pub(crate) why: &'static str,
    pub(crate) run: fn(&str) -> String,
}

/// A case that a test of another crate runs.
pub(crate) struct Elsewhere {
    pub(crate) given: &'static str,
    pub(crate) theirs: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) test: &'static str,
}

/// The masker of the cases: everything that is on by default, and the plugin's list of organisations.
pub(crate) fn masker() -> &'static Masker {
    static MASKER: LazyLock<Masker> = LazyLock::new(|| {
        let rules = Rules::builder().bundled("organizations");
        let finder = Finder::new(rules.build().expect("the rules fit"));
        Masker::new(Arc::new(finder), Policy::default(), Mode::Enforce).expect("the labels fit")
    });
    &MASKER
}

/// A new conversation.
pub(crate) fn mapping() -> Mapping {
    Mapping::new(Style::Plain, Limits::default())
}

/// A whole text restored.
pub(crate) fn restored(mapping: &Mapping, text: &str) -> String {
    let vocabulary = Vocabulary::of(mapping, masker().labels());
    restore(&vocabulary, text, Encoding::Plain)
        .text
        .into_owned()
}

fn cases() -> Vec<Case> {
    [
        texts::cases(),
        bodies::cases(),
        streams::cases(),
        dify::cases(),
        samples::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_case_of_the_first_plugin_gives_what_the_table_says() {
    let mut wrong = String::new();
    for case in cases() {
        let got = (case.run)(case.given);
        if got != case.ours {
            let _ = writeln!(
                wrong,
                "{}: {:?}\n  gives {got:?}\n  not   {:?}",
                case.group, case.given, case.ours
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_difference_from_the_first_plugin_has_a_reason_and_nothing_else_has_one() {
    for case in cases() {
        let differs = case.theirs != case.ours;
        assert_eq!(
            differs,
            !case.why.is_empty(),
            "{}: {}",
            case.group,
            case.given
        );
        assert!(case.why.is_empty() || case.why.ends_with('.'));
    }
}

#[test]
fn the_table_of_seed_cases_in_docs_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/seed-cases.md");
    let made = document();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).expect("the documents can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/seed-cases.md is not what the table says; run the tests of portcullis-mask \
         once with UPDATE_REFERENCE=1"
    );
}

/// The table as a document.
fn document() -> String {
    let cases = cases();
    let different = cases.iter().filter(|case| !case.why.is_empty()).count();
    let mut out = format!(
        "# Cases of the first plugin\n\n\
         Made from the tables in `crates/mask/tests/it/seed_cases`, whose tests run every case. The masking of Portcullis began\n\
         with a plugin for nginx. These are its tests, its documented examples and its sample requests, with what it gives\n\
         (or is documented to give) and what Portcullis gives, with the plugin's list of organisations switched on and everything\n\
         else as it is by default.\n\n\
         Of {} cases {} give the same. {different} are different on purpose, each with its reason.\n",
        cases.len(),
        cases.len() - different,
    );
    let mut group = "";
    for case in &cases {
        if case.group != group {
            group = case.group;
            let _ = write!(
                out,
                "\n## {group}\n\n| given | plugin | Portcullis | why it differs |\n|---|---|---|---|\n"
            );
        }
        let ours = if case.ours == case.theirs {
            "the same".to_owned()
        } else {
            code(case.ours)
        };
        let _ = writeln!(
            out,
            "| {} | {} | {ours} | {} |",
            code(case.given),
            code(case.theirs),
            case.why
        );
    }
    out.push_str(
        "\n## What other tests hold\n\n| given | plugin | Portcullis | test |\n|---|---|---|---|\n",
    );
    for case in elsewhere::CASES {
        let _ = writeln!(
            out,
            "| {} | {} | {} | `{}` |",
            case.given, case.theirs, case.ours, case.test
        );
    }
    out
}

/// A cell of code.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('\n', "\\n");
    match text.as_str() {
        "" => "(nothing)".to_owned(),
        text if text.contains('`') => format!("`` {text} ``"),
        text => format!("`{text}`"),
    }
}
