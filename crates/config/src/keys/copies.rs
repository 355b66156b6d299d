//! The keys of encrypted backups and of their copies elsewhere.

use super::{Key, Kind, Preset, Section, key};

const COUNT_MAX: u64 = 0xffff_ffff;
/// A day, below which a lock protects nobody, and the longest that S3 takes, 100 years.
const LOCK_MS_MIN: u64 = 86_400_000;
const LOCK_MS_MAX: u64 = 36_500 * 86_400_000;

pub(crate) static ENCRYPTION: Section = Section {
    header: "[backup.encryption]",
    about: "For whom new backups are encrypted, and what opens those that are there. The format is that of the program \
            `age`. Making a backup needs recipients only; verifying, restoring, a drill and a release that can go back with \
            its data need an identity. See [Copies and encryption](../guide/copies-and-encryption.md).",
    keys: &[
        key(
            "recipients",
            Kind::List(&Kind::Text, 1),
            Preset::Absent("not encrypted"),
            "Public keys, each beginning with `age1`: whoever has the identity of one of them reads a backup. \
             `portcullis backup key new` makes a pair.",
        ),
        key(
            "identities",
            Kind::List(&Kind::Secret, 1),
            Preset::Absent("backups cannot be read here"),
            "The secret halves, by reference: the text of identity files, as `age-keygen` writes them. All of them are \
             tried, so an old one stays here as long as backups need it.",
        ),
    ],
};

pub(crate) static COPY: Section = Section {
    header: "[[backup.copy]]",
    about: "A place elsewhere to which each backup is copied after it was verified. Repeat the table for each. \
            Without keys here the provider's own variables, files and machine roles are used. See \
            [Copies and encryption](../guide/copies-and-encryption.md).",
    keys: &[
        key(
            "name",
            Kind::Name,
            Preset::Required,
            "How it is called in commands and messages.",
        ),
        key(
            "url",
            Kind::Text,
            Preset::Required,
            "`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. No other vault may copy to the same \
             prefix.",
        ),
        key(
            "endpoint",
            Kind::Text,
            Preset::Absent("the provider's"),
            "Another server that speaks the same language, such as `https://s3.example.org`. With `http://` only one on \
             this machine.",
        ),
        key(
            "region",
            Kind::Text,
            Preset::Absent("`AWS_REGION`, or `us-east-1`"),
            "S3: the region of the bucket.",
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
            "S3: the ID of the access key; may be a reference.",
        ),
        key(
            "account",
            Kind::Text,
            Preset::Absent("the environment's own"),
            "Azure: the storage account.",
        ),
        key(
            "secret",
            Kind::Secret,
            Preset::Absent("the environment's own"),
            "By reference. S3: the secret access key; Google: the JSON of a service account; Azure: the account's key, or a \
             shared access signature.",
        ),
        key(
            "required",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether the backup of a release must be copied there before the release changes data. `timeouts.backup` then \
             holds for making, verifying and copying together.",
        ),
        key(
            "lock",
            Kind::DurationWithin(LOCK_MS_MIN, LOCK_MS_MAX),
            Preset::Absent("what the bucket does by itself"),
            "S3: for how long nobody can remove or change what was copied, from the moment of the backup (Object Lock, which the \
             bucket must have been made with).",
        ),
        key(
            "lock_mode",
            Kind::Choice(&["governance", "compliance"]),
            Preset::Absent("`governance`, with `lock`"),
            "S3: whether somebody with the right to bypass a lock may do so, or nobody at all, and not the owner of the account \
             either.",
        ),
        KEEP_LAST,
        keep("keep_days", "The same as `keep_days` of `[backup]`."),
        keep("keep_hourly", "The same as `keep_hourly` of `[backup]`."),
        keep("keep_daily", "The same as `keep_daily` of `[backup]`."),
        keep("keep_weekly", "The same as `keep_weekly` of `[backup]`."),
        keep("keep_monthly", "The same as `keep_monthly` of `[backup]`."),
        keep("keep_yearly", "The same as `keep_yearly` of `[backup]`."),
    ],
};

const KEEP_LAST: Key = key(
    "keep_last",
    Kind::Whole(1, COUNT_MAX),
    Preset::Absent("as in `[backup]`"),
    "How many of the newest copies are kept there, however old.",
);

const fn keep(name: &'static str, meaning: &'static str) -> Key {
    key(
        name,
        Kind::Whole(0, COUNT_MAX),
        Preset::Absent("as in `[backup]`"),
        meaning,
    )
}
