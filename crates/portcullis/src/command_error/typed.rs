//! What clap says about a mistyped command line, in the form of all other errors.

use clap::error::ErrorKind;

use super::{CommandError, ErrorCode};

/// The error of a command line that cannot be read.
pub(crate) fn mistyped(error: &clap::Error) -> CommandError {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let made = CommandError::coded(ErrorCode::MissingArgument, "a command is missing");
        return made.hint("`portcullis --help` lists the commands; `portcullis init` begins");
    }
    let (mut message, mut hints, mut usage) = (Vec::new(), Vec::new(), None);
    for line in error.to_string().lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            // Nobody means a mistyped option as a value.
            if !tip.starts_with("to pass ") {
                hints.push(tip.to_owned());
            }
        } else if let Some(line) = line.strip_prefix("Usage: ") {
            usage = Some(format!("usage: {line}"));
        } else if !line.is_empty() && !line.starts_with("For more information") {
            message.push(line.trim_start_matches("error: ").to_owned());
        }
    }
    let message = without_addresses(&message.join(" "));
    let hints = hints
        .iter()
        .map(|hint| without_addresses(hint))
        .collect::<Vec<_>>();
    let made = CommandError::coded(code(error.kind()), message);
    hints
        .into_iter()
        .chain(usage)
        .fold(made, CommandError::hint)
}

/// A text in which addresses are left out that have a user in them: the password stands there too.
fn without_addresses(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let shown = words.map(|word| match word.split_once("://") {
        Some((before, rest)) if rest.contains('@') => {
            let scheme = before
                .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+')
                .next();
            let end = &word[word.trim_end().len()..];
            format!("{}://...{end}", scheme.unwrap_or_default())
        }
        _ => word.to_owned(),
    });
    shown.collect()
}

fn code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => ErrorCode::UnknownWord,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            ErrorCode::BadValue
        }
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::NoEquals
        | ErrorKind::TooFewValues => ErrorCode::MissingArgument,
        ErrorKind::ArgumentConflict => ErrorCode::Contradiction,
        _ => ErrorCode::Usage,
    }
}
