//! Everything that is wrong with a file, at once.

use std::fmt;

use serde::Serialize;

use crate::Problem;

/// Everything that is wrong with a configuration file, in the order of the file.
///
/// Its `Display` is what a person reads, plain text without colour; its JSON form is what `--json`
/// prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems {
    pub(crate) problems: Vec<Problem>,
    /// How many further ones were found and not kept.
    pub(crate) omitted: usize,
}

impl Problems {
    /// The problems, in the order of the file.
    pub fn as_slice(&self) -> &[Problem] {
        &self.problems
    }

    /// How many further problems were found and not kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Those of a table and the tables in it, for example `gateway`; `None` when there are none. What was not
    /// kept is not counted among them.
    pub fn below(&self, table: &str) -> Option<Problems> {
        let is_below = |problem: &&Problem| {
            let rest = problem.key.strip_prefix(table);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let problems: Vec<Problem> = self.problems.iter().filter(is_below).cloned().collect();
        (!problems.is_empty()).then_some(Problems {
            problems,
            omitted: 0,
        })
    }

    /// How many problems were found.
    pub fn count(&self) -> usize {
        self.problems.len() + self.omitted
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "\n\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.problems.iter()
    }
}
