//! What is wrong with something that a key names.

/// What whoever uses a file or a secret found wrong with it, and cannot be told without using it: a key that does
/// not fit its certificate, for example. See [`crate::Config::tell_faults`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The key that names it, with its tables, for example `gateway.tls.certificate[0].key`, counted from 0.
    pub key: String,
    /// What was found and what was expected. It must quote no secret.
    pub message: String,
    /// What to do.
    pub hint: String,
}
