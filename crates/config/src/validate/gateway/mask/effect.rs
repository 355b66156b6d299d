//! Settings of a mask about data that nothing in it looks for. Who reads them would believe it hidden.

use portcullis_mask::{Entity, Rules};

use crate::Code;
use crate::config::SearchConfig;
use crate::raw::RawMask;
use crate::report::{Report, Spot, Wrong};

/// Reports settings without effect, given the rules of the mask.
pub(super) fn check(raw: &RawMask, search: &SearchConfig, rules: &Rules, report: &Report<'_>) {
    let actions = raw.actions.iter().map(|(name, at)| (name, &at.spot));
    let thresholds = raw.thresholds.iter().map(|(name, at)| (name, &at.spot));
    let only = raw.only.iter().map(|at| (&at.value, &at.spot));
    for (word, spot) in actions.chain(thresholds).chain(only) {
        if !is_looked_for(rules, word, true) {
            tell(
                "nothing in this mask looks for",
                word,
                LET_LOOK,
                spot,
                report,
            );
        }
    }
    let built_in = search.before_own();
    for at in &raw.without {
        if !is_looked_for(&built_in, &at.value, false) {
            let what = "nothing that is built in looks for";
            tell(what, &at.value, "remove it", &at.spot, report);
        }
    }
    if let Some(at) = raw.model.as_ref().filter(|_| !rules.asks_a_model()) {
        let message =
            "`only` and `without` leave nothing for the model to look for, so it has no effect";
        let wrong = Wrong::new(Code::Contradiction, message);
        let hint = "remove it, or let it look for PERSON, ORGANIZATION or LOCATION";
        report.add(&at.spot, wrong.hint(hint));
    }
}

/// What to do about data that is not looked for.
const LET_LOOK: &str = "remove it, or let the mask look for it: with `dictionaries`, `model`, a [[gateway.mask.dictionary]] or a \
                        [[gateway.mask.recognizer]]";

fn tell(what: &str, word: &str, hint: &str, spot: &Spot, report: &Report<'_>) {
    let message = format!("{what} {word}, so this has no effect");
    report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
}

/// Whether a recognizer of this name, or one that finds what is called so, is there, and on if that counts.
fn is_looked_for(rules: &Rules, word: &str, must_be_on: bool) -> bool {
    let entities: Vec<Entity> = rules.entities_named(word);
    rules.recognizer_names().any(|(name, entity, is_on)| {
        (is_on || !must_be_on) && (entities.contains(&entity) || name.eq_ignore_ascii_case(word))
    })
}
