//! From guesses and options to the text of portcullis.toml.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use portcullis_config::{TemplateOptions, TemplateStore, template};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::choice::{Candidate, choose};
use super::guess::{Guess, name_of};
use super::start::{Ground, Start};
use super::{scan, stores};
use crate::cli::Init;
use crate::command_error::{CommandError, ErrorCode};

/// The first line of the file, which editors read; `init` writes the schema there. Where it is published,
/// this is the one place to name its address.
const SCHEMA_LINE: &str = "#:schema .portcullis/schema.json\n";
/// Where clients connect when nothing says otherwise.
const LISTEN_PORT: u16 = 8080;
/// Ports below this one need rights that a user does not have.
const PLAIN_PORT_MIN: u16 = 1024;

/// A configuration, and what was taken from where.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) told: Vec<String>,
}

/// Makes the configuration of the service in a folder.
pub(super) fn draft(folder: &Path, args: &Init) -> Result<Draft, CommandError> {
    let guesses = scan::guesses(folder);
    let taken = taken(folder, args, &guesses)?;
    let (guess, mut start) = (&taken.guess, taken.start.clone());
    let mut told = vec![format!("command: from {}", guess.from)];
    told.extend(start.told.iter().map(|line| format!("  {line}")));
    // What the chosen file does not say, the others may: a compose file knows data and health.
    let others = || std::iter::once(guess).chain(&guesses);
    let name = service_name(folder, args, others(), &mut told);
    let listen = listen_port(args, &start, others(), &mut told);
    let health_path = ready_path(args, others(), &mut told);
    let stores = stores::found(folder, args, guess, &guesses, &mut told)?;
    stores::place(&mut start, &stores, &mut told);
    told.extend(others().flat_map(|guess| &guess.notes).fold(
        Vec::new(),
        |mut notes: Vec<String>, note| {
            let note = format!("note: {note}");
            if !notes.contains(&note) {
                notes.push(note);
            }
            notes
        },
    ));
    let version = scan::version_of(&start.artifact).unwrap_or("1.0");
    if scan::version_of(&start.artifact).is_none() && !Path::new(&start.artifact).is_absolute() {
        told.push(format!(
            "note: {} is release {version}; put the next version into a file of its own, for example \
             releases/1.1/, so that there is something to go back to",
            start.artifact
        ));
    }
    let options = TemplateOptions {
        service: name,
        version: version.to_owned(),
        artifact: start.artifact.clone(),
        command: start.command.clone(),
        health_path,
        store: stores.first().cloned(),
        listen: SocketAddr::from(([127, 0, 0, 1], listen)),
        ..TemplateOptions::default()
    };
    let text = template(&options);
    let others = scan::other_versions(folder, &start.artifact);
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|(version, _)| version.as_str()).collect();
        told.push(format!(
            "releases: {version} is the one to bring out, {} from releases/ beside it, so that there is \
             something to go back to",
            names.join(", ")
        ));
    }
    let text = completed(
        &text,
        stores.get(1..).unwrap_or_default(),
        &start.env,
        &others,
    )?;
    Ok(Draft {
        text: format!("{SCHEMA_LINE}{text}"),
        told,
    })
}

/// The command that is taken: the option, or the chosen guess.
fn taken(folder: &Path, args: &Init, guesses: &[Guess]) -> Result<Candidate, CommandError> {
    let ground = Ground {
        folder,
        path: scan::program_folders(),
    };
    if let Some(line) = &args.command {
        let mut guess = Guess::from("--command");
        guess.command = Some(line.clone());
        let start = ground.start(line, true, &BTreeMap::new(), None, None);
        let start = start.map_err(|why| {
            CommandError::coded(
                ErrorCode::BadValue,
                format!("--command cannot be used: {why}"),
            )
            .hint("for example --command './my-service --port {port}'")
        })?;
        return Ok(Candidate { guess, start });
    }
    let (mut candidates, mut refused) = (Vec::new(), Vec::new());
    for guess in guesses {
        let Some(line) = npm(guess, guesses) else {
            continue;
        };
        let (env, kept_out) = without_secrets(&guess.env);
        match ground.start(&line, false, &env, guess.port, guess.folder.as_deref()) {
            Ok(mut start) => {
                start.told.extend(kept_out);
                let guess = guess.clone();
                candidates.push(Candidate { guess, start });
            }
            Err(why) => refused.push(format!("{} cannot be used: {why}", guess.from)),
        }
    }
    if candidates.is_empty() {
        let message = "it is not known how the service is started";
        let error = CommandError::coded(ErrorCode::NoCommandGuessed, message);
        let error = refused.into_iter().fold(error, CommandError::cause);
        let seen =
            "init looks at Procfile, *.service, compose.yaml, package.json, app.py and releases/";
        return Err(error
            .hint("say it: portcullis init --command './my-service --port {port}'")
            .hint(seen));
    }
    let at = choose(&candidates, !args.yes);
    Ok(candidates.swap_remove(at))
}

/// The command of a guess; `npm start` stands for the script in package.json.
fn npm(guess: &Guess, guesses: &[Guess]) -> Option<String> {
    let line = guess.command.as_deref()?;
    let starts = ["npm start", "npm run start", "yarn start", "pnpm start"];
    if !starts.contains(&line.trim()) {
        return Some(line.to_owned());
    }
    let package = guesses.iter().find(|g| g.from.starts_with("package.json"));
    package?.command.clone()
}

