//! The texts of the error codes, in the order of their numbers. Nothing else is here.

use super::{ErrorCode, Exit, Meaning};

/// What a code stands for.
pub(super) fn meaning(code: ErrorCode) -> Meaning {
    match code {
        ErrorCode::Configuration => CONFIGURATION,
        ErrorCode::Usage => USAGE,
        ErrorCode::UnknownWord => UNKNOWN_WORD,
        ErrorCode::BadValue => BAD_VALUE,
        ErrorCode::MissingArgument => MISSING_ARGUMENT,
        ErrorCode::Contradiction => CONTRADICTION,
        ErrorCode::UnknownCode => UNKNOWN_CODE,
        ErrorCode::UnknownTopic => UNKNOWN_TOPIC,
        ErrorCode::NoCommandGuessed => NO_COMMAND_GUESSED,
        ErrorCode::StateFolder => STATE_FOLDER,
        ErrorCode::NoToken => NO_TOKEN,
        ErrorCode::BadToken => BAD_TOKEN,
        ErrorCode::LockHeld => LOCK_HELD,
        ErrorCode::FileUnwritable => FILE_UNWRITABLE,
        ErrorCode::NoServer => NO_SERVER,
        ErrorCode::NotAuthorised => NOT_AUTHORISED,
        ErrorCode::NotFound => NOT_FOUND,
        ErrorCode::EngineStopped => ENGINE_STOPPED,
        ErrorCode::AnswerUnreadable => ANSWER_UNREADABLE,
        ErrorCode::ServerFailed => SERVER_FAILED,
        ErrorCode::RequestRefused => REQUEST_REFUSED,
        ErrorCode::ServeFailed => SERVE_FAILED,
        ErrorCode::RequestUnreadable => REQUEST_UNREADABLE,
        ErrorCode::RestartNeeded => RESTART_NEEDED,
        ErrorCode::NoApplication => NO_APPLICATION,
        ErrorCode::NotDify => NOT_DIFY,
        ErrorCode::PlanRefused => PLAN_REFUSED,
        ErrorCode::UnknownRelease => UNKNOWN_RELEASE,
        ErrorCode::NoPredecessor => NO_PREDECESSOR,
        ErrorCode::ArtifactUnreadable => ARTIFACT_UNREADABLE,
        ErrorCode::NoFreePort => NO_FREE_PORT,
        ErrorCode::PlanMoved => PLAN_MOVED,
        ErrorCode::NothingLive => NOTHING_LIVE,
        ErrorCode::StillLive => STILL_LIVE,
        ErrorCode::NotNow => NOT_NOW,
        ErrorCode::NotLive => NOT_LIVE,
        ErrorCode::UnknownRollout => UNKNOWN_ROLLOUT,
        ErrorCode::RolledBack => ROLLED_BACK,
        ErrorCode::Waits => WAITS,
        ErrorCode::Inconclusive => INCONCLUSIVE,
        ErrorCode::Detached => DETACHED,
        ErrorCode::JournalFailed => JOURNAL_FAILED,
        ErrorCode::NoJournal => NO_JOURNAL,
        ErrorCode::JournalUnreadable => JOURNAL_UNREADABLE,
        ErrorCode::BackupFailed => BACKUP_FAILED,
        ErrorCode::NoBackup => NO_BACKUP,
        ErrorCode::NoStore => NO_STORE,
        ErrorCode::StoreInUse => STORE_IN_USE,
        ErrorCode::DatabaseRefused => DATABASE_REFUSED,
        ErrorCode::CopyFailed => COPY_FAILED,
        ErrorCode::NotReadThrough => NOT_READ_THROUGH,
        ErrorCode::MigrationRefused => MIGRATION_REFUSED,
        ErrorCode::MigrationFailed => MIGRATION_FAILED,
        ErrorCode::MigrationUnderWay => MIGRATION_UNDER_WAY,
        ErrorCode::NoDatabase => NO_DATABASE,
        ErrorCode::Failed => FAILED,
        ErrorCode::Internal => INTERNAL,
    }
}

