//! The keys that describe the data of the service: where it is, and what a rollback means for it.

use super::{Kind, Preset, Section, TextForm, key};
use crate::bounds::{HOLD_MAX_MS, LONGEST_LOCK_MAX_MS, LONGEST_LOCK_MIN_MS, RETRY_AFTER_MAX_MS};

pub(crate) static STORE: Section = Section {
    header: "[[store]]",
    about: "Data that a release may change. It is backed up before each rollout. Repeat the table for \
            each.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Preset::Required,
            "The store's name: `{store.NAME}` stands for its path in commands, for the URL of a PostgreSQL or Redis \
             database in `env`, as a whole value, and for `s3://BUCKET/PREFIX`.",
        ),
        key(
            "kind",
            Kind::Choice(&[
                "file",
                "directory",
                "sqlite",
                "chroma",
                "postgres",
                "redis",
                "bucket",
                "command",
            ]),
            Preset::Required,
            "One file, a folder with everything in it, a database, which is copied while it is used: SQLite, the folder of a \
             Chroma vector database, PostgreSQL, or a database of a Redis or Valkey server; or the objects of a bucket of S3. \
             `command`: the data of any tool, which two commands back up and restore, see \
             [Stores of commands](../guide/other-stores.md).",
        ),
        key(
            "path",
            Kind::Path,
            Preset::Absent("must be given, but for `postgres`, `redis`, `bucket` and `command`"),
            "Where it is. Of an SQLite database: the file itself; what lies beside it (`-wal`, `-shm`) \
             belongs to it. Of Chroma: the folder with `chroma.sqlite3`. Of `command` only with `copies`: what `{store.NAME}` \
             stands for; for a copy it is the folder of the copy.",
        ),
        key(
            "url",
            Kind::ServerStore,
            Preset::Absent("must be given for `postgres` and `redis`"),
            "Where the database is, `postgres://USER:PASSWORD@HOST:PORT/DATABASE` or \
             `redis://USER:PASSWORD@HOST:PORT/NUMBER` (`rediss://` with TLS): a reference such as `env:NOTES_URL` or \
             `file:PATH`. Only a URL without a password may stand here itself.",
        ),
        key(
            "jobs",
            Kind::Whole(1, 64),
            Preset::Absent("1"),
            "How many sessions dump and restore a PostgreSQL database at a time, and as many read its rows meanwhile.",
        ),
        key(
            "backup",
            Kind::Command,
            Preset::Absent("must be given for `command`"),
            "Of `command`: writes the data to its standard output. No shell is involved in these commands, places are not \
             filled in, and they run in this file's folder.",
        ),
        key(
            "restore",
            Kind::Command,
            Preset::Absent("must be given for `command`"),
            "Of `command`: reads the data from its standard input and puts it in place of what there is.",
        ),
        key(
            "check",
            Kind::Command,
            Preset::Absent("the data is not looked into"),
            "Of `command`: reads the data from its standard input when a backup is verified, and exits with 0 if it could \
             be restored.",
        ),
        key(
            "size",
            Kind::Command,
            Preset::Absent("the size of the last backup"),
            "Of `command`: prints how many bytes the store has.",
        ),
        key(
            "digest",
            Kind::Command,
            Preset::Absent("it is believed that a restore did what it should"),
            "Of `command`: prints one word that is the same when the content is the same, such as a checksum. It proves a \
             restore.",
        ),
        key(
            "repeats",
            Kind::Boolean,
            Preset::Absent("`false`"),
            "Of `command`: whether the backup command writes the same bytes when the content is the same. Then that proves a \
             restore, without `digest`.",
        ),
        key(
            "copies",
            Kind::Boolean,
            Preset::Absent("`false`"),
            "Of `command`: whether all of the commands work in the folder that the variable PORTCULLIS_COPY names, when it is \
             set. Without it there are no rehearsals and no drills.",
        ),
        key(
            "env",
            Kind::Texts,
            Preset::Absent(""),
            "Of `command`: environment variables that are set for the commands. Secrets by reference.",
        ),
        key(
            "timeout",
            Kind::Duration,
            Preset::Absent("`1h`"),
            "Of `command`: how long each command may take; then it is killed with all that it started, and has failed.",
        ),
        key(
            "continuous",
            Kind::Table(&CONTINUOUS),
            Preset::Absent("no continuous archive"),
            "Whether `portcullis serve` keeps an archive from which any moment can be recovered to.",
        ),
        key(
            "bucket",
            Kind::Table(&BUCKET),
            Preset::Absent("must be given for `bucket`"),
            "Where the objects are.",
        ),
    ],
};

static BUCKET: Section = Section {
    header: "[store.bucket]",
    about: "Below a `[[store]]` of kind `bucket`: where its objects are. Without keys here the provider's own variables, \
            files and machine roles are used. See [Buckets as stores](../guide/bucket-stores.md).",
    keys: &[
        key(
            "url",
            Kind::Text,
            Preset::Required,
            "`s3://BUCKET/PREFIX`: the objects whose keys begin with `PREFIX/`. Without a prefix the whole bucket. \
             Portcullis's own copies lie beside it, at `PREFIX.portcullis-...`.",
        ),
        key(
            "endpoint",
            Kind::Text,
            Preset::Absent("Amazon's"),
            "Another server that speaks the language of S3, such as `https://minio.example.org`. With `http://` only one on \
             this machine.",
        ),
        key(
            "region",
            Kind::Text,
            Preset::Absent("`AWS_REGION`, or `us-east-1`"),
            "The region of the bucket.",
        ),
        key(
            "ca",
            Kind::Path,
            Preset::Absent("the authorities that the system trusts"),
            "A PEM file with the authorities that are trusted instead.",
        ),
        key(
            "access_key",
            Kind::Text,
            Preset::Absent("the environment's own"),
            "The ID of the access key; may be a reference.",
        ),
        key(
            "secret",
            Kind::Secret,
            Preset::Absent("the environment's own"),
            "The secret access key, by reference.",
        ),
    ],
};

