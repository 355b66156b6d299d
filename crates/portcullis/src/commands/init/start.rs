//! From a command as people type it to the one that a release is started with: an artifact, words with
//! places, and environment variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Programs that run a file which is named after them.
const INTERPRETERS: [&str; 10] = [
    "python", "python3", "node", "ruby", "perl", "php", "bash", "sh", "java", "deno",
];
/// Words that only a shell understands.
const SHELL_WORDS: [&str; 7] = ["&&", "||", "|", ";", ">", "<", "&"];

/// Variables that are filled in within one word.
const VARIABLES_MAX: usize = 8;

/// How a release is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// The file whose hash is the release, relative to the folder where it can be.
    pub(super) artifact: String,
    /// The command, with its places.
    pub(super) command: Vec<String>,
    /// Environment variables, with their places.
    pub(super) env: BTreeMap<String, String>,
    /// The port that stood in the command or its variables.
    pub(super) port: Option<u16>,
    /// What was changed, and what a person should know.
    pub(super) told: Vec<String>,
}

/// What is known about the place where the command runs.
pub(super) struct Ground<'a> {
    /// The folder of the configuration.
    pub(super) folder: &'a Path,
    /// The folders in which programs are looked for.
    pub(super) path: Vec<PathBuf>,
}

impl Ground<'_> {
    fn is_file(&self, word: &str) -> bool {
        self.folder.join(word).is_file()
    }

    /// A program by its bare name.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let found = self.path.iter().map(|folder| folder.join(name));
        found.into_iter().find(|file| file.is_file())
    }

    /// Reads a command line. `typed` is one that a person wrote for Portcullis, with places in it.
    /// `from_folder` is the folder that its paths begin with elsewhere.
    ///
    /// # Errors
    /// Why it cannot be the command of a release, in words that follow "cannot be used: ".
    pub(super) fn start(
        &self,
        line: &str,
        typed: bool,
        env: &BTreeMap<String, String>,
        port: Option<u16>,
        from_folder: Option<&str>,
    ) -> Result<Start, String> {
        let words =
            shell_words::split(line).map_err(|_| "a quotation mark is missing".to_owned())?;
        let env = env.iter().map(|(name, value)| {
            let value = self.here(value.clone(), from_folder);
            (name.clone(), value)
        });
        let mut start = Start {
            env: env.collect(),
            ..Start::default()
        };
        let mut words: Vec<String> = words
            .into_iter()
            .map(|word| self.here(word, from_folder))
            .collect();
        // `PORT=8000 python3 app.py`
        while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
            start.env.insert(name, value);
            words.remove(0);
        }
        if let Some(word) = words
            .iter()
            .find(|word| SHELL_WORDS.contains(&word.as_str()))
        {
            return Err(format!("`{word}` needs a shell; name one program"));
        }
        if words.is_empty() {
            return Err("it is empty".to_owned());
        }
        if !typed {
            let escape = |text: &mut String| *text = text.replace('{', "{{").replace('}', "}}");
            words
                .iter_mut()
                .filter(|w| !w.contains("${"))
                .for_each(escape);
            start.env.values_mut().for_each(escape);
        }
        start.port = port.or_else(|| port_of(&words, &start.env));
        start.place_variables(&mut words);
        start.place_port(&mut words);
        self.find_artifact(&mut start, words)?;
        Ok(start)
    }

    /// A path of the machine that the command was written for, as it is in this folder.
    fn here(&self, word: String, from_folder: Option<&str>) -> String {
        let inner = from_folder
            .and_then(|folder| word.strip_prefix(folder))
            .and_then(|rest| rest.strip_prefix('/'));
        // A database may still have to be made, but not the folder that it is in.
        let there = |rest: &&str| {
            let path = self.folder.join(rest);
            path.exists() || path.parent().is_some_and(Path::is_dir)
        };
        match inner.filter(there) {
            Some(rest) => rest.to_owned(),
            None => word,
        }
    }

    /// The file whose hash is the release: a program of the folder, the script that an interpreter
    /// runs, the module that a server loads, or else the program itself.
    fn find_artifact(&self, start: &mut Start, mut words: Vec<String>) -> Result<(), String> {
        let program = words[0].clone();
        if program == "{artifact}" {
            return Err("`{artifact}` stands for a file, which has to be named".to_owned());
        }
        let bare = program.rsplit('/').next().unwrap_or(&program);
        let is_interpreter = INTERPRETERS
            .contains(&bare.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
            || INTERPRETERS.contains(&bare);
        let there = program.contains('/') && self.is_file(&program);
        if !there && self.program(&program).is_none() {
            return Err(format!("the program {program} is not on this machine"));
        }
        let script = words
            .iter()
            .skip(1)
            .position(|word| !word.starts_with('-') && self.is_file(word));
        if is_interpreter && let Some(at) = script {
            start.artifact = std::mem::replace(&mut words[at + 1], "{artifact}".to_owned());
        } else if let Some(module) = words.iter().skip(1).find_map(|word| self.module(word)) {
            start.told.push(format!(
                "note: {program} loads {module} by itself, so the command does not name {{artifact}}: \
                 give the next version a folder of its own and say so in its command"
            ));
            start.artifact = module;
        } else {
            let file = if there {
                PathBuf::from(&program)
            } else {
                self.program(&program).unwrap_or_default()
            };
            if is_interpreter {
                start.told.push(format!(
                    "note: the command names no file of this folder, so the release is the program {}: \
                     what it serves is not part of the release's hash",
                    file.display()
                ));
            }
            start.artifact = file.display().to_string();
            words[0] = "{artifact}".to_owned();
        }
        start.artifact = start.artifact.trim_start_matches("./").to_owned();
        start.command = words;
        Ok(())
    }

    /// The file of `main:app`.
    fn module(&self, word: &str) -> Option<String> {
        let (module, _) = word.split_once(':')?;
        let file = format!("{}.py", module.replace('.', "/"));
        self.is_file(&file).then_some(file)
    }
}

