//! What the documents promise: both commands, a test for each invariant, fault and pitfall, links that lead somewhere.

use std::path::PathBuf;

use anyhow::{Context, Result};
use walkdir::WalkDir;

use crate::cargo::root;

/// The invariants are numbered from 1 to this.
const INVARIANTS: usize = 25;

/// A document whose table names tests in its last column.
struct TestedTable {
    document: &'static str,
    /// Where the table begins: the first heading cell of its first line.
    heading: &'static str,
    /// What stands before the table, when there are others in the document.
    behind: &'static str,
    /// It has at least this many rows; fewer means that its form was not understood.
    rows_min: usize,
}

const TESTED_TABLES: [TestedTable; 3] = [
    TestedTable {
        document: "docs/reference/faults.md",
        heading: "fault",
        behind: "",
        rows_min: 30,
    },
    TestedTable {
        document: "docs/reference/masking-pitfalls.md",
        heading: "pitfall",
        behind: "",
        rows_min: 16,
    },
    TestedTable {
        document: "docs/reference/seed-cases.md",
        heading: "given",
        behind: "## What other tests hold",
        rows_min: 5,
    },
];

/// Checks README.md, ARCHITECTURE.md, the tables that name tests and the links of every document.
pub fn check(rust_files: &[PathBuf], findings: &mut Vec<String>) -> Result<()> {
    let read =
        |name: &str| std::fs::read_to_string(root().join(name)).with_context(|| name.to_owned());
    let readme = read("README.md")?;
    for command in ["cargo xtask demo", "cargo xtask test"] {
        if !readme.contains(command) {
            findings.push(format!("README.md does not name `{command}`"));
        }
    }
    let mut code = String::new();
    for file in rust_files {
        code.push_str(&std::fs::read_to_string(file)?);
    }
    check_invariants(&read("ARCHITECTURE.md")?, &code, findings);
    for table in &TESTED_TABLES {
        table.check(&read(table.document)?, &code, findings);
    }
    for document in documents() {
        let text = std::fs::read_to_string(&document)?;
        check_links(&document, &text, findings);
    }
    Ok(())
}

/// Each row `| N | ... | test |` of the table names at least one test function that exists.
fn check_invariants(architecture: &str, code: &str, findings: &mut Vec<String>) {
    for number in 1..=INVARIANTS {
        let row = architecture
            .lines()
            .find(|line| line.starts_with(&format!("| {number} |")));
        let Some(row) = row else {
            findings.push(format!("ARCHITECTURE.md: invariant {number} has no row"));
            continue;
        };
        let tests = tests_of(row);
        if tests.is_empty() && !row.contains("later") {
            findings.push(format!("ARCHITECTURE.md: invariant {number} names no test"));
        }
        check_tests("ARCHITECTURE.md", &tests, code, findings);
    }
}

impl TestedTable {
    /// Each row names at least one test function that exists.
    fn check(&self, text: &str, code: &str, findings: &mut Vec<String>) {
        let (document, heading) = (self.document, format!("| {} |", self.heading));
        let text = text.find(self.behind).map_or("", |at| &text[at..]);
        let is_row = |line: &&str| {
            line.starts_with("| ") && !line.starts_with(&heading) && !line.starts_with("|---")
        };
        let rows: Vec<&str> = text.lines().filter(is_row).collect();
        if rows.len() < self.rows_min {
            findings.push(format!("{document}: only {} rows were found", rows.len()));
        }
        for row in rows {
            let tests = tests_of(row);
            if tests.is_empty() {
                let first = row.split('|').nth(1).unwrap_or_default().trim();
                findings.push(format!("{document}: \"{first}\" names no test"));
            }
            check_tests(document, &tests, code, findings);
        }
    }
}

/// What stands in backticks in the last column of a row.
fn tests_of(row: &str) -> Vec<&str> {
    let last = row
        .trim_end_matches('|')
        .rsplit('|')
        .next()
        .unwrap_or_default();
    last.split('`').skip(1).step_by(2).collect()
}

fn check_tests(document: &str, tests: &[&str], code: &str, findings: &mut Vec<String>) {
    for test in tests {
        if !code.contains(&format!("fn {test}(")) {
            findings.push(format!("{document}: there is no test `{test}`"));
        }
    }
}

fn check_links(document: &std::path::Path, text: &str, findings: &mut Vec<String>) {
    let folder = document.parent().unwrap_or(document);
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap_or_default();
        let path = target.split('#').next().unwrap_or_default();
        if path.is_empty() || path.contains("://") || path.contains(' ') {
            continue;
        }
        if !folder.join(path).exists() {
            let name = document
                .strip_prefix(root())
                .unwrap_or(document)
                .display()
                .to_string();
            findings.push(format!("{name}: the link to {path} leads nowhere"));
        }
    }
}

fn documents() -> Vec<PathBuf> {
    let folders = ["docs", "workloads", "examples"].map(|folder| root().join(folder));
    let nested = folders
        .into_iter()
        .flat_map(|folder| WalkDir::new(folder).sort_by_file_name());
    let nested = nested
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path);
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name));
    nested
        .chain(top)
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

#[cfg(test)]
mod tests;
