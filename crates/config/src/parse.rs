//! From a text to a configuration, or to everything that is wrong with it.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::bounds::CONFIG_BYTES_MAX;
use crate::keys::{ENVIRONMENTS, is_key};
use crate::overlay::{Layers, Overlay};
use crate::raw::RawConfig;
use crate::report::{Report, Spot, Wrong};
use crate::similar::nearest;
use crate::source::Source;
use crate::table::Table;
use crate::units;
use crate::validate::validate;
use crate::{Code, Config, Problems};

/// Reads a configuration file from the disk, as it stands.
///
/// # Errors
/// All problems found; also when the file cannot be read, is not UTF-8 or is larger than 256 KiB.
pub fn load(file: &Path) -> Result<Config, Problems> {
    load_environment(file, None)
}

/// Reads a configuration file from the disk, with one of its environments laid over the rest, or as it
/// stands. The file must be right as it stands and with every one of its environments, whichever is
/// chosen.
///
/// # Errors
/// As [`load`], and when the file has no such environment.
pub fn load_environment(file: &Path, environment: Option<&str>) -> Result<Config, Problems> {
    parse_environment(&text(file)?, file, environment)
}

/// As [`load_environment`], and looks at the disk as [`Config::check_files`] does, so that the problems of
/// the text and of the files that it names are told at once.
///
/// # Errors
/// As [`load_environment`], and when a file that the configuration needs is missing.
pub fn check(file: &Path, environment: Option<&str>) -> Result<Config, Problems> {
    read(&text(file)?, file, environment, true, |_, config, _| config)
}

/// Reads a configuration from its text, as it stands. `file` is the name that problems are reported with;
/// its folder is where relative paths start (a relative one is taken from the current folder, the only
/// thing that is asked of the system). The file itself need not exist.
///
/// # Errors
/// All problems found. If the text is not TOML, those of the syntax only: the rest could be misread.
pub fn parse(text: &str, file: &Path) -> Result<Config, Problems> {
    parse_environment(text, file, None)
}

/// As [`parse`], with one of the file's environments laid over the rest.
///
/// # Errors
/// As [`parse`], and when the file has no such environment.
pub fn parse_environment(
    text: &str,
    file: &Path,
    environment: Option<&str>,
) -> Result<Config, Problems> {
    read_layers(text, file, environment, |_, config, _| config)
}

/// Reads the file as it stands and every environment, and makes something of the one that was chosen: of
/// its text, its configuration and the document that it was read from.
pub(crate) fn read_layers<T>(
    text: &str,
    file: &Path,
    environment: Option<&str>,
    make: impl FnOnce(&Source, Config, &DeTable<'_>) -> T,
) -> Result<T, Problems> {
    read(text, file, environment, false, make)
}

/// As [`read_layers`], with a look at the disk or without.
fn read<T>(
    text: &str,
    file: &Path,
    environment: Option<&str>,
    and_disk: bool,
    make: impl FnOnce(&Source, Config, &DeTable<'_>) -> T,
) -> Result<T, Problems> {
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
    if !syntax_errors(text, &errors, &report) {
        return Err(report.into_problems());
    }
    let layers = Layers::of(document.get_ref(), &report);
    let names: Vec<String> = layers
        .environments
        .iter()
        .map(|(overlay, _)| overlay.name.clone())
        .collect();
    let folder = folder(file);
    let read_one = |document: &DeTable<'_>, overlay: Option<Overlay>| {
        report.read_as(overlay.clone());
        let raw = RawConfig::read(&Table::root(&report, document));
        let config = validate(raw, &report, file, &folder, overlay, &names);
        report.read_as(None);
        config
    };
    let mut chosen = (read_one(&layers.file, None), &layers.file);
    for (overlay, document) in &layers.environments {
        if report.is_full() {
            break;
        }
        let config = read_one(document, Some(overlay.clone()));
        if environment == Some(overlay.name.as_str()) {
            chosen = (config, document);
        }
    }
    if let Some(name) = environment.filter(|name| !names.iter().any(|known| known == name)) {
        unknown_environment(name, &names, &report);
    }
    let (config, document) = chosen;
    if and_disk {
        config.origin.look(&report);
    }
    if !report.is_empty() {
        return Err(report.into_problems());
    }
    Ok(make(&source, config, document))
}

/// Reports what is not TOML. Whether the rest can still be read.
fn syntax_errors(text: &str, errors: &[toml::de::Error], report: &Report<'_>) -> bool {
    let mut readable = true;
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let label = if error.message() == DUPLICATE {
            text.get(span.clone()).map(units::without_controls)
        } else {
            None
        };
        readable &= label.is_some();
        let label = label.unwrap_or_default();
        let spot = Spot {
            span,
            key: label.clone(),
            label,
        };
        report.add(&spot, syntax(error.message()));
    }
    readable
}

