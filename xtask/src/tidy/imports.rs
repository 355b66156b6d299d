//! Who may import whom: the table of ARCHITECTURE.md, checked against the manifests.

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::cargo::root;

/// Each crate and what it may import of ours; everything else is forbidden. ADR 0001 says why.
const TABLE: [(&str, &[&str]); 16] = [
    ("analysis", &[]),
    ("mask", &[]),
    ("mask-model", &["mask"]),
    ("journal", &[]),
    ("migration", &[]),
    ("rollout", &["analysis"]),
    ("config", &["mask", "rollout", "analysis"]),
    ("traffic", &["analysis"]),
    ("api", &["rollout", "analysis"]),
    ("backup", &["rollout", "analysis"]),
    ("driver", &["rollout", "analysis", "api", "migration"]),
    ("gateway", &["mask", "config", "api", "analysis"]),
    (
        "engine",
        &[
            "rollout",
            "analysis",
            "journal",
            "driver",
            "backup",
            "config",
            "migration",
        ],
    ),
    ("server", &["engine", "api", "rollout"]),
    (
        "sim",
        &[
            "rollout", "analysis", "journal", "driver", "backup", "engine",
        ],
    ),
    (
        "portcullis",
        &[
            "analysis",
            "mask",
            "mask-model",
            "journal",
            "migration",
            "rollout",
            "config",
            "api",
            "backup",
            "driver",
            "gateway",
            "engine",
            "server",
            "traffic",
        ],
    ),
];

/// Checks every manifest, development and build dependencies included.
pub fn check(findings: &mut Vec<String>) -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()?;
    for package in &metadata.packages {
        let name = room(&package.name);
        let ours = package.dependencies.iter().filter_map(|dependency| {
            let is_ours = dependency.name.starts_with("portcullis") || dependency.name == "dhash";
            is_ours.then(|| room(&dependency.name).to_owned())
        });
        let allowed: &[&str] = match TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, allowed)) => allowed,
            None if name == "xtask" => &["api", "rollout"],
            // Workloads are customers: they import nothing of ours.
            None if package.manifest_path.as_str().contains("/workloads/") => &[],
            None => {
                findings.push(format!("crate {name} is not in the import table"));
                continue;
            }
        };
        for import in ours {
            if !allowed.contains(&import.as_str()) {
                findings.push(format!(
                    "{name} imports {import}, which the import table forbids"
                ));
            }
        }
    }
    Ok(())
}

fn room(package: &str) -> &str {
    package.strip_prefix("portcullis-").unwrap_or(package)
}
