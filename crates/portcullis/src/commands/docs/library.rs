//! The documents of the repository, and the topics that they have.

/// Guides, by their topic's name. A test compares the list with the folder.
pub(super) const GUIDES: [(&str, &str); 24] = [
    (
        "first-guarded-release",
        include_str!("../../../../../docs/guide/first-guarded-release.md"),
    ),
    (
        "environments-and-secrets",
        include_str!("../../../../../docs/guide/environments-and-secrets.md"),
    ),
    (
        "running-under-systemd",
        include_str!("../../../../../docs/guide/running-under-systemd.md"),
    ),
    (
        "changing-the-configuration",
        include_str!("../../../../../docs/guide/changing-the-configuration.md"),
    ),
    (
        "upgrading-portcullis",
        include_str!("../../../../../docs/guide/upgrading-portcullis.md"),
    ),
    (
        "sharing-a-journal",
        include_str!("../../../../../docs/guide/sharing-a-journal.md"),
    ),
    (
        "migrations",
        include_str!("../../../../../docs/guide/migrations.md"),
    ),
    (
        "cut-over",
        include_str!("../../../../../docs/guide/cut-over.md"),
    ),
    ("gates", include_str!("../../../../../docs/guide/gates.md")),
    (
        "gateway",
        include_str!("../../../../../docs/guide/gateway.md"),
    ),
    (
        "gateway-alone",
        include_str!("../../../../../docs/guide/gateway-alone.md"),
    ),
    (
        "several-gateways",
        include_str!("../../../../../docs/guide/several-gateways.md"),
    ),
    (
        "masking",
        include_str!("../../../../../docs/guide/masking.md"),
    ),
    ("grpc", include_str!("../../../../../docs/guide/grpc.md")),
    (
        "emergency-bypass",
        include_str!("../../../../../docs/guide/emergency-bypass.md"),
    ),
    (
        "other-stores",
        include_str!("../../../../../docs/guide/other-stores.md"),
    ),
    (
        "postgresql-stores",
        include_str!("../../../../../docs/guide/postgresql-stores.md"),
    ),
    (
        "redis-stores",
        include_str!("../../../../../docs/guide/redis-stores.md"),
    ),
    (
        "point-in-time",
        include_str!("../../../../../docs/guide/point-in-time.md"),
    ),
    (
        "bucket-stores",
        include_str!("../../../../../docs/guide/bucket-stores.md"),
    ),
    (
        "restore-by-hand",
        include_str!("../../../../../docs/guide/restore-by-hand.md"),
    ),
    (
        "drills",
        include_str!("../../../../../docs/guide/drills.md"),
    ),
    (
        "copies-and-encryption",
        include_str!("../../../../../docs/guide/copies-and-encryption.md"),
    ),
    (
        "own-state",
        include_str!("../../../../../docs/guide/own-state.md"),
    ),
];

/// References that are no part of the program's own knowledge, by their topic's name. A test compares the list with the
/// folder.
pub(super) const REFERENCES: [(&str, &str); 7] = [
    (
        "gate-tests",
        include_str!("../../../../../docs/reference/gate-tests.md"),
    ),
    (
        "exit-codes",
        include_str!("../../../../../docs/reference/exit-codes.md"),
    ),
    (
        "states",
        include_str!("../../../../../docs/reference/states.md"),
    ),
    (
        "faults",
        include_str!("../../../../../docs/reference/faults.md"),
    ),
    (
        "watch-session",
        include_str!("../../../../../docs/reference/watch-session.md"),
    ),
    (
        "masking-pitfalls",
        include_str!("../../../../../docs/reference/masking-pitfalls.md"),
    ),
    (
        "seed-cases",
        include_str!("../../../../../docs/reference/seed-cases.md"),
    ),
];

const GLOSSARY: &str = include_str!("../../../../../docs/glossary.md");

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) title: String,
    /// Markdown.
    pub(super) text: String,
}

/// All topics: guides, references, the glossary, and each section of the configuration.
pub(super) fn topics(errors: String, commands: String) -> Vec<Topic> {
    let config = portcullis_config::reference();
    let mut topics: Vec<Topic> = GUIDES
        .into_iter()
        .map(|(name, text)| topic(name, text))
        .collect();
    topics.push(topic("commands", &commands));
    topics.push(topic("config", &config));
    topics.push(topic("errors", &errors));
    topics.extend(REFERENCES.into_iter().map(|(name, text)| topic(name, text)));
    topics.push(topic("glossary", GLOSSARY));
    let mut sections = Vec::new();
    for part in config.split("\n## ").skip(1) {
        let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
        let header = heading.trim().trim_matches('`');
        if !header.starts_with('[') {
            continue;
        }
        let about = first_sentence(body);
        sections.push(Topic {
            name: header.trim_matches(['[', ']']).to_owned(),
            title: format!("{header}: {about}"),
            text: format!("# {heading}\n{body}"),
        });
    }
    topics.extend(sections);
    topics
}

fn topic(name: &str, text: &str) -> Topic {
    let heading = text.lines().find_map(|line| line.strip_prefix("# "));
    Topic {
        name: name.to_owned(),
        title: heading.unwrap_or(name).replace('`', ""),
        text: text.to_owned(),
    }
}

fn first_sentence(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default();
    match line.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => line.to_owned(),
    }
}
