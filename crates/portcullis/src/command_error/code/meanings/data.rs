//! The texts of the error codes about data: backups, stores and migrations.

use super::{Exit, Meaning};

pub(super) const BACKUP_FAILED: Meaning = Meaning {
    number: 801,
    title: "A backup could not be made, read or restored",
    meaning: "The vault or a store cannot be used as it is, or a backup is not what its manifest \
               says. Live data was not changed, unless the message says so.",
    remedy: "The message names the file. Look at the free space, and at the vault's mode (0700); \
              `portcullis backup verify` reads a backup back.",
    exit: Exit::Failed,
};

pub(super) const NO_BACKUP: Meaning = Meaning {
    number: 802,
    title: "There is no such backup",
    meaning: "The vault has no backup of this name, or none at all.",
    remedy: "`portcullis backup list` lists them, `portcullis backup create` makes one.",
    exit: Exit::Failed,
};

pub(super) const NO_STORE: Meaning = Meaning {
    number: 803,
    title: "There is no such store",
    meaning: "The configuration, or the backup, has no store of this name.",
    remedy: "Stores are the `[[store]]` tables of the configuration; `portcullis docs store` \
              describes them.",
    exit: Exit::Failed,
};

pub(super) const STORE_IN_USE: Meaning = Meaning {
    number: 804,
    title: "The data is in use",
    meaning: "A release runs on the data that would be replaced, and would not know of it.",
    remedy: "Stop the services first: `portcullis serve --stop-services`, then stop it with \
              Ctrl-C. After the restore the next `portcullis serve` starts them again.",
    exit: Exit::Failed,
};

pub(super) const DATABASE_REFUSED: Meaning = Meaning {
    number: 805,
    title: "A database on a server cannot be used",
    meaning: "A store of kind `postgres` or `redis` cannot be backed up or put back: the server is away, refuses the \
              user or lacks something, or its programs are missing or too old. The database was not changed.",
    remedy: "The message names the store and what is in the way; `portcullis docs postgresql-stores` and \
             `portcullis docs redis-stores` say which rights and programs are needed, and `portcullis doctor` looks at them.",
    exit: Exit::Failed,
};

pub(super) const COPY_FAILED: Meaning = Meaning {
    number: 806,
    title: "A copy elsewhere, or a key of backups, cannot be used",
    meaning: "A place of `[[backup.copy]]` cannot be reached, refuses us, or does not have what was written there; or \
               what is configured for it or for `[backup.encryption]` cannot be used. The local backups were not changed.",
    remedy: "The message names the place and what it said. Try again when it answers: an upload goes on from where it \
              was. `portcullis docs copies-and-encryption` describes keys and rights.",
    exit: Exit::Failed,
};

pub(super) const BUCKET_REFUSED: Meaning = Meaning {
    number: 808,
    title: "A bucket that is a store cannot be used",
    meaning: "A store of kind `bucket` cannot be backed up or put back: the server is away, the bucket is not there or \
              elsewhere, or we may not do what is needed. A restore that ended early has put some objects back and others \
              not; what it replaced is kept.",
    remedy: "The message names the store and what the server said. Put it back again when that is settled: it does the \
             rest. `portcullis docs bucket-stores` says which rights are needed.",
    exit: Exit::Failed,
};

pub(super) const NOT_READ_THROUGH: Meaning = Meaning {
    number: 807,
    title: "An encrypted backup is whole, but nobody read it through",
    meaning: "Its files have the checksums that were written, and no key that is configured here opens it. So it does \
               not count as verified: whether it can be restored is not known.",
    remedy: "Verify it where the identity is, or name that in `backup.encryption.identities`; `portcullis backup key \
              list` says for whom each backup was encrypted.",
    exit: Exit::Failed,
};

pub(super) const MIGRATION_REFUSED: Meaning = Meaning {
    number: 851,
    title: "Migrations cannot be applied as they are",
    meaning: "The files, the ledger in the database and what was asked do not fit together: a file \
               changed after it was applied, comes before one that is applied, needs an earlier \
               phase, or a statement of an earlier run is in doubt. Or the lint finds that files of a \
               release would break what runs. Nothing was changed.",
    remedy: "The message names the file. `portcullis migrate status` compares all of them with the \
              ledger; `portcullis docs migrations` says what each refusal is about.",
    exit: Exit::Failed,
};

pub(super) const MIGRATION_FAILED: Meaning = Meaning {
    number: 852,
    title: "A migration failed",
    meaning: "The database refused a statement, or ended it because its time was over. The message \
               says whether the file was rolled back, or how many of its statements are carried out.",
    remedy: "Mend the data or the file as the hint says, and apply again: it goes on where it \
              stopped. Never mark it as applied by hand.",
    exit: Exit::Failed,
};

pub(super) const MIGRATION_UNDER_WAY: Meaning = Meaning {
    number: 853,
    title: "Another migration is under way",
    meaning: "Another run holds the lock on this database; two at once could apply a file twice.",
    remedy: "Wait for it. If its process is gone, PostgreSQL may still be working on its last \
              statement: the message names its session.",
    exit: Exit::LeaseHeld,
};

pub(super) const NO_DATABASE: Meaning = Meaning {
    number: 854,
    title: "The database cannot be reached",
    meaning: "Nobody answers at the address, it lets us not in, or there is no such file.",
    remedy: "Look at host, port, user and database of the reference, and at PGPASSWORD or ~/.pgpass. \
              SQLite's file must exist: a migration never makes a database.",
    exit: Exit::Unreachable,
};
