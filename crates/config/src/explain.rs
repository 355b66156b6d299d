//! Where every value of a configuration came from.
//!
//! The same parse and the same table of keys as for [`crate::parse`]: the document that the chosen
//! configuration was read from is walked along the table, so whatever is a default there is one here.

use std::fmt;
use std::path::{Path, PathBuf};

use portcullis_rollout::Strategy;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::{SecretText, shown};
use crate::keys::{Kind, Preset, ROOT, Section, is_key};
use crate::overlay::Overlay;
use crate::parse::{read_layers, text};
use crate::similar::nearest;
use crate::source::Source;
use crate::{Config, ConversationStore, Problems, StickyConfig, render, units};

/// A key with its value and where that came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key with its tables, for example `gate.rule[0].max`, counted from 0.
    pub key: String,
    /// The value as the file would have it, or words for a default that depends on others. Secrets are
    /// shown as their reference or as `(hidden)`. `None` when the key is not given and has no default.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: ValueOrigin,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The file, outside of its environments.
    File {
        /// The file, as it was named.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment of the file.
    Environment {
        /// The file, as it was named.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The environment.
        name: String,
    },
    /// The documented default.
    Default,
}

/// A key that no configuration has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no key `{key}`")]
pub struct KeyUnknown {
    /// The key that was asked for.
    pub key: String,
    /// What was probably meant.
    pub near: Option<String>,
}

/// Explains every key of a configuration file, in the order of the reference.
///
/// # Errors
/// As [`crate::load_environment`]: only a configuration that is right can be explained.
pub fn explain(file: &Path, environment: Option<&str>) -> Result<Vec<Explained>, Problems> {
    explain_text(&text(file)?, file, environment)
}

/// As [`explain`], from the file's text.
///
/// # Errors
/// As [`crate::parse_environment`].
pub fn explain_text(
    text: &str,
    file: &Path,
    environment: Option<&str>,
) -> Result<Vec<Explained>, Problems> {
    read_layers(text, file, environment, |source, config, document| {
        let mut walk = Walk {
            source,
            config: &config,
            overlay: config.origin.overlay.as_ref(),
            found: Vec::new(),
        };
        walk.section(&ROOT, "", Some(document), true);
        walk.found
    })
}

impl Explained {
    /// Those of a list whose keys begin with a key, which may name a table, a list or an item of one.
    ///
    /// # Errors
    /// When no configuration could have such a key.
    pub fn below(list: Vec<Explained>, key: &str) -> Result<Vec<Explained>, KeyUnknown> {
        let matches = |explained: &Explained| {
            explained
                .key
                .strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let (found, others): (Vec<_>, Vec<_>) = list.into_iter().partition(matches);
        if !found.is_empty() {
            return Ok(found);
        }
        let mut known: Vec<String> = others.iter().flat_map(|one| prefixes(&one.key)).collect();
        known.sort();
        known.dedup();
        let near = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
        let last = key.rsplit('.').next().unwrap_or(key);
        // A key of another table: `weights` is `service.weights`.
        let elsewhere = || {
            let home = |one: &&String| one.rsplit('.').next() == Some(last);
            known.iter().find(home).filter(|_| is_key(last)).cloned()
        };
        Err(KeyUnknown {
            key: key.to_owned(),
            near: elsewhere().or(near),
        })
    }
}

impl fmt::Display for ValueOrigin {
    /// `portcullis.toml:12`, `portcullis.toml:40 ([environment.staging])` or `default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueOrigin::File { file, line } => write!(f, "{}:{line}", file.display()),
            ValueOrigin::Environment { file, line, name } => {
                write!(f, "{}:{line} ([environment.{name}])", file.display())
            }
            ValueOrigin::Default => f.write_str("default"),
        }
    }
}

/// A key and the tables it stands in: `a.b[0].c` is also in `a.b[0]`, `a.b` and `a`.
fn prefixes(key: &str) -> Vec<String> {
    let ends = key.match_indices(['.', '[']).map(|(at, _)| at);
    ends.chain([key.len()])
        .map(|end| key[..end].to_owned())
        .collect()
}

struct Walk<'s> {
    source: &'s Source,
    config: &'s Config,
    overlay: Option<&'s Overlay>,
    found: Vec<Explained>,
}

