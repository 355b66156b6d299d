//! The licence of every crate that is built is one that deny.toml allows, so that a new dependency is
//! looked at without cargo-deny too.

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::cargo::root;

/// Old manifests write `MIT/Apache-2.0`.
const MODE: ParseMode = ParseMode::LAX;

/// Checks every package of Cargo.lock, for all platforms.
pub fn check(findings: &mut Vec<String>) -> Result<()> {
    let allowed = allowed(&std::fs::read_to_string(root().join("deny.toml"))?)?;
    let metadata = MetadataCommand::new().current_dir(root()).exec()?;
    for package in metadata.packages.iter().filter(|p| p.source.is_some()) {
        let (name, version) = (&package.name, &package.version);
        match &package.license {
            Some(licence) if is_allowed(licence, &allowed)? => {}
            licence => findings.push(format!(
                "{name} {version} has the licence {}, which deny.toml does not allow",
                licence.as_deref().unwrap_or("of a file only")
            )),
        }
    }
    Ok(())
}

fn allowed(deny: &str) -> Result<Vec<String>> {
    let deny: Value = toml::from_str(deny).context("deny.toml")?;
    let Some(list) = deny["licenses"]["allow"].as_array() else {
        bail!("deny.toml has no list `licenses.allow`");
    };
    let names = list.iter().filter_map(Value::as_str);
    Ok(names.map(str::to_owned).collect())
}

fn is_allowed(licence: &str, allowed: &[String]) -> Result<bool> {
    let expression = Expression::parse_mode(licence, MODE)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("a licence is not an SPDX expression")?;
    Ok(expression.evaluate(|wanted| allowed.contains(&wanted.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_allowed_when_what_it_asks_for_is() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\", \"ISC\"]\n").unwrap();
        for (licence, expected) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("(GPL-3.0-only OR MIT) AND ISC", true),
            ("MIT AND GPL-3.0-only", false),
            ("GPL-3.0-only", false),
        ] {
            let told = is_allowed(licence, &allowed).unwrap();
            assert_eq!(told, expected, "{licence}");
        }
    }
}
