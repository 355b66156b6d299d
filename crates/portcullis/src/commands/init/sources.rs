//! One function per kind of file: from its text to a [`Guess`]. None of them looks at the disk.

use serde::Deserialize;

use super::guess::{Guess, name_of};

mod compose;

pub(super) use compose::compose;

/// A Procfile: the process `web`, or else the first.
pub(super) fn procfile(text: &str) -> Option<Guess> {
    let processes: Vec<(usize, &str, &str)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .filter_map(|(at, line)| {
            let (name, command) = line.split_once(':')?;
            let (name, command) = (name.trim(), command.trim());
            (!name.is_empty() && !command.is_empty()).then_some((at + 1, name, command))
        })
        .collect();
    let web = processes.iter().find(|(_, name, _)| *name == "web");
    let (line, process, command) = web.or(processes.first())?;
    let mut guess = Guess::from(format!("Procfile line {line}"));
    guess.command = Some((*command).to_owned());
    let others: Vec<&str> = processes
        .iter()
        .map(|(_, name, _)| *name)
        .filter(|name| name != process)
        .collect();
    if !others.is_empty() {
        guess.notes.push(format!(
            "the Procfile also has {}: they are services of their own",
            others.join(", ")
        ));
    }
    Some(guess)
}

/// A systemd unit: `ExecStart`, `WorkingDirectory` and `Environment` of its `[Service]`. `file` is its
/// name, for example `notes.service`.
pub(super) fn unit(file: &str, text: &str) -> Option<Guess> {
    let mut guess = Guess::from(file);
    guess.name = file.strip_suffix(".service").and_then(name_of);
    // A backslash at the end joins a line with the next.
    let joined = text.replace("\\\n", " ");
    let mut section = "";
    for line in joined.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        if section != "[Service]" || line.starts_with(['#', ';']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "ExecStart" if guess.command.is_none() && !value.is_empty() => {
                let command = value.trim_start_matches(['@', '-', '+', '!', ':']);
                guess.command = Some(command.replace("%%", "%"));
            }
            "WorkingDirectory" => {
                let folder = value.trim_start_matches('-').trim_end_matches('/');
                guess.folder = Some(folder.to_owned());
            }
            "Environment" => {
                for pair in shell_words::split(value).unwrap_or_default() {
                    if let Some((name, value)) = pair.split_once('=') {
                        guess.env.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            "EnvironmentFile" => guess.notes.push(format!(
                "the unit reads variables from {value}: put those that it needs into `env`"
            )),
            "User" | "DynamicUser" => guess.notes.push(format!(
                "the unit runs as another user ({key}={value}); Portcullis starts releases as the user \
                 that runs `portcullis serve`"
            )),
            _ => {}
        }
    }
    guess.port = guess.env.get("PORT").and_then(|port| port.parse().ok());
    guess.command.is_some().then_some(guess)
}

/// The part of package.json that is read.
#[derive(Deserialize)]
struct Package {
    name: Option<String>,
    main: Option<String>,
    #[serde(default)]
    scripts: std::collections::BTreeMap<String, String>,
}

/// package.json: the script `start`, or else `node` with the main program.
pub(super) fn package_json(text: &str) -> Option<Guess> {
    let package: Package = serde_json::from_str(text).ok()?;
    let mut guess = Guess::from("package.json");
    guess.name = package.name.as_deref().and_then(|name| {
        // A scope such as `@team/` is not part of the name.
        name_of(name.rsplit('/').next().unwrap_or(name))
    });
    if let Some(start) = package.scripts.get("start") {
        guess.from = "package.json scripts.start".to_owned();
        guess.command = Some(start.clone());
    } else if let Some(main) = package.main {
        guess.from = "package.json main".to_owned();
        guess.command = Some(format!("node {}", shell_words::quote(&main)));
    }
    (guess.command.is_some() || guess.name.is_some()).then_some(guess)
}

/// pyproject.toml: only the project's name; what starts it is seen from its programs.
pub(super) fn pyproject(text: &str) -> Option<Guess> {
    let table: toml::Table = text.parse().ok()?;
    let project = table
        .get("project")
        .or_else(|| table.get("tool")?.get("poetry"))?;
    let mut guess = Guess::from("pyproject.toml");
    guess.name = project.get("name")?.as_str().and_then(name_of);
    guess.name.is_some().then_some(guess)
}

/// A Python program: how it is told its port is seen from its text.
pub(super) fn python(file: &str, text: &str) -> Guess {
    let mut guess = Guess::from(file);
    let mut command = format!("python3 {}", shell_words::quote(file));
    if text.contains("\"--port\"") || text.contains("'--port'") {
        command.push_str(" --port $PORT");
    }
    guess.command = Some(command);
    guess.port = default_port(text);
    guess.ready_path = health_path(text);
    guess
}

/// The usual path of a health check that a program's text has as a whole word.
fn health_path(text: &str) -> Option<String> {
    let usual = ["/health", "/healthz", "/readyz", "/ready", "/livez"];
    let named = |path: &&str| {
        let quoted = |quote: char| text.contains(&format!("{quote}{path}{quote}"));
        quoted('"') || quoted('\'')
    };
    usual.into_iter().find(named).map(str::to_owned)
}

/// The number that stands beside `PORT` or `--port` as its default.
fn default_port(text: &str) -> Option<u16> {
    text.lines()
        .filter(|line| line.contains("PORT\"") || line.contains("PORT'") || line.contains("--port"))
        .find_map(|line| {
            line.split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse::<u16>().ok())
                .find(|port| *port >= 80)
        })
}

#[cfg(test)]
mod tests;
