//! The command line: what can be said, and the help that explains it.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use dhash::{Algorithm, Fault, SCHEMA_NEWEST, SCHEMA_OLDEST};

const AFTER_HELP: &str = "\
Algorithms:
  imagehash4/pillow<=12   imagehash.dhash of imagehash 4 on Pillow 12 and older
  imagehash4/pillow13     the same on Pillow 13, which resizes tall images in another order

Try it:
  dhash build --images photos --library library.json --algorithm 'imagehash4/pillow<=12'
  dhash serve --library library.json --port 8080 &
  curl --data-binary @photos/a.jpg http://127.0.0.1:8080/hash
  dhash migrate --library library.json --to imagehash4/pillow13 --dry-run

Exit codes: 0 done, 1 something failed or did not hold, 2 wrong usage.";

/// Perceptual image hashes: compute them, keep them in a library, look alike images up.
#[derive(Debug, Parser)]
#[command(name = "dhash", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the hash of image files, one line each: hash, two spaces, path
    ///
    /// The order is that of the arguments. A file that has no hash is reported on standard error
    /// with the reason, and the exit code is then 1.
    Hash(HashArguments),
    /// Make a library file from a folder of images
    ///
    /// Looks at every file below the folder, on all cores. Broken images and hashes that should not
    /// be trusted alone go to the library's queue with a reason.
    Build(BuildArguments),
    /// Move a library to another algorithm version or schema
    ///
    /// Hashes every image again, then replaces the file in one step. If any image cannot be hashed,
    /// nothing is changed. A second run finds nothing to do. Undo: migrate back.
    Migrate(MigrateArguments),
    /// Check that a library is sound and is what you expect
    ///
    /// Verifies digest, schema and order of the entries. Exit code 0 if all holds; 1 with the reason
    /// if not. Changes nothing: use it as the proof that a migration was done.
    Check(CheckArguments),
    /// Serve a library over HTTP
    ///
    /// GET /health, GET /metrics (Prometheus), GET /metrics/dhash (JSON), POST /hash (image as the
    /// body), GET /lookup/HASH?radius=10&limit=20, GET /queue. A changed library file is taken over
    /// within a second if it is sound, and refused if not. SIGTERM ends gracefully.
    Serve(ServeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct HashArguments {
    /// Image files: JPEG, PNG, GIF, BMP, WebP, TIFF, PNM
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Algorithm version
    #[arg(long, value_name = "ID", default_value_t)]
    pub(crate) algorithm: Algorithm,
    /// Decode JPEG scaled down and grey: about twice as fast, but not bit-identical
    #[arg(long)]
    pub(crate) fast: bool,
    /// Threads; by default one per core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// Folder of images; searched to any depth, links are not followed
    #[arg(long, value_name = "DIR")]
    pub(crate) images: PathBuf,
    /// Library file to write; replaced if it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// Algorithm version
    #[arg(long, value_name = "ID", default_value_t)]
    pub(crate) algorithm: Algorithm,
    /// Schema of the file
    #[arg(long, value_name = "N", default_value_t = SCHEMA_OLDEST, value_parser = schema)]
    pub(crate) schema: u32,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    /// Library file
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// Algorithm version to migrate to; by default the library's own
    #[arg(long, value_name = "ALGORITHM")]
    pub(crate) to: Option<Algorithm>,
    /// Schema to write; by default the library's own
    #[arg(long, value_name = "N", value_parser = schema)]
    pub(crate) schema: Option<u32>,
    /// Folder of the images, if not where the library says
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Change nothing, print what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Move images that cannot be hashed to the queue instead of refusing
    #[arg(long)]
    pub(crate) queue_failures: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Library file
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// Algorithm version that the library must have
    #[arg(long, value_name = "ID")]
    pub(crate) algorithm: Option<String>,
    /// Schema that the library must have
    #[arg(long, value_name = "N")]
    pub(crate) schema: Option<u32>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Library file
    #[arg(long, value_name = "FILE")]
    pub(crate) library: PathBuf,
    /// Port; 0 takes a free one, which is printed
    #[arg(long, value_name = "N")]
    pub(crate) port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Algorithm version for images that are sent; the library may have another
    #[arg(long, value_name = "ID", default_value_t)]
    pub(crate) algorithm: Algorithm,
    /// Version that /health reports
    #[arg(long, value_name = "V", env = "DHASH_RELEASE", default_value = env!("CARGO_PKG_VERSION"))]
    pub(crate) release_version: String,
    /// Misbehave, for rehearsing a rollout: none, errors[:RATE], latency[:MILLISECONDS],
    /// crash[:REQUESTS] or corrupt[:REQUESTS]
    ///
    /// /health stays healthy under all of them. errors: this share of /hash and /lookup answers is
    /// a 500 (default 0.05). latency: each comes this much later (default 250). crash: the process
    /// aborts after this many (default 150). corrupt: after this many (default 100) the library file
    /// is overwritten with wrong hashes, and look-ups answer from them.
    #[arg(long, value_name = "KIND", env = "DHASH_FAULT", default_value_t)]
    pub(crate) fault: Fault,
}

fn schema(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|schema| (SCHEMA_OLDEST..=SCHEMA_NEWEST).contains(schema))
        .ok_or_else(|| format!("expected a schema from {SCHEMA_OLDEST} to {SCHEMA_NEWEST}"))
}
