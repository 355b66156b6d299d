//! `portcullis logs`: what a service's releases wrote, from the files in the state folder; no server is
//! needed.
//!
//! Without a release the ones that run are shown, and when none does the one that wrote last. `--follow`
//! goes on as `tail -F` does: over restarts, over logs that are cut because they became long, and with
//! releases that are started later. An interrupt is how following ends, so its exit code is 0; 130 says
//! of a rollout that it goes on without its watcher, and here nothing is left to go on.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::PathBuf;

use portcullis_config::Config;
use portcullis_driver::{LogReader, ProcessDriver, ReleaseLog, release_logs};

use crate::bounds::LOGS_PAUSE;
use crate::cli::Logs;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{connect, output};

pub(super) async fn run(site: &Site, json: bool, args: &Logs) -> Result<Exit, CommandError> {
    let config = connect::config_or_stand_in(site).await?;
    check_service(&config, args.service.as_deref())?;
    let known = logs_of(&config)?;
    if let Some(release) = &args.release {
        check_release(&config, &known, release, args.follow)?;
    } else if known.is_empty() && !args.follow {
        let what = format!("no release of {} was started yet", config.service.name);
        return Err(
            CommandError::new(Exit::Failed, what).hint("`portcullis deploy` brings one out")
        );
    }
    let wanted = wanted(&config, &known, args)?;
    let mut screen = Screen {
        json,
        terminal: std::io::stdout().is_terminal(),
        // Others may follow.
        labelled: wanted.len() > 1 || (args.follow && args.release.is_none()),
        width: 0,
        followed: Vec::new(),
    };
    let (shown, silent): (Vec<_>, Vec<_>) =
        known.iter().partition(|log| wanted.contains(&log.file));
    for log in &shown {
        // A rehearsal runs a release a second time.
        let same = |other: &&&ReleaseLog| other.release == log.release;
        screen.add(log, args.lines, shown.iter().filter(same).count() > 1)?;
    }
    // What does not run now may run again.
    for log in silent
        .into_iter()
        .filter(|log| args.follow && is_named(log, args))
    {
        screen.add(log, 0, screen.has_release(&log.release))?;
    }
    if let Shown::ReaderGone = screen.show()? {
        return Ok(Exit::Done);
    }
    if args.follow {
        tokio::select! {
            ended = follow(&config, args, &mut screen) => ended?,
            _ = tokio::signal::ctrl_c() => {}
        }
    } else {
        screen.finish()?;
    }
    Ok(Exit::Done)
}

/// What is shown, and how.
struct Screen {
    json: bool,
    terminal: bool,
    /// Whether each line begins with its release.
    labelled: bool,
    /// The longest label so far.
    width: usize,
    followed: Vec<Followed>,
}

/// A log that is shown.
struct Followed {
    log: ReleaseLog,
    label: String,
    reader: LogReader,
}

/// Whether somebody still reads.
enum Shown {
    All,
    ReaderGone,
}

impl Screen {
    fn has_release(&self, release: &str) -> bool {
        let mut all = self.followed.iter();
        all.any(|followed| followed.log.release == release)
    }

    /// Adds a log from its last lines on. The address tells logs of the same release apart.
    fn add(
        &mut self,
        log: &ReleaseLog,
        lines: usize,
        with_address: bool,
    ) -> Result<(), CommandError> {
        let reader =
            LogReader::of_last_lines(&log.file, lines).map_err(|error| unreadable(log, &error))?;
        let label = match with_address {
            true => format!("{}@{}", log.release, log.address),
            false => log.release.clone(),
        };
        self.followed.push(Followed {
            log: log.clone(),
            label,
            reader,
        });
        Ok(())
    }

    /// Shows every line that is complete by now.
    fn show(&mut self) -> Result<Shown, CommandError> {
        self.each(|followed, write| followed.reader.read(write))
    }

    /// Shows the lines that have no end yet.
    fn finish(&mut self) -> Result<Shown, CommandError> {
        self.each(|followed, write| followed.reader.finish(write))
    }

