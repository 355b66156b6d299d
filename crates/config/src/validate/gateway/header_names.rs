//! Headers that cannot tell who asks.

use crate::Code;
use crate::report::{At, Report, Wrong};

/// Headers of the connection and of the message's form (RFC 9110, 7.6.1 and 8.6), the host, and what proxies
/// write: the gateway reads, changes or removes each of them itself.
const TAKEN: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Reports a header that has another meaning than to tell who asks.
pub(super) fn check(name: Option<&At<String>>, report: &Report<'_>) {
    let Some(name) = name.filter(|name| TAKEN.contains(&name.value.as_str())) else {
        return;
    };
    let message = format!(
        "`{}` has a meaning of its own and does not tell who asks",
        name.value
    );
    let hint = "choose a header that clients set for this alone, such as \"x-api-key\" or \"x-tenant\"; \
                for addresses there is key = \"address\" of a limit";
    report.add(&name.spot, Wrong::new(Code::BadValue, message).hint(hint));
}
