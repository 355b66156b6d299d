//! What stands in a DO block: the statements of its body are examined like those of the file.
//!
//! A block is PL/pgSQL, of which neither squawk nor the splitter has the grammar. Its statements begin where the body does, and
//! behind `;`, BEGIN, THEN, ELSE and LOOP, which is enough to find them; what one of them cannot be read as is left to the server.

use crate::split::split;
use crate::{Dialect, Migration, Statement};

use super::at;
use super::finding::{Finding, RuleClass, Severity};

/// Words behind which a statement of a body begins.
const BEFORE: [&str; 4] = ["BEGIN", "THEN", "ELSE", "LOOP"];
/// Words with which a statement begins that changes something.
const VERBS: [&str; 12] = [
    "ALTER", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "MERGE", "REINDEX", "REVOKE",
    "TRUNCATE", "UPDATE", "WITH",
];

/// Examines the body of a DO block by `rules`.
pub(super) fn examine(
    migration: &Migration,
    index: usize,
    rules: impl Fn(&Migration) -> Vec<Finding>,
) -> Vec<Finding> {
    let statement = &migration.statements[index];
    let Some(body) = body(statement) else {
        return Vec::new();
    };
    let split = split(&body.text, Dialect::Postgres);
    let executes = split
        .statements
        .iter()
        .find_map(|inner| begun(inner, &["EXECUTE"]));
    // What stands before the block is part of it, so that what the file makes itself is known.
    let text = alone(
        &migration.text[..statement.range.start],
        &split.statements,
        body.line,
    );
    let inner = Migration {
        statements: crate::split::split(&text, Dialect::Postgres).statements,
        text,
        ignores: Vec::new(),
        reverse: None,
        ..migration.clone()
    };
    let mut found = rules(&inner);
    found.retain(|finding| {
        let of_file = matches!(
            finding.class,
            RuleClass::Timeout | RuleClass::Reverse | RuleClass::File | RuleClass::Style
        );
        // Where PL/pgSQL has words of its own, such as INTO, squawk cannot read what the server can.
        !of_file && finding.rule != "syntax" && finding.index.is_some_and(|at| at >= index)
    });
    for finding in &mut found {
        finding.index = Some(index);
    }
    if executes.is_some() {
        let why = "It puts a statement together while it runs (EXECUTE), so that nobody can say before what that does.";
        let instead = "write the statement itself where that can be done; else rehearse it on a restored copy of the real data";
        let place = at(migration, Some(index));
        let finding = place.finding("dynamic-sql", RuleClass::Data, why, instead);
        found.push(finding.severity(Severity::Warning));
    }
    found
}

struct Body {
    text: String,
    /// The line of the file on which it begins.
    line: usize,
}

/// The body of `DO [LANGUAGE plpgsql] $$ ... $$`; nothing for another language.
fn body(statement: &Statement) -> Option<Body> {
    if !statement.begins(&["DO"]) {
        return None;
    }
    let other = statement
        .find(&["LANGUAGE"])
        .and_then(|at| statement.parts.get(at + 1));
    let is_other = other.is_some_and(|language| {
        let name = language.text.trim_matches(['\'', '"']);
        !["plpgsql", "sql"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    });
    let quoted = statement
        .parts
        .iter()
        .find(|part| part.text.starts_with('$'));
    let quoted = quoted.filter(|_| !is_other)?;
    let tag = quoted.text[1..].find('$')? + 2;
    let inside = quoted.text.get(tag..quoted.text.len().checked_sub(tag)?)?;
    let before = statement.text.find(&quoted.text)? + tag;
    let lines = statement.text[..before].matches('\n').count();
    Some(Body {
        text: inside.to_owned(),
        line: statement.line + lines,
    })
}

/// Where, among the parts of a piece of a body, a statement begins with one of these verbs.
fn begun(piece: &Statement, verbs: &[&str]) -> Option<usize> {
    (0..piece.parts.len()).find(|at| {
        let is_verb = verbs.iter().any(|verb| piece.has_at(*at, &[verb]));
        let may_begin = match at.checked_sub(1) {
            None => true,
            Some(before) => BEFORE.iter().any(|word| piece.has_at(before, &[word])),
        };
        is_verb && may_begin
    })
}

/// The statements of a body that change something, alone and on the lines of the file on which they stand.
fn alone(before: &str, pieces: &[Statement], first_line: usize) -> String {
    let mut text = before.to_owned();
    let mut line = 1 + before.matches('\n').count();
    for piece in pieces {
        let Some(from) = begun(piece, &VERBS) else {
            continue;
        };
        let Some(offset) = offset(piece, from) else {
            continue;
        };
        let (before, own) = piece.text.split_at(offset);
        let begins = first_line + piece.line - 1 + before.matches('\n').count();
        while line < begins {
            text.push('\n');
            line += 1;
        }
        text.push_str(own.trim_end().trim_end_matches(';'));
        text.push_str("; ");
        line += own.trim_end().matches('\n').count();
    }
    text
}

/// Where a part begins in the text of its statement, in bytes.
fn offset(piece: &Statement, part: usize) -> Option<usize> {
    let meant = |token: &&crate::token::Token| {
        use crate::token::TokenKind::{BlockComment, LineComment, Space};
        !matches!(token.kind, Space | LineComment | BlockComment)
    };
    let tokens = crate::token::tokens(&piece.text, Dialect::Postgres);
    tokens
        .iter()
        .filter(meant)
        .nth(part)
        .map(|token| token.range.start)
}
