//! A gate's verdicts with every rule, and what the samples say now.

use portcullis_analysis::Judgement;
use portcullis_rollout::{Comparison, Replay, Replayed};

use super::timeline::duration;
use crate::clock::local;

/// The gate as text; `compares` also says whether each verdict follows from the samples.
pub(crate) fn replay(replay: &Replay, compares: bool) -> String {
    let Replay { gate, samples, .. } = replay;
    let mut lines = vec![format!("{gate}: {samples} samples")];
    if replay.verdicts.is_empty() {
        lines.push("nothing was measured yet".to_owned());
    }
    for one in &replay.verdicts {
        lines.push(String::new());
        lines.extend(verdict(one));
        if compares {
            lines.extend(comparison(one, replay.formula));
        }
    }
    if compares {
        lines.push(String::new());
        lines.push(conclusion(replay));
    }
    lines.join("\n")
}

/// What all comparisons come to.
fn conclusion(replay: &Replay) -> String {
    let formula = replay.formula;
    match replay.comparison() {
        Comparison::NothingRecorded => "there is no verdict to compare with".to_owned(),
        Comparison::Same => {
            format!("every verdict follows from its samples, to the last bit (formulas {formula})")
        }
        Comparison::OtherFormulas => format!(
            "what other formulas concluded cannot be shown by formulas {formula}; nothing contradicts the \
             journal, and the rollout keeps to what was recorded. The program that wrote it can show it"
        ),
        Comparison::Different => {
            format!("not every verdict follows from its samples (formulas {formula})")
        }
    }
}

fn verdict(one: &Replayed) -> Vec<String> {
    let judgement = one.recorded.as_ref().unwrap_or(&one.computed);
    let time = local(one.at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let formula = match one.formula {
        0 => "no formulas recorded".to_owned(),
        version => format!("formulas {version}"),
    };
    let mut lines = vec![format!(
        "{time}  sample {}: {} after {} ({formula})",
        one.sample,
        judgement.verdict.word(),
        duration(judgement.measured_ms)
    )];
    lines.extend(rules(judgement));
    lines
}

fn rules(judgement: &Judgement) -> impl Iterator<Item = String> {
    let evidence = judgement.evidence.iter();
    evidence.map(|one| format!("    {:<12} {}", one.verdict.word(), one.phrase()))
}

fn comparison(one: &Replayed, formula: u32) -> Vec<String> {
    let now = one.computed.verdict.word();
    let words = match (one.comparison(), &one.recorded) {
        (Comparison::NothingRecorded, _) => {
            return vec!["    judged again: nothing was recorded to compare with".to_owned()];
        }
        (Comparison::Same, None) => return vec!["    judged again: undecided, as then".to_owned()],
        (Comparison::Same, Some(_)) => {
            return vec!["    judged again: the same, to the last bit".to_owned()];
        }
        (Comparison::OtherFormulas, _) => format!(
            "    judged again by formulas {formula} instead of {}: {now}; other formulas, so this is no \
             contradiction",
            one.formula
        ),
        (Comparison::Different, _) => {
            format!("    judged again by the same formulas: {now}, not the same")
        }
    };
    let mut lines = vec![words];
    lines.extend(rules(&one.computed));
    lines
}
