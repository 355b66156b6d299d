//! What stands in a gate and would have no effect.

use portcullis_analysis::{Enough, Rule};

use super::text;
use crate::Code;
use crate::raw::{RawConfig, RawGate, RawRule};
use crate::report::{Report, Wrong};

/// Reports a rule that says what an earlier one says.
pub(super) fn duplicate(raw: &RawRule, rule: &Rule, earlier: &[Rule], report: &Report<'_>) {
    let same = |one: &Rule| {
        (&one.signal, &one.test, one.breaker, one.alone)
            == (&rule.signal, &rule.test, rule.breaker, rule.alone)
    };
    if !raw.given || !earlier.iter().any(same) {
        return;
    }
    let message = "an earlier rule says the same";
    let hint =
        "remove one: it shows nothing more, and a rule about traffic takes its part of `alpha`";
    report.add(&raw.spot, Wrong::new(Code::Duplicate, message).hint(hint));
}

/// Reports that a gate cannot pass early: what only counts requests has shown nothing when it has them.
pub(super) fn early(raw: &RawGate, rules: &[Rule], report: &Report<'_>) {
    let Some(early) = raw.early.as_ref().filter(|at| at.value) else {
        return;
    };
    // A rule that could not be read is reported already, and may be the one that has evidence.
    if rules.len() < raw.rules.len() {
        return;
    }
    let counts = |rule: &&Rule| rule.test.is_sequential() && rule.enough == Enough::Requests;
    let message = if let Some(counting) = rules.iter().find(counts) {
        format!(
            "the rule about {} has `requests_min`, which lets it pass when the window is over and not before",
            counting.signal.words()
        )
    } else if rules.iter().all(|rule| rule.enough == Enough::Requests) {
        "no rule can show by evidence that all is well, so the gate is never early".to_owned()
    } else {
        return;
    };
    let hint = "leave out `requests_min`, so that evidence decides, or leave out `early`";
    report.add(
        &early.spot,
        Wrong::new(Code::Contradiction, message).hint(hint),
    );
}

/// Reports rules about answers that masking refuses where there is no mask.
pub(in crate::validate) fn refusals(raw: &RawConfig, report: &Report<'_>) {
    if !raw.gateway.masks.is_empty() {
        return;
    }
    for rule in raw.gate.rules.iter().filter(|rule| rule.given) {
        let Some(signal) = rule.signal.as_ref() else {
            continue;
        };
        if text(Some(signal)) == Some("refusals") {
            let message = "the file has no [[gateway.mask]], so no answer is ever refused and the rule would \
                           always pass";
            let hint = "add a mask and name it with default_mask or in a [[gateway.route]], or remove the rule";
            report.add(
                &signal.spot,
                Wrong::new(Code::Contradiction, message).hint(hint),
            );
        }
    }
}
