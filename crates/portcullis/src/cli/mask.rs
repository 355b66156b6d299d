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
    /// How placeholders are written. A map that exists keeps its own style.
    #[arg(long, value_enum, default_value_t = StyleName::Plain)]
    pub(crate) style: StyleName,
    #[command(flatten)]
    pub(crate) finding: Finding,
}

/// What is looked for.
#[derive(Debug, Args)]
pub(crate) struct Finding {
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
