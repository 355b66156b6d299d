//! Every bound of this crate, in one place.

/// How often a backup is begun anew because a file changed while it was read.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// How much is read or written at a time.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

/// How much of an archive is compressed at a time, by one thread.
pub(crate) const FRAME_BYTES: usize = 1024 * 1024;

/// How many threads compress at most. Each needs a piece, its frame and the tables of the compressor: 4 MiB in all.
pub(crate) const WORKERS_MAX: usize = 4;

/// How many pieces are read or written while each of the workers has one.
pub(crate) const PIECES_SPARE: usize = 2;

/// How many pieces of [`CHUNK_BYTES`] are read ahead of whoever needs them.
pub(crate) const AHEAD_PIECES: usize = 8;

/// After how much more of a file a restore reads it back, while it goes on writing it.
pub(crate) const READ_BACK_BYTES: u64 = 16 * 1024 * 1024;

/// How many threads read back what a restore writes: they wait for the disk most of the time.
pub(crate) const READ_BACK_THREADS: usize = 4;

/// How many files that are written may wait to be read back. Each is open.
pub(crate) const READ_BACK_QUEUE: usize = 64;

/// After how much more of an archive it is synced while it is written.
pub(crate) const SYNC_BYTES: u64 = 32 * 1024 * 1024;

/// The largest manifest that is read: about a million files.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The largest `.sha256` file that is read; a real one has less than 1 KiB.
pub(crate) const SUMS_BYTES_MAX: u64 = 64 * 1024;

/// The longest name of a service, environment or store: the limit of a DNS label.
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// What an entry costs beside its content: tar headers, padding and its lines in both manifests.
pub(crate) const ENTRY_OVERHEAD_BYTES: u64 = 4096;

/// How much may stand before an entry of an archive: a long name, or its extended attributes.
pub(crate) const AHEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many problems of one backup are listed.
pub(crate) const DAMAGES_MAX: usize = 20;

/// zstd's own default: photographs do not compress anyway, and JSON does well at any level.
pub(crate) const COMPRESSION_LEVEL: i32 = 3;

/// The largest record that is read; a real one has less than 200 bytes.
pub(crate) const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// How long a lock of another program on an SQLite database is waited for, in milliseconds.
pub(crate) const SQLITE_PATIENCE_MS: u64 = if cfg!(test) { 500 } else { 30_000 };

/// How long SQLite itself waits for one lock, in milliseconds; waiting goes on until
/// [`SQLITE_PATIENCE_MS`].
pub(crate) const SQLITE_BUSY_MS: u64 = 2_000;

/// How long the pause between two looks at a locked database is, in milliseconds.
pub(crate) const SQLITE_PAUSE_MS: u64 = 20;

/// How many pages of an SQLite database are copied at a time: 4 MiB of the usual pages.
pub(crate) const SQLITE_PAGES_AT_ONCE: i32 = 1024;

/// After how many pages copied in vain, as a multiple of those of the database, its writers are made to wait.
pub(crate) const SQLITE_RESTARTS_MAX: u64 = 3;

/// How many findings about a damaged database are told.
pub(crate) const FINDINGS_MAX: usize = 5;

/// How many programs that have a database open are named.
pub(crate) const OPENERS_MAX: usize = 5;

/// How long a program may keep a database open that is to be replaced, in milliseconds.
pub(crate) const SQLITE_CLOSED_WITHIN_MS: u64 = 5_000;

/// How often the indexes of a Chroma database are copied with it while writes go on, and how often in all: then those
/// who write wait for as long as it takes to copy what changed.
pub(crate) const CHROMA_ATTEMPTS_FREE: u32 = 3;
pub(crate) const CHROMA_ATTEMPTS_MAX: u32 = 8;

/// For how long an index that is half written must not have changed to be taken for what a crash left, in milliseconds.
pub(crate) const CHROMA_QUIET_MS: u64 = 3_000;

/// How long an index that is just being written is waited for, in milliseconds.
pub(crate) const CHROMA_SETTLE_MS: u64 = 60_000;

/// How often a tool's data is written anew because its digest changed meanwhile.
pub(crate) const COMMAND_ATTEMPTS: u32 = 3;

/// How much a command may print where one word or one number is read.
pub(crate) const COMMAND_WORDS_BYTES_MAX: usize = 1024;

