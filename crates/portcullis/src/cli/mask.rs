//! The commands that hide data in text and put it back, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Mask {
    #[command(subcommand)]
    pub(crate) command: Option<MaskCommand>,
    #[command(flatten)]
    pub(crate) run: MaskRun,
}

#[derive(Debug, Args)]
pub(crate) struct MaskRun {
    /// The texts, in UTF-8; standard input when none is given or for `-`.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Look at each line on its own, as it comes. With --json each line gives one object.
    #[arg(long)]
    pub(crate) lines: bool,
    /// Where to keep which placeholder stands for which value, for `portcullis unmask`. The values stand there in clear;
    /// the file is readable by you alone. One that exists is gone on with.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) map: Option<PathBuf>,
    /// How placeholders are written: `plain` unless --rules says otherwise. A map that exists keeps its own style.
    #[arg(long, value_enum)]
    pub(crate) style: Option<StyleName>,
    #[command(flatten)]
    pub(crate) finding: Finding,
}

/// What is looked for.
#[derive(Debug, Args)]
pub(crate) struct Finding {
    /// Do as the `[[gateway.mask]]` of this name in the configuration file (--file) says: what it looks for, what it does
    /// with it, and how it writes placeholders.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["only", "without", "threshold", "allow", "dictionary", "phone_region"]
    )]
    pub(crate) rules: Option<String>,
    /// Look only for this: the name or label of an entity (EMAIL_ADDRESS, IP_PRIVATE), or a recognizer (us_ssn). May be
    /// repeated. `portcullis mask entities` lists them.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Do not look for this. May be repeated.
    #[arg(long, value_name = "NAME", conflicts_with = "only")]
    pub(crate) without: Vec<String>,
    /// How sure a recognizer must be, from 0 to 1.
    #[arg(long, value_name = "SCORE", default_value_t = 0.5, value_parser = score)]
    pub(crate) threshold: f64,
    /// Never hide this value. May be repeated.
    #[arg(long, value_name = "VALUE")]
    pub(crate) allow: Vec<String>,
    /// Look for the words of a bundled dictionary as well: `organizations`, `hostnames`. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) dictionary: Vec<String>,
    /// Look for the national telephone numbers of this region alone, such as VN or US. May be repeated; all that are known
    /// when it is not given. International numbers are found in any case.
    #[arg(long, value_name = "REGION")]
    pub(crate) phone_region: Vec<String>,
    /// Also ask the token-classification model in this folder for names of people, organizations and places. Only where
    /// portcullis was built with the feature `model`.
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(crate) model: Option<PathBuf>,
}

/// How placeholders are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StyleName {
    /// EMAIL_1
    Plain,
    /// [[EMAIL_1]]
    Brackets,
    /// <EMAIL_1>
    Angles,
    /// EMAIL_1_k7q2, with a random tag
    Tagged,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MaskCommand {
    /// Say why something in a text counts or does not: each candidate, its recognizer, its score and the words around.
    ///
    /// The values are printed.
    #[command(
        after_long_help = "Example:\n  echo 'order 4111 1111 1111 1112' | portcullis mask explain"
    )]
    Explain {
        /// The texts; standard input when none is given or for `-`.
        #[arg(value_hint = clap::ValueHint::FilePath)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        finding: Finding,
    },
    /// List everything that can be recognized.
    #[command(after_long_help = "Example:\n  portcullis mask entities --json")]
    Entities,
    /// Ask a Dify server which version it runs, and say which messages the gateway would expect of it.
    ///
    /// Only what the server says counts: X-Version of its answer to GET /v1/, the welcome there, or GET /health. No
    /// redirect is followed. Nothing is changed anywhere.
    ///
    /// Exit codes: 0 a version that is known, 5 it is Dify and its version is not known (the nearest is used, and
    /// which), 1 what answers is not Dify, 8 nobody answers, 2 the URL or an option is wrong.
    #[command(
        after_long_help = "Examples:\n  portcullis mask detect http://127.0.0.1:5001\n  portcullis mask detect https://dify.example/v1 --ca ca.pem --key env:DIFY_KEY --json"
    )]
    Detect(Detect),
    /// Measure how fast this machine finds data: in your texts, or in a chat message with data and in one without.
    ///
    /// One thread. The figure is the median of many rounds.
    #[command(after_long_help = "Example:\n  portcullis mask bench")]
    Bench {
        /// The texts; two of ours when none is given.
        #[arg(value_hint = clap::ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// How long each text is measured, in seconds.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
        seconds: u64,
        #[command(flatten)]
        finding: Finding,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// Where the server is, with or without /v1.
    #[arg(value_hint = clap::ValueHint::Url)]
    pub(crate) url: String,
    /// A PEM file with the authorities to believe instead of the system's.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
    /// Where a key is that is shown as `Authorization: Bearer`: env:NAME, file:PATH or cmd:PROGRAM. Dify tells its
    /// version without one.
    #[arg(long, value_name = "REFERENCE", value_parser = reference)]
    pub(crate) key: Option<String>,
    /// How long all of it may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Unmask {
    /// The texts with placeholders; standard input when none is given or for `-`.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// What `portcullis mask --map` has written.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) map: PathBuf,
}

/// A score from 0 to 1.
fn score(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("expected a number from 0 to 1, for example 0.6".to_owned()),
    }
}

/// A reference to a secret; a secret itself would be seen by everybody who lists processes.
fn reference(text: &str) -> Result<String, String> {
    match portcullis_rollout::ValueSource::of(text).is_reference() {
        true => Ok(text.to_owned()),
        false => Err(
            "expected env:NAME, file:PATH or cmd:PROGRAM; a key on the command line can be seen by others".to_owned(),
        ),
    }
}
