//! The places of commands and checks: `{port}`, `{store.NAME}` and so on, filled in when a plan is
//! made. `{{` and `}}` stand for the braces themselves; an opening brace without a closing one stands
//! for itself.

use serde_json::Value;

use crate::Code;
use crate::raw::RawCheck;
use crate::report::{At, Report, Spot, Wrong};
use crate::similar::nearest;
use crate::table::Entries;
use crate::units::known;

/// The places that every command and check has.
const ALWAYS: [&str; 5] = ["port", "host", "address", "release", "artifact"];

/// Which places there are.
pub(super) struct Places<'r> {
    report: &'r Report<'r>,
    names: Vec<String>,
    /// The places that stand for URLs, which may have passwords.
    urls: Vec<String>,
}

impl<'r> Places<'r> {
    /// With the names of the stores, and whether each is a database with a URL.
    pub(super) fn new(report: &'r Report<'r>, stores: Vec<(String, bool)>) -> Places<'r> {
        let mut names: Vec<String> = ALWAYS.iter().map(|name| (*name).to_owned()).collect();
        let mut urls = Vec::new();
        for (name, is_url) in stores {
            let place = format!("store.{name}");
            if is_url {
                urls.push(place.clone());
            }
            names.push(place);
        }
        Places {
            report,
            names,
            urls,
        }
    }

    /// Reports the places of a text that have no value.
    pub(super) fn check(&self, text: &At<String>) {
        self.check_if(text, |_| true);
    }

    /// The same for a text in which other braces stay as they are: only names are places, and unless `every` name is
    /// one, only those that come near to one.
    pub(super) fn check_name(&self, text: &At<String>, every: bool) {
        let near = |name: &str| nearest(name, self.names.iter().map(String::as_str)).is_some();
        self.check_if(text, |name| {
            is_name(name) && (every || name.starts_with("store.") || near(name))
        });
    }

    fn check_if(&self, text: &At<String>, is_place: impl Fn(&str) -> bool) {
        for name in places(&text.value).filter(|name| is_place(name)) {
            if self.urls.iter().any(|known| known == name) {
                self.refuse_url(text, name);
                continue;
            }
            if self.names.iter().any(|known| known == name) {
                continue;
            }
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None if name.contains([' ', '"', ':', ',']) => {
                    "write `{{` and `}}` for braces that stand for themselves".to_owned()
                }
                None => known(&names, ""),
            };
            let message = format!("`{{{}}}` is not known", name.escape_debug());
            let wrong = Wrong::new(Code::UnknownName, message).hint(hint);
            self.report.add(&self.narrow(&text.spot, name), wrong);
        }
    }

    /// Reports the places of a command and its environment that have no value.
    pub(super) fn check_all(&self, texts: &[At<String>]) {
        texts.iter().for_each(|text| self.check(text));
    }

    /// Reports the places of environment variables that have no value.
    pub(super) fn check_entries(&self, entries: &Entries<String>) {
        // A URL is filled in as where it is, so it must be the whole value.
        let is_url = |text: &At<String>| {
            let mut urls = self.urls.iter();
            urls.any(|name| text.value == format!("{{{name}}}"))
        };
        let others = entries.values().filter(|text| !is_url(text));
        others.for_each(|text| self.check(text));
    }

    /// A URL may have a password, which everybody could see in a list of processes.
    fn refuse_url(&self, text: &At<String>, name: &str) {
        let message =
            format!("`{{{name}}}` stands for the URL of a database, which may have a password");
        let hint = format!(
            "hand it over in `env`, as the whole value of a variable: env = {{ DATABASE_URL = \"{{{name}}}\" }}"
        );
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        self.report.add(&self.narrow(&text.spot, name), wrong);
    }

    /// Reports the places of a JSON value that have no value. Only a text has places, not texts within
    /// lists and tables: that is how a plan fills them in.
    pub(super) fn check_json(&self, value: &At<Value>) {
        if let Value::String(text) = &value.value {
            self.check(&At {
                value: text.clone(),
                spot: value.spot.clone(),
                given: value.given,
            });
        }
    }

    /// Reports the places of a check that have no value.
    pub(super) fn check_check(&self, check: &RawCheck) {
        check.path.iter().for_each(|path| self.check(path));
        check.contains.iter().for_each(|text| self.check(text));
        check.json.values().for_each(|value| self.check_json(value));
    }

    /// Reports a place in a path that nothing fills in.
    pub(super) fn refuse(&self, text: &At<String>) {
        if let Some(name) = places(&text.value).next() {
            let message = format!("`{{{}}}` would not be filled in here", name.escape_debug());
            let wrong = Wrong::new(Code::UnknownName, message).hint("write the path out");
            self.report.add(&self.narrow(&text.spot, name), wrong);
        }
    }

    /// The place's own span, where the text stands in the file as it is.
    fn narrow(&self, spot: &Spot, name: &str) -> Spot {
        let written = self
            .report
            .source()
            .text()
            .get(spot.span.clone())
            .unwrap_or_default();
        let place = format!("{{{name}}}");
        match written.find(&place) {
            Some(at) => {
                let start = spot.span.start + at;
                Spot {
                    span: start..start + place.len(),
                    ..spot.clone()
                }
            }
            None => spot.clone(),
        }
    }
}

/// Whether what stands in braces could be a place's name.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(plain)
}

/// Whether a text has one of some places.
pub(super) fn mentions(text: &str, names: &[&str]) -> bool {
    places(text).any(|name| names.contains(&name))
}

/// Whether a text begins with a place.
pub(super) fn begins_with_place(text: &str) -> bool {
    text.starts_with('{') && !text.starts_with("{{")
}

/// Whether a text has any place.
pub(super) fn mentions_any(text: &str) -> bool {
    places(text).next().is_some()
}

/// The names of a text's places, in order.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let tail = &rest[rest.find(['{', '}'])?..];
            if tail.starts_with("{{") || tail.starts_with("}}") {
                rest = &tail[2..];
            } else if let (true, Some(end)) = (tail.starts_with('{'), tail.find('}')) {
                rest = &tail[end + 1..];
                return Some(&tail[1..end]);
            } else {
                rest = &tail[1..];
            }
        }
    })
}

#[cfg(test)]
mod tests;
