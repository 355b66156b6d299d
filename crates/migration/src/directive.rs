//! What comments of a file tell Portcullis: `-- portcullis: contract`, `-- portcullis:ignore RULE: reason`.

use serde::Serialize;

use crate::Phase;

/// What every comment for Portcullis begins with.
const PREFIX: &str = "portcullis:";
/// What is said when a comment cannot be understood.
pub(crate) const EXPECTED: &str = "expand, backfill, contract, no-transaction, batch = ROWS, pause = TIME, rounds = NUMBER, \
                                   ignore RULE: REASON or ignore-file RULE: REASON";
/// Rounds of a batch that does not say how many it may take.
const ROUNDS_DEFAULT: u64 = 1_000_000;

/// How a statement of a backfill is repeated: until it changes no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// How many rows it changes at most at a time. More means that it does not bound itself, and ends the run.
    pub rows: u64,
    /// The pause between two rounds, in milliseconds; nothing if the file leaves it to whoever runs it.
    pub pause_ms: Option<u64>,
    /// After so many rounds it is given up.
    pub rounds_max: u64,
}

/// What one comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    Phase(Phase),
    NoTransaction,
    Batch(Batch),
    Ignore {
        rules: Vec<String>,
        is_for_file: bool,
    },
}

/// Why a comment says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misunderstood {
    Unknown(String),
    NoReason(String),
    BadValue(String),
    OtherForm(String),
}

/// What comments for Portcullis begin with behind its name.
const WORDS: [&str; 8] = [
    "expand",
    "backfill",
    "contract",
    "no-transaction",
    "batch",
    "pause",
    "ignore",
    "ignore-file",
];

/// A comment that was meant for Portcullis, as far as one can tell, and is not written as such.
pub(crate) fn other_form(comment: &str) -> Option<Misunderstood> {
    let said = comment.trim();
    let (name, rest) = said.split_at_checked("portcullis".len())?;
    let is_named = name.eq_ignore_ascii_case("portcullis");
    let rest = rest.trim_start();
    let word = rest
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .next();
    let is_word = |word: &str| WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
    let is_meant = is_named && (rest.starts_with(':') || word.is_some_and(is_word));
    is_meant.then(|| Misunderstood::OtherForm(said.lines().next().unwrap_or_default().to_owned()))
}

/// What a line comment (without its dashes) says to Portcullis; nothing if it is for people.
pub(crate) fn read(comment: &str) -> Option<Result<Vec<Directive>, Misunderstood>> {
    if let Some(block) = comment.strip_prefix("/*") {
        return other_form(block.trim_end_matches("*/")).map(Err);
    }
    let Some(said) = comment.trim().strip_prefix(PREFIX) else {
        return other_form(comment).map(Err);
    };
    let said = said.trim();
    Some(match said.strip_prefix("ignore") {
        Some(rest) => ignore(rest).map(|directive| vec![directive]),
        None => settings(said),
    })
}

/// `RULE, RULE: reason`, after `ignore` or `ignore-file`.
fn ignore(rest: &str) -> Result<Directive, Misunderstood> {
    let is_for_file = rest.starts_with("-file");
    let rest = rest.trim_start_matches("-file");
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return Err(Misunderstood::Unknown(format!("ignore{rest}")));
    }
    let (rules, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let rules: Vec<String> = rules
        .split([',', ' '])
        .filter(|rule| !rule.is_empty())
        .map(str::to_owned)
        .collect();
    match (rules.is_empty(), reason.trim().is_empty()) {
        (true, _) => Err(Misunderstood::Unknown("ignore without a rule".to_owned())),
        (false, true) => Err(Misunderstood::NoReason(rules.join(", "))),
        (false, false) => Ok(Directive::Ignore { rules, is_for_file }),
    }
}

fn settings(said: &str) -> Result<Vec<Directive>, Misunderstood> {
    let mut directives = Vec::new();
    let mut batch: Option<Batch> = None;
    for setting in said.split(',').map(str::trim) {
        let (key, value) = match setting.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (setting, ""),
        };
        let bad = || Misunderstood::BadValue(setting.to_owned());
        let number = || value.parse::<u64>().ok().filter(|number| *number > 0);
        match (key, value, &mut batch) {
            ("no-transaction", "", _) => directives.push(Directive::NoTransaction),
            ("batch", _, None) => {
                batch = Some(Batch {
                    rows: number().ok_or_else(bad)?,
                    pause_ms: None,
                    rounds_max: ROUNDS_DEFAULT,
                });
            }
            ("pause", _, Some(batch)) => batch.pause_ms = Some(time_ms(value).ok_or_else(bad)?),
            ("rounds", _, Some(batch)) => batch.rounds_max = number().ok_or_else(bad)?,
            (phase, "", _) => match phase.parse() {
                Ok(phase) => directives.push(Directive::Phase(phase)),
                Err(()) => return Err(Misunderstood::Unknown(setting.to_owned())),
            },
            _ => return Err(Misunderstood::Unknown(setting.to_owned())),
        }
    }
    directives.extend(batch.map(Directive::Batch));
    Ok(directives)
}

/// `250ms`, `2s` or `1m`, in milliseconds.
fn time_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests;
