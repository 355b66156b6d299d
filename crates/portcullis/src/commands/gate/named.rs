//! The gates that a rollout of this configuration would have, by the names of their steps.

use portcullis_analysis::Analysis;
use portcullis_config::Config;
use portcullis_rollout::{GateRole, Strategy};

use crate::cli::Named;
use crate::command_error::{CommandError, ErrorCode};

/// A gate of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedGate {
    pub(super) name: String,
    /// The canary's share while it is open.
    pub(super) percent: u8,
    pub(super) role: GateRole,
    pub(super) analysis: Analysis,
    /// How far apart the journal's entries of it are, in milliseconds; 0 where each measurement is one.
    pub(super) record_ms: u64,
}

impl NamedGate {
    /// The same gate where no stable release serves beside the new one.
    pub(super) fn alone(&self, config: &Config) -> Analysis {
        Analysis {
            rules: config.analysis.without_baseline().rules,
            ..self.analysis.clone()
        }
    }
}

/// All gates, in the order of a rollout.
pub(super) fn all(config: &Config) -> Vec<NamedGate> {
    let percents: Vec<u8> = match &config.service.strategy {
        Strategy::Canary { weights } | Strategy::CutOver { weights } => {
            weights.iter().map(|weight| weight.percent()).collect()
        }
        Strategy::BlueGreen => vec![100],
        Strategy::AtOnce => Vec::new(),
    };
    let gates = percents.into_iter().map(|percent| NamedGate {
        name: format!("gate-{percent}"),
        percent,
        role: GateRole::Decide,
        analysis: match percent {
            100 => config.analysis.without_baseline(),
            _ => config.analysis.beside_baseline(),
        },
        record_ms: 0,
    });
    gates.chain(keep_warm(config)).collect()
}

/// The time in which the old release is kept warm, if there is one.
fn keep_warm(config: &Config) -> Option<NamedGate> {
    let warm = &config.service.keep_warm;
    let analysis = warm.analysis_after(&config.analysis, &config.service.strategy);
    (warm.window_ms > 0).then(|| NamedGate {
        name: "keep-warm".to_owned(),
        percent: 100,
        role: GateRole::KeepWarm,
        record_ms: warm.record_ms(&analysis),
        analysis,
    })
}

/// The gate that is meant: the first one when none is named.
pub(super) fn find(config: &Config, named: &Named) -> Result<NamedGate, CommandError> {
    let gates = all(config);
    let found = match &named.name {
        None => gates.first(),
        Some(name) => gates.iter().find(|gate| gate.name == *name),
    };
    if let Some(gate) = found {
        return Ok(gate.clone());
    }
    let names: Vec<&str> = gates.iter().map(|gate| gate.name.as_str()).collect();
    Err(match (&named.name, names.is_empty()) {
        (_, true) => {
            let what = format!(
                "{} has no gates: its strategy is at-once",
                config.service.name
            );
            CommandError::coded(ErrorCode::Contradiction, what)
                .hint("set strategy = \"canary\" or \"blue-green\" under [service]")
        }
        (name, false) => {
            let name = name.as_deref().unwrap_or_default();
            let what = format!("{} has no gate {name}", config.service.name);
            CommandError::coded(ErrorCode::BadValue, what)
                .hint(format!("its gates are {}", names.join(", ")))
        }
    })
}
