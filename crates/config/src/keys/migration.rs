//! How a release changes data.

use super::{Kind, Preset, Section, key};

const NONE: Preset = Preset::Absent("");

pub(crate) static MIGRATE: Section = Section {
    header: "[release.migrate]",
    about: "How this release changes the service's data: tried on a restored copy first, then done \
            once after a verified backup. Either a `command` with its `proof`, or plain `sql` files.",
    keys: &[
        key(
            "command",
            Kind::Command,
            NONE,
            "The migration. It runs in this file's folder.",
        ),
        key(
            "proof",
            Kind::Table(&PROOF),
            NONE,
            "What shows that the data is migrated; the command's exit code is not proof.",
        ),
        key(
            "reverse",
            Kind::Command,
            NONE,
            "What undoes the migration and keeps what was written since, for `rollback = \"reverse\"` in [data]. It is done when \
             the proof does not show the migration any more.",
        ),
        key(
            "sql",
            Kind::Path,
            NONE,
            "A folder of SQL files, instead of a command. Each phase is applied at its time: `expand` before the new \
             release starts, `backfill` when it has all traffic, `contract` after the old one is retired.",
        ),
        key(
            "store",
            Kind::Name,
            NONE,
            "The store of kind `sqlite` or `postgres` that the files change. Not needed if there is only one.",
        ),
        key(
            "through",
            Kind::Whole(0, u64::MAX),
            NONE,
            "The highest number of the files that belong to this release; without it all do.",
        ),
        key(
            "lock_timeout",
            Kind::Duration,
            Preset::Absent("`\"5s\"`"),
            "How long a statement of the files may wait for a lock. Then the step is tried again.",
        ),
        key(
            "statement_timeout",
            Kind::Duration,
            Preset::Absent("`\"15m\"`"),
            "How long a statement of the files may take.",
        ),
        key(
            "pause",
            Kind::DurationFrom(0),
            Preset::Absent("`\"100ms\"`"),
            "The pause between two rounds of a batch that says none itself, so that users come first.",
        ),
        key(
            "server_version",
            Kind::Whole(10, 99),
            Preset::Absent("`15`"),
            "The major version of the PostgreSQL server for which a plan examines the files: what locks a statement takes \
             depends on it. Before anything is touched, and in a rehearsal, the server itself is asked.",
        ),
    ],
};

static PROOF: Section = Section {
    header: "[release.migrate.proof]",
    about: "What shows that the data is migrated: either a command, or a value in a JSON file. Also \
            written inline.",
    keys: &[
        key(
            "command",
            Kind::Command,
            NONE,
            "A command: exit code 0 says migrated, 1 says not migrated, anything else says nothing.",
        ),
        key(
            "file",
            Kind::Path,
            NONE,
            "A JSON file, for example `{store.NAME}`.",
        ),
        key(
            "pointer",
            Kind::Pointer,
            NONE,
            "Where in that file the value is.",
        ),
        key(
            "equals",
            Kind::Any,
            NONE,
            "The value that shows the migration. Places are filled in.",
        ),
    ],
};
