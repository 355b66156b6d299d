//! `portcullis gateway`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The longest bypass, as the gateway has it.
const BYPASS_MAX: SignedDuration = SignedDuration::from_hours(24);
/// The longest time that a key may be good for; longer is for ever.
const EXPIRY_MAX: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    /// Run a gateway without an engine, which follows the split of an engine elsewhere.
    ///
    /// It reads the [gateway] part of portcullis.toml, asks the engine a few times a second which split is in
    /// force, keeps it in its own state folder, and serves from that while the engine is away. What it counts
    /// is added to what the engine's own gateway counts, so gates see the traffic of both, and a release is
    /// drained only when both have no request left there.
    ///
    /// It sends requests where the engine says the releases are. Releases that Portcullis starts listen on
    /// 127.0.0.1, so such a gateway works on the engine's machine only.
    #[command(
        after_long_help = "Example:\n  portcullis gateway serve --engine 127.0.0.1:8081 --token-file engine.token"
    )]
    Serve(GatewayServe),
    /// Let the running gateway read portcullis.toml again and put its part of it in force.
    ///
    /// No connection is dropped. The file is checked as a whole; if it has problems, they are printed as
    /// `portcullis check` prints them, the exit code is 2 and nothing changes. A setting that a running
    /// gateway cannot change is named, the exit code is 1 and nothing changes. SIGHUP does the same.
    #[command(after_long_help = "Example:\n  portcullis gateway reload")]
    Reload,
    /// Show the routes: each arm with its share, health, requests and errors.
    #[command(after_long_help = "Example:\n  portcullis gateway routes")]
    Routes,
    /// Show how masking stands and what was counted: the versions that servers say, what was hidden by kind and
    /// number, what was refused and why.
    ///
    /// Never a value. Ends with 1 when every masked request is refused, because conversations cannot be kept.
    #[command(after_long_help = "Example:\n  portcullis gateway masking --json")]
    Masking,
    /// Show the split, or set the canary's share by hand. Refused while a rollout is live,
    /// and where the gateway follows an engine elsewhere.
    #[command(after_long_help = "Example:\n  portcullis gateway split 10")]
    Split {
        /// The canary's share in percent, from 0 to 100.
        #[arg(value_name = "PERCENT", value_parser = percent)]
        weight: Option<u8>,
    },
    /// Send every request to the stable release for a while, whatever the split says.
    ///
    /// For emergencies. Nobody reaches the canary then, also not with a header. The split is kept and holds
    /// again when the bypass ends, which it does by itself, also while no gateway runs. A rollout that waits
    /// at a gate holds until then: without requests it cannot prove anything. Limits and access stay in
    /// force.
    ///
    /// Who did it, when, why and until when is recorded in audit.jsonl in the state folder before it takes
    /// effect; --list shows it. It works while the engine does not act.
    #[command(
        after_long_help = "Examples:\n  portcullis gateway bypass notes --for 15m --reason 'errors after the shift'\n  portcullis gateway bypass notes --end\n  portcullis gateway bypass --list"
    )]
    Bypass(Bypass),
    /// Manage the file of API keys that a `[[gateway.access]]` names.
    #[command(subcommand)]
    Key(Key),
}

#[derive(Debug, Args)]
pub(crate) struct GatewayServe {
    /// Where the engine's API is: HOST:PORT, or the path of its socket. Several may be given, of engines
    /// that share a journal; the next one is asked when one does not answer.
    #[arg(long, required = true, value_name = "ADDRESS", value_parser = engine_address)]
    pub(crate) engine: Vec<portcullis_api::Endpoint>,
    /// A file with the engine's API token; the token in the state folder when not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// What the engine calls this gateway; the machine's name when not given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Write the log as JSON lines.
    #[arg(long)]
    pub(crate) log_json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bypass {
    /// The service; must be the configured one, so that nobody bypasses another one by mistake.
    #[arg(required_unless_present = "list")]
    pub(crate) service: Option<String>,
    /// For how long, for example 15m or 2h; at most 24h.
    #[arg(
        long = "for",
        value_name = "DURATION",
        value_parser = bypass_time,
        required_unless_present_any = ["end", "list"],
        conflicts_with_all = ["end", "list"]
    )]
    pub(crate) time: Option<SignedDuration>,
    /// Why you do it, for the record.
    #[arg(
        long,
        required_unless_present_any = ["end", "list"],
        conflicts_with_all = ["end", "list"]
    )]
    pub(crate) reason: Option<String>,
    /// End the bypass that is in force now.
    #[arg(long, conflicts_with = "list")]
    pub(crate) end: bool,
    /// List every bypass that was begun or ended, the oldest first.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key and print it. Nothing can show it again: only its hash is kept.
    #[command(
        after_long_help = "Examples:\n  portcullis gateway key add --name ci --scope read --expires 90d\n  portcullis gateway key add --keys-file keys.json --name partner"
    )]
    Add(KeyAdd),
    /// List the keys: whose they are, their beginning, scopes and time, and whether they are valid.
    #[command(after_long_help = "Example:\n  portcullis gateway key list")]
    List {
        #[command(flatten)]
        file: KeyFile,
    },
    /// Make a key that takes the place of another one, with its scopes, and print it.
    ///
    /// The old key stays valid for the overlap, so that whoever uses it has the time to change over.
    #[command(
        after_long_help = "Example:\n  portcullis gateway key rotate ci --overlap 24h --expires 90d"
    )]
    Rotate(KeyRotate),
    /// Take a key out of the file, so that nobody is let in with it any more.
    #[command(after_long_help = "Example:\n  portcullis gateway key revoke ci")]
    Revoke {
        /// The key's name, or its beginning such as pk_0a1b2c3d.
        id: String,
        #[command(flatten)]
        file: KeyFile,
    },
}

