//! Synthetic requests.

use crate::Code;
use crate::raw::{RawCheck, literal, reference, value_or_default};
use crate::report::{At, Wrong};
use crate::table::{Entries, Table};
use crate::units;

use toml::de::DeValue;

/// `[gate.synthetic]` as written.
#[derive(Debug)]
pub(crate) struct RawSynthetic {
    /// Requests, and in how many milliseconds.
    pub(crate) rate: Option<At<(u32, u64)>>,
    pub(crate) below: Option<At<(u32, u64)>>,
    pub(crate) requests: Vec<RawSyntheticRequest>,
}

/// A `[[gate.synthetic.request]]` as written.
#[derive(Debug)]
pub(crate) struct RawSyntheticRequest {
    pub(crate) headers: Entries<String>,
    pub(crate) check: RawCheck,
}

impl RawSynthetic {
    pub(crate) fn read(table: Table<'_>) -> RawSynthetic {
        RawSynthetic {
            rate: table.read("rate", units::request_rate),
            below: table.read("below", units::request_rate),
            requests: table.tables("request", RawSyntheticRequest::read),
        }
    }
}

impl RawSyntheticRequest {
    fn read(table: Table<'_>) -> RawSyntheticRequest {
        let headers = value_or_default(table.entries("headers", name, value));
        for (name, at) in &headers {
            let secret = if is_secret(name) { "TOKEN" } else { name };
            if let Err(wrong) = reference(&at.value).and_then(|()| literal(secret, &at.value)) {
                table.report.add(&at.spot, wrong);
            }
        }
        RawSyntheticRequest {
            headers,
            check: RawCheck::read(table),
        }
    }
}

/// Fields that frame a request, say where it goes, or are set by Portcullis itself.
const OWN: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    portcullis_rollout::SYNTHETIC_HEADER,
];

/// Fields that carry secrets although their names do not say so.
fn is_secret(name: &str) -> bool {
    let known = ["authorization", "proxy-authorization", "cookie"];
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn name(name: &str) -> Result<(), Wrong> {
    if !units::is_token(name) {
        let message = format!(
            "expected the name of a header field, found {}",
            units::quoted(name)
        );
        return Err(Wrong::new(Code::BadValue, message));
    }
    if OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        let message = format!("`{name}` is set by Portcullis itself");
        return Err(Wrong::new(Code::BadValue, message).hint("remove it"));
    }
    Ok(())
}

fn value(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value {
        DeValue::String(text) if !text.contains(['\0', '\r', '\n']) => {
            Ok(text.clone().into_owned())
        }
        DeValue::String(_) => Err(Wrong::new(Code::BadValue, "a header field has one line")),
        _ => Err(Wrong::new(Code::WrongType, "expected a text in quotes")),
    }
}
