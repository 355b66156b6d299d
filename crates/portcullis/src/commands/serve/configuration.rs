//! The configuration file while `serve` runs: read again when it changes, and what is wrong with it said
//! once.

use std::path::PathBuf;
use std::time::SystemTime;

use portcullis_api::engine::ConfigurationStanding;
use portcullis_config::{Config, Problems};
use tokio::sync::watch;

use super::changes;
use crate::clock::now_ms;
use crate::gateway_files;

/// The configuration file and what is known of it.
#[derive(Debug)]
pub(super) struct Configuration {
    file: PathBuf,
    environment: Option<String>,
    /// What this process was started with, and what was put in force since.
    in_force: Config,
    seen: Option<(SystemTime, u64)>,
    told: Option<Problems>,
    /// The keys that differ from what runs, so that each is named once.
    changed: Vec<&'static str>,
    standing: watch::Sender<ConfigurationStanding>,
}

impl Configuration {
    /// The file that `in_force` was read from.
    pub(super) fn new(
        file: PathBuf,
        environment: Option<String>,
        in_force: Config,
    ) -> Configuration {
        let mut configuration = Configuration {
            file,
            environment,
            in_force,
            seen: None,
            told: None,
            changed: Vec::new(),
            standing: watch::Sender::default(),
        };
        configuration.seen = configuration.stamp();
        configuration
    }

    /// How the file stands, now and later.
    pub(super) fn standing(&self) -> watch::Receiver<ConfigurationStanding> {
        self.standing.subscribe()
    }

    /// Reads the file if its time of change or its size differs from the last look. Nothing of the gateway's
    /// part takes effect by that: a file may be looked at while it is being written.
    pub(super) fn look(&mut self) {
        let stamp = self.stamp();
        if stamp != self.seen {
            self.seen = stamp;
            if let Ok(config) = self.read(false) {
                self.name(&config);
            }
        }
    }

    /// Reads the file because somebody asked for it, and says what is wrong with it even if that was said before.
    ///
    /// # Errors
    /// All of its problems, as `portcullis check` tells them. Of what is on the disk only what the gateway
    /// uses counts: what a release needs is looked at when it is planned.
    pub(super) fn read_again(&mut self) -> Result<Config, Problems> {
        self.seen = self.stamp();
        let config = self.read(true)?;
        let missing = config.check_files().err();
        match missing.and_then(|problems| problems.below("gateway")) {
            None => gateway_files::examine(&config).map(|()| config),
            Some(problems) => Err(problems),
        }
    }

    /// What is in force.
    pub(super) fn in_force(&self) -> &Config {
        &self.in_force
    }

    /// Takes note that the gateway's part is in force, and names what of the rest is not.
    pub(super) fn took_effect(&mut self, config: &Config) -> Vec<String> {
        self.in_force.gateway = config.gateway.clone();
        self.name(config);
        let parts = changes::parts(&self.in_force, config);
        let left = parts.iter().filter(|part| part.differs);
        left.map(|part| part.key.to_owned()).collect()
    }

    fn read(&mut self, asked: bool) -> Result<Config, Problems> {
        match portcullis_config::load_environment(&self.file, self.environment.as_deref()) {
            Ok(config) => {
                let broken = self.told.take().is_some();
                self.standing.send_replace(ConfigurationStanding::Valid);
                if broken {
                    tracing::info!("the configuration is valid again");
                } else if !asked {
                    // Who asked is told what came of it, by whoever carries that out.
                    tracing::info!("the configuration was read again and is valid");
                }
                Ok(config)
            }
            Err(problems) => {
                if asked || self.told.as_ref() != Some(&problems) {
                    self.tell(&problems);
                }
                Err(problems)
            }
        }
    }

    fn tell(&mut self, problems: &Problems) {
        let since_ms = match &*self.standing.borrow() {
            ConfigurationStanding::Broken { since_ms, .. } => *since_ms,
            ConfigurationStanding::Valid => now_ms(),
        };
        let count = problems.count() as u64;
        tracing::error!(
            "the configuration is broken ({count} to mend); what runs goes on with the last good one, and \
             nothing can be planned until it is mended\n{problems}"
        );
        self.standing.send_replace(ConfigurationStanding::Broken {
            since_ms,
            problems: count,
        });
        self.told = Some(problems.clone());
    }

    /// Names the keys that differ from what is in force, each once.
    fn name(&mut self, config: &Config) {
        let before = std::mem::take(&mut self.changed);
        for part in changes::parts(&self.in_force, config) {
            if !part.differs {
                continue;
            }
            if !before.contains(&part.key) {
                tracing::warn!(
                    "{} has changed: it takes effect {}; everything that plans use takes effect at once",
                    part.key,
                    part.when.words()
                );
            }
            self.changed.push(part.key);
        }
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let found = std::fs::metadata(&self.file).ok()?;
        Some((found.modified().ok()?, found.len()))
    }
}