const CONFIGURATION: Meaning = Meaning {
    number: 100,
    title: "The configuration has problems",
    meaning: "portcullis.toml, or what it names on the disk, is not right. Every problem is told \
               with its place and a code of its own. What already runs is not affected.",
    remedy: "Mend the places that are named, then run `portcullis check` until it reports no \
              problems.",
    exit: Exit::Usage,
};

const USAGE: Meaning = Meaning {
    number: 200,
    title: "The command line is wrong",
    meaning: "What was typed does not fit together or has a value that cannot be used.",
    remedy: "Run the command with `--help`: it ends with an example.",
    exit: Exit::Usage,
};

const UNKNOWN_WORD: Meaning = Meaning {
    number: 201,
    title: "An unknown command or option",
    meaning: "There is no command or option of this name.",
    remedy: "Look for the nearest name in the hint, or list all with `portcullis --help`.",
    exit: Exit::Usage,
};

const BAD_VALUE: Meaning = Meaning {
    number: 202,
    title: "A value that is not allowed",
    meaning: "An argument or option was given a value that it cannot take.",
    remedy: "The message says which values are possible.",
    exit: Exit::Usage,
};

const MISSING_ARGUMENT: Meaning = Meaning {
    number: 203,
    title: "Something is missing",
    meaning: "The command needs an argument or an option that was not given.",
    remedy: "The message names it; `--help` after the command shows an example.",
    exit: Exit::Usage,
};

const CONTRADICTION: Meaning = Meaning {
    number: 204,
    title: "Options that exclude each other",
    meaning: "Two options were given of which only one can hold.",
    remedy: "Leave one of them out.",
    exit: Exit::Usage,
};

const UNKNOWN_CODE: Meaning = Meaning {
    number: 205,
    title: "An unknown error code",
    meaning: "`portcullis explain` knows no code of this number.",
    remedy: "`portcullis explain` without a code lists all of them.",
    exit: Exit::Usage,
};

const UNKNOWN_TOPIC: Meaning = Meaning {
    number: 206,
    title: "An unknown topic",
    meaning: "The documentation in the binary has no topic of this name.",
    remedy: "`portcullis docs` without a topic lists all of them.",
    exit: Exit::Usage,
};

const NO_COMMAND_GUESSED: Meaning = Meaning {
    number: 207,
    title: "How the service is started is not known",
    meaning: "`init` found nothing in the folder from which it could tell how the service is \
               started: no Procfile, no systemd unit, no start script, no program. A compose file \
               alone is not enough, because Portcullis starts processes and not containers.",
    remedy: "Say it: `portcullis init --command './my-service --port {port}'`. `{port}` stands \
              for the port that Portcullis gives to each release.",
    exit: Exit::Usage,
};

const STATE_FOLDER: Meaning = Meaning {
    number: 301,
    title: "The state folder cannot be used",
    meaning: "The folder that holds journal, token and records cannot be made, read or written.",
    remedy: "Check its owner and mode (0700) and the free space; `portcullis doctor` looks at all \
              of them.",
    exit: Exit::Failed,
};

const NO_TOKEN: Meaning = Meaning {
    number: 302,
    title: "There is no token",
    meaning: "The state folder, or the token in it, is missing or cannot be read by this user. \
               Without the token nobody may talk to the server.",
    remedy: "Run `portcullis init` in the folder of portcullis.toml, as the user that runs \
              `portcullis serve`.",
    exit: Exit::Failed,
};

const BAD_TOKEN: Meaning = Meaning {
    number: 303,
    title: "The token cannot be one",
    meaning: "The file `token` in the state folder is too short to be a token; it was probably cut \
               off or emptied.",
    remedy: "Remove the file, run `portcullis init`, and start `portcullis serve` again.",
    exit: Exit::NotAuthorised,
};

