//! Every key of the file, in one table.
//!
//! The parser knows no key that is not here, takes its defaults from here as the TOML text that the
//! reference prints, and refuses (in debug builds, so in every test) to leave a key of a table unread.
//! The reference, the "did you mean" hints and the parser therefore cannot drift apart.

mod copies;
mod form;
mod gateway;
mod hook;
mod kind;
mod metric;
mod migration;
mod operation;
mod service;
mod store;
mod synthetic;

pub(crate) use form::TextForm;
pub(crate) use gateway::ACTIONS;
use gateway::GATEWAY;
use hook::HOOK;
pub(crate) use kind::Kind;
use metric::METRIC;
use migration::MIGRATE;
use operation::{BACKUP, DRILL, SERVER, STATE, TIMEOUTS};
use service::{GATE, RELEASE, SERVICE};
use store::{DATA, STORE};
use synthetic::SYNTHETIC;

/// A table of the file and its keys.
#[derive(Debug)]
pub(crate) struct Section {
    /// How its header is written, for example `[[gate.rule]]`.
    pub(crate) header: &'static str,
    /// What it is for, in a sentence or two.
    pub(crate) about: &'static str,
    /// Its keys, in the order of the reference.
    pub(crate) keys: &'static [Key],
}

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) preset: Preset,
    /// What it is, in a sentence.
    pub(crate) meaning: &'static str,
}

/// What holds when a key is not given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Preset {
    /// It must be given.
    Required,
    /// Nothing, which these words describe; empty where there is nothing to say.
    Absent(&'static str),
    /// This value, as TOML.
    Value(&'static str),
}

/// The file as a whole.
pub(crate) static ROOT: Section = Section {
    header: "",
    about: "",
    keys: &[
        key(
            "service",
            Kind::Table(&SERVICE),
            Preset::Required,
            "The service.",
        ),
        key(
            "store",
            Kind::Tables(&STORE),
            Preset::Absent(""),
            "Its data.",
        ),
        key(
            "data",
            Kind::Table(&DATA),
            Preset::Absent(""),
            "What a rollback means for the data.",
        ),
        key(
            "gate",
            Kind::Table(&GATE),
            Preset::Absent(""),
            "What must hold at each weight.",
        ),
        key(
            "gateway",
            Kind::Table(&GATEWAY),
            Preset::Absent(""),
            "Where clients connect.",
        ),
        key(
            "server",
            Kind::Table(&SERVER),
            Preset::Absent(""),
            "Where Portcullis is reached.",
        ),
        key(
            "state",
            Kind::Table(&STATE),
            Preset::Absent(""),
            "Where Portcullis keeps its state.",
        ),
        key(
            "backup",
            Kind::Table(&BACKUP),
            Preset::Absent(""),
            "When backups are made, and how long they are kept.",
        ),
        key(
            "drill",
            Kind::Table(&DRILL),
            Preset::Absent(""),
            "When backups are tried out, and what must come of it.",
        ),
        key(
            "timeouts",
            Kind::Table(&TIMEOUTS),
            Preset::Absent(""),
            "How long things may take.",
        ),
        key(
            "release",
            Kind::Tables(&RELEASE),
            Preset::Required,
            "The releases.",
        ),
        key(
            "hook",
            Kind::Tables(&HOOK),
            Preset::Absent(""),
            "Commands of yours at the steps of a rollout.",
        ),
        key(
            ENVIRONMENTS,
            Kind::Environments(&ENVIRONMENT),
            Preset::Absent(""),
            "What differs from one environment to another.",
        ),
    ],
};

/// The key under which the file has its environments.
pub(crate) const ENVIRONMENTS: &str = "environment";

/// An environment; what may stand in it is [`ROOT`] again.
pub(crate) static ENVIRONMENT: Section = Section {
    header: "[environment.NAME]",
    about: "What is different in one environment, chosen with `--env NAME`. All tables above may stand \
            below it, for example `[environment.staging.gateway]` and `[[environment.staging.hook]]`. A \
            key that is given there replaces the file's, a table is merged key by key, and a list \
            (weights, a command, rules, smoke checks, stores, routes, releases, hooks) is replaced as a whole. \
            `service.environment` is NAME unless the environment gives it itself. Without `--env` the \
            file counts as it stands. Every environment is validated, whichever is chosen. See \
            [Environments and secrets](../guide/environments-and-secrets.md).",
    keys: &[],
};

impl Section {
    /// The key of a name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether the table has a meaning when the file does not have it: nothing in it must be given, and
    /// something has a default.
    pub(crate) fn has_defaults(&self) -> bool {
        let required = |key: &Key| matches!(key.preset, Preset::Required);
        let valued = |key: &Key| matches!(key.preset, Preset::Value(_));
        !self.keys.iter().any(required) && self.keys.iter().any(valued)
    }

    /// This section and those within it, in the order of the reference.
    pub(crate) fn all(&'static self) -> Vec<&'static Section> {
        let within = self.keys.iter().filter_map(|key| key.kind.section());
        std::iter::once(self)
            .chain(within.flat_map(Section::all))
            .collect()
    }
}

/// Whether any table has a key of this name.
pub(crate) fn is_key(name: &str) -> bool {
    ROOT.all().iter().any(|section| section.key(name).is_some())
}

const fn key(name: &'static str, kind: Kind, preset: Preset, meaning: &'static str) -> Key {
    Key {
        name,
        kind,
        preset,
        meaning,
    }
}
