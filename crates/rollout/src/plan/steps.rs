//! Filling in the places of a release's commands and checks.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Check, Command, CommandMigration, PlanProblem, Proof, Release, StoreRef};

/// Values for `{port}`, `{host}`, `{address}`, `{release}`, `{artifact}` and `{store.NAME}`.
pub(super) struct Places {
    values: BTreeMap<String, String>,
    pub(super) problems: Vec<PlanProblem>,
}

impl Places {
    pub(super) fn new(release: &Release, address: &str, stores: &[StoreRef]) -> Places {
        let mut values = BTreeMap::new();
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        values.insert("host".to_owned(), host.to_owned());
        values.insert("port".to_owned(), port.to_owned());
        values.insert("address".to_owned(), address.to_owned());
        values.insert("release".to_owned(), release.id.to_string());
        values.insert(
            "artifact".to_owned(),
            release.artifact.path.display().to_string(),
        );
        for store in stores {
            values.insert(format!("store.{}", store.name), store.place());
        }
        Places {
            values,
            problems: Vec::new(),
        }
    }

    /// `text` with its places filled in. `{{` and `}}` stand for the braces themselves.
    pub(super) fn fill(&mut self, text: &str, context: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let tail = &rest[at..];
            if tail.starts_with("{{") || tail.starts_with("}}") {
                out.push_str(&tail[..1]);
                rest = &tail[2..];
            } else if let (true, Some(end)) = (tail.starts_with('{'), tail.find('}')) {
                self.value(&tail[1..end], context, &mut out);
                rest = &tail[end + 1..];
            } else {
                out.push_str(&tail[..1]);
                rest = &tail[1..];
            }
        }
        out.push_str(rest);
        out
    }

    /// `text` with the places that have a value filled in, and everything else as it is: for languages in which braces
    /// mean something.
    pub(super) fn fill_known(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in &self.values {
            out = out.replace(&format!("{{{name}}}"), value);
        }
        out
    }

    fn value(&mut self, name: &str, context: &str, out: &mut String) {
        match self.values.get(name) {
            Some(value) => out.push_str(value),
            None => {
                let known: Vec<String> = self
                    .values
                    .keys()
                    .map(|name| format!("`{{{name}}}`"))
                    .collect();
                let problem = PlanProblem::UnknownPlace {
                    name: name.to_owned(),
                    context: context.to_owned(),
                    known: known.join(", "),
                };
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
        }
    }

    pub(super) fn command(
        &mut self,
        argv: &[String],
        env: &BTreeMap<String, String>,
        folder: &Path,
        context: &str,
    ) -> Command {
        Command {
            argv: argv.iter().map(|word| self.fill(word, context)).collect(),
            env: env
                .iter()
                .map(|(name, v)| (name.clone(), self.fill(v, context)))
                .collect(),
            folder: folder.to_owned(),
        }
    }

    pub(super) fn migration(&mut self, migration: &CommandMigration) -> CommandMigration {
        let command = &migration.command;
        let context = "the migration's command";
        let filled = self.command(&command.argv, &command.env, &command.folder, context);
        let proof = match &migration.proof {
            Proof::Command(proof) => Proof::Command(self.command(
                &proof.argv,
                &proof.env,
                &proof.folder,
                "the migration's proof",
            )),
            Proof::Json {
                file,
                pointer,
                equals,
            } => Proof::Json {
                file: self
                    .fill(&file.display().to_string(), "the migration's proof")
                    .into(),
                pointer: pointer.clone(),
                equals: self.json(equals, "the migration's proof"),
            },
        };
        let reverse = migration.reverse.as_ref().map(|reverse| {
            let context = "the migration's reverse";
            self.command(&reverse.argv, &reverse.env, &reverse.folder, context)
        });
        CommandMigration {
            command: filled,
            proof,
            reverse,
        }
    }

    pub(super) fn check(&mut self, check: &Check) -> Check {
        let context = "a check";
        Check {
            path: self.fill(&check.path, context),
            json: check
                .json
                .iter()
                .map(|(k, v)| (k.clone(), self.json(v, context)))
                .collect(),
            contains: check
                .contains
                .as_deref()
                .map(|text| self.fill(text, context)),
            ..check.clone()
        }
    }

    fn json(&mut self, value: &serde_json::Value, context: &str) -> serde_json::Value {
        match value {
            serde_json::Value::String(text) => serde_json::Value::String(self.fill(text, context)),
            other => other.clone(),
        }
    }
}
