//! The keys that describe Portcullis itself: where it listens, what it keeps, how long it waits.

use super::{Kind, Preset, Section, key};
use crate::bounds::LEASE_MS_MIN;

const COUNT_MAX: u64 = 0xffff_ffff;

pub(crate) static SERVER: Section = Section {
    header: "[server]",
    about: "Portcullis's own interface, which the command line talks to.",
    keys: &[
        key(
            "listen",
            Kind::Listen,
            Preset::Value("\"unix\""),
            "Where it is reached: `api.sock` in the state folder, or an address.",
        ),
        key(
            "allow_remote",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether `listen` may be an address that other machines can reach. Nothing is encrypted \
             there.",
        ),
    ],
};

pub(crate) static STATE: Section = Section {
    header: "[state]",
    about: "Where Portcullis keeps what it knows. The folders are made when needed.",
    keys: &[
        key(
            "folder",
            Kind::Path,
            Preset::Value("\".portcullis\""),
            "The journal (unless it is in PostgreSQL), saved routes, logs and sockets.",
        ),
        key(
            "vault",
            Kind::Path,
            Preset::Absent("`vault` in the state folder"),
            "Backups.",
        ),
        key(
            "journal",
            Kind::Journal,
            Preset::Value("\"sqlite\""),
            "Where the journal is: `sqlite` is `journal.db` in the state folder; \
             `postgres://USER@HOST/DATABASE` is a PostgreSQL database, which two engines may share. A \
             URL with a password is given by reference: `env:NAME`, `file:PATH` or `cmd:PROGRAM ARG...`.",
        ),
        key(
            "lease",
            Kind::DurationFrom(LEASE_MS_MIN),
            Preset::Value("\"15s\""),
            "For how long an engine that was not heard of still has the right to act; then another may \
             take over.",
        ),
    ],
};

pub(crate) static BACKUP: Section = Section {
    header: "[backup]",
    about: "How long backups are kept by `portcullis backup prune`: a backup that any rule keeps \
            stays.",
    keys: &[
        key(
            "keep_last",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("5"),
            "How many of the newest are kept, however old.",
        ),
        key(
            "keep_days",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("14"),
            "For how many days each is kept, however many there are.",
        ),
        key(
            "keep_hourly",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("0"),
            "For how many hours in which there are backups the newest of the hour is kept.",
        ),
        key(
            "keep_daily",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("0"),
            "For how many days in which there are backups the newest of the day is kept. Days are those of UTC.",
        ),
        key(
            "keep_weekly",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("0"),
            "For how many weeks in which there are backups the newest of the week is kept. Weeks begin on Monday (ISO 8601).",
        ),
        key(
            "keep_monthly",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("0"),
            "For how many months in which there are backups the newest of the month is kept.",
        ),
        key(
            "keep_yearly",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("0"),
            "For how many years in which there are backups the newest of the year is kept.",
        ),
    ],
};

pub(crate) static TIMEOUTS: Section = Section {
    header: "[timeouts]",
    about: "How long things may take.",
    keys: &[
        key(
            "ready",
            Kind::Duration,
            Preset::Value("\"30s\""),
            "A release to become ready.",
        ),
        key(
            "stop",
            Kind::Duration,
            Preset::Value("\"10s\""),
            "A release to stop after being asked; then it is killed.",
        ),
        key(
            "drain",
            Kind::Duration,
            Preset::Value("\"30s\""),
            "A release's last requests.",
        ),
        key(
            "backup",
            Kind::Duration,
            Preset::Value("\"10m\""),
            "A backup, its verification, or a restore.",
        ),
        key(
            "migrate",
            Kind::Duration,
            Preset::Value("\"30m\""),
            "A migration.",
        ),
        key(
            "short",
            Kind::Duration,
            Preset::Value("\"30s\""),
            "Anything short: pre-flight, smoke checks, a change of the split.",
        ),
    ],
};
