//! `portcullis explain`: what an error code means.

use std::fmt::Write;

use serde::Serialize;

use crate::cli::Explain;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;

/// A code as it is told.
#[derive(Debug, Clone, Serialize)]
struct Told {
    code: String,
    title: String,
    meaning: String,
    remedy: String,
    exit_code: u8,
    /// The words by which the APIs say it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    api_codes: Vec<&'static str>,
}

pub(super) fn run(json: bool, args: &Explain) -> Result<Exit, CommandError> {
    let all = all();
    let Some(wanted) = &args.code else {
        if json {
            output::json(&serde_json::json!({
                "schema": "portcullis.errors/1",
                "codes": all,
            }));
        } else {
            all.iter()
                .for_each(|told| output::result(&format!("{}  {}", told.code, told.title)));
            output::talk("one of them in full: portcullis explain PC0401");
        }
        return Ok(Exit::Done);
    };
    let found = normal(wanted).and_then(|code| all.iter().find(|told| told.code == code));
    let Some(told) = found else {
        return Err(unknown(wanted, &all));
    };
    if json {
        let mut value = serde_json::to_value(told).unwrap_or_default();
        value["schema"] = "portcullis.explain/1".into();
        output::json(&value);
    } else {
        output::prose(&format!(
            "{}: {}\n\n{}\n\nWhat to do: {}\n\nExit code: {}",
            told.code, told.title, told.meaning, told.remedy, told.exit_code
        ));
    }
    Ok(Exit::Done)
}

/// The reference of all codes, as Markdown: docs/reference/errors.md.
pub(super) fn markdown() -> String {
    let mut out = String::from(
        "<!-- Generated from crates/portcullis/src/command_error/code; a test compares it. -->\n\
         # Error codes\n\n\
         Every error of the command line begins with its code, for example `error[PC0401]: no server \
         answers`. `portcullis explain PC0401` prints the same text as this page. With `--json` the \
         code is the field `code`. A number keeps its meaning for ever. The HTTP APIs refuse with \
         `application/problem+json` (RFC 9457), whose field `code` is a word that is named here too.\n",
    );
    for told in all() {
        let _ = write!(
            out,
            "\n## {}: {}\n\n{}\n\nWhat to do: {}\n\nExit code: {}.\n",
            told.code, told.title, told.meaning, told.remedy, told.exit_code
        );
        if !told.api_codes.is_empty() {
            let _ = write!(out, "\nIn the APIs: `{}`.\n", told.api_codes.join("`, `"));
        }
    }
    out
}

/// All codes, by number.
fn all() -> Vec<Told> {
    let ours = ErrorCode::ALL.into_iter().map(|code| {
        let meaning = code.meaning();
        Told {
            code: code.to_string(),
            title: meaning.title.to_owned(),
            meaning: meaning.meaning.to_owned(),
            remedy: meaning.remedy.to_owned(),
            exit_code: meaning.exit as u8,
            api_codes: code.words().collect(),
        }
    });
    let mut all: Vec<Told> = ours.chain(of_the_configuration()).collect();
    all.sort_by(|a, b| a.code.cmp(&b.code));
    all
}

/// The codes of single problems of the configuration, which `crates/config` owns.
///
/// This is the one place where they are chained in.
fn of_the_configuration() -> impl Iterator<Item = Told> {
    portcullis_config::Code::all().iter().map(|code| Told {
        code: code.number().to_owned(),
        title: title(*code).to_owned(),
        meaning: code.meaning().to_owned(),
        remedy: code.remedy().to_owned(),
        exit_code: Exit::Usage as u8,
        api_codes: Vec::new(),
    })
}

/// A code of the configuration in a few words.
fn title(code: portcullis_config::Code) -> &'static str {
    use portcullis_config::Code;
    match code {
        Code::Unreadable => "The configuration cannot be read",
        Code::Syntax => "The text is not TOML",
        Code::UnknownKey => "A key is not known",
        Code::MissingKey => "A key is missing",
        Code::WrongType => "A value has another type than expected",
        Code::BadValue => "A value is not allowed",
        Code::Duplicate => "Something is there twice",
        Code::UnknownName => "A name is not declared",
        Code::Contradiction => "Two keys contradict each other",
        Code::FileMissing => "A file or folder is missing",
        Code::PlainSecret => "A secret stands in the file",
        Code::UnknownEnvironment => "The environment is not in the file",
    }
}

/// `pc0601`, `0601` and `601` as `PC0601`.
fn normal(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.strip_prefix("PC").unwrap_or(&text);
    let number: u16 = digits.parse().ok()?;
    Some(format!("PC{number:04}"))
}

fn unknown(wanted: &str, all: &[Told]) -> CommandError {
    let near = normal(wanted).unwrap_or_else(|| wanted.to_ascii_uppercase());
    // Of codes that are as near, the one whose number is nearer.
    let number = |code: &str| code.trim_start_matches("PC").parse().unwrap_or(0i64);
    let distance = |told: &&Told| {
        let apart = (number(&told.code) - number(&near)).abs();
        (strsim::levenshtein(&told.code, &near), apart)
    };
    let nearest = all
        .iter()
        .min_by_key(distance)
        .filter(|told| distance(told).0 <= 2);
    let shown: String = wanted.chars().take(40).collect();
    let error = CommandError::coded(
        ErrorCode::UnknownCode,
        format!("there is no error code `{}`", shown.escape_debug()),
    );
    let error = match nearest {
        Some(told) => error.hint(format!("did you mean {}: {}?", told.code, told.title)),
        None => error,
    };
    error.hint("`portcullis explain` lists all codes")
}

#[cfg(test)]
mod tests;
