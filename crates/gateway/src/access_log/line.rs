//! One request as the log has it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::address;

/// The longest text that a client may put into the log by one field, in bytes; the rest is cut off.
const TEXT_BYTES_MAX: usize = 1024;

/// One request that is over. What is `None` is left out of the line.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct AccessLine<'a> {
    /// When it came, in milliseconds since the Unix epoch; written as RFC 3339 in UTC.
    #[serde(rename = "time", serialize_with = "as_time")]
    pub(crate) at_ms: u64,
    /// The id that also the answer has.
    pub(crate) request_id: &'a str,
    /// The id of its trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<&'a str>,
    /// The client's address, written without the part that tells who it was.
    #[serde(serialize_with = "as_masked", skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<IpAddr>,
    /// The method.
    #[serde(serialize_with = "as_cut")]
    pub(crate) method: &'a str,
    /// The host.
    #[serde(serialize_with = "as_cut")]
    pub(crate) host: &'a str,
    /// The path as the settings want it, without the query, which often has what nobody should read. Empty for none.
    #[serde(serialize_with = "as_cut", skip_serializing_if = "str::is_empty")]
    pub(crate) path: &'a str,
    /// The route that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'a str>,
    /// The release that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<&'a str>,
    /// The version of the service that answered, which is the release's name; existing dashboards ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<&'a str>,
    /// The server that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<&'a str>,
    /// The status of the answer; `None` when the client went away before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// How a call of gRPC ended, whose status is 200 whatever came of it; 0 is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grpc_status: Option<u8>,
    /// Bytes of the request's body.
    pub(crate) bytes_in: u64,
    /// Bytes of the answer's body.
    pub(crate) bytes_out: u64,
    /// Time in the queue for a place, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue_ms: Option<u64>,
    /// Time for the connection to the server, in milliseconds; `None` on one that was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connect_ms: Option<u64>,
    /// Time to the head of the answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_byte_ms: Option<u64>,
    /// Time to the end of the answer, in milliseconds.
    pub(crate) whole_ms: u64,
    /// How often it was sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retries: u32,
    /// The code of the gateway's own answer, as its problem details have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<&'a str>,
    /// Whether the answer did not go to its end: the client went away, or what sent it broke off.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) cut: bool,
    /// Who or what cut it: `whole` or `idle` of the route, or what the server did. `None` where the client went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_cause: Option<&'a str>,
    /// What masking did; `None` where nothing is masked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) masking: Option<MaskingSummary>,
}

/// What masking did with a request and its answer: numbers, never what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MaskingSummary {
    /// How long it took, in microseconds; written in milliseconds.
    #[serde(rename = "masking_time", serialize_with = "as_ms")]
    pub(crate) time_us: u64,
    /// How many values were found by its patterns.
    #[serde(rename = "patterns_matched")]
    pub(crate) patterns: u64,
}

impl AccessLine<'_> {
    /// Appends the line with its line break; whether it could be written. JSON escapes every control character, so
    /// no field can end a line or begin another.
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>) -> bool {
        let before = bytes.len();
        match serde_json::to_writer(&mut *bytes, self) {
            Ok(()) => {
                bytes.push(b'\n');
                true
            }
            Err(_) => {
                bytes.truncate(before);
                false
            }
        }
    }
}

fn as_time<S: Serializer>(at_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    let at = i64::try_from(*at_ms).ok();
    let at = at.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    serializer.collect_str(&format_args!("{:.3}", at.unwrap_or(Timestamp::MAX)))
}

fn as_masked<S: Serializer>(client: &Option<IpAddr>, serializer: S) -> Result<S::Ok, S::Error> {
    match client {
        Some(client) => serializer.collect_str(&address::masked(*client)),
        None => serializer.serialize_none(),
    }
}

fn as_cut<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)])
}

fn as_ms<S: Serializer>(time_us: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*time_us as f64 / 1e3)
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_false(is: &bool) -> bool {
    !is
}

#[cfg(test)]
mod tests;
