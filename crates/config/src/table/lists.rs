//! Lists and tables with free keys.

use std::ops::Range;

use toml::de::DeValue;

use super::{Entries, Table};
use crate::Code;
use crate::keys::{Kind, Preset};
use crate::report::{At, Spot, Wrong};
use crate::units;

impl Table<'_> {
    /// A list of tables; empty when the file does not have it and it has no default.
    pub(crate) fn tables<T>(
        &self,
        name: &'static str,
        mut read: impl FnMut(Table<'_>) -> T,
    ) -> Vec<T> {
        let Some(key) = self.key(name) else {
            return Vec::new();
        };
        let Some(section) = key.kind.section() else {
            return Vec::new();
        };
        let read_all = |spot: Spot, given: bool, value: &DeValue<'_>| {
            let items = match value {
                DeValue::Array(items) => items,
                other => {
                    let hint = match other {
                        DeValue::Table(_) => {
                            Some(format!("there may be several: write {}", section.header))
                        }
                        // A name, where the tables with the names belong.
                        DeValue::String(text) => self
                            .names_default(name)
                            .map(|key| format!("did you mean {key} = {}?", units::quoted(text))),
                        _ => None,
                    };
                    let spot = Spot {
                        label: section.header.to_owned(),
                        ..spot
                    };
                    self.report
                        .add(&spot, units::wrong_type(key.kind, other).maybe(hint));
                    return None;
                }
            };
            if items.is_empty() && matches!(key.preset, Preset::Required) {
                self.missing(key);
            }
            let mut tables = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let span = if given {
                    item.span()
                } else {
                    spot.span.clone()
                };
                let key_path = format!("{}[{index}]", spot.key);
                let spot = Spot {
                    span,
                    key: key_path,
                    label: section.header.to_owned(),
                };
                match item.get_ref() {
                    DeValue::Table(values) => {
                        let table = Table::open(self.report, section, spot, Some(values), given);
                        tables.push(read(table));
                    }
                    other => self
                        .report
                        .add(&spot, units::wrong_type(Kind::Table(section), other)),
                }
            }
            Some(tables)
        };
        self.with(key, read_all).unwrap_or_default()
    }

    /// The key that names one of some tables, if there is one.
    fn names_default(&self, name: &str) -> Option<&'static str> {
        let mut keys = self.section.keys.iter().map(|key| key.name);
        keys.find(|key| key.strip_prefix("default_") == Some(name))
    }

    /// A list, each item read by a function of [`units`]; `None` when it or an item is wrong or it is
    /// missing.
    pub(crate) fn list<T>(
        &self,
        name: &'static str,
        convert: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Vec<At<T>>>> {
        let key = self.key(name)?;
        self.with(key, |spot, given, value| {
            let DeValue::Array(items) = value else {
                if matches!(key.kind, Kind::List(Kind::Secret, _)) {
                    // It may be the secret itself.
                    let message = format!("expected {}", key.kind.expected());
                    let wrong = Wrong::new(Code::WrongType, message);
                    self.report.add(&spot, wrong.hint("write it in brackets"));
                    return None;
                }
                let hint = match (key.kind, value) {
                    (Kind::List(..), DeValue::String(text)) => {
                        Some(format!("write it in brackets: [{}]", units::quoted(text)))
                    }
                    (Kind::List(..), DeValue::Integer(number)) => {
                        Some(format!("write it in brackets: [{number}]"))
                    }
                    (Kind::Command, DeValue::String(_)) => Some(
                        "no shell is involved: write each word as a text of its own, such as \
                         [\"{artifact}\", \"--port\", \"{port}\"]"
                            .to_owned(),
                    ),
                    _ => None,
                };
                self.report
                    .add(&spot, units::wrong_type(key.kind, value).maybe(hint));
                return None;
            };
            let mut good = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let span = if given {
                    item.span()
                } else {
                    spot.span.clone()
                };
                let spot = Spot {
                    span,
                    key: format!("{}[{index}]", spot.key),
                    ..spot.clone()
                };
                match convert(item.get_ref()) {
                    Ok(value) => good.push(At { value, spot, given }),
                    Err(wrong) => self.report.add(&spot, wrong),
                }
            }
            (good.len() == items.len()).then_some(At {
                value: good,
                spot,
                given,
            })
        })
    }

    /// The items of a key's list, each of its kind and different from the others, and as many as it needs.
    pub(crate) fn items<T: PartialEq>(
        &self,
        name: &'static str,
        convert: impl Fn(Kind, &DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Vec<At<T>>>> {
        let Kind::List(item, min) = self.key(name)?.kind else {
            return None;
        };
        let list = self.list(name, |value| convert(*item, value))?;
        for (index, at) in list.value.iter().enumerate() {
            if list.value[..index].iter().any(|one| one.value == at.value) {
                let message = "this is already in the list";
                let wrong = Wrong::new(Code::Duplicate, message);
                self.report.add(&at.spot, wrong);
            }
        }
        if list.value.len() < min {
            let expected = Kind::List(item, min).expected();
            let message = format!("expected {expected}, found an empty list");
            self.report
                .add(&list.spot, Wrong::new(Code::BadValue, message));
        }
        Some(list)
    }

    /// The texts of a key's list.
    pub(crate) fn texts(&self, name: &'static str) -> Vec<At<String>> {
        let list = self.items(name, units::plain);
        list.map(|list| list.value).unwrap_or_default()
    }

    /// The texts of a key's list without their places.
    pub(crate) fn plain_texts(&self, name: &'static str) -> Vec<String> {
        let texts = self.texts(name).into_iter();
        texts.map(|at| at.value).collect()
    }

    /// A program with its arguments.
    pub(crate) fn command(&self, name: &'static str) -> Option<At<Vec<At<String>>>> {
        let word = |value: &DeValue<'_>| {
            let word = units::text(Kind::Text, value)?;
            if word.contains('\0') {
                return Err(units::bad_value(Kind::Text, word));
            }
            Ok(word.to_owned())
        };
        let command = self.list(name, word)?;
        if command
            .value
            .first()
            .is_some_and(|program| !program.value.trim().is_empty())
        {
            return Some(command);
        }
        let message = "expected a program and its arguments, found no program";
        self.report
            .add(&command.spot, Wrong::new(Code::BadValue, message));
        None
    }

    /// A table with free keys; `None` when the file does not have it. Each name and each value is
    /// checked by a function of its own, so that a problem is shown where it is.
    pub(crate) fn entries<T>(
        &self,
        name: &'static str,
        check: impl Fn(&str) -> Result<(), Wrong>,
        convert: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<Entries<T>>> {
        let key = self.key(name)?;
        self.with(key, |table, given, value| {
            let DeValue::Table(values) = value else {
                self.report.add(&table, units::wrong_type(key.kind, value));
                return None;
            };
            let mut entries = Entries::new();
            for (name, value) in values.iter() {
                let spot = entry(&table, name.get_ref(), value.span());
                if let Err(wrong) = check(name.get_ref()) {
                    self.report.add(
                        &Spot {
                            span: name.span(),
                            ..spot
                        },
                        wrong,
                    );
                    continue;
                }
                match convert(value.get_ref()) {
                    Ok(value) => {
                        let name = name.get_ref().clone().into_owned();
                        entries.insert(name, At { value, spot, given });
                    }
                    Err(wrong) => self.report.add(&spot, wrong),
                }
            }
            Some(At {
                value: entries,
                spot: table,
                given,
            })
        })
    }
}

/// The place of an entry of a table with free keys.
fn entry(table: &Spot, name: &str, span: Range<usize>) -> Spot {
    let shown = units::key(name);
    let key = format!("{}.{shown}", table.key);
    Spot {
        span,
        key,
        label: format!("{} {shown}", table.label),
    }
}
