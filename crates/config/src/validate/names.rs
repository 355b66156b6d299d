//! Names that other tables use.

use crate::Code;
use crate::report::{At, Report, Wrong};
use crate::similar::nearest;
use crate::units::known;

/// Names of one kind of table.
pub(super) struct Names<'a> {
    /// What has the name, such as `upstream`.
    what: &'static str,
    /// The header of the table that declares one.
    header: &'static str,
    names: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Collects names and reports those that are there twice.
    pub(super) fn new(
        what: &'static str,
        header: &'static str,
        all: impl IntoIterator<Item = Option<&'a At<String>>>,
        report: &Report<'_>,
    ) -> Names<'a> {
        let mut names: Vec<&str> = Vec::new();
        for name in all.into_iter().flatten() {
            if names.contains(&name.value.as_str()) {
                let message = format!("another {what} is already named `{}`", name.value);
                report.add(&name.spot, Wrong::new(Code::Duplicate, message));
            }
            names.push(&name.value);
        }
        Names {
            what,
            header,
            names,
        }
    }

    /// One more name that may be used.
    pub(super) fn and(mut self, name: &'a str) -> Names<'a> {
        self.names.push(name);
        self
    }

    /// Reports a name that nothing has.
    pub(super) fn check(&self, name: &At<String>, report: &Report<'_>) {
        if self.names.contains(&name.value.as_str()) {
            return;
        }
        let hint = match nearest(&name.value, self.names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => known(&self.names, &format!("the file has no {}", self.header)),
        };
        let message = format!("no {} is named `{}`", self.what, name.value);
        report.add(
            &name.spot,
            Wrong::new(Code::UnknownName, message).hint(hint),
        );
    }
}
