//! The migrations of a folder, in their order.

use crate::migration::FileName;
use crate::problem::{ProblemKind, SetProblem};
use crate::{Dialect, Migration, Phase};

/// Numbers from here on are times, such as 20261122083000: they have gaps.
const TIMES_FROM: u64 = 19_000_000;

/// The migrations of a folder, in their order.
#[derive(Debug, Clone)]
pub struct MigrationSet {
    /// Whose SQL they are.
    pub dialect: Dialect,
    /// By number.
    pub migrations: Vec<Migration>,
}

impl MigrationSet {
    /// Reads files: their names and bytes. Whatever can be read is in the set, and whatever is wrong is told beside it.
    pub fn read(
        dialect: Dialect,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> (MigrationSet, Vec<SetProblem>) {
        let mut reading = Reading {
            dialect,
            migrations: Vec::new(),
            numbers: Vec::new(),
            reverses: Vec::new(),
            problems: Vec::new(),
        };
        for (file, bytes) in files {
            reading.take(&file, bytes);
        }
        reading.order();
        let migrations = reading.migrations;
        let mut problems = reading.problems;
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        (
            MigrationSet {
                dialect,
                migrations,
            },
            problems,
        )
    }
}

struct Reading {
    dialect: Dialect,
    migrations: Vec<Migration>,
    /// The numbers of all files that go forward, of those too that cannot be read.
    numbers: Vec<(u64, String)>,
    /// Files that go back.
    reverses: Vec<Migration>,
    problems: Vec<SetProblem>,
}

impl Reading {
    fn take(&mut self, file: &str, bytes: Vec<u8>) {
        let name = match FileName::read(file) {
            Ok(name) => name,
            Err(kind) => return self.problem(file, None, kind),
        };
        if !name.goes_back {
            self.numbers.push((name.version, file.to_owned()));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let kind = ProblemKind::NotUtf8 { offset };
                let kind = if name.goes_back {
                    no_way_back(&kind)
                } else {
                    kind
                };
                return self.problem(file, None, kind);
            }
        };
        let mut found = Vec::new();
        let mut migration = Migration::read(file, &name, text, self.dialect, &mut found);
        if name.goes_back {
            migration.phase = Phase::Contract;
            for (_, kind) in &mut found {
                *kind = no_way_back(kind);
            }
            found.extend(migration.not_for_a_way_back());
            self.reverses.push(migration);
        } else {
            self.migrations.push(migration);
        }
        for (line, kind) in found {
            self.problem(file, line, kind);
        }
    }

    /// Puts the files in order and looks at how they follow each other.
    fn order(&mut self) {
        self.migrations
            .sort_by(|a, b| (a.version, &a.file).cmp(&(b.version, &b.file)));
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.sort();
        for pair in numbers.windows(2) {
            if let [(first, other), (second, file)] = pair
                && first == second
            {
                let other = other.clone();
                self.problem(file, None, ProblemKind::Duplicate { other });
            }
        }
        self.gaps(&numbers);
        for reverse in std::mem::take(&mut self.reverses) {
            let mut forward = self.migrations.iter_mut();
            match forward.find(|migration| migration.version == reverse.version) {
                Some(migration) => match &migration.reverse {
                    None => migration.reverse = Some(Box::new(reverse)),
                    Some(other) => {
                        let other = other.file.clone();
                        self.problem(&reverse.file, None, ProblemKind::Duplicate { other });
                    }
                },
                None => self.problem(&reverse.file, None, ProblemKind::ReverseAlone),
            }
        }
    }

    /// A missing number matters where numbers otherwise follow each other by one.
    fn gaps(&mut self, numbers: &[(u64, String)]) {
        let steps = numbers.windows(2).filter(|pair| pair[1].0 < TIMES_FROM);
        let wide: Vec<_> = steps
            .clone()
            .filter(|pair| pair[1].0 > pair[0].0 + 1)
            .collect();
        let by_one = steps.filter(|pair| pair[1].0 == pair[0].0 + 1).count();
        if by_one <= wide.len() {
            return;
        }
        for pair in wide {
            let missing = pair[0].0 + 1;
            self.problem(&pair[1].1, None, ProblemKind::Gap { missing });
        }
    }

    fn problem(&mut self, file: &str, line: Option<usize>, kind: ProblemKind) {
        self.problems.push(SetProblem {
            file: file.to_owned(),
            line,
            kind,
        });
    }
}

/// What is wrong with a file that goes back keeps nobody from going forward.
fn no_way_back(kind: &ProblemKind) -> ProblemKind {
    let what = kind.to_string();
    ProblemKind::NotForAWayBack { what }
}

#[cfg(test)]
mod tests;