/// Variables without those that look like secrets: the configuration and the journal are no place for
/// them.
fn without_secrets(env: &BTreeMap<String, String>) -> (BTreeMap<String, String>, Vec<String>) {
    let marks = ["PASSWORD", "SECRET", "TOKEN", "KEY", "CREDENTIAL"];
    let secret = |name: &str| {
        marks
            .iter()
            .any(|mark| name.to_ascii_uppercase().contains(mark))
    };
    let kept = env.iter().filter(|(name, _)| !secret(name));
    let told = env.keys().filter(|name| secret(name)).map(|name| {
        format!(
            "note: {name} looks like a secret and was left out; give it by reference, for example \
             env = {{ {name} = \"env:{name}\" }} or \"file:PATH\""
        )
    });
    let told = told.collect();
    let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
    (kept.collect(), told)
}

fn service_name<'a>(
    folder: &Path,
    args: &Init,
    mut guesses: impl Iterator<Item = &'a Guess>,
    told: &mut Vec<String>,
) -> String {
    if let Some(name) = &args.name {
        return name.clone();
    }
    let found = guesses.find_map(|guess| Some((guess.name.clone()?, guess.from.clone())));
    let (name, from) = found.unwrap_or_else(|| {
        let folder = std::path::absolute(folder).unwrap_or_default();
        let named = folder.file_name().map(|name| name.to_string_lossy());
        let name = named.and_then(|name| name_of(&name));
        let name = name.unwrap_or_else(|| "my-service".to_owned());
        (name, "the folder's name".to_owned())
    });
    told.push(format!("name: {name}, from {from}"));
    name
}

/// Where clients connect: where they reach the service today, if a user may listen there.
fn listen_port<'a>(
    args: &Init,
    start: &Start,
    guesses: impl Iterator<Item = &'a Guess>,
    told: &mut Vec<String>,
) -> u16 {
    if let Some(port) = args.port {
        return port;
    }
    let mut ports = guesses.filter_map(|guess| guess.listen.or(guess.port));
    let default_ports = TemplateOptions::default().ports;
    let usable = |port: &u16| *port >= PLAIN_PORT_MIN && !default_ports.contains(*port);
    // The chosen command's own port first: it may have been found in its words.
    match start.port.filter(usable).or_else(|| ports.find(usable)) {
        Some(port) => {
            told.push(format!(
                "gateway: listens on 127.0.0.1:{port}, the service's port until now; stop what listens \
                 there, or choose another with --port"
            ));
            port
        }
        None => LISTEN_PORT,
    }
}

/// The path that answers when the service is up.
fn ready_path<'a>(
    args: &Init,
    mut guesses: impl Iterator<Item = &'a Guess>,
    told: &mut Vec<String>,
) -> String {
    if let Some(path) = &args.ready {
        return path.clone();
    }
    let found = guesses.find_map(|guess| Some((guess.ready_path.clone()?, &guess.from)));
    let Some((path, from)) = found else {
        told.push("ready check: GET / must answer 200; --ready names another path".to_owned());
        return "/".to_owned();
    };
    told.push(format!(
        "ready check: GET {path}, from the health check of {from}"
    ));
    path
}

/// The template's text with further stores, the environment and older releases, which the template has no place for.
fn completed(
    text: &str,
    stores: &[TemplateStore],
    env: &BTreeMap<String, String>,
    others: &[(String, String)],
) -> Result<String, CommandError> {
    let internal = |error: toml_edit::TomlError| {
        CommandError::coded(ErrorCode::Internal, "the starter file is not right")
            .cause(error.to_string())
    };
    let mut document: DocumentMut = text.parse().map_err(internal)?;
    if let Some(tables) = document
        .get_mut("store")
        .and_then(Item::as_array_of_tables_mut)
    {
        for store in stores {
            let mut table = Table::new();
            table.insert("name", value(store.name.as_str()));
            table.insert("kind", value(store.kind.word()));
            table.insert(store.key(), value(store.place.as_str()));
            tables.push(table);
        }
    }
    let release = document
        .get_mut("release")
        .and_then(Item::as_array_of_tables_mut)
        .and_then(|tables| tables.get_mut(0));
    if let Some(release) = release
        && !env.is_empty()
    {
        let pairs = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let table: InlineTable = pairs.collect();
        release.insert("env", value(table));
    }
    if let Some(releases) = document
        .get_mut("release")
        .and_then(Item::as_array_of_tables_mut)
    {
        add_releases(releases, others);
    }
    Ok(document.to_string())
}

/// Adds releases that are as the one that is there but for version and path. The one that is there stays
/// the last: it is what `deploy` brings out when no release is named.
fn add_releases(releases: &mut ArrayOfTables, others: &[(String, String)]) {
    let Some(newest) = releases.get(0).cloned() else {
        return;
    };
    let text = |table: &Table, key: &str| {
        let found = table.get(key).and_then(Item::as_str);
        found.unwrap_or_default().to_owned()
    };
    let home = format!("releases/{}/", text(&newest, "version"));
    releases.clear();
    for (version, path) in others {
        let mut table = newest.clone();
        table.insert("version", value(version.as_str()));
        table.insert("artifact", value(path.as_str()));
        if let Some(words) = table.get_mut("command").and_then(Item::as_array_mut) {
            let moved = |word: &Value| {
                let word = word.as_str().unwrap_or_default();
                word.replace(&home, &format!("releases/{version}/"))
            };
            *words = words.iter().map(moved).collect();
        }
        releases.push(table);
    }
    releases.push(newest);
    // What is said above a release is said once.
    for table in releases.iter_mut().skip(1) {
        table.decor_mut().set_prefix("\n");
    }
}
