//! The keys that describe Portcullis itself: where it listens, what it keeps, how long it waits.

use super::copies::{COPY, ENCRYPTION};
use super::{Key, Kind, Preset, Section, TextForm, key};
use crate::bounds::{AGE_MS_MAX, JITTER_MS_MAX, LEASE_MS_MIN};

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
    about: "When `portcullis serve` makes backups, and how long `portcullis backup prune` keeps them: a backup \
            that any rule keeps stays. See [Schedules and drills](../guide/drills.md).",
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
            Preset::Absent("14 in the environment `production`, 7 in any other"),
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
        SCHEDULE,
        TIME_ZONE,
        JITTER,
        CATCH_UP,
        key(
            "prune",
            Kind::Boolean,
            Preset::Value("true"),
            "Whether each backup of the schedule is followed by `portcullis backup prune` with the rules above.",
        ),
        key(
            "age_max",
            AGE,
            Preset::Absent("no limit"),
            "How old the last verified backup may be when a rollout of a service with stores starts.",
        ),
        key(
            "too_old",
            Kind::Choice(&["refuse", "warn"]),
            Preset::Value("\"refuse\""),
            "What pre-flight does when it is older than `age_max`, or when there is none.",
        ),
        key(
            "pause",
            Kind::Choice(&["none", "writes"]),
            Preset::Value("\"none\""),
            "Whether writes wait at the gateway while a backup of the schedule or of `backup create` is made, so that several \
             stores belong together. `hold`, `retry_after` and `reads` of `[data]` say how they wait.",
        ),
        key(
            "pause_max",
            PAUSE_MAX,
            Preset::Value("\"30s\""),
            "How long they may wait for it. Then the gateway lets them in again and the backup is given up.",
        ),
        key(
            "encryption",
            Kind::Table(&ENCRYPTION),
            Preset::Absent(""),
            "For whom backups are encrypted.",
        ),
        key(
            "copy",
            Kind::Tables(&COPY),
            Preset::Absent(""),
            "Where copies of them are kept.",
        ),
    ],
};

pub(crate) static DRILL: Section = Section {
    header: "[drill]",
    about: "When `portcullis serve` tries a backup out, and the targets that each drill is compared with. See \
            [Schedules and drills](../guide/drills.md).",
    keys: &[
        SCHEDULE,
        TIME_ZONE,
        JITTER,
        CATCH_UP,
        key(
            "from",
            Kind::Choice(&["backup", "archive"]),
            Preset::Value("\"backup\""),
            "What a drill restores: a backup, or the continuous archives of the stores that have one \
             (`[store.continuous]`) with a backup of the others.",
        ),
        key(
            "backup",
            Kind::Choice(&["latest", "random"]),
            Preset::Value("\"latest\""),
            "Which backup, or which moment of the archives, a drill of the schedule tries out.",
        ),
        key(
            "rto",
            AGE,
            Preset::Absent("not compared"),
            "How long it may take, from the vault to a release that answers rightly (recovery time objective).",
        ),
        key(
            "rpo",
            AGE,
            Preset::Absent("not compared"),
            "How old the data of the last verified backup may be (recovery point objective).",
        ),
    ],
};

/// How long writes may be kept waiting.
const PAUSE_MAX: Kind = Kind::DurationWithin(100, 600_000);

/// An age or a time to recover in.
const AGE: Kind = Kind::DurationWithin(1_000, AGE_MS_MAX);

const SCHEDULE: Key = key(
    "schedule",
    Kind::Form(TextForm::Cron),
    Preset::Absent("never"),
    "When `portcullis serve` does it, as cron writes it: minute, hour, day of the month, month, day of the week; \
     with six fields the first is the second.",
);

const TIME_ZONE: Key = key(
    "time_zone",
    Kind::Form(TextForm::TimeZone),
    Preset::Value("\"UTC\""),
    "The time zone of `schedule`.",
);

const JITTER: Key = key(
    "jitter",
    Kind::DurationWithin(0, JITTER_MS_MAX),
    Preset::Value("\"0s\""),
    "Up to how much later it begins, so that many services do not begin at once: another time each time.",
);

const CATCH_UP: Key = key(
    "catch_up",
    Kind::DurationFrom(0),
    Preset::Value("\"6h\""),
    "For how long a run that was missed or had to wait is made up for, once; `0s` does not.",
);

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