    fn each(
        &mut self,
        read: impl Fn(&mut Followed, &mut portcullis_driver::OnLine<'_>) -> std::io::Result<()>,
    ) -> Result<Shown, CommandError> {
        let (json, terminal, labelled) = (self.json, self.terminal, self.labelled);
        let width = &mut self.width;
        for followed in &mut self.followed {
            let (label, log) = (followed.label.clone(), followed.log.clone());
            let mut gone = false;
            let mut write = |line: &[u8]| {
                let line = String::from_utf8_lossy(line);
                let line = line.trim_end_matches('\r');
                let text = match (json, labelled) {
                    (true, _) => json_line(&log, line),
                    (false, true) => {
                        *width = label.len().max(*width);
                        let width = *width;
                        format!("{label:width$} | {}", shown(line, terminal))
                    }
                    (false, false) => shown(line, terminal),
                };
                output::stream(&text).inspect_err(|_| gone = true)
            };
            match read(followed, &mut write) {
                Ok(()) => {}
                Err(_) if gone => return Ok(Shown::ReaderGone),
                Err(error) => return Err(unreadable(&log, &error)),
            }
        }
        Ok(Shown::All)
    }
}

async fn follow(config: &Config, args: &Logs, screen: &mut Screen) -> Result<(), CommandError> {
    if screen.followed.is_empty() {
        output::talk("nothing was started yet; waiting for a release");
    }
    loop {
        tokio::time::sleep(LOGS_PAUSE).await;
        let known: HashSet<PathBuf> = screen
            .followed
            .iter()
            .map(|followed| followed.log.file.clone())
            .collect();
        for log in logs_of(config)? {
            if !known.contains(&log.file) && is_named(&log, args) {
                // All of it was written since the last look.
                screen.add(&log, usize::MAX, screen.has_release(&log.release))?;
            }
        }
        if let Shown::ReaderGone = screen.show()? {
            return Ok(());
        }
    }
}

fn is_named(log: &ReleaseLog, args: &Logs) -> bool {
    args.release
        .as_ref()
        .is_none_or(|release| *release == log.release)
}

/// The files whose last lines are shown.
fn wanted(
    config: &Config,
    known: &[ReleaseLog],
    args: &Logs,
) -> Result<HashSet<PathBuf>, CommandError> {
    if args.release.is_some() {
        let named = known.iter().filter(|log| is_named(log, args));
        return Ok(named.map(|log| log.file.clone()).collect());
    }
    let runs = running(config)?;
    let running: HashSet<PathBuf> = known
        .iter()
        .filter(|log| runs.contains(&(log.release.clone(), log.address.clone())))
        .map(|log| log.file.clone())
        .collect();
    match known.last() {
        Some(last) if running.is_empty() => {
            output::talk(&format!(
                "no release runs; these are the last lines of {}, which wrote last",
                last.release
            ));
            Ok([last.file.clone()].into())
        }
        _ => Ok(running),
    }
}

/// The releases that run, with their addresses.
fn running(config: &Config) -> Result<HashSet<(String, String)>, CommandError> {
    let folder = &config.state.folder;
    if !folder.join("instances").is_dir() {
        return Ok(HashSet::new());
    }
    let driver = ProcessDriver::open(folder.clone())
        .map_err(|error| CommandError::of(Exit::Failed, &error))?;
    let instances = driver.instances().into_iter();
    Ok(instances
        .filter(|instance| {
            instance.service.as_str() == config.service.name.as_str() && instance.pid.is_some()
        })
        .map(|instance| (instance.release.to_string(), instance.address))
        .collect())
}

fn logs_of(config: &Config) -> Result<Vec<ReleaseLog>, CommandError> {
    let folder = &config.state.folder;
    release_logs(folder, config.service.name.as_str()).map_err(|error| {
        let what = format!(
            "the logs in {} cannot be read: {error}",
            folder.join("logs").display()
        );
        CommandError::new(Exit::Failed, what)
    })
}

fn check_service(config: &Config, service: Option<&str>) -> Result<(), CommandError> {
    let name = config.service.name.as_str();
    match service {
        Some(service) if service != name => {
            let what = format!("there is no service {service} here; the configured one is {name}");
            let error = CommandError::new(Exit::Failed, what);
            Err(match release_named(config, service) {
                true => error.hint(format!(
                    "{service} is a release: portcullis logs --release {service}"
                )),
                false => error.hint("--file names the configuration of another service"),
            })
        }
        _ => Ok(()),
    }
}

fn check_release(
    config: &Config,
    known: &[ReleaseLog],
    release: &str,
    follow: bool,
) -> Result<(), CommandError> {
    if known.iter().any(|log| log.release == release) {
        return Ok(());
    }
    // One that is configured may be started while it is waited for.
    if follow && release_named(config, release) {
        return Ok(());
    }
    let mut releases: Vec<&str> = known.iter().map(|log| log.release.as_str()).collect();
    releases.sort_unstable();
    releases.dedup();
    let what = match release_named(config, release) {
        true => format!("release {release} was not started yet"),
        false => format!("there is no release {release}"),
    };
    let hint = match releases.is_empty() {
        true => "none was started yet; `portcullis deploy` brings one out".to_owned(),
        false => format!("there are logs of {}", releases.join(", ")),
    };
    Err(CommandError::new(Exit::Failed, what).hint(hint))
}

fn release_named(config: &Config, name: &str) -> bool {
    let mut releases = config.releases.iter();
    releases.any(|release| release.id.as_str() == name)
}

/// A line as a terminal may see it: what a service wrote must not move the cursor or change colours.
fn shown(line: &str, terminal: bool) -> String {
    if !terminal {
        return line.to_owned();
    }
    let printable = |c: char| if c.is_control() && c != '\t' { '·' } else { c };
    line.chars().map(printable).collect()
}

fn json_line(log: &ReleaseLog, line: &str) -> String {
    serde_json::json!({
        "schema": "portcullis.log-line/1",
        "release": log.release,
        "address": log.address,
        "line": line,
    })
    .to_string()
}

fn unreadable(log: &ReleaseLog, error: &std::io::Error) -> CommandError {
    let what = format!("the log {} cannot be read: {error}", log.file.display());
    CommandError::new(Exit::Failed, what)
}
