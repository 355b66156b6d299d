//! The Python programs that tests run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{root, run, target_folder};

/// The environments: where the list of packages is, each at its version, and the folder in cargo's target folder where the
/// tests look for them. LiteLLM's proxy has one of its own, because it needs other versions than the rest.
const ENVIRONMENTS: [(&str, &str); 6] = [
    (
        "crates/gateway/tests/it/clients/requirements.txt",
        "python-clients",
    ),
    (
        "crates/gateway/tests/it/clients/requirements-litellm.txt",
        "python-litellm",
    ),
    (
        "crates/portcullis/tests/it/fixtures/alembic/requirements.txt",
        "python-alembic",
    ),
    (
        "crates/backup/tests/it/cloud/requirements.txt",
        "python-cloud",
    ),
    (
        "crates/backup/tests/it/chroma/requirements.txt",
        "python-chroma",
    ),
    (
        "crates/backup/tests/it/postgres_versions/requirements.txt",
        "python-postgres",
    ),
];
/// The requirements that are installed in an environment, written when all of them are.
const INSTALLED: &str = "installed.txt";

/// Makes each virtual environment of the tests anew unless it has just what they require.
pub fn clients() -> Result<()> {
    for (list, folder) in ENVIRONMENTS {
        environment(&root().join(list), &target_folder()?.join(folder))?;
    }
    Ok(())
}

fn environment(requirements: &Path, folder: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("{} could not be read", requirements.display()))?;
    let (python, installed) = (folder.join("bin/python"), folder.join(INSTALLED));
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == wanted) && starts(&python) {
        return Ok(());
    }
    eprintln!("installing Python packages into {}", folder.display());
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
    pip.args([
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "--no-deps",
    ]);
    run(pip.arg("--requirement").arg(requirements))?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("{} could not be written", installed.display()))
}

/// Whether the interpreter of an environment is still there: it is a link to the system's.
fn starts(python: &Path) -> bool {
    let probe = Command::new(python).args(["-c", ""]).status();
    probe.is_ok_and(|status| status.success())
}
