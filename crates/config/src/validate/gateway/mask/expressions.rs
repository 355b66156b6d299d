//! Regular expressions, each by itself, so that a mistake is told where it stands.

use portcullis_mask::{PatternRecognizer, Rules, RulesBuilder, RulesError};

use crate::Code;
use crate::raw::RawMask;
use crate::report::{At, Report, Wrong};

/// Reports expressions that the gateway could not use.
pub(super) fn check(raw: &RawMask, report: &Report<'_>) {
    for at in &raw.allow_patterns {
        tell(at, Rules::builder().allow_pattern(&at.value), report);
    }
    for at in raw.recognizers.iter().flat_map(|one| &one.patterns) {
        let alone = PatternRecognizer {
            id: "alone".to_owned(),
            entity: "ALONE".to_owned(),
            patterns: vec![at.value.clone()],
            ..PatternRecognizer::default()
        };
        tell(at, Rules::builder().pattern(alone), report);
    }
}

fn tell(at: &At<String>, builder: RulesBuilder, report: &Report<'_>) {
    let Err(errors) = builder.build() else {
        return;
    };
    for error in errors {
        let (message, hint) = match error {
            RulesError::Pattern { why, .. } => (
                format!("this expression is not valid: {why}"),
                "look-around and back-references do not exist here; write backslashes once, in single quotes",
            ),
            RulesError::MatchesNothing { .. } => (
                "this expression matches an empty text, so it would match everywhere".to_owned(),
                "say what it must match at least, for example with + in place of *",
            ),
            other => (other.to_string(), "correct it or remove it"),
        };
        report.add(&at.spot, Wrong::new(Code::BadValue, message).hint(hint));
    }
}