const LOCK_HELD: Meaning = Meaning {
    number: 304,
    title: "Another Portcullis acts here",
    meaning: "Only one Portcullis may act on a state folder. Another process holds its lock; the \
               message names the process.",
    remedy: "Stop that process first, or use another state folder. The lock goes with the \
              process: there is no file to remove.",
    exit: Exit::LeaseHeld,
};

const FILE_UNWRITABLE: Meaning = Meaning {
    number: 305,
    title: "A file cannot be written",
    meaning: "A file or folder that was asked for cannot be made or written.",
    remedy: "Check the path, its owner and the free space, or name another one.",
    exit: Exit::Failed,
};

const NO_SERVER: Meaning = Meaning {
    number: 401,
    title: "No server answers",
    meaning: "Nothing answers where the configuration says that the API is reached. The message \
               says whether a `portcullis serve` runs all the same: it may be suspended, have lost \
               its socket, or serve users while its engine does not act.",
    remedy: "Where none runs, start it with `portcullis serve`, or name the right configuration \
              with `--file`. Where one runs, do what the hint says: a second one would be refused.",
    exit: Exit::Unreachable,
};

const NOT_AUTHORISED: Meaning = Meaning {
    number: 402,
    title: "Not authorised",
    meaning: "The server does not accept the token of this state folder.",
    remedy: "The server and the command must use the same state folder. If the token was \
              replaced, start `portcullis serve` again.",
    exit: Exit::NotAuthorised,
};

const NOT_FOUND: Meaning = Meaning {
    number: 403,
    title: "The server does not know it",
    meaning: "The server has no rollout, or no call, of this name.",
    remedy: "`portcullis history` lists the rollouts. If a call is missing, the server is older \
              than this command.",
    exit: Exit::Failed,
};

const ENGINE_STOPPED: Meaning = Meaning {
    number: 404,
    title: "The engine does not act",
    meaning: "The server runs and users are served, but its engine had to stop: it could not write \
               the journal, or found that the journal does not fit what runs.",
    remedy: "`portcullis status` says why. Mend the cause, then start `portcullis serve` again.",
    exit: Exit::Failed,
};

const ANSWER_UNREADABLE: Meaning = Meaning {
    number: 405,
    title: "The server's answer cannot be read",
    meaning: "The answer was cut off, or is not what this version of the command expects.",
    remedy: "Compare `portcullis --version` with the version of the program that serves, and look \
              at the server's log.",
    exit: Exit::Internal,
};

const SERVER_FAILED: Meaning = Meaning {
    number: 406,
    title: "The server made a mistake",
    meaning: "The server could not carry out a request because of a mistake of its own.",
    remedy: "Look at the log of `portcullis serve`, and report it together with the last lines.",
    exit: Exit::Internal,
};

const REQUEST_REFUSED: Meaning = Meaning {
    number: 407,
    title: "The server refuses",
    meaning: "The server refused a request for a reason that this command does not know.",
    remedy: "The message is the server's own. If the server is newer than this command, use the \
              newer one.",
    exit: Exit::Failed,
};

const SERVE_FAILED: Meaning = Meaning {
    number: 408,
    title: "The server cannot go on",
    meaning: "`portcullis serve` could not start, or had to stop. Nothing was done without a \
               record.",
    remedy: "The cause is in the message: often a port that is taken, or a journal that does not \
              fit. Mend it and start again; `portcullis doctor` helps to find it.",
    exit: Exit::Failed,
};

const REQUEST_UNREADABLE: Meaning = Meaning {
    number: 409,
    title: "The server cannot read the request",
    meaning: "A request to the API has the wrong method, a body that is too large, or a body that is \
               not the JSON that the call takes. Nothing was done.",
    remedy: "Compare `portcullis --version` with the version of the program that serves; \
              `portcullis doctor` does it too. A program of your own must send what the message asks for.",
    exit: Exit::Failed,
};

