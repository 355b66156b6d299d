//! Whose mapping it is.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::digest::{Context, SHA256};

use crate::protect::{Admitted, Caller};

/// What keeps the mappings of callers apart: a hash of what the caller showed.
///
/// It is, the first that there is: the id of the API key that this gateway checked; the issuer and subject of the token
/// that it checked (so that a renewed token finds the same mappings); the value of `Authorization`, which the application
/// checks; the name of the route. So of requests without any credential everybody who knows a conversation's id gets to
/// its mapping, as he gets to the conversation itself.
#[derive(Clone)]
pub(crate) struct Tenant {
    hash: [u8; 32],
    caller: CallerKind,
}

/// What a tenant is known by.
#[derive(Clone)]
pub(crate) enum CallerKind {
    /// The id of an API key that this gateway checked. An id is no secret.
    Key(Arc<str>),
    /// The subject of a token that it checked.
    Subject,
    /// The value of `Authorization`, which the application checks.
    Credential,
    /// Nothing: everybody on the route.
    Nobody,
}

impl Tenant {
    /// The tenant of a request on the route of this name.
    pub(crate) fn of(admitted: &Admitted, headers: &HeaderMap, route: &str) -> Tenant {
        match admitted.caller() {
            Some(Caller::Key(id)) => {
                let caller = CallerKind::Key(id.into());
                return Tenant::new(caller, b"key", &[id.as_bytes()]);
            }
            Some(Caller::Subject { issuer, subject }) => {
                let parts = [issuer.as_bytes(), subject.as_bytes()];
                return Tenant::new(CallerKind::Subject, b"subject", &parts);
            }
            None => {}
        }
        match headers.get(AUTHORIZATION) {
            Some(value) => {
                let (scheme, credentials) = parts_of(value.as_bytes());
                let parts = [scheme.as_slice(), credentials];
                Tenant::new(CallerKind::Credential, b"authorization", &parts)
            }
            None => Tenant::new(CallerKind::Nobody, b"route", &[route.as_bytes()]),
        }
    }

    /// The hash.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.hash
    }

    /// What it is known by.
    pub(crate) fn caller(&self) -> &CallerKind {
        &self.caller
    }

    fn new(caller: CallerKind, kind: &[u8], parts: &[&[u8]]) -> Tenant {
        let mut context = Context::new(&SHA256);
        for part in std::iter::once(&kind).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Tenant { hash, caller }
    }
}

/// The scheme of `Authorization`, which has no case, and what stands behind it (RFC 9110, 11.4).
fn parts_of(value: &[u8]) -> (Vec<u8>, &[u8]) {
    let value = value.trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace);
    let (scheme, credentials) = value.split_at(end.unwrap_or(value.len()));
    match credentials.trim_ascii_start() {
        // A single word has no scheme before it: it is the credential, which has a case.
        [] => (Vec::new(), scheme),
        credentials => (scheme.to_ascii_lowercase(), credentials),
    }
}

#[cfg(test)]
mod tests;
