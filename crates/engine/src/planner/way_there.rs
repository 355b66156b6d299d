//! How a release comes to serve: by the strategy of the configuration, or back to what was.

use portcullis_config::Config;
use portcullis_rollout::{Purpose, Release, Strategy, Weight};

use crate::history::History;

/// How a release comes to serve.
pub(super) struct WayThere {
    /// The backup whose data it gets back.
    pub(super) restores: Option<String>,
    /// How traffic moves.
    pub(super) strategy: Strategy,
    /// What a person is asked before.
    pub(super) approval: Option<String>,
}

impl WayThere {
    pub(super) fn of(
        config: &Config,
        history: &History,
        release: &Release,
        purpose: Purpose,
    ) -> WayThere {
        let service = &config.service;
        if purpose == Purpose::Deploy {
            return WayThere {
                restores: None,
                strategy: service.strategy.clone(),
                approval: service.approval.clone(),
            };
        }
        // Behind a cut-over the data is not the release's any more.
        let restores = history.data_of(&release.id).ok().flatten();
        let approval = restores.as_ref().map(|backup| {
            format!(
                "{} comes back with its data as backup {backup} has it; what was written since is lost to it. Go back?",
                release.id
            )
        });
        let strategy = match restores {
            Some(_) => Strategy::CutOver {
                weights: vec![Weight::ALL],
            },
            // It has served before: it is brought back at once, not tried out.
            None => Strategy::AtOnce,
        };
        WayThere {
            restores,
            strategy,
            approval,
        }
    }
}
