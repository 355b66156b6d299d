//! Portcullis itself.

use std::net::SocketAddr;

use portcullis_rollout::ValueSource;
use toml::de::DeValue;

use crate::config::JournalConfig;
use crate::keys::Kind;
use crate::raw::value_or_default;
use crate::report::{At, Spot, Wrong};
use crate::table::Table;
use crate::units;
use crate::{Code, SecretText};

/// `[gateway]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGateway {
    pub(crate) listen: Option<At<SocketAddr>>,
    /// `None` within is `"unix"`.
    pub(crate) admin: Option<At<Option<SocketAddr>>>,
    pub(crate) sticky: Option<At<String>>,
    pub(crate) sticky_name: Option<At<String>>,
    pub(crate) force_header: bool,
    pub(crate) health: RawHealth,
}

/// `[gateway.health]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawHealth {
    pub(crate) path: Option<At<String>>,
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) unhealthy_after: u32,
    pub(crate) healthy_after: u32,
    /// The table's place.
    pub(crate) spot: Option<Spot>,
}

/// `[server]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawServer {
    /// `None` within is `"unix"`.
    pub(crate) listen: Option<At<Option<SocketAddr>>>,
    pub(crate) allow_remote: bool,
}

/// `[state]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawState {
    pub(crate) folder: Option<At<String>>,
    pub(crate) vault: Option<At<String>>,
    pub(crate) journal: Option<At<JournalConfig>>,
    pub(crate) lease_ttl_ms: u64,
}

/// `[backup]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawBackup {
    pub(crate) keep_last: u32,
    pub(crate) keep_days: u32,
}

impl RawGateway {
    pub(crate) fn read(table: Table<'_>) -> RawGateway {
        RawGateway {
            listen: table.read("listen", units::address),
            admin: table.read("admin", |_, value| units::listen(value)),
            sticky: table.text("sticky"),
            sticky_name: table.text("sticky_name"),
            force_header: value_or_default(table.boolean("force_header")),
            health: table.table("health", RawHealth::read).unwrap_or_default(),
        }
    }
}

impl RawHealth {
    fn read(table: Table<'_>) -> RawHealth {
        RawHealth {
            path: table.text("path"),
            interval_ms: value_or_default(table.duration_ms("interval")),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
            unhealthy_after: value_or_default(table.count("unhealthy_after")),
            healthy_after: value_or_default(table.count("healthy_after")),
            spot: Some(table.spot.clone()),
        }
    }
}

impl RawServer {
    pub(crate) fn read(table: Table<'_>) -> RawServer {
        RawServer {
            listen: table.read("listen", |_, value| units::listen(value)),
            allow_remote: value_or_default(table.boolean("allow_remote")),
        }
    }
}

impl RawState {
    pub(crate) fn read(table: Table<'_>) -> RawState {
        RawState {
            folder: table.text("folder"),
            vault: table.text("vault"),
            journal: table.read("journal", |_, value| journal(value)),
            lease_ttl_ms: value_or_default(table.duration_ms("lease")),
        }
    }
}

impl RawBackup {
    pub(crate) fn read(table: Table<'_>) -> RawBackup {
        RawBackup {
            keep_last: value_or_default(table.count("keep_last")),
            keep_days: value_or_default(table.count("keep_days")),
        }
    }
}

/// Where the journal is. No message quotes what was found: it may have a password.
fn journal(value: &DeValue<'_>) -> Result<JournalConfig, Wrong> {
    let expected = || format!("expected {}", Kind::Journal.expected());
    let DeValue::String(text) = value else {
        return Err(Wrong::new(Code::WrongType, expected()));
    };
    if text == "sqlite" {
        return Ok(JournalConfig::Sqlite);
    }
    super::reference(text)?;
    let source = ValueSource::of(text);
    if let ValueSource::Literal(url) = source {
        let rest = POSTGRES_SCHEMES
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains('\0')) else {
            return Err(Wrong::new(Code::BadValue, expected()));
        };
        if has_password(rest) && !text.starts_with("text:") {
            let message = "this URL has a password, which does not belong into a file";
            let hint = "give the whole URL by reference: \"env:NAME\", \"file:PATH\" or \
                        \"cmd:PROGRAM ARG...\"; to insist, put text: in front of it";
            return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
        }
    }
    Ok(JournalConfig::Postgres(SecretText::new(
        text.clone().into_owned(),
    )))
}

/// How the URL of a PostgreSQL database begins.
const POSTGRES_SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Whether what follows a URL's scheme has a password: before the host, or as a parameter.
fn has_password(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let before_host = authority.rsplit_once('@').map(|(user, _)| user);
    before_host.is_some_and(|user| user.contains(':')) || rest.contains("password=")
}
