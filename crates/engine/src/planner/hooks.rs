//! The hooks of the configuration.

use portcullis_config::{Config, HookFailure, HookStep};
use portcullis_rollout::{Command, Hook, HookPoint, HookTime};

/// The hooks of the configuration, as the plan's builder knows them.
pub(super) fn of(config: &Config) -> Vec<Hook> {
    let kind = |step: HookStep| (step != HookStep::Any).then(|| step.as_str().to_owned());
    let point = |point: &portcullis_config::HookPoint| match point {
        portcullis_config::HookPoint::Before(step) => HookPoint::Step {
            time: HookTime::Before,
            kind: kind(*step),
        },
        portcullis_config::HookPoint::After(step) => HookPoint::Step {
            time: HookTime::After,
            kind: kind(*step),
        },
        portcullis_config::HookPoint::Notice => HookPoint::Notice,
    };
    let hook = |hook: &portcullis_config::HookConfig| Hook {
        name: hook.name.clone(),
        points: hook.on.iter().map(point).collect(),
        command: Command {
            argv: hook.command.clone(),
            env: hook.env.clone(),
            folder: hook.folder.clone(),
        },
        timeout_ms: hook.timeout_ms,
        must_succeed: hook.on_failure == HookFailure::Fail,
        must_succeed_back: hook.on_failure_back == HookFailure::Fail,
    };
    config.hooks.iter().map(hook).collect()
}
