//! Labelled texts: what a person would call data in them, and how much of it is found.
//!
//! The texts lie in `corpus/KIND.jsonl`, one case a line: the text, and its spans with byte offset, value and label. Most
//! files hold texts with one kind of data and texts that only look like it; `chat`, `code` and `log` hold whatever such
//! texts hold, `hard` what a careful adversary would write, `judged` what readers who
//! did not know the code found wrong, as it should be. A span counts as found when place, value and label are the same. The figures that were reached are the
//! least that a change must keep.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_mask::{Finder, Rules};
use serde::Deserialize;

/// A kind's texts, and the most spans that may be missing and wrong among them.
struct Kind {
    name: &'static str,
    texts: &'static str,
    missing_max: usize,
    wrong_max: usize,
}

macro_rules! kinds {
    ($($name:literal, $missing:literal, $wrong:literal;)+) => {
        &[$(Kind {
            name: $name,
            texts: include_str!(concat!("corpus/", $name, ".jsonl")),
            missing_max: $missing,
            wrong_max: $wrong,
        }),+]
    };
}

const KINDS: &[Kind] = kinds! {
    "email", 0, 0;
    "ipv4", 0, 0;
    "ipv6", 0, 0;
    "mac", 0, 0;
    "domain", 0, 0;
    "url", 0, 0;
    "phone", 0, 0;
    "card", 0, 0;
    "iban", 0, 0;
    "crypto", 0, 0;
    "dob", 0, 0;
    "national", 0, 0;
    "secret", 0, 0;
    "chat", 0, 0;
    "code", 0, 0;
    "log", 0, 0;
    "hard", 0, 1;
    "judged_network", 0, 0;
    "judged", 0, 0;
    "judged_review", 0, 0;
    "judged_generated", 0, 0;
};

#[derive(Deserialize)]
struct Case {
    text: String,
    spans: Vec<Labelled>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Labelled {
    start: usize,
    value: String,
    label: String,
}

/// What was found of a kind.
#[derive(Default)]
struct Figures {
    texts: usize,
    right: usize,
    missing: usize,
    wrong: usize,
    differences: String,
}

impl Figures {
    /// The figures of these texts.
    fn of(finder: &Finder, texts: &str) -> Figures {
        let mut figures = Figures::default();
        for (index, line) in texts.lines().enumerate() {
            let case: Case = serde_json::from_str(line).expect("every line of a corpus is a case");
            let expected: BTreeSet<Labelled> = case.spans.iter().cloned().collect();
            let found = found(finder, &case.text);
            figures.texts += 1;
            figures.right += expected.intersection(&found).count();
            figures.missing += expected.difference(&found).count();
            figures.wrong += found.difference(&expected).count();
            if found != expected {
                let briefly = |spans: BTreeSet<&Labelled>| {
                    spans
                        .iter()
                        .map(|span| format!("{} {:?}", span.label, span.value))
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let _ = writeln!(
                    figures.differences,
                    "  line {}: {:?}\n    missing [{}], wrong [{}]",
                    index + 1,
                    case.text,
                    briefly(expected.difference(&found).collect()),
                    briefly(found.difference(&expected).collect()),
                );
            }
        }
        figures
    }

    /// How many of the labelled spans were found.
    fn recall(&self) -> f64 {
        share(self.right, self.right + self.missing)
    }

    /// How many of the found spans are labelled.
    fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 1.0;
    }
    part as f64 / whole as f64
}

/// What the finder finds in a text.
fn found(finder: &Finder, text: &str) -> BTreeSet<Labelled> {
    finder
        .find(text)
        .into_iter()
        .map(|span| Labelled {
            start: span.start,
            value: text[span.start..span.end].to_owned(),
            label: finder
                .rules()
                .entity_facts(span.entity)
                .expect("a found entity is one of the rules")
                .label
                .to_string(),
        })
        .collect()
}

#[test]
fn labelled_texts_are_read_as_a_person_reads_them() {
    let finder = Finder::new(Rules::default());
    let mut table = String::from("kind      texts  spans  precision  recall\n");
    let mut worse = String::new();
    for kind in KINDS {
        let figures = Figures::of(&finder, kind.texts);
        let _ = writeln!(
            table,
            "{:8}  {:5}  {:5}  {:9.4}  {:6.4}",
            kind.name,
            figures.texts,
            figures.right + figures.missing,
            figures.precision(),
            figures.recall(),
        );
        if figures.missing > kind.missing_max || figures.wrong > kind.wrong_max {
            let _ = writeln!(
                worse,
                "{}: {} missing (at most {}), {} wrong (at most {})\n{}",
                kind.name,
                figures.missing,
                kind.missing_max,
                figures.wrong,
                kind.wrong_max,
                figures.differences
            );
        }
    }
    // Seen with `--no-capture`.
    #[allow(clippy::print_stdout)]
    {
        println!("{table}");
    }
    assert!(worse.is_empty(), "{table}\n{worse}");
}
