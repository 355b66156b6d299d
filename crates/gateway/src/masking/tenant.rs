//! Whose mapping it is.

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tenant([u8; 32]);

impl Tenant {
    /// The tenant of a request on the route of this name.
    pub(crate) fn of(admitted: &Admitted, headers: &HeaderMap, route: &str) -> Tenant {
        match admitted.caller() {
            Some(Caller::Key(id)) => return Tenant::hash(b"key", &[id.as_bytes()]),
            Some(Caller::Subject { issuer, subject }) => {
                return Tenant::hash(b"subject", &[issuer.as_bytes(), subject.as_bytes()]);
            }
            None => {}
        }
        match headers.get(AUTHORIZATION) {
            Some(value) => Tenant::hash(b"authorization", &[value.as_bytes()]),
            None => Tenant::hash(b"route", &[route.as_bytes()]),
        }
    }

    /// The hash.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn hash(kind: &[u8], parts: &[&[u8]]) -> Tenant {
        let mut context = Context::new(&SHA256);
        for part in std::iter::once(&kind).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Tenant(hash)
    }
}

#[cfg(test)]
mod tests;