fn unknown_environment(name: &str, names: &[String], report: &Report<'_>) {
    let spot = Spot {
        span: 0..0,
        key: ENVIRONMENTS.to_owned(),
        label: format!("--env {}", name.escape_debug()),
    };
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = nearest(name, known.iter().copied());
    let known = units::known(&known, "the file has no [environment.NAME]");
    let hint = near.map_or_else(
        || known.clone(),
        |near| format!("did you mean {near}? {known}"),
    );
    let message = "the file has no such environment";
    report.add(
        &spot,
        Wrong::new(Code::UnknownEnvironment, message).hint(hint),
    );
}

/// The text of a configuration file.
pub(crate) fn text(file: &Path) -> Result<String, Problems> {
    let bytes = bytes(file).map_err(|wrong| unreadable(file, "", 0, wrong))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let wrong = Wrong::new(Code::Unreadable, "this byte is not UTF-8")
            .hint("save the file with the encoding UTF-8");
        unreadable(file, &good, good.len(), wrong)
    })
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

fn bytes(file: &Path) -> Result<Vec<u8>, Wrong> {
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

/// The keys whose values may be secrets: variables, the URLs of databases, keys (and what is taken for a public one).
const SECRET_KEYS: [&str; 6] = [
    "env",
    "journal",
    "redis",
    "secret",
    "identities",
    "recipients",
];

/// The tables in which a value may be a secret.
const SECRET_TABLES: [&str; 1] = ["conversations"];

/// Values of environment variables may be secrets, and so may the URLs of databases: their lines are never
/// quoted. Nor are those of tables under unknown names: one is probably a misspelt `env`.
fn hide_secrets(table: &DeTable<'_>, source: &mut Source) {
    for (name, value) in table.iter() {
        let name: &str = name.get_ref();
        if SECRET_KEYS.contains(&name) || is_masks_keys(name, value) {
            hide_value(value, source);
        } else {
            hide_below(value, is_key(name), source);
        }
    }
}

/// Keys of conversations stand under a name that other tables have for files.
fn is_masks_keys(name: &str, value: &Spanned<DeValue<'_>>) -> bool {
    name == "keys" && value.get_ref().is_str()
}

fn hide_below(value: &Spanned<DeValue<'_>>, known: bool, source: &mut Source) {
    match value.get_ref() {
        DeValue::Table(table) => {
            if !known {
                table
                    .values()
                    .filter(|value| value.get_ref().is_str())
                    .for_each(|value| source.hide(&value.span()));
            }
            hide_secrets(table, source);
        }
        DeValue::Array(items) => {
            for item in items.iter() {
                hide_below(item, known, source);
            }
        }
        // A user and probably a password, under whichever name.
        DeValue::String(text) if text.contains("://") && text.contains('@') => {
            source.hide(&value.span());
        }
        _ => {}
    }
}

fn hide_value(value: &Spanned<DeValue<'_>>, source: &mut Source) {
    source.hide(&value.span());
    if let DeValue::Table(variables) = value.get_ref() {
        variables
            .values()
            .for_each(|value| source.hide(&value.span()));
    }
}

/// Where the text is not TOML, nobody knows what belongs to `env`: no line with that word is quoted,
/// nor one that follows it in its table or its open brace.
fn hide_likely_secrets(text: &str, source: &mut Source) {
    let mut within = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let header = line.trim_start().starts_with('[');
        let named = SECRET_KEYS.iter().chain(&SECRET_TABLES).any(|secret| {
            line.match_indices(secret).any(|(at, word)| {
                let next = line[at + word.len()..].chars().next();
                !next.is_some_and(char::is_alphanumeric)
            })
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