/// After how many bytes of a backup command it is looked again whether there is room.
pub(crate) const COMMAND_ROOM_EVERY_BYTES: u64 = 32 * 1024 * 1024;

/// How long opening a session with a PostgreSQL server may take, in seconds.
pub(crate) const POSTGRES_CONNECT_S: u64 = 10;

/// How long a lock that another session holds on something in a PostgreSQL database is waited for, in seconds.
pub(crate) const POSTGRES_LOCK_S: u64 = 30;

/// How long `pg_dump` or `pg_restore` may run, in seconds: 12 hours. It is killed then.
pub(crate) const POSTGRES_TOOL_S: u64 = 12 * 60 * 60;

/// How long a tool may take to say which version it is, in seconds.
pub(crate) const POSTGRES_VERSION_S: u64 = 20;

/// How much of what a tool prints on standard error is kept: its end.
pub(crate) const TOOL_WORDS_BYTES_MAX: usize = 4096;

/// How much a tool may print on standard output where that is read: the list of what is in a dump.
pub(crate) const TOOL_OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The oldest PostgreSQL that is backed up: older ones are not maintained any more.
pub(crate) const POSTGRES_MAJOR_MIN: u32 = 13;

/// How often the databases are tried to be renamed, each time for the five seconds that the server waits for
/// sessions to end.
pub(crate) const POSTGRES_SWAP_ATTEMPTS: u32 = 3;

/// How long the pause is between two rounds of ending the sessions of a database that is replaced, in
/// milliseconds.
pub(crate) const POSTGRES_SESSIONS_PAUSE_MS: u64 = 20;

/// The longest name of a database, in bytes (NAMEDATALEN - 1).
pub(crate) const POSTGRES_NAME_BYTES_MAX: usize = 63;

/// How many columns of a PostgreSQL table are put together by one call: a function takes 100 values, and there are others.
pub(crate) const POSTGRES_COLUMNS_A_CALL: usize = 90;

/// How large a piece of a large object is that is hashed at a time, in bytes.
pub(crate) const LARGE_OBJECT_PIECE_BYTES: u64 = 1024 * 1024;

/// How many things that are missing or in the way are named in one message.
pub(crate) const NAMED_MAX: usize = 8;

/// The largest file of write-ahead log that is read, in bytes: PostgreSQL's largest segment.
pub(crate) const WAL_FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The largest list of marks of received log that is read, in bytes: a line for each segment since the oldest copy.
pub(crate) const WAL_MARKS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The largest list of damaged files of an archive that is read, in bytes.
pub(crate) const DAMAGED_FILES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How often a stream of write-ahead log is looked at, in milliseconds.
pub(crate) const WAL_LOOK_MS: u64 = 500;

/// How often it is noted up to when everything was received, in milliseconds.
pub(crate) const WAL_NOTE_MS: u64 = 2_000;

/// For how many moments of the server's clock a stream that is behind is waited for.
pub(crate) const WAL_PENDING_MAX: usize = 600;

/// How long `pg_receivewal` may take to end after it was asked to, in seconds.
pub(crate) const WAL_STOP_S: u64 = 2;

/// How often a replication slot is looked at until the process that used it is gone.
pub(crate) const WAL_SLOT_FREE_ATTEMPTS: u32 = 20;

/// The largest note of a base backup or of an archive that is read; a real one has less than 1 KiB.
pub(crate) const BASE_NOTE_BYTES_MAX: u64 = 64 * 1024;

/// The largest `backup_manifest` that is read: about two million files.
pub(crate) const BASE_MANIFEST_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// How many damaged files of a base backup are named.
pub(crate) const BASE_DAMAGES_MAX: usize = 8;

/// What a recovery needs beside the copy and the log, in bytes: the server writes a little itself.
pub(crate) const RECOVERY_SPARE_BYTES: u64 = 64 * 1024 * 1024;

/// How often a recovery is looked at, in milliseconds.
pub(crate) const RECOVERY_LOOK_MS: u64 = 50;

/// How long the server of a recovered cluster may take to let a user in after it was told to, in milliseconds.
pub(crate) const RECOVERY_ADMIT_MS: u64 = 30_000;

/// How long the server of a recovered cluster may take to stop, in seconds.
pub(crate) const RECOVERY_STOP_S: u64 = 120;
/// How large the pieces are in which archives are sent and read back, in bytes: S3 takes none under 5 MiB but the last.
pub(crate) const COPY_PART_BYTES: u64 = 8 * 1024 * 1024;