impl Walk<'_> {
    /// Explains the keys of a table; `given` says whether `values` stand in the file.
    fn section(
        &mut self,
        section: &'static Section,
        path: &str,
        values: Option<&DeTable<'_>>,
        given: bool,
    ) {
        for key in section.keys {
            let name = match path {
                "" => key.name.to_owned(),
                _ => format!("{path}.{}", key.name),
            };
            if let Some(value) = values.and_then(|values| values.get(key.name)) {
                self.value(key.kind, &name, value, given);
                continue;
            }
            match (key.kind, key.preset) {
                // The environments themselves are no values: the chosen one is in all others.
                (Kind::Environments(_), _) => {}
                (_, Preset::Value(preset)) => {
                    if let Ok(value) = DeValue::parse(preset) {
                        self.value(key.kind, &name, &value, false);
                    }
                }
                // A table that may be left out has defaults, unless something in it must be given.
                (Kind::Table(section), _) if section.has_defaults() => {
                    self.section(section, &name, None, false);
                }
                (_, Preset::Absent(words)) => {
                    let words = (!words.is_empty()).then(|| format!("({words})"));
                    let value = effective(self.config, &name).or(words);
                    self.note(name, value, ValueOrigin::Default);
                }
                (_, Preset::Required) => self.note(name, None, ValueOrigin::Default),
            }
        }
    }

    fn value(&mut self, kind: Kind, path: &str, value: &Spanned<DeValue<'_>>, given: bool) {
        match (kind, value.get_ref()) {
            (Kind::Table(section), DeValue::Table(values)) => {
                self.section(section, path, Some(values), given);
            }
            (Kind::Tables(section), DeValue::Array(items)) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    if let DeValue::Table(values) = item.get_ref()
                        && (given || self.holds(values))
                    {
                        self.section(section, &format!("{path}[{index}]"), Some(values), given);
                    }
                }
            }
            (
                Kind::Texts
                | Kind::Pointers
                | Kind::Values
                | Kind::Conditions
                | Kind::Actions
                | Kind::Scores,
                DeValue::Table(values),
            ) => {
                for (name, value) in values.iter() {
                    let path = format!("{path}.{}", units::key(name.get_ref()));
                    let origin = self.origin(value, given);
                    self.note(path, plain(kind, value.get_ref()), origin);
                }
            }
            (kind, plain_value) => {
                let origin = self.origin(value, given);
                self.note(path.to_owned(), plain(kind, plain_value), origin);
            }
        }
    }

    /// Whether a rule of the default ones holds: comparisons need a canary, and without gates rules are
    /// for the time in which the old release is kept warm.
    fn holds(&self, rule: &DeTable<'_>) -> bool {
        let compares = ["ratio_max", "worse_than_stable_by"];
        match self.config.service.strategy {
            Strategy::Canary { .. } => true,
            Strategy::BlueGreen | Strategy::CutOver { .. } => {
                !compares.iter().any(|key| rule.contains_key(*key))
            }
            Strategy::AtOnce if self.config.service.keep_warm.window_ms == 0 => false,
            Strategy::AtOnce => !compares.iter().any(|key| rule.contains_key(*key)),
        }
    }

    fn origin(&self, value: &Spanned<DeValue<'_>>, given: bool) -> ValueOrigin {
        if !given {
            return ValueOrigin::Default;
        }
        let span = value.span();
        let file = self.source.file.clone();
        let (line, _) = self.source.locate(span.start);
        match self.overlay.filter(|overlay| overlay.covers(&span)) {
            Some(overlay) => ValueOrigin::Environment {
                file,
                line,
                name: overlay.name.clone(),
            },
            None => ValueOrigin::File { file, line },
        }
    }

    fn note(&mut self, key: String, value: Option<String>, origin: ValueOrigin) {
        self.found.push(Explained { key, value, origin });
    }
}

/// The defaults that depend on other keys.
fn effective(config: &Config, key: &str) -> Option<String> {
    if let ConversationStore::Memory {
        conversations_max,
        bytes_max,
    } = &config.gateway.conversations.keep
    {
        match key {
            "gateway.conversations.conversations_max" => {
                return Some(conversations_max.to_string());
            }
            "gateway.conversations.memory_max" => {
                return Some(toml::Value::from(units::bytes_text(*bytes_max)).to_string());
            }
            _ => {}
        }
    }
    if key == "backup.keep_days" {
        return Some(config.retention.keep_days.to_string());
    }
    let value = match (key, &config.gateway.sticky) {
        ("gateway.health.path", _) => config.gateway.health.path.clone(),
        ("gateway.sticky_name", StickyConfig::Cookie { name }) => name.clone(),
        ("state.vault", _) => {
            let vault = &config.state.vault;
            let shown = vault.strip_prefix(&config.folder).unwrap_or(vault);
            shown.display().to_string()
        }
        _ => return None,
    };
    Some(toml::Value::from(value).to_string())
}

/// A value as it may be shown.
fn plain(kind: Kind, value: &DeValue<'_>) -> Option<String> {
    let text = match (kind, value) {
        (Kind::Journal, DeValue::String(text)) if text == "sqlite" => text.as_ref(),
        (
            Kind::Texts
            | Kind::Journal
            | Kind::Redis
            | Kind::Postgres
            | Kind::ServerStore
            | Kind::Secret,
            DeValue::String(text),
        ) => shown(text),
        (
            Kind::Texts
            | Kind::Journal
            | Kind::Redis
            | Kind::Postgres
            | Kind::ServerStore
            | Kind::Secret,
            _,
        ) => SecretText::HIDDEN,
        (Kind::List(Kind::Secret, _), DeValue::Array(items)) => {
            let items = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => toml::Value::from(shown(text)),
                _ => toml::Value::from(SecretText::HIDDEN),
            });
            return Some(toml::Value::Array(items.collect()).to_string());
        }
        (Kind::List(Kind::Secret, _), _) => SecretText::HIDDEN,
        _ => {
            // What has no counterpart in JSON was refused before.
            let value = units::json(value).ok()?;
            return Some(render::json(&value).to_string());
        }
    };
    Some(match text {
        SecretText::HIDDEN => text.to_owned(),
        text => toml::Value::from(text).to_string(),
    })
}
