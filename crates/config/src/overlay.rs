//! Environments: tables of the file that are laid over the rest of it.
//!
//! A key of an environment replaces the file's, a table is merged key by key, a list is replaced as a
//! whole. The result is a document like any other, in which every value still knows where it stands, so
//! one parser reads the file as it stands and every environment.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Code;
use crate::keys::{ENVIRONMENT, ENVIRONMENTS, Kind};
use crate::report::{Report, Spot, Wrong};
use crate::units;

/// The key of `[service]` that has the environment's name.
const NAME_KEY: &str = "environment";

/// An environment of the file.
#[derive(Debug, Clone)]
pub(crate) struct Overlay {
    pub(crate) name: String,
    /// Where its keys and values stand.
    spans: Vec<Range<usize>>,
}

/// The file as it stands, and its environments laid over it.
pub(crate) struct Layers<'i> {
    pub(crate) file: DeTable<'i>,
    pub(crate) environments: Vec<(Overlay, DeTable<'i>)>,
}

impl Overlay {
    /// Whether a place lies in this environment's tables.
    pub(crate) fn covers(&self, span: &Range<usize>) -> bool {
        self.spans.iter().any(|own| own.contains(&span.start))
    }

    /// A header as it stands in this environment: `[gateway]` is `[environment.staging.gateway]`.
    pub(crate) fn label(&self, label: &str) -> String {
        let opening = label.len() - label.trim_start_matches('[').len();
        let (brackets, rest) = label.split_at(opening);
        format!("{brackets}{}.{rest}", self.key())
    }

    /// The key of the environment itself.
    pub(crate) fn key(&self) -> String {
        format!("{ENVIRONMENTS}.{}", self.name)
    }
}

impl<'i> Layers<'i> {
    /// Takes the environments out of a document and lays each over the rest. What is wrong with the
    /// environments as such is reported; those are left out.
    pub(crate) fn of(document: &DeTable<'i>, report: &Report<'_>) -> Layers<'i> {
        let mut file = document.clone();
        let mut layers = Layers {
            environments: Vec::new(),
            file: DeTable::new(),
        };
        if let Some((_, environments)) = file.remove_entry(ENVIRONMENTS) {
            match environments.get_ref() {
                DeValue::Table(environments) => {
                    for (name, table) in environments.iter() {
                        layers.add(&file, name, table, report);
                    }
                }
                other => {
                    let kind = Kind::Environments(&ENVIRONMENT);
                    let spot = spot(environments.span(), ENVIRONMENTS.to_owned());
                    let hint = "write [environment.staging], or whatever it is called";
                    report.add(&spot, units::wrong_type(kind, other).hint(hint));
                }
            }
        }
        layers.file = file;
        layers
    }

    fn add(
        &mut self,
        file: &DeTable<'i>,
        name: &Spanned<std::borrow::Cow<'i, str>>,
        table: &Spanned<DeValue<'i>>,
        report: &Report<'_>,
    ) {
        let key = format!("{ENVIRONMENTS}.{}", units::key(name.get_ref()));
        if !units::is_name(name.get_ref()) {
            let wrong = units::bad_value(Kind::Name, name.get_ref());
            report.add(&spot(name.span(), key), wrong);
            return;
        }
        let DeValue::Table(values) = table.get_ref() else {
            let section = Kind::Table(&ENVIRONMENT);
            report.add(
                &spot(table.span(), key),
                units::wrong_type(section, table.get_ref()),
            );
            return;
        };
        let mut values = values.clone();
        if let Some((nested, _)) = values.remove_entry(ENVIRONMENTS) {
            let wrong = Wrong::new(Code::UnknownKey, "unknown key");
            let spot = spot(nested.span(), format!("{key}.{ENVIRONMENTS}"));
            report.add(
                &spot,
                wrong.hint("an environment has no environments of its own"),
            );
        }
        let mut spans = vec![name.span()];
        collect_spans(&values, &mut spans);
        let mut merged = file.clone();
        merge(&mut merged, &values);
        name_environment(&mut merged, &values, name);
        let name = name.get_ref().clone().into_owned();
        self.environments.push((Overlay { name, spans }, merged));
    }
}

/// Lays a table over another.
fn merge<'i>(below: &mut DeTable<'i>, above: &DeTable<'i>) {
    for (key, value) in above.iter() {
        let name: &str = key.get_ref();
        if let (Some(DeValue::Table(below)), DeValue::Table(above)) =
            (below.get_mut(name).map(Spanned::get_mut), value.get_ref())
        {
            merge(below, above);
            continue;
        }
        // An insertion alone would keep the place of the replaced key.
        below.remove(name);
        below.insert(key.clone(), value.clone());
    }
}

/// The environment's name, unless it gives one itself.
fn name_environment<'i>(
    merged: &mut DeTable<'i>,
    above: &DeTable<'i>,
    name: &Spanned<std::borrow::Cow<'i, str>>,
) {
    let service = above.get("service").map(Spanned::get_ref);
    let given = matches!(service, Some(DeValue::Table(service)) if service.contains_key(NAME_KEY));
    let Some(DeValue::Table(service)) = merged.get_mut("service").map(Spanned::get_mut) else {
        return;
    };
    if !given {
        service.remove(NAME_KEY);
        service.insert(
            Spanned::new(name.span(), NAME_KEY.into()),
            Spanned::new(name.span(), DeValue::String(name.get_ref().clone())),
        );
    }
}

fn collect_spans(table: &DeTable<'_>, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table.iter() {
        spans.push(key.span());
        collect_value(value, spans);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, spans: &mut Vec<Range<usize>>) {
    spans.push(value.span());
    match value.get_ref() {
        DeValue::Table(table) => collect_spans(table, spans),
        DeValue::Array(items) => items.iter().for_each(|item| collect_value(item, spans)),
        _ => {}
    }
}

fn spot(span: Range<usize>, key: String) -> Spot {
    Spot {
        span,
        label: format!("[{key}]"),
        key,
    }
}