/// Bounds of what is asked of a continuous archive, in milliseconds.
const BASE_EVERY_MS: Kind = Kind::DurationWithin(10 * 60_000, 31 * 86_400_000);
const RPO_MS: Kind = Kind::DurationWithin(5_000, 86_400_000);
/// The largest size that a slot may be given, in bytes: 1 TiB. A segment is 16 MiB.
const SLOT_KEEP: Kind = Kind::Bytes(64 * 1024 * 1024, 1 << 40);

static CONTINUOUS: Section = Section {
    header: "[store.continuous]",
    about: "Below a `[[store]]` of kind `postgres`: `portcullis serve` receives the write-ahead log of its server as it is \
            written, and copies the cluster now and then, so that any moment can be recovered to. See \
            [Point-in-time recovery](../guide/point-in-time.md).",
    keys: &[
        key(
            "url",
            Kind::Postgres,
            Preset::Absent("the `url` of the store"),
            "Where the server is, for a user that may replicate: a reference such as `env:REPLICATION_URL`. It names \
             the same database.",
        ),
        key(
            "slot",
            Kind::Text,
            Preset::Absent("`portcullis_SERVICE_ENVIRONMENT_STORE`"),
            "The name of the replication slot on the server, which is made when it is missing: 1 to 63 characters of \
             a-z, 0-9 and _.",
        ),
        key(
            "base_every",
            BASE_EVERY_MS,
            Preset::Value("\"1d\""),
            "After how much time the cluster is copied again. A recovery replays up to so much log.",
        ),
        key(
            "keep",
            Kind::Whole(1, 1000),
            Preset::Value("7"),
            "How many copies of the cluster are kept that can be recovered from, with the log that they need.",
        ),
        key(
            "rpo",
            RPO_MS,
            Preset::Value("\"5m\""),
            "How far the archive may be behind the server before it is told as a trouble.",
        ),
        key(
            "verify_every",
            BASE_EVERY_MS,
            Preset::Value("\"7d\""),
            "After how much time the whole archive is read back again. It counts beside backups (`backup.age_max`) for at \
             most twice as long after it was found in order.",
        ),
        key(
            "slot_keep_max",
            SLOT_KEEP,
            Preset::Value("\"16GiB\""),
            "How much write-ahead log the server may have to keep for the slot; then the slot is dropped and the archive \
             begun anew, so that the server's disk does not fill.",
        ),
        key(
            "synchronous",
            Kind::Boolean,
            Preset::Value("true"),
            "Whether what is received is synced at once, so that a crash of this machine loses nothing of it.",
        ),
        key(
            "in_clear",
            Kind::Boolean,
            Preset::Value("false"),
            "Agree that the archive lies unencrypted in the vault although `[backup.encryption]` has the backups encrypted: \
             archives cannot be encrypted.",
        ),
    ],
};

pub(crate) static DATA: Section = Section {
    header: "[data]",
    about: "What a rollback means for the data, when a release migrates it.",
    keys: &[
        key(
            "compatible",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether the release that serves works on migrated data. The rehearsal proves it. Without \
             it two releases may not run side by side on one store.",
        ),
        key(
            "rollback",
            Kind::Choice(&["restore", "keep", "reverse"]),
            Preset::Value("\"restore\""),
            "Whether going back puts the backup back, keeps the migrated data, or reverses the migration, which loses no \
             write: by the `.down.sql` files, or by `reverse` in [release.migrate]. The rehearsal proves the reverse.",
        ),
        key(
            "written_by",
            Kind::Choice(&["service", "migrations"]),
            Preset::Value("\"service\""),
            "Whether the running service writes to its stores, or only migrations do. If the service \
             does, a restore loses what it wrote since the backup.",
        ),
        key(
            "accept_loss",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether a restore that loses such writes may happen without asking a person.",
        ),
        key(
            "read_only",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether users can read and not write from the backup that is restored until the new release is promoted, \
             so that going back loses nothing. Only what comes through the gateway is kept out.",
        ),
        key(
            "longest_lock",
            Kind::DurationWithin(LONGEST_LOCK_MIN_MS, LONGEST_LOCK_MAX_MS),
            Preset::Absent("any time will do, and the rehearsal tells how long it is"),
            "The longest that a migration may keep users' reads or writes of a table waiting while a release serves. The \
             rehearsal watches the locks on the copy and refuses more.",
        ),
        key(
            "hold",
            Kind::DurationWithin(0, HOLD_MAX_MS),
            Preset::Value("\"10s\""),
            "How long a request that is kept out waits for the service to open before it is refused with 503.",
        ),
        key(
            "retry_after",
            Kind::DurationWithin(1_000, RETRY_AFTER_MAX_MS),
            Preset::Value("\"30s\""),
            "When a client that is refused should come again, in whole seconds: `Retry-After` of the answer.",
        ),
        key(
            "reads",
            Kind::List(&Kind::Form(TextForm::ReadRequest), 0),
            Preset::Value("[]"),
            "Requests that write nothing though their method says that they may, for example `\"POST /search\"`. \
             `*` at the end stands for any rest.",
        ),
    ],
};
