//! Environment variables, whose values may be references to secrets.

use portcullis_rollout::ValueSource;
use toml::de::DeValue;

use crate::Code;
use crate::raw::value_or_default;
use crate::report::Wrong;
use crate::table::{Entries, Table};

/// The variables of a table's `env`. No message quotes a value: it may be a secret.
pub(crate) fn variables(table: &Table<'_>) -> Entries<String> {
    let entries = value_or_default(table.entries("env", name, value));
    for (name, at) in &entries {
        if let Err(wrong) = reference(&at.value).and_then(|()| literal(name, &at.value)) {
            table.report.add(&at.spot, wrong);
        }
    }
    entries
}

fn name(name: &str) -> Result<(), Wrong> {
    if name.is_empty() || name.contains(['=', '\0']) {
        let message = "the name of an environment variable is not empty and has no `=`";
        return Err(Wrong::new(Code::BadValue, message));
    }
    Ok(())
}

fn value(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value {
        DeValue::String(text) if !text.contains('\0') => Ok(text.clone().into_owned()),
        DeValue::String(_) => Err(Wrong::new(Code::BadValue, "a variable has no zero byte")),
        _ => Err(Wrong::new(Code::WrongType, "expected a text in quotes")),
    }
}

/// Whether a reference, if the text is one, is well formed.
pub(crate) fn reference(text: &str) -> Result<(), Wrong> {
    let wrong = |message: &str, hint: &str| Err(Wrong::new(Code::BadValue, message).hint(hint));
    match ValueSource::of(text) {
        ValueSource::Variable(name) if !is_variable_name(name) => wrong(
            "`env:` needs the name of a variable: letters, digits and _, not beginning with a digit",
            "write env:NAME, or text:env:... for a value that just begins like this",
        ),
        ValueSource::File(path) if path.trim().is_empty() => wrong(
            "`file:` needs the path of a file",
            "write file:PATH, relative to this file's folder, or text:file:... for a value that just \
             begins like this",
        ),
        ValueSource::File(path) if path.starts_with("//") => wrong(
            "`file:` needs the path of a file, not a URL",
            "write file:/PATH to read the file, or text:file://... if the URL itself is the value",
        ),
        ValueSource::Command(line) if !is_command(line) => wrong(
            "`cmd:` needs a program and its arguments, with closed quotes",
            "write cmd:PROGRAM ARG..., or text:cmd:... for a value that just begins like this",
        ),
        ValueSource::Database { url, .. } => reference(url),
        _ => Ok(()),
    }
}

/// Refuses what looks like a secret and stands in the file itself.
pub(crate) fn literal(name: &str, text: &str) -> Result<(), Wrong> {
    let plain = text.trim().is_empty() || text.starts_with("text:");
    if plain || ValueSource::of(text).is_reference() || !is_secret_name(name) {
        return Ok(());
    }
    let message =
        "by its name this is a secret, and its value would end up in plans and the journal";
    let hint = format!(
        "give it by reference: \"env:{}\", \"file:PATH\" or \"cmd:PROGRAM ARG...\"; if it is none, put \
         text: in front of it",
        if is_variable_name(name) { name } else { "NAME" }
    );
    Err(Wrong::new(Code::PlainSecret, message).hint(hint))
}

/// The words of a variable's name that give a secret away. Counts (`MAX_TOKENS`) are none.
const SECRET_WORDS: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
];
/// Two words in a row that do.
const SECRET_PAIRS: [[&str; 2]; 4] = [
    ["API", "KEY"],
    ["ACCESS", "KEY"],
    ["PRIVATE", "KEY"],
    ["ENCRYPTION", "KEY"],
];
/// Last words that say that the value is about a secret, and none.
const HARMLESS_ENDS: [&str; 8] = [
    "FILE", "PATH", "DIR", "LIMIT", "TTL", "LENGTH", "COUNT", "URL",
];

fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(['_', '-', '.']).collect();
    if words
        .last()
        .is_some_and(|last| HARMLESS_ENDS.contains(last))
    {
        return false;
    }
    words.iter().any(|word| SECRET_WORDS.contains(word))
        || words
            .windows(2)
            .any(|pair| SECRET_PAIRS.iter().any(|secret| pair == secret))
}

fn is_variable_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && name.bytes().all(plain)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn is_command(line: &str) -> bool {
    shell_words::split(line).is_ok_and(|words| words.first().is_some_and(|word| !word.is_empty()))
}

#[cfg(test)]
mod tests;