/// How many pieces an upload may have: S3 takes 10,000. A larger archive is sent in larger pieces.
pub(crate) const COPY_PARTS_MAX: u64 = 9_000;

/// How many pieces are sent or read at a time. Each is in memory.
pub(crate) const COPY_PARTS_AT_ONCE: usize = 3;

/// The longest answer that is read, in bytes: a piece, or a page of a list.
pub(crate) const COPY_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long opening a connection may take, in seconds.
pub(crate) const COPY_CONNECT_S: u64 = 10;

/// How long one request may take with its answer, in seconds: 8 MiB at 0.5 Mbit/s.
pub(crate) const COPY_REQUEST_S: u64 = 150;

/// How often a request that fails is tried again, and how long the first and the longest pause is, in milliseconds.
pub(crate) const COPY_RETRIES: usize = 5;
pub(crate) const COPY_BACKOFF_MS: u64 = 200;
pub(crate) const COPY_BACKOFF_MS_MAX: u64 = 15_000;

/// The largest note about an unfinished upload that is read, in bytes.
pub(crate) const COPY_NOTE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How large the pieces are in which the objects of a store are read, in bytes.
pub(crate) const BUCKET_PIECE_BYTES: u64 = 2 * 1024 * 1024;

/// How many requests for pieces, and for objects of up to a piece, are under way at a time. Each is in memory.
pub(crate) const BUCKET_REQUESTS_AT_ONCE: usize = 8;
/// How often the versions of a copy that is removed are listed, at most.
pub(crate) const VERSION_LISTS_MAX: usize = 5;

/// How many pieces wait for the archive.
pub(crate) const BUCKET_PIECES_WAITING: usize = 4;

/// How often a bucket is listed again to find what was added or changed meanwhile.
pub(crate) const BUCKET_ROUNDS_MAX: u32 = 3;

/// The largest object that S3 copies in one request, in bytes.
pub(crate) const BUCKET_COPY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// The longest part of a key that is kept as the name of a file, in bytes: what file systems take (NAME_MAX).
pub(crate) const FILE_NAME_BYTES_MAX: usize = 255;

/// How long opening a connection to a Redis server may take, in seconds.
pub(crate) const REDIS_CONNECT_S: u64 = 10;

/// How long a Redis server may be silent before it counts as lost, in seconds. While it writes down its data it says
/// every second that it is still there.
pub(crate) const REDIS_ANSWER_S: u64 = 60;

/// How long an RDB that a server is writing for somebody else is waited for, in seconds, and how often it is asked, in
/// milliseconds.
pub(crate) const REDIS_SAVE_S: u64 = 60 * 60;
pub(crate) const REDIS_BUSY_PAUSE_MS: u64 = 50;

/// The oldest Redis that is backed up: `RESTORE` takes absolute times since then.
pub(crate) const REDIS_MAJOR_MIN: u32 = 5;

/// The largest value that is backed up, in bytes: servers take no larger text in a command (`proto-max-bulk-len`).
pub(crate) const REDIS_VALUE_BYTES_MAX: usize = 512 * 1024 * 1024 - 64;

/// How many databases a Redis server is taken to have at most when it does not say.
pub(crate) const REDIS_NUMBERS_MAX: u64 = 4096;

/// How many keys, or how many bytes of them, are restored at a time.
pub(crate) const REDIS_BATCH_KEYS: usize = 512;
pub(crate) const REDIS_BATCH_BYTES: usize = 1024 * 1024;

/// After how many bytes that were restored the server's memory is looked at.
pub(crate) const REDIS_LOOK_BYTES: usize = 16 * 1024 * 1024;

/// How long the server of a copy may take to load its data, in seconds, and how often it is asked, in milliseconds.
pub(crate) const REDIS_COPY_LOAD_S: u64 = 60 * 60;
pub(crate) const REDIS_COPY_PAUSE_MS: u64 = 20;

/// How many ports are tried for the server of a copy.
pub(crate) const REDIS_COPY_PORTS_TRIED: u32 = 10;

/// How many earlier backups are looked at for the data of a store that is empty: at a manifest of a small store in less than a
/// millisecond each, and of 100,000 files in 0.3 s.
pub(crate) const EMPTIED_LOOKED_AT: usize = 32;