const RESTART_NEEDED: Meaning = Meaning {
    number: 410,
    title: "A running gateway cannot change this",
    meaning: "The configuration file has a setting that is read at a start only, so nothing of it was put \
               in force: addresses, the state folder, and where requests are logged and counted.",
    remedy: "Restart `portcullis serve`. Where neither an address nor the state folder is meant, an upgrade \
              (SIGUSR2) does the same without a dropped request; `gateway.listen`, `gateway.admin` and `listen` \
              of [gateway.tls] change with a restart only, and an upgrade is refused meanwhile. Or take the \
              change back and reload again.",
    exit: Exit::Failed,
};

const NO_APPLICATION: Meaning = Meaning {
    number: 411,
    title: "The application does not answer",
    meaning: "Nobody answers at the URL that was given, or not in time, or its certificate is not believed.",
    remedy: "Check the URL, and that the application runs and can be reached from here. An authority of your own \
              is given with `--ca FILE`.",
    exit: Exit::Unreachable,
};

const NOT_DIFY: Meaning = Meaning {
    number: 412,
    title: "What answers is not Dify",
    meaning: "Something answers at the URL that was given, and nothing of its answer says that it is Dify.",
    remedy: "Give the URL of Dify's service API, for example http://127.0.0.1:5001 or https://dify.example/v1. If \
              something before it asks for a key, give it with `--key env:NAME`.",
    exit: Exit::Failed,
};

const PLAN_REFUSED: Meaning = Meaning {
    number: 501,
    title: "No plan can be made",
    meaning: "A plan that could lose data or traffic is refused, and every reason is told. Nothing \
               was changed.",
    remedy: "Mend the reasons that are told; `portcullis plan` shows whether it is enough.",
    exit: Exit::Failed,
};

const UNKNOWN_RELEASE: Meaning = Meaning {
    number: 502,
    title: "The release is not in the configuration",
    meaning: "The configuration has no `[[release]]` of this version.",
    remedy: "Add it, or name one that is there; the message lists them.",
    exit: Exit::Failed,
};

const NO_PREDECESSOR: Meaning = Meaning {
    number: 503,
    title: "There is nothing to go back to",
    meaning: "No release served before the one that serves now, or none serves yet.",
    remedy: "To stop a rollout that runs now, use `portcullis abort`.",
    exit: Exit::Failed,
};

const ARTIFACT_UNREADABLE: Meaning = Meaning {
    number: 504,
    title: "The program of a release cannot be read",
    meaning: "The file that `artifact` names is missing or cannot be read, so its hash cannot go \
               into the plan.",
    remedy: "Put the program there, or correct `artifact`; `portcullis check` looks at all of \
              them.",
    exit: Exit::Failed,
};

const NO_FREE_PORT: Meaning = Meaning {
    number: 505,
    title: "No port is free for the release",
    meaning: "Each release gets a port of its own from `service.ports`, and too few of them are \
               free.",
    remedy: "Make the range wider, or stop what listens there; `portcullis doctor` says what \
              does.",
    exit: Exit::Failed,
};

const PLAN_MOVED: Meaning = Meaning {
    number: 506,
    title: "The world has moved since the plan was saved",
    meaning: "A saved plan is carried out exactly as it was reviewed, or not at all. Since it was saved, \
              something that it depends on has changed; every change is told.",
    remedy: "Look at what changed, save a new plan with `portcullis plan --out FILE`, review it and deploy \
             that one.",
    exit: Exit::Failed,
};

const NOTHING_LIVE: Meaning = Meaning {
    number: 601,
    title: "No rollout is live",
    meaning: "The command speaks to a rollout that goes on, and there is none.",
    remedy: "`portcullis status` says how the service stands, `portcullis history` what was \
              released. To return to the release before, use `portcullis rollback`.",
    exit: Exit::Failed,
};

const STILL_LIVE: Meaning = Meaning {
    number: 602,
    title: "A rollout is still live",
    meaning: "Only one rollout of a service may be live at a time.",
    remedy: "The message says how it stands and which words it takes now. Wait for it with \
              `portcullis watch`, or stop it with `portcullis abort`. One that only keeps the old release \
              warm is no obstacle: the next `portcullis deploy` ends it.",
    exit: Exit::Failed,
};

