//! What a reader relies on, checked: who imports whom, how long things are, what they are called, and that
//! the documents name what exists.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use walkdir::WalkDir;

use crate::cargo::root;

mod documents;
mod imports;
mod lengths;
mod licences;

/// Checks everything and reports all findings.
pub fn run() -> Result<()> {
    let mut findings = Vec::new();
    imports::check(&mut findings)?;
    licences::check(&mut findings)?;
    let files = rust_files();
    for file in &files {
        let text = std::fs::read_to_string(file)?;
        let name = relative(file);
        lengths::check(&name, &text, &mut findings);
        check_name(&name, &mut findings);
    }
    documents::check(&files, &mut findings)?;
    if findings.is_empty() {
        eprintln!("tidy: {} files, no findings", files.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    bail!("{} findings", findings.len());
}

fn check_name(name: &str, findings: &mut Vec<String>) {
    let stem = Path::new(name)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    if matches!(
        &*stem,
        "mod" | "utils" | "util" | "helpers" | "helper" | "common" | "manager"
    ) {
        findings.push(format!("{name}: name the file after what is in it"));
    }
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

fn rust_files() -> Vec<PathBuf> {
    let folders = ["crates", "workloads", "xtask"].map(|folder| root().join(folder));
    let entries = folders
        .into_iter()
        .flat_map(|folder| WalkDir::new(folder).sort_by_file_name());
    entries
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    /// The repository itself is tidy; this makes tidy part of the tests.
    #[test]
    fn the_repository_is_tidy() {
        super::run().unwrap();
    }
}
