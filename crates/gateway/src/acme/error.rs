//! Why there is no certificate from the authority.

use std::io;
use std::path::PathBuf;

use crate::bounds::ACME_REASON_CHARS_MAX;
use crate::tls::TlsError;

/// Why there is no certificate from the authority.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// A file of the folder cannot be read, written or renamed.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of the folder was written by another version.
    #[error(
        "{} has schema version {found}, and this gateway reads version 1: start it with the version \
         of Portcullis that wrote the file",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// The authorities to believe cannot be read.
    #[error("the authorities to believe when the ACME authority is asked cannot be used")]
    Roots(#[source] Box<TlsError>),
    /// The system has no authorities.
    #[error(
        "the system has no certificates of authorities: install them (ca-certificates), or name a \
         file as `ca` in [gateway.tls.acme]"
    )]
    NoRoots,
    /// The TLS library refuses.
    #[error("TLS to the ACME authority cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The authority cannot be reached, or refuses.
    #[error("the ACME authority gave no certificate")]
    Authority(#[source] instant_acme::Error),
    /// The authority does not offer the challenge.
    #[error(
        "the ACME authority does not offer the challenge {challenge} for `{host}`: choose another \
         `challenge` in [gateway.tls.acme]"
    )]
    NoChallenge {
        /// The name.
        host: String,
        /// The challenge of the settings.
        challenge: &'static str,
    },
    /// The authority was not shown that the name is ours.
    #[error(
        "the ACME authority does not believe that `{host}` is served here: {reason}. It must reach \
         this gateway at port {port} of that name"
    )]
    NotShown {
        /// The name.
        host: String,
        /// What the authority says.
        reason: String,
        /// Where it looks: 80 or 443.
        port: u16,
    },
    /// A key or a certificate cannot be made.
    #[error("a key or a challenge's certificate cannot be made")]
    Make(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the authority gave cannot be used.
    #[error("the ACME authority gave a certificate that cannot be used: {0}")]
    Unusable(String),
    /// It took too long.
    #[error("the ACME authority gave no certificate in {limit_s} s")]
    Overdue {
        /// How long it had.
        limit_s: u64,
    },
}

/// What somebody else says, as one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(ACME_REASON_CHARS_MAX).collect()
}