/// Which file is meant.
#[derive(Debug, Args)]
pub(crate) struct KeyFile {
    /// The [[gateway.access]] whose keys are meant; not needed when only one file has keys.
    #[arg(long, value_name = "NAME")]
    pub(crate) access: Option<String>,
    /// The file with the keys itself; then no configuration is read.
    #[arg(long, value_name = "FILE", conflicts_with = "access")]
    pub(crate) keys_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyAdd {
    /// Whose key it is; different from all others. Limits count by it and the log names it.
    #[arg(long, visible_alias = "note", value_name = "WHO", value_parser = key_name)]
    pub(crate) name: String,
    /// What the key may be used for; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    pub(crate) scopes: Vec<String>,
    /// How long it is good for, for example 90d or 12h; for ever when not given.
    #[arg(long, value_name = "DURATION", value_parser = expiry)]
    pub(crate) expires: Option<Expiry>,
    #[command(flatten)]
    pub(crate) file: KeyFile,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRotate {
    /// The old key's name, or its beginning such as pk_0a1b2c3d.
    pub(crate) id: String,
    /// Whose key the new one is; the old name with a number behind it when not given.
    #[arg(long, visible_alias = "note", value_name = "WHO", value_parser = key_name)]
    pub(crate) name: Option<String>,
    /// How long the old key stays valid, for example 24h; 0s ends it at once.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = overlap)]
    pub(crate) overlap: SignedDuration,
    /// How long the new key is good for, for example 90d, or `never`. Must be given when the old key
    /// expires.
    #[arg(long, value_name = "DURATION", value_parser = expiry)]
    pub(crate) expires: Option<Expiry>,
    #[command(flatten)]
    pub(crate) file: KeyFile,
}

/// How long a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// For ever.
    Never,
    /// For so long from now.
    After(SignedDuration),
}

/// Where an engine's API is.
fn engine_address(text: &str) -> Result<portcullis_api::Endpoint, String> {
    use portcullis_api::Endpoint;
    if text.starts_with("https://") {
        return Err(
            "the engine's API has no encryption of its own; give HOST:PORT of a tunnel".to_owned(),
        );
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Endpoint::Unix(path.into()));
    }
    if text.contains('/') && !text.starts_with("http://") {
        return Ok(Endpoint::Unix(text.into()));
    }
    let address = text.trim_start_matches("http://").trim_end_matches('/');
    let port = address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(_) => Ok(Endpoint::Tcp(address.to_owned())),
        None => Err("an engine is at HOST:PORT, or at the path of its socket".to_owned()),
    }
}

/// A share of the traffic.
fn percent(text: &str) -> Result<u8, String> {
    let share = text.trim().trim_end_matches('%').parse();
    share
        .ok()
        .filter(|share| *share <= 100)
        .ok_or_else(|| "a share is a percentage from 0 to 100".to_owned())
}

/// A length of time such as `15m`, `24h` or `90d`; a day has 24 hours.
pub(super) fn time(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "a time is a number with a unit, for example 15m, 24h or 90d".to_owned();
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours());
    time.ok()
        .filter(|time| !time.is_negative())
        .ok_or_else(wrong)
}

fn bypass_time(text: &str) -> Result<SignedDuration, String> {
    match time(text)? {
        time if time.is_zero() => Err("a bypass is for some time, for example 15m".to_owned()),
        time if time > BYPASS_MAX => Err(
            "a bypass is for at most 24h; what is to last longer belongs into the configuration"
                .to_owned(),
        ),
        time => Ok(time),
    }
}

fn overlap(text: &str) -> Result<SignedDuration, String> {
    let overlap = time(text)?;
    match overlap > EXPIRY_MAX {
        true => Err("an overlap is at most ten years".to_owned()),
        false => Ok(overlap),
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    match time(text)? {
        time if time.is_zero() => Err("a key is good for some time, for example 90d".to_owned()),
        time if time > EXPIRY_MAX => {
            Err("a key is good for at most ten years, or for ever: never".to_owned())
        }
        time => Ok(Expiry::After(time)),
    }
}

/// A name that can stand in a log line.
fn key_name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 100 && !text.starts_with("pk_");
    let plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    match fits && plain {
        true => Ok(text.to_owned()),
        false => Err(
            "a key's name has 1 to 100 characters, none of them a space, and does not begin with pk_"
                .to_owned(),
        ),
    }
}

/// A scope as OAuth has them (RFC 6749, 3.3).
fn scope(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    match !text.is_empty() && text.len() <= 100 && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(
            "a scope has 1 to 100 visible ASCII characters, without spaces, quotes and backslashes"
                .to_owned(),
        ),
    }
}
