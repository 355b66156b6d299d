//! The configuration file while `serve` runs: read again when it changes, and what is wrong with it said
//! once.

use std::path::PathBuf;
use std::time::SystemTime;

use portcullis_api::engine::ConfigurationStanding;
use portcullis_config::{Config, Problems};
use tokio::sync::watch;

use crate::clock::now_ms;

/// The configuration file and what is known of it.
#[derive(Debug)]
pub(super) struct Configuration {
    file: PathBuf,
    environment: Option<String>,
    /// What this process was started with.
    started_with: Config,
    seen: Option<(SystemTime, u64)>,
    told: Option<Problems>,
    /// The keys that differ from what runs, so that each is named once.
    changed: Vec<&'static str>,
    standing: watch::Sender<ConfigurationStanding>,
}

impl Configuration {
    /// The file that `started_with` was read from.
    pub(super) fn new(
        file: PathBuf,
        environment: Option<String>,
        started_with: Config,
    ) -> Configuration {
        let mut configuration = Configuration {
            file,
            environment,
            started_with,
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

    /// Reads the file if its time of change or its size differs from the last look.
    pub(super) fn look(&mut self) {
        let stamp = self.stamp();
        if stamp != self.seen {
            self.seen = stamp;
            self.read();
        }
    }

    /// Reads the file, and says what has changed about it.
    pub(super) fn read(&mut self) {
        match portcullis_config::load_environment(&self.file, self.environment.as_deref()) {
            Ok(config) => {
                let broken = self.told.take().is_some();
                self.standing.send_replace(ConfigurationStanding::Valid);
                if broken {
                    tracing::info!("the configuration is valid again");
                } else {
                    tracing::info!("the configuration was read again and is valid");
                }
                self.compare(&config);
            }
            Err(problems) => {
                if self.told.as_ref() == Some(&problems) {
                    return;
                }
                let since_ms = match &*self.standing.borrow() {
                    ConfigurationStanding::Broken { since_ms, .. } => *since_ms,
                    ConfigurationStanding::Valid => now_ms(),
                };
                let count = problems.count() as u64;
                tracing::error!(
                    "the configuration is broken ({count} to mend); what runs goes on with the last \
                     good one, and nothing can be planned until it is mended\n{problems}"
                );
                self.standing.send_replace(ConfigurationStanding::Broken {
                    since_ms,
                    problems: count,
                });
                self.told = Some(problems);
            }
        }
    }

    /// Names the keys that differ from what runs and are read only at a start.
    fn compare(&mut self, config: &Config) {
        let old = &self.started_with;
        let (gateway, now) = (&old.gateway, &config.gateway);
        let sockets = [
            ("gateway.listen", gateway.listen != now.listen),
            ("gateway.admin", gateway.admin != now.admin),
            ("server.listen", old.server != config.server),
            ("state", old.state != config.state),
            ("service.name", old.service.name != config.service.name),
        ];
        let settings = [
            ("gateway.sticky", gateway.sticky != now.sticky),
            ("gateway.health", gateway.health != now.health),
            ("gateway.clients", gateway.clients != now.clients),
            ("gateway.tls", gateway.tls != now.tls),
            (
                "gateway.force_header",
                gateway.force_header != now.force_header,
            ),
            (
                "service.protocol",
                old.service.protocol != config.service.protocol,
            ),
            (
                "service.environment",
                old.service.environment != config.service.environment,
            ),
        ];
        let before = std::mem::take(&mut self.changed);
        let mut name = |keys: &[(&'static str, bool)], how: &str| {
            for (key, _) in keys.iter().filter(|(_, differs)| *differs) {
                if !before.contains(key) {
                    tracing::warn!(
                        "{key} has changed: it takes effect after {how}; everything that plans use takes effect at once"
                    );
                }
                self.changed.push(key);
            }
        };
        name(&sockets, "a restart of `portcullis serve`");
        name(
            &settings,
            "a restart or an upgrade (SIGUSR2) of `portcullis serve`",
        );
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let found = std::fs::metadata(&self.file).ok()?;
        Some((found.modified().ok()?, found.len()))
    }
}
