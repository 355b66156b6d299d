//! What a command says: its exit code, or a number.

use std::time::Duration;

use portcullis_rollout::{Command, CommandReading, ValueSource};

use super::{Missing, shortened};
use crate::command::{CommandEnd, run_command};

pub(super) async fn read(
    command: &Command,
    reads: CommandReading,
    limit: Duration,
) -> Result<f64, Missing> {
    let outcome = run_command(command, limit).await;
    let code = match outcome.end {
        CommandEnd::Exited(code) => code,
        CommandEnd::Signalled(signal) => return Err(format!("signal {signal} ended the command")),
        CommandEnd::TimedOut => {
            let ms = limit.as_millis();
            return Err(format!(
                "the command took longer than {ms} ms and was killed"
            ));
        }
        CommandEnd::NotStarted(why) => {
            return Err(format!("the command could not be started: {why}"));
        }
        CommandEnd::Lost(why) => {
            return Err(format!("it is not known how the command ended: {why}"));
        }
    };
    if reads == CommandReading::ExitCode {
        return Ok(f64::from(code));
    }
    if code != 0 {
        return Err(format!("the command exited with code {code}"));
    }
    let last = outcome.last_lines.lines().next_back().unwrap_or_default();
    let last = last.trim();
    match last.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ if last.is_empty() => Err("the command wrote nothing".to_owned()),
        // What it writes may be what it was given.
        _ if has_secrets(command) => Err(
            "the last line of the command is no number; it is not shown, because the command was given secrets"
                .to_owned(),
        ),
        _ => Err(format!(
            "the last line of the command is no number: {:?}",
            shortened(last)
        )),
    }
}

/// Whether anything was given to a command by reference.
fn has_secrets(command: &Command) -> bool {
    let mut values = command.env.values();
    values.any(|value| ValueSource::of(value).is_reference())
}
