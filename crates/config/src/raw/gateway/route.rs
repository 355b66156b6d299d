//! Routes.

use toml::de::DeValue;

use crate::Code;
use crate::config::{CapacityConfig, RewriteConfig, RouteTimeouts};
use crate::keys::{Kind, TextForm};
use crate::raw::{RawCors, RawUpload, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::{Entries, Table};
use crate::units;

/// A `[[gateway.route]]` as written.
#[derive(Debug)]
pub(crate) struct RawRoute {
    pub(crate) name: Option<At<String>>,
    pub(crate) hosts: Option<At<Vec<At<String>>>>,
    pub(crate) path: Option<At<String>>,
    pub(crate) exact: Option<At<String>>,
    pub(crate) methods: Vec<At<String>>,
    pub(crate) headers: Entries<String>,
    pub(crate) to: Option<At<String>>,
    pub(crate) redirect: Option<RawRedirect>,
    pub(crate) rewrite: RewriteConfig,
    pub(crate) timeouts: RouteTimeouts,
    /// What of them stands in the file.
    pub(crate) waits: RawWaits,
    pub(crate) body_bytes_max: Option<At<u64>>,
    pub(crate) retries: RawRetries,
    pub(crate) capacity: CapacityConfig,
    pub(crate) limits: Vec<At<String>>,
    pub(crate) access: Option<At<String>>,
    pub(crate) mask: Option<At<String>>,
    pub(crate) cors: Option<RawCors>,
    pub(crate) security_headers: Option<At<String>>,
    pub(crate) upload: Option<RawUpload>,
    /// Tables about what is sent on, with their places, as far as they stand in the file.
    pub(crate) sending: Vec<(&'static str, Spot)>,
    /// The places of `capacity`'s keys that need a limit of requests under way.
    pub(crate) queue: Option<Spot>,
    /// Whether a condition could not be read: then nothing is said about what the route takes.
    pub(crate) broken: bool,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// `[gateway.route.redirect]` as written.
#[derive(Debug)]
pub(crate) struct RawRedirect {
    pub(crate) location: Option<At<String>>,
    pub(crate) status: u16,
}

/// Times of a route that the file gives, each with its key.
#[derive(Debug, Default)]
pub(crate) struct RawWaits {
    /// Parts of an exchange.
    pub(crate) parts: Vec<(&'static str, At<u64>)>,
    /// The whole of it.
    pub(crate) whole: Option<At<u64>>,
}

/// `[gateway.route.retries]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawRetries {
    pub(crate) attempts_max: Option<At<u32>>,
    pub(crate) budget_percent: Option<At<u8>>,
    pub(crate) statuses: Vec<u16>,
    pub(crate) hedge_after_ms: Option<At<u64>>,
}

/// What stands in for timeouts that could not be read; a configuration with it is never handed out.
const NO_TIME: RouteTimeouts = RouteTimeouts {
    connect_ms: 0,
    first_byte_ms: 0,
    idle_ms: 0,
    whole_ms: None,
};

/// The same for what may be under way.
const NO_ROOM: CapacityConfig = CapacityConfig {
    in_flight_max: None,
    queue_max: 0,
    queue_timeout_ms: 0,
};

impl RawRoute {
    pub(super) fn read(table: Table<'_>) -> RawRoute {
        let mut sending = Vec::new();
        let mut waits = RawWaits::default();
        let rewrite = table.table("rewrite", |table| {
            note("rewrite", &table, &mut sending);
            rewrite(table)
        });
        let timeouts = table.table("timeouts", |table| {
            note("timeouts", &table, &mut sending);
            timeouts(table, &mut waits)
        });
        let retries = table.table("retries", |table| {
            note("retries", &table, &mut sending);
            RawRetries::read(table)
        });
        let capacity = table.table("capacity", |table| capacity(table, &mut waits));
        let (capacity, queue) = capacity.unwrap_or((NO_ROOM, None));
        let hosts = table.items("hosts", units::plain);
        let path = table.text("path");
        let exact = table.text("exact");
        let methods = table.items("methods", units::plain);
        let headers = table.entries("headers", header_name, header_value);
        let unread = |name, read: bool| table.has(name) && !read;
        RawRoute {
            broken: unread("hosts", hosts.is_some())
                || unread("path", path.is_some())
                || unread("exact", exact.is_some())
                || unread("methods", methods.is_some())
                || unread("headers", headers.is_some()),
            name: table.text("name"),
            hosts,
            path,
            exact,
            methods: value_or_default(methods),
            headers: value_or_default(headers),
            to: table.text("to"),
            redirect: table.optional_table("redirect", RawRedirect::read),
            rewrite: rewrite.unwrap_or_default(),
            timeouts: timeouts.unwrap_or(NO_TIME),
            waits,
            body_bytes_max: table.read("body_max", units::bytes),
            retries: retries.unwrap_or_default(),
            capacity,
            limits: table.texts("limits"),
            access: table.text("access"),
            mask: table.text("mask"),
            cors: table.optional_table("cors", RawCors::read),
            security_headers: table.text("security_headers"),
            upload: table.optional_table("upload", RawUpload::read),
            sending,
            queue,
            spot: table.spot.clone(),
        }
    }
}

impl RawRedirect {
    fn read(table: Table<'_>) -> RawRedirect {
        RawRedirect {
            location: table.text("location"),
            status: value_or_default(table.read("status", units::status)),
        }
    }
}

impl RawRetries {
    fn read(table: Table<'_>) -> RawRetries {
        let statuses = table.items("statuses", units::status);
        RawRetries {
            attempts_max: table.count("attempts"),
            budget_percent: table.read("budget", units::percent),
            statuses: value_or_default(statuses)
                .into_iter()
                .map(|at| at.value)
                .collect(),
            hedge_after_ms: table.duration_ms("hedge_after"),
        }
    }
}

impl RawWaits {
    /// Takes note of a time that the file gives.
    fn part(&mut self, name: &'static str, at: Option<At<u64>>) -> Option<At<u64>> {
        if let Some(at) = at.as_ref().filter(|at| at.given) {
            self.parts.push((name, at.clone()));
        }
        at
    }
}

fn note(name: &'static str, table: &Table<'_>, sending: &mut Vec<(&'static str, Spot)>) {
    if table.given {
        sending.push((name, table.spot.clone()));
    }
}

fn rewrite(table: Table<'_>) -> RewriteConfig {
    RewriteConfig {
        prefix: table.text("prefix").map(|at| at.value),
        host: table.text("host").map(|at| at.value),
    }
}

fn timeouts(table: Table<'_>, waits: &mut RawWaits) -> RouteTimeouts {
    waits.whole = table.duration_ms("whole");
    RouteTimeouts {
        connect_ms: value_or_default(waits.part("connect", table.duration_ms("connect"))),
        first_byte_ms: value_or_default(waits.part("first_byte", table.duration_ms("first_byte"))),
        idle_ms: value_or_default(table.duration_ms("idle")),
        whole_ms: waits.whole.as_ref().map(|at| at.value),
    }
}

/// `capacity`, and the place of a queue that has nothing to wait for.
fn capacity(table: Table<'_>, waits: &mut RawWaits) -> (CapacityConfig, Option<Spot>) {
    let queue_max = table.count("queue");
    let queue_timeout_ms = waits.part("queue_timeout", table.duration_ms("queue_timeout"));
    let given = [
        queue_max.as_ref().map(|at| (at.given, &at.spot)),
        queue_timeout_ms.as_ref().map(|at| (at.given, &at.spot)),
    ];
    let written = given.into_iter().flatten().find(|(given, _)| *given);
    let alone = written.filter(|_| !table.has("in_flight"));
    let spot = alone.map(|(_, spot)| spot.clone());
    let capacity = CapacityConfig {
        in_flight_max: table.count("in_flight").map(|at| at.value),
        queue_max: value_or_default(queue_max),
        queue_timeout_ms: value_or_default(queue_timeout_ms),
    };
    (capacity, spot)
}

fn header_name(name: &str) -> Result<(), Wrong> {
    let kind = Kind::Form(TextForm::Header);
    units::plain(kind, &DeValue::String(name.into())).map(|_| ())
}

/// A header's value (RFC 9110, 5.5) without blanks around it.
fn header_value(value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(Kind::Text, value)?;
    let plain = text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if text.is_empty() || !plain || text.trim() != text {
        let message = format!(
            "expected a header's value of printable characters, or \"*\" for any, found {}",
            units::quoted(text)
        );
        return Err(Wrong::new(Code::BadValue, message));
    }
    Ok(text.to_owned())
}
