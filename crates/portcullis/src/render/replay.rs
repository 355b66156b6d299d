//! A gate's verdicts with every rule, and what the samples say now.

use portcullis_analysis::Judgement;
use portcullis_rollout::{Replay, Replayed};

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
        let (is_same, formula) = (replay.is_same(), replay.formula);
        lines.push(String::new());
        lines.push(match is_same {
            true => format!(
                "every verdict follows from its samples, to the last bit (formulas {formula})"
            ),
            false => format!("not every verdict follows from its samples (formulas {formula})"),
        });
    }
    lines.join("\n")
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
    if one.is_same() {
        let words = match (&one.recorded, one.formula) {
            (Some(_), _) => "    judged again: the same, to the last bit",
            (None, 0) => "    judged again: nothing was recorded to compare with",
            (None, _) => "    judged again: undecided, as then",
        };
        return vec![words.to_owned()];
    }
    let why = match one.formula == formula {
        true => "by the same formulas".to_owned(),
        false => format!("by formulas {formula} instead of {}", one.formula),
    };
    let mut lines = vec![format!(
        "    judged again {why}: {}, not the same",
        one.computed.verdict.word()
    )];
    lines.extend(rules(&one.computed));
    lines
}