const NOT_NOW: Meaning = Meaning {
    number: 603,
    title: "Not possible now",
    meaning: "The rollout is in a state in which this word has no meaning, for example `resume` \
               for one that does not wait.",
    remedy: "The message lists the words that it takes now; `portcullis status` says what it waits for.",
    exit: Exit::Failed,
};

const NOT_LIVE: Meaning = Meaning {
    number: 604,
    title: "That rollout is not the live one",
    meaning: "The command names a rollout that is over, or another one than the one that is live.",
    remedy: "Leave the name out to speak to the live one, or look at `portcullis status`.",
    exit: Exit::Failed,
};

const UNKNOWN_ROLLOUT: Meaning = Meaning {
    number: 605,
    title: "There is no such rollout",
    meaning: "The journal has no rollout of this name.",
    remedy: "`portcullis history` lists the names; they look like `dhash-2`.",
    exit: Exit::Failed,
};

const ROLLED_BACK: Meaning = Meaning {
    number: 611,
    title: "A gate failed and it was rolled back",
    meaning: "The new release did not hold what its gate asks, and traffic went back to the one \
               before.",
    remedy: "`portcullis show ROLLOUT` shows the figures and the limits that were not held.",
    exit: Exit::RolledBack,
};

const WAITS: Meaning = Meaning {
    number: 612,
    title: "It waits for a person",
    meaning: "The rollout is held or waits for an approval, and does not go on alone.",
    remedy: "`portcullis status` says why, and what can be answered.",
    exit: Exit::Waits,
};

const INCONCLUSIVE: Meaning = Meaning {
    number: 613,
    title: "A gate could not decide",
    meaning: "There were too few requests to tell whether the new release is good, and the time \
               was over.",
    remedy: "`portcullis resume` goes on without the proof, `portcullis abort` goes back. More \
              traffic, or a lower `requests_min`, helps the next time.",
    exit: Exit::Inconclusive,
};

const DETACHED: Meaning = Meaning {
    number: 614,
    title: "Detached",
    meaning: "The command was interrupted; the rollout goes on in the server.",
    remedy: "`portcullis watch` follows it again, `portcullis abort` stops it.",
    exit: Exit::Detached,
};

const JOURNAL_FAILED: Meaning = Meaning {
    number: 701,
    title: "The journal is not whole, or cannot be used",
    meaning: "The journal's chain of hashes is broken, or a record in it does not follow from \
               those before. The message names the entry.",
    remedy: "Release nothing until this is understood. Keep a copy of the file, and put the \
              journal back from a copy that verifies.",
    exit: Exit::Failed,
};

const NO_JOURNAL: Meaning = Meaning {
    number: 702,
    title: "There is no journal",
    meaning: "The state folder has no journal yet: nothing was ever released from it.",
    remedy: "`portcullis serve` makes it. If there was one, put it back from a copy before you \
              start.",
    exit: Exit::Failed,
};

const JOURNAL_UNREADABLE: Meaning = Meaning {
    number: 703,
    title: "The journal cannot be read",
    meaning: "The journal's file is there, but it cannot be opened or read, or another version of \
               Portcullis wrote it.",
    remedy: "Check its owner and mode, and that this version is not older than the one that wrote \
              it; then `portcullis journal verify`.",
    exit: Exit::Failed,
};

const BACKUP_FAILED: Meaning = Meaning {
    number: 801,
    title: "A backup could not be made, read or restored",
    meaning: "The vault or a store cannot be used as it is, or a backup is not what its manifest \
               says. Live data was not changed, unless the message says so.",
    remedy: "The message names the file. Look at the free space, and at the vault's mode (0700); \
              `portcullis backup verify` reads a backup back.",
    exit: Exit::Failed,
};

const NO_BACKUP: Meaning = Meaning {
    number: 802,
    title: "There is no such backup",
    meaning: "The vault has no backup of this name, or none at all.",
    remedy: "`portcullis backup list` lists them, `portcullis backup create` makes one.",
    exit: Exit::Failed,
};

