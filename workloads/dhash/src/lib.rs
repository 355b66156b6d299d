//! A perceptual image hash, a library file of such hashes, and a service that answers from it.
//!
//! What holds:
//! - [`hash_file`] and [`hash_bytes`] give the hash that Python's `imagehash.dhash` gives, bit for
//!   bit, for the Pillow generation that the [`Algorithm`] names.
//! - An image that cannot be read whole is an error with a reason. It never yields a hash, and it
//!   never ends the process: decoders run under limits and behind a panic boundary.
//! - [`Library`] is one file with a digest over its content; it is only ever replaced whole.
//! - [`scan`] finds every hash within a radius, in the order of the library.

#![forbid(unsafe_code)]

mod algorithm;
mod bounds;
mod check;
mod clock;
mod collect;
mod confidence;
mod decode;
mod extract;
mod grid;
mod hash;
mod library;
mod luma;
mod migrate;
mod parallel;
mod resample;
mod scan;
mod serve;

pub use algorithm::{Algorithm, PassOrder, UnknownAlgorithm};
pub use bounds::{FILE_LIMITS, Limits, REQUEST_LIMITS};
pub use check::{CheckError, CheckReport, Expectations, check};
pub use collect::{CollectError, CollectReport, collect};
pub use confidence::{LOW_CONFIDENCE, confidence};
pub use decode::{DecodeError, Finding, ImageFormat};
pub use extract::{
    ExtractError, Extraction, HashOptions, Speed, hash_bytes, hash_file, hash_files,
};
pub use grid::Grid;
pub use hash::{Hash, HashError, max_hamming};
pub use library::{
    ImageEntry, Library, LibraryError, QueueEntry, QueueStatus, SCHEMA_NEWEST, SCHEMA_OLDEST,
};
pub use migrate::{MigrateError, MigrateOptions, MigrateReport, migrate};
pub use scan::{Match, scan};
pub use serve::{Fault, FaultError, ServeError, ServeOptions, serve};
