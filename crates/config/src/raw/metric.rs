//! Figures from elsewhere.

use portcullis_rollout::{ValueSource, names_a_release};
use toml::de::DeValue;

use crate::Code;
use crate::keys::Kind;
use crate::raw::{reference, secret_url, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::{Entries, Table};
use crate::units;

/// A `[[gate.metric]]` as written.
#[derive(Debug)]
pub(crate) struct RawMetric {
    pub(crate) name: Option<At<String>>,
    pub(crate) from: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) pointer: Option<At<String>>,
    pub(crate) moment: Option<At<String>>,
    pub(crate) max_age_ms: Option<At<u64>>,
    pub(crate) query: Option<At<String>>,
    pub(crate) label: Option<At<String>>,
    pub(crate) token: Option<At<String>>,
    pub(crate) user: Option<At<String>>,
    pub(crate) password: Option<At<String>>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) command: Option<At<Vec<At<String>>>>,
    pub(crate) env: Entries<String>,
    pub(crate) reads: Option<At<String>>,
    pub(crate) database: Option<At<String>>,
    pub(crate) timeout_ms: u64,
    /// Which keys the file has, rightly or not.
    pub(crate) given: Vec<&'static str>,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// All keys that belong to some sources only.
const OWN: [&str; 14] = [
    "url", "pointer", "moment", "max_age", "query", "label", "token", "user", "password", "ca",
    "command", "env", "reads", "database",
];

impl RawMetric {
    pub(crate) fn read(table: Table<'_>) -> RawMetric {
        RawMetric {
            name: table.text("name"),
            from: table.text("from"),
            url: table.read("url", url),
            pointer: table.text("pointer"),
            moment: table.text("moment"),
            max_age_ms: table.duration_ms("max_age"),
            query: table.text("query"),
            label: table.text("label"),
            token: table.read("token", secret),
            user: table.text("user"),
            password: table.read("password", secret),
            ca: table.text("ca"),
            command: table.command("command"),
            env: super::variables(&table),
            reads: table.text("reads"),
            database: table.read("database", database),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
            given: OWN.into_iter().filter(|name| table.has(name)).collect(),
            spot: table.spot.clone(),
        }
    }
}

impl RawMetric {
    /// Whether it differs from one release to another: a place of it is the release's, or its label names the release.
    pub(crate) fn is_of_a_release(&self) -> bool {
        let texts = [&self.url, &self.query].into_iter().flatten();
        let command = self.command.iter().flat_map(|words| &words.value);
        let mut texts = texts.chain(command).chain(self.env.values());
        self.label.is_some() || texts.any(|text| names_a_release(&text.value))
    }
}

/// A URL, maybe with places in it. One with a password is not quoted.
fn url(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(kind, value)?;
    let rest = text
        .strip_prefix("http://")
        .or(text.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        let message = format!(
            "expected a URL such as \"http://127.0.0.1:9090\", found {}",
            units::quoted(text)
        );
        return Err(Wrong::new(Code::BadValue, message));
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        let message = "a user and a password do not belong into a URL";
        let hint = "give them as `user` and `password`, the password by reference";
        return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
    }
    Ok(text.to_owned())
}

/// A secret, by reference. No message quotes what was found.
pub(super) fn secret(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let expected = || format!("expected {}", kind.expected());
    let DeValue::String(text) = value else {
        return Err(Wrong::new(Code::WrongType, expected()));
    };
    reference(text)?;
    if let ValueSource::Literal(_) = ValueSource::of(text)
        && !text.starts_with("text:")
    {
        let hint = "a secret does not belong into a file; to insist, put text: in front of it";
        return Err(Wrong::new(Code::PlainSecret, expected()).hint(hint));
    }
    Ok(text.clone().into_owned())
}

fn database(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(kind, value)?;
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.trim();
        if path.is_empty() || path.starts_with("//") {
            let message = "`sqlite:` needs the path of a file";
            let hint = "write sqlite:PATH, relative to this file's folder";
            return Err(Wrong::new(Code::BadValue, message).hint(hint));
        }
        return Ok(text.to_owned());
    }
    let is_reference = !matches!(ValueSource::of(text), ValueSource::Literal(_));
    secret_url(kind, value, &POSTGRES).map_err(|wrong| match wrong.code {
        Code::BadValue if !is_reference => unsupported(text),
        _ => wrong,
    })
}

/// The schemes of PostgreSQL's URLs.
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];

/// What a figure can be read from. What was found may have a password, so only its scheme is quoted.
fn unsupported(text: &str) -> Wrong {
    let plain =
        |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let found = match scheme.filter(plain) {
        Some(scheme) if POSTGRES.iter().any(|known| known.starts_with(scheme)) => {
            ", found a URL that ends after its scheme".to_owned()
        }
        Some(scheme) if text.contains("://") => format!(", found a URL of {scheme}"),
        _ => String::new(),
    };
    let message =
        format!("expected PostgreSQL (postgres://USER@HOST/NAME) or SQLite (sqlite:PATH){found}");
    let hint = "a secret URL is given by reference, such as env:APP_DATABASE; other databases are read with \
                from = \"command\"";
    Wrong::new(Code::BadValue, message).hint(hint)
}
