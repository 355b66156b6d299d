//! What a record belongs to.

/// What kind of thing names a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// A conversation that the application has given an id.
    Conversation,
    /// A message of a conversation; its record says which conversation it belongs to.
    Message,
    /// A run of a workflow.
    Run,
    /// Everything of one user or tenant together, where an application has nothing smaller.
    Tenant,
    /// A response that others go on from.
    Response,
}

impl ScopeKind {
    /// What keeps ids of different kinds apart.
    fn byte(self) -> u8 {
        match self {
            ScopeKind::Conversation => 1,
            ScopeKind::Message => 2,
            ScopeKind::Run => 3,
            ScopeKind::Tenant => 4,
            ScopeKind::Response => 5,
        }
    }
}

/// Whose mapping it is: nobody with another tenant, application or id gets to it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// A hash of the caller's credential, or what else keeps callers apart.
    pub tenant: &'a [u8],
    /// The application: the name of the route's masking.
    pub application: &'a str,
    /// What kind of id it is.
    pub kind: ScopeKind,
    /// The id, as the application gave it.
    pub id: &'a str,
}

impl Scope<'_> {
    /// The scope as bytes that no other scope has: each part comes with its length.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind.byte()];
        for part in [self.tenant, self.application.as_bytes(), self.id.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
