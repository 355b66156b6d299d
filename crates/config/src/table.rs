//! A table of the file as its reader sees it: typed values with their places, defaults filled in.
//!
//! A table refuses keys that its [`Section`] does not have as soon as it is opened. In debug builds it
//! also refuses to be dropped while a key of its section was never asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::Code;
use crate::keys::{Key, Kind, Preset, ROOT, Section};
use crate::report::{At, Report, Spot, Wrong};
use crate::similar::{nearest, one_of};
use crate::units;

mod lists;

/// A table of the file.
pub(crate) struct Table<'t> {
    pub(crate) report: &'t Report<'t>,
    section: &'static Section,
    /// The table's own place: its header, or its inline form.
    pub(crate) spot: Spot,
    /// What stands in it; `None` when the file does not have the table.
    values: Option<&'t DeTable<'t>>,
    /// Whether it stands in the file; otherwise it is a default or missing.
    pub(crate) given: bool,
    /// Keys that were probably meant by misspelt ones: they are not also reported as missing.
    meant: BTreeSet<&'static str>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'t> Table<'t> {
    /// The file as a table.
    pub(crate) fn root(report: &'t Report<'t>, values: &'t DeTable<'t>) -> Table<'t> {
        let spot = Spot {
            span: 0..0,
            key: String::new(),
            label: String::new(),
        };
        Table::open(report, &ROOT, spot, Some(values), true)
    }

    fn open(
        report: &'t Report<'t>,
        section: &'static Section,
        spot: Spot,
        values: Option<&'t DeTable<'t>>,
        given: bool,
    ) -> Table<'t> {
        let mut table = Table {
            report,
            section,
            spot,
            values,
            given,
            meant: BTreeSet::new(),
            asked: RefCell::default(),
        };
        for (name, value) in values.into_iter().flatten() {
            if section.key(name.get_ref()).is_none() {
                table.unknown(name.get_ref(), name.span(), value.get_ref());
            }
        }
        table
    }

    /// Notes a problem of the table as a whole.
    pub(crate) fn wrong(&self, wrong: Wrong) {
        self.report.add(&self.spot, wrong);
    }

    /// A text of the kind that the table of keys gives this key.
    pub(crate) fn text(&self, name: &'static str) -> Option<At<String>> {
        self.read(name, units::plain)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, name: &'static str) -> Option<At<bool>> {
        self.read(name, |_, value| units::boolean(value))
    }

    /// A whole number within the key's bounds.
    pub(crate) fn whole(&self, name: &'static str) -> Option<At<u64>> {
        self.read(name, units::whole)
    }

    /// A whole number within the key's bounds, which fit 32 bits.
    pub(crate) fn count(&self, name: &'static str) -> Option<At<u32>> {
        self.whole(name)
            .map(|at| at.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    }

    /// A duration in milliseconds.
    pub(crate) fn duration_ms(&self, name: &'static str) -> Option<At<u64>> {
        self.read(name, units::duration_ms)
    }

    /// Leaves a key to another reader.
    pub(crate) fn leave(&self, name: &'static str) {
        let _ = self.key(name);
    }

    /// A value read by any function of [`units`].
    pub(crate) fn read<T>(
        &self,
        name: &'static str,
        convert: impl Fn(Kind, &DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        let key = self.key(name)?;
        self.with(key, |spot, given, value| match convert(key.kind, value) {
            Ok(value) => Some(At { value, spot, given }),
            Err(wrong) => {
                self.report.add(&spot, wrong);
                None
            }
        })
    }

    /// A table within this one. One that the file does not have is empty: its keys have their defaults
    /// and none is missing.
    pub(crate) fn table<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Table<'_>) -> T,
    ) -> Option<T> {
        let key = self.key(name)?;
        let section = key.kind.section()?;
        let Some((spot, value)) = self.value(name) else {
            self.missing(key);
            let spot = Spot {
                span: self.spot.span.clone(),
                ..self.spot_of(name, 0..0)
            };
            return Some(read(Table::open(self.report, section, spot, None, false)));
        };
        let spot = Spot {
            label: section.header.to_owned(),
            ..spot
        };
        match value {
            DeValue::Table(values) => Some(read(Table::open(
                self.report,
                section,
                spot,
                Some(values),
                self.given,
            ))),
            other => {
                let hint = match (key.kind, other) {
                    (Kind::Table(_), DeValue::Array(_)) => {
                        Some(format!("there is only one: write {}", section.header))
                    }
                    _ => None,
                };
                self.report
                    .add(&spot, units::wrong_type(key.kind, other).maybe(hint));
                None
            }
        }
    }

    /// Like [`Table::table`], but `None` when the file does not have it.
    pub(crate) fn optional_table<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Table<'_>) -> T,
    ) -> Option<T> {
        if self.value(name).is_some() {
            self.table(name, read)
        } else {
            let _ = self.key(name);
            None
        }
    }

    /// The place of a key of this table.
    pub(crate) fn spot_of(&self, name: &str, span: Range<usize>) -> Spot {
        let shown = units::key(name);
        let key = match self.spot.key.as_str() {
            "" => shown.clone(),
            table => format!("{table}.{shown}"),
        };
        let label = match self.section.header {
            "" => format!("[{shown}]"),
            header => format!("{header} {shown}"),
        };
        Spot { span, key, label }
    }

    /// The key's entry in the table of keys, noting that it was asked for.
    fn key(&self, name: &'static str) -> Option<&'static Key> {
        self.asked.borrow_mut().insert(name);
        let key = self.section.key(name);
        debug_assert!(key.is_some(), "{} has no key {name}", self.section.header);
        key
    }

    /// The value as it stands in the file or in a default table.
    fn value(&self, name: &str) -> Option<(Spot, &'t DeValue<'t>)> {
        let value = self.values?.get(name)?;
        let span = if self.given {
            value.span()
        } else {
            self.spot.span.clone()
        };
        Some((self.spot_of(name, span), value.get_ref()))
    }

    /// Hands out the value of a key or its default.
    fn with<T>(
        &self,
        key: &'static Key,
        read: impl FnOnce(Spot, bool, &DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        if let Some((spot, value)) = self.value(key.name) {
            return read(spot, self.given, value);
        }
        let Preset::Value(preset) = key.preset else {
            self.missing(key);
            return None;
        };
        let value = DeValue::parse(preset);
        debug_assert!(
            value.is_ok(),
            "the default of {} is not TOML: {preset}",
            key.name
        );
        let spot = self.spot_of(key.name, self.spot.span.clone());
        value
            .ok()
            .and_then(|value| read(spot, false, value.get_ref()))
    }

    fn missing(&self, key: &Key) {
        let absent_table = self.values.is_none();
        if !matches!(key.preset, Preset::Required) || absent_table || self.meant.contains(key.name)
        {
            return;
        }
        let spot = self.spot_of(key.name, self.spot.span.clone());
        let label = match (key.kind.section(), self.section.header) {
            (Some(section), "") => section.header.to_owned(),
            _ => spot.label,
        };
        let expected = match key.kind {
            Kind::Table(section) => format!("the table {}", section.header),
            Kind::Tables(section) => format!("at least one {}", section.header),
            kind => kind.expected(),
        };
        let spot = Spot { label, ..spot };
        let wrong = Wrong::new(Code::MissingKey, format!("missing; expected {expected}"));
        self.report.add(&spot, wrong);
    }

    fn unknown(&mut self, name: &str, span: Range<usize>, value: &DeValue<'_>) {
        let spot = self.spot_of(name, span);
        let names = self.section.keys.iter().map(|key| key.name);
        let near = nearest(name, names.filter(|known| !self.has(known)));
        let hint = match near.and_then(|near| self.section.key(near)) {
            Some(key) => {
                self.meant.insert(key.name);
                Some(match key.kind.section() {
                    Some(section) if value.is_table() || value.is_array() => {
                        format!("did you mean {}?", section.header)
                    }
                    _ => format!("did you mean `{}`?", key.name),
                })
            }
            None => self.elsewhere(name),
        };
        self.report.add(
            &spot,
            Wrong::new(Code::UnknownKey, "unknown key").maybe(hint),
        );
    }

    /// Whether the file gives a key, rightly or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.is_some_and(|values| values.get(name).is_some())
    }

    /// Whether the file gives a key as a list without items.
    pub(crate) fn is_empty_list(&self, name: &str) -> bool {
        let value = self.values.and_then(|values| values.get(name));
        value.is_some_and(
            |value| matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()),
        )
    }

    /// Whether the file gives a key as anything but an empty list.
    pub(crate) fn has_other(&self, name: &str) -> bool {
        let value = self.values.and_then(|values| values.get(name));
        value.is_some_and(|value| match value.get_ref() {
            DeValue::Array(items) => items.iter().next().is_some(),
            _ => true,
        })
    }

    /// Whether a key is misspelt, so that what it was to give is not known.
    pub(crate) fn is_incomplete(&self) -> bool {
        !self.meant.is_empty()
    }

    /// The hint for a key that another table has.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let others = ROOT
            .all()
            .into_iter()
            .filter(|section| !section.header.is_empty());
        let homes: Vec<&str> = others
            .filter(|section| section.key(name).is_some())
            .map(|section| section.header)
            .collect();
        // A key of very many tables, such as `path`, says nothing about where it was meant.
        if (1..=HOMES_MAX).contains(&homes.len()) {
            return Some(format!("`{name}` belongs in {}", one_of(&homes)));
        }
        let names: Vec<&str> = self.section.keys.iter().map(|key| key.name).collect();
        Some(units::known(&names, "it takes no keys"))
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        if cfg!(debug_assertions) && !std::thread::panicking() {
            let asked = self.asked.borrow();
            let unread = self
                .section
                .keys
                .iter()
                .find(|key| !asked.contains(key.name));
            let name = unread.map(|key| key.name);
            debug_assert!(
                name.is_none(),
                "{} {name:?} is never read",
                self.section.header
            );
        }
    }
}

/// In how many tables a misplaced key may be at home for a hint to name them.
const HOMES_MAX: usize = 4;

/// The places of a free-form table: each key with its value.
pub(crate) type Entries<T> = BTreeMap<String, At<T>>;
