//! Rules for PostgreSQL: squawk's, with a severity that follows from the file's phase.
//!
//! squawk has PostgreSQL's grammar and knows which statement takes which lock on which version. It also reads its own ignores
//! (`-- squawk-ignore RULE`).

use std::fmt;
use std::str::FromStr;

use squawk_linter::{Linter, Rule, Version, Violation};
use squawk_syntax::SourceFile;

use crate::Migration;

use super::advice::advice;
use super::finding::{Finding, Place, RuleClass, Severity};

/// The oldest major version that can be named.
const MAJOR_MIN: u32 = 10;
/// The newest major version that can be named; squawk takes later ones for the newest it knows.
const MAJOR_MAX: u32 = 99;

/// A PostgreSQL server's version, such as 15 or 15.4. What locks a statement takes depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    major: u32,
    minor: u32,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a version of PostgreSQL; expected {MAJOR_MIN} or later, for example 15 or 15.4"
)]
pub struct ServerVersionError {
    text: String,
}

impl Default for ServerVersion {
    fn default() -> ServerVersion {
        ServerVersion {
            major: 15,
            minor: 0,
        }
    }
}

impl FromStr for ServerVersion {
    type Err = ServerVersionError;

    fn from_str(text: &str) -> Result<ServerVersion, ServerVersionError> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let known = |major: &u32| (MAJOR_MIN..=MAJOR_MAX).contains(major);
        match (major.parse().ok().filter(known), minor.parse().ok()) {
            (Some(major), Some(minor)) => Ok(ServerVersion { major, minor }),
            _ => Err(ServerVersionError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

pub(super) fn examine(migration: &Migration, server: ServerVersion) -> Vec<Finding> {
    let parsed = SourceFile::parse(&migration.text);
    // It asks for IF NOT EXISTS so that a file can be run again, but that takes an invalid index for one. The ledger knows how
    // far a file got. The other one lets a file with nothing else pass, since some tools begin no transaction for it; ours does.
    let left_out = [
        Rule::PreferRobustStmts,
        Rule::BanConcurrentIndexCreationInTransaction,
    ];
    let mut linter = Linter::with_rules(&[], &left_out);
    linter.settings.pg_version = Version::from_str(&server.to_string()).unwrap_or_default();
    linter.settings.assume_in_transaction = migration.in_transaction;
    let mut found = Vec::new();
    for error in parsed.errors() {
        let place = place(migration, usize::from(error.range().start()));
        let why = format!(
            "squawk cannot read it ({}), so that none of its rules was tried on what it could not read.",
            error.message()
        );
        let instead = "mend it; if the server takes it as it is, ignore this with that reason";
        found.push(place.finding("syntax", RuleClass::Fails, why, instead));
    }
    let violations = linter.lint(&parsed, &migration.text);
    found.extend(
        violations
            .iter()
            .map(|violation| told(migration, violation)),
    );
    // One statement may break a rule in several places, which is one thing to mend.
    let is_same = |a: &mut Finding, b: &mut Finding| {
        (&a.rule, a.index, &a.why) == (&b.rule, b.index, &b.why) && a.index.is_some()
    };
    found.sort_by(|a, b| {
        (&a.rule, a.index, &a.why, a.line).cmp(&(&b.rule, b.index, &b.why, b.line))
    });
    found.dedup_by(is_same);
    found
}

fn told(migration: &Migration, violation: &Violation) -> Finding {
    let place = place(migration, usize::from(violation.text_range.start()));
    let rule = violation.code.to_string();
    let advice = advice(violation.code);
    let why = match advice.why {
        Some(why) => why.to_owned(),
        None => violation.message.clone(),
    };
    let instead = match (advice.instead, &violation.help) {
        (Some(instead), _) => instead.to_owned(),
        (None, Some(help)) => help.clone(),
        (None, None) => format!("see https://squawkhq.com/docs/{rule}"),
    };
    let finding = place.finding(&rule, advice.class, why, instead);
    match violation.code {
        Rule::UnusedIgnore => finding.severity(Severity::Warning),
        _ => finding,
    }
}

/// Where an offset of the text is.
fn place(migration: &Migration, offset: usize) -> Place<'_> {
    let statements = &migration.statements;
    let index = statements
        .iter()
        .position(|statement| offset < statement.range.end)
        .filter(|at| offset >= statements[*at].range.start);
    let offset = offset.min(migration.text.len());
    let before = &migration.text.as_bytes()[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Place {
        migration,
        statement: index,
        line: Some(line),
    }
}
