//! From a text to a configuration, or to everything that is wrong with it.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::bounds::CONFIG_BYTES_MAX;
use crate::keys::RELEASE;
use crate::raw::RawConfig;
use crate::report::{Report, Spot, Wrong};
use crate::source::Source;
use crate::table::Table;
use crate::validate::validate;
use crate::{Code, Config, Problems};

/// Reads a configuration file from the disk.
///
/// # Errors
/// All problems found; also when the file cannot be read, is not UTF-8 or is larger than 256 KiB.
pub fn load(file: &Path) -> Result<Config, Problems> {
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(wrong) => return Err(unreadable(file, "", 0, wrong)),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text, file),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let wrong = Wrong::new(Code::Unreadable, "this byte is not UTF-8")
                .hint("save the file with the encoding UTF-8");
            Err(unreadable(file, &good, good.len(), wrong))
        }
    }
}

/// Reads a configuration from its text. `file` is the name that problems are reported with; its folder
/// is where relative paths start (a relative one is taken from the current folder, the only thing that
/// is asked of the system). The file itself need not exist.
///
/// # Errors
/// All problems found. If the text is not TOML, those of the syntax only: the rest could be misread.
pub fn parse(text: &str, file: &Path) -> Result<Config, Problems> {
    if text.len() > CONFIG_BYTES_MAX {
        return Err(unreadable(file, "", 0, too_large()));
    }
    let mut source = Source::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    hide_secrets(document.get_ref(), &mut source);
    if !errors.is_empty() {
        hide_likely_secrets(text, &mut source);
    }
    let report = Report::new(&source);
    let mut readable = true;
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let label = if error.message() == DUPLICATE {
            text.get(span.clone())
        } else {
            None
        };
        readable &= label.is_some();
        let spot = Spot {
            span,
            key: label.unwrap_or_default().to_owned(),
            label: label.unwrap_or_default().to_owned(),
        };
        report.add(&spot, syntax(error.message()));
    }
    if !readable {
        return Err(report.into_problems());
    }
    let raw = RawConfig::read(&Table::root(&report, document.get_ref()));
    let config = validate(raw, &report, file, &folder(file));
    let problems = report.into_problems();
    if problems.count() > 0 {
        return Err(problems);
    }
    Ok(config)
}

/// What the parser says of a key that is there twice. Everything else can still be read.
const DUPLICATE: &str = "duplicate key";

fn syntax(message: &str) -> Wrong {
    if message == DUPLICATE {
        let hint = "keep one of them; a table that may be repeated has double brackets";
        return Wrong::new(Code::Duplicate, "this key is already given").hint(hint);
    }
    Wrong::new(Code::Syntax, message)
}

fn read(file: &Path) -> Result<Vec<u8>, Wrong> {
    let wrong = |error: std::io::Error| {
        let wrong = Wrong::new(
            Code::Unreadable,
            format!("the file cannot be read: {error}"),
        );
        match error.kind() {
            std::io::ErrorKind::NotFound => wrong.hint("make one with `portcullis init`"),
            _ => wrong,
        }
    };
    use std::io::Read;
    let mut bytes = Vec::new();
    let limit = CONFIG_BYTES_MAX as u64 + 1;
    let opened = std::fs::File::open(file).map_err(wrong)?;
    opened.take(limit).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() > CONFIG_BYTES_MAX {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn too_large() -> Wrong {
    let message = format!("the file is larger than {CONFIG_BYTES_MAX} bytes");
    Wrong::new(Code::Unreadable, message).hint("is it a configuration file?")
}

fn unreadable(file: &Path, text: &str, at: usize, wrong: Wrong) -> Problems {
    let source = Source::new(file, text);
    let report = Report::new(&source);
    let spot = Spot {
        span: at..at,
        key: String::new(),
        label: String::new(),
    };
    report.add(&spot, wrong);
    report.into_problems()
}

fn folder(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or(absolute)
}

/// Values of environment variables may be secrets: their lines are never quoted.
fn hide_secrets(document: &DeTable<'_>, source: &mut Source) {
    let releases = document.get("release").map(toml::Spanned::get_ref);
    let Some(DeValue::Array(releases)) = releases else {
        return;
    };
    for release in releases.iter() {
        let DeValue::Table(release) = release.get_ref() else {
            continue;
        };
        for (name, value) in release.iter() {
            let name: &str = name.get_ref();
            match value.get_ref() {
                // A table under an unknown name is probably a misspelt `env`.
                DeValue::Table(variables) if RELEASE.key(name).is_none() || name == "env" => {
                    source.hide(&value.span());
                    variables
                        .iter()
                        .for_each(|(_, value)| source.hide(&value.span()));
                }
                _ if name == "env" => source.hide(&value.span()),
                _ => {}
            }
        }
    }
}

/// Where the text is not TOML, nobody knows what belongs to `env`: no line with that word is quoted,
/// nor one that follows it in its table or its open brace.
fn hide_likely_secrets(text: &str, source: &mut Source) {
    let mut within = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let header = line.trim_start().starts_with('[');
        let named = line.match_indices("env").any(|(at, word)| {
            let next = line[at + word.len()..].chars().next();
            !next.is_some_and(char::is_alphanumeric)
        });
        if named || (within && !header) {
            source.hide(&(start..start + line.trim_end().len()));
        }
        let open = line.matches('{').count() > line.matches('}').count();
        within = match (named, header) {
            (true, _) => header || open,
            (false, true) => false,
            (false, false) => within,
        };
        start += line.len();
    }
}