const NO_STORE: Meaning = Meaning {
    number: 803,
    title: "There is no such store",
    meaning: "The configuration, or the backup, has no store of this name.",
    remedy: "Stores are the `[[store]]` tables of the configuration; `portcullis docs store` \
              describes them.",
    exit: Exit::Failed,
};

const STORE_IN_USE: Meaning = Meaning {
    number: 804,
    title: "The data is in use",
    meaning: "A release runs on the data that would be replaced, and would not know of it.",
    remedy: "Stop the services first: `portcullis serve --stop-services`, then stop it with \
              Ctrl-C. After the restore the next `portcullis serve` starts them again.",
    exit: Exit::Failed,
};

const DATABASE_REFUSED: Meaning = Meaning {
    number: 805,
    title: "A database on a server cannot be used",
    meaning: "A store of kind `postgres` or `redis` cannot be backed up or put back: the server is away, refuses the \
              user or lacks something, or its programs are missing or too old. The database was not changed.",
    remedy: "The message names the store and what is in the way; `portcullis docs postgresql-stores` and \
             `portcullis docs redis-stores` say which rights and programs are needed, and `portcullis doctor` looks at them.",
    exit: Exit::Failed,
};

const COPY_FAILED: Meaning = Meaning {
    number: 806,
    title: "A copy elsewhere, or a key of backups, cannot be used",
    meaning: "A place of `[[backup.copy]]` cannot be reached, refuses us, or does not have what was written there; or \
               what is configured for it or for `[backup.encryption]` cannot be used. The local backups were not changed.",
    remedy: "The message names the place and what it said. Try again when it answers: an upload goes on from where it \
              was. `portcullis docs copies-and-encryption` describes keys and rights.",
    exit: Exit::Failed,
};

const NOT_READ_THROUGH: Meaning = Meaning {
    number: 807,
    title: "An encrypted backup is whole, but nobody read it through",
    meaning: "Its files have the checksums that were written, and no key that is configured here opens it. So it does \
               not count as verified: whether it can be restored is not known.",
    remedy: "Verify it where the identity is, or name that in `backup.encryption.identities`; `portcullis backup key \
              list` says for whom each backup was encrypted.",
    exit: Exit::Failed,
};

const MIGRATION_REFUSED: Meaning = Meaning {
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

const MIGRATION_FAILED: Meaning = Meaning {
    number: 852,
    title: "A migration failed",
    meaning: "The database refused a statement, or ended it because its time was over. The message \
               says whether the file was rolled back, or how many of its statements are carried out.",
    remedy: "Mend the data or the file as the hint says, and apply again: it goes on where it \
              stopped. Never mark it as applied by hand.",
    exit: Exit::Failed,
};

const MIGRATION_UNDER_WAY: Meaning = Meaning {
    number: 853,
    title: "Another migration is under way",
    meaning: "Another run holds the lock on this database; two at once could apply a file twice.",
    remedy: "Wait for it. If its process is gone, PostgreSQL may still be working on its last \
              statement: the message names its session.",
    exit: Exit::LeaseHeld,
};

const NO_DATABASE: Meaning = Meaning {
    number: 854,
    title: "The database cannot be reached",
    meaning: "Nobody answers at the address, it lets us not in, or there is no such file.",
    remedy: "Look at host, port, user and database of the reference, and at PGPASSWORD or ~/.pgpass. \
              SQLite's file must exist: a migration never makes a database.",
    exit: Exit::Unreachable,
};

const FAILED: Meaning = Meaning {
    number: 901,
    title: "It could not be done",
    meaning: "The command failed for a reason that has no code of its own; the message says which.",
    remedy: "Mend what the message names and try again. Nothing is done without a record: \
              `portcullis status` says how things stand.",
    exit: Exit::Failed,
};

const INTERNAL: Meaning = Meaning {
    number: 902,
    title: "A mistake in Portcullis",
    meaning: "Something happened that should not be possible. What runs goes on.",
    remedy: "Please report it with the message and the output of `portcullis doctor`.",
    exit: Exit::Internal,
};