impl Start {
    /// Puts `{store.NAME}` where the path of a store stands, so that a rehearsal works on the copy.
    /// Returns whether any word or variable names it.
    pub(super) fn place_store(&mut self, name: &str, path: &str) -> bool {
        let mut placed = false;
        for text in self.command.iter_mut().chain(self.env.values_mut()) {
            let (option, value) = match text.split_once('=') {
                Some((option, value)) if option.starts_with('-') => (format!("{option}="), value),
                _ => (String::new(), text.as_str()),
            };
            let inner = value.trim_start_matches("./").strip_prefix(path);
            let Some(rest) = inner.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
                continue;
            };
            *text = format!("{option}{{store.{name}}}{rest}");
            placed = true;
        }
        placed
    }

    /// Fills in `$PORT` and other variables, which no shell will.
    fn place_variables(&mut self, words: &mut [String]) {
        for word in words {
            // A value may name a variable again; one that names itself must not go on for ever.
            for _ in 0..VARIABLES_MAX {
                let Some((at, end, name, default)) = variable(word) else {
                    break;
                };
                let value = if name == "PORT" {
                    if let Some(port) = default.as_deref().and_then(|text| text.parse().ok()) {
                        self.port.get_or_insert(port);
                    }
                    "{port}".to_owned()
                } else {
                    let value = self.env.get(&name).cloned().or(default);
                    self.told.push(match &value {
                        Some(value) => format!("${name} in the command was filled in: {value}"),
                        None => format!(
                            "note: ${name} in the command has no value here and was left out"
                        ),
                    });
                    value.unwrap_or_default()
                };
                word.replace_range(at..end, &value);
            }
        }
    }

    /// Puts `{port}` where the port stands, or else into the variable `PORT`.
    fn place_port(&mut self, words: &mut [String]) {
        if let Some(port) = self.port.map(|port| port.to_string()) {
            for word in words.iter_mut().skip(1) {
                let before = word.strip_suffix(&port);
                let Some(before) = before.filter(|b| b.is_empty() || b.ends_with(['=', ':']))
                else {
                    continue;
                };
                let placed = format!("{before}{{port}}");
                self.told
                    .push(format!("{port} in the command became {{port}}"));
                *word = placed;
            }
            for (name, value) in &mut self.env {
                if *value == port && name.to_ascii_uppercase().contains("PORT") {
                    self.told.push(format!("{name}={port} became {{port}}"));
                    *value = "{port}".to_owned();
                }
            }
        }
        for at in 1..words.len() {
            let option = words[at - 1].clone();
            let word = &mut words[at];
            if word.contains("0.0.0.0:{port}") {
                *word = word.replace("0.0.0.0:{port}", "{address}");
                self.told
                    .push("0.0.0.0 became loopback: clients come through the gateway".to_owned());
            } else if word == "0.0.0.0" && matches!(option.as_str(), "--host" | "--bind" | "-b") {
                *word = "{host}".to_owned();
                self.told
                    .push("0.0.0.0 became loopback: clients come through the gateway".to_owned());
            }
        }
        let mut all = words.iter().chain(self.env.values());
        if !all.any(|text| text.contains("{port}") || text.contains("{address}")) {
            self.env.insert("PORT".to_owned(), "{port}".to_owned());
            self.told.push(
                "note: the command names no port, so the release is told its port in the variable PORT; \
                 if it wants it otherwise, write {port} into the command"
                    .to_owned(),
            );
        }
    }
}

/// `NAME=value` before a command.
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let plain = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (plain && !name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// The first `$NAME`, `${NAME}` or `${NAME:-default}` of a word: where it stands, its name and default.
fn variable(word: &str) -> Option<(usize, usize, String, Option<String>)> {
    let at = word.find('$')?;
    let rest = &word[at + 1..];
    if let Some(inner) = rest.strip_prefix('{') {
        let end = inner.find('}')?;
        let (name, default) = match inner[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (&inner[..end], None),
        };
        return Some((at, at + end + 3, name.to_owned(), default));
    }
    let length = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    (length > 0).then(|| (at, at + 1 + length, rest[..length].to_owned(), None))
}

/// The port in a command or its variables.
fn port_of(words: &[String], env: &BTreeMap<String, String>) -> Option<u16> {
    let pairs = words.windows(2).filter_map(|pair| {
        let option = matches!(pair[0].as_str(), "--port" | "-p" | "-port" | "--listen");
        option.then(|| pair[1].rsplit(':').next()?.parse().ok())?
    });
    let joined = words.iter().skip(1).filter_map(|word| {
        let (name, value) = word.rsplit_once(['=', ':'])?;
        let known = name.ends_with("port") || name.contains('.') || name == "localhost";
        (known || word.starts_with(':')).then(|| value.parse().ok())?
    });
    // `python3 -m http.server --bind 127.0.0.1 8000`
    let positional = words
        .iter()
        .skip_while(|word| *word != "http.server")
        .filter_map(|word| word.parse().ok());
    let told = env.get("PORT").and_then(|port| port.parse().ok());
    pairs
        .chain(joined)
        .chain(positional)
        .chain(told)
        .find(|port| *port > 0)
}

#[cfg(test)]
mod tests;
