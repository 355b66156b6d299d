//! A service with one store, as `portcullis` is asked to look after it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};
use serde_json::Value;

use super::cost::{Cost, cost_of};

/// A folder with a configuration.
pub struct Site {
    folder: PathBuf,
    binary: PathBuf,
}

impl Site {
    /// Makes one in a new folder. `store` are the keys of its store.
    pub fn make(folder: &Path, binary: &Path, store: &str, more: &str) -> Result<Site> {
        std::fs::create_dir_all(folder)?;
        let text = format!(
            "[service]\nname = \"bench\"\nenvironment = \"bench\"\nready = {{ path = \"/\" }}\n{more}\n[[store]]\nname = \"data\"\n{store}\n\
             [[release]]\nversion = \"1.0\"\nartifact = \"service\"\ncommand = [\"{{artifact}}\", \"{{port}}\"]\n"
        );
        std::fs::write(folder.join("portcullis.toml"), text)?;
        // Nothing is ever started.
        std::fs::write(folder.join("service"), "#!/bin/sh\n")?;
        let site = Site {
            folder: folder.to_owned(),
            binary: binary.to_owned(),
        };
        site.run(&["init"])?;
        Ok(site)
    }

    /// A command of the binary.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).args(args);
        command.env("NO_COLOR", "1");
        command
    }

    /// Runs a command that must succeed.
    pub fn run(&self, args: &[&str]) -> Result<(Cost, Output)> {
        cost_of(&mut self.command(args))
    }

    /// The same, and what it said as JSON.
    pub fn json(&self, args: &[&str]) -> Result<(Cost, Value)> {
        let (cost, output) = self.run(args)?;
        Ok((cost, serde_json::from_slice(&output.stdout)?))
    }

    /// Makes a backup, which is read back too. Gives its name, and what making it took without the reading back.
    pub fn back_up(&self) -> Result<(Cost, Cost, String)> {
        let (cost, said) = self.json(&["backup", "create", "--reason", "bench", "--json"])?;
        let name = said["name"].as_str().context("no name of the backup")?;
        let verify_ms = said["verify_ms"]
            .as_f64()
            .context("no time of reading back")?;
        let made = Cost {
            wall_s: cost.wall_s - verify_ms / 1000.0,
            ..cost
        };
        Ok((cost, made, name.to_owned()))
    }

    /// The folder of the backups.
    pub fn vault(&self) -> PathBuf {
        self.folder.join(".portcullis/vault")
    }

    /// Removes every backup.
    pub fn clear(&self) -> Result<()> {
        let vault = self.vault();
        if vault.exists() {
            std::fs::remove_dir_all(vault)?;
        }
        Ok(())
    }
}
