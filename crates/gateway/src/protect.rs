//! The policies of the data plane: who may use a route, how often, and what its messages must look
//! like.
//!
//! Every policy is asked with references to a request's head, the client's address and the time, and
//! answers with a decision: what to set on the message, or a [`Denial`]. None reads a clock, writes to
//! a log or touches a socket, with two exceptions that their callers start: [`ApiKeys::refresh`] and
//! [`TokenCheck::refresh_from_file`] read a file, and [`fetch_jwks`] asks a URL. None can be made to
//! panic by any byte of a request, and what each keeps in memory is bounded by a constant in `bounds`.

mod access;
mod address;
mod api_key;
mod bounds;
mod client;
mod cors;
mod denial;
mod file_stamp;
mod jwt;
mod limit;
mod security_headers;
mod trace;
mod upload;

pub use access::{Access, Admitted};
pub use address::AddressRules;
pub use api_key::{
    ApiKey, ApiKeyError, ApiKeyRecord, ApiKeys, ApiKeysEdit, ApiKeysFile, KeyDenied, KeyRefresh,
    NewApiKey,
};
pub use bounds::{JWKS_FRESH_MS, JWKS_REFRESH_PAUSE_MS, LIMIT_KEYS_MAX, UPLOAD_LOOK_AHEAD_BYTES};
pub use client::{ClientTrust, Scheme};
pub use cors::{Cors, CorsDecision};
pub use denial::Denial;
pub use jwt::{JwksError, JwksRefresh, Token, TokenCheck, TokenDenied, examine_jwks, fetch_jwks};
pub(crate) use limit::Claim;
pub use limit::{Caller, Limit, LimitDecision, LimitSubject, LimitTable, RouteLimits};
pub use security_headers::add_security_headers;
pub use trace::{Trace, TraceParent};
pub use upload::UploadCheck;
