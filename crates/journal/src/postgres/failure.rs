//! What a failure means: final, or a lost connection that is worth another attempt.

use std::error::Error;
use std::future::Future;

use tokio::time::{Instant, sleep, timeout};

use crate::bounds::{OPERATION_WAIT, RECONNECT_PAUSE, RECOVERY_WAIT};
use crate::{JournalError, PostgresUrl};

/// Why an attempt failed.
pub(super) enum Failure {
    /// Another attempt would fail alike.
    Final(JournalError),
    /// The connection was lost. What was sent last may or may not have been carried out.
    Lost(JournalError),
}

impl Failure {
    /// Judges an error of the server or of the connection by its kind and SQLSTATE
    /// (PostgreSQL manual, appendix A).
    pub(super) fn of(url: &PostgresUrl, doing: &'static str, source: sqlx::Error) -> Self {
        let place = url.to_string();
        let code = match &source {
            sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()),
            // The TLS library reports a certificate that does not hold as invalid data.
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                let source = source.into();
                return Self::Final(JournalError::NotTrusted { place, source });
            }
            sqlx::Error::Tls(_) => {
                let source = source.into();
                return Self::Final(JournalError::NotTrusted { place, source });
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => {
                let source = source.into();
                return Self::Lost(JournalError::Unreachable { place, source });
            }
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                return Self::Lost(server(url, doing, source));
            }
            _ => None,
        };
        let code = code.as_deref().unwrap_or_default();
        match code {
            // Shut down, crashed, starting up, idle for too long, too many connections.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" => {
                Self::Lost(server(url, doing, source))
            }
            _ if code.starts_with("08") => Self::Lost(server(url, doing, source)),
            _ if code.starts_with("28") => Self::Final(JournalError::AccessRefused {
                place,
                source: source.into(),
            }),
            "3D000" => Self::Final(JournalError::DatabaseMissing { place }),
            "42501" => Self::Final(JournalError::PermissionDenied {
                doing,
                place,
                source: source.into(),
            }),
            _ => Self::Final(server(url, doing, source)),
        }
    }

    /// A failure that is not the connection's.
    pub(super) fn other(
        url: &PostgresUrl,
        doing: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::Final(server(url, doing, source))
    }

    /// The error itself.
    pub(super) fn into_error(self) -> JournalError {
        match self {
            Self::Final(error) | Self::Lost(error) => error,
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Final(error)
    }
}

/// Attempts until it succeeds, fails for good, or the server has been away for too long. Each attempt is
/// bounded, so the whole is bounded by `RECOVERY_WAIT + OPERATION_WAIT`.
pub(super) async fn persist<T, F, Attempt>(
    url: &PostgresUrl,
    doing: &'static str,
    mut attempt: F,
) -> Result<T, JournalError>
where
    F: FnMut() -> Attempt + Send,
    Attempt: Future<Output = Result<T, Failure>> + Send,
{
    let give_up_at = Instant::now() + RECOVERY_WAIT;
    loop {
        let lost = match timeout(OPERATION_WAIT, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(Failure::Final(error))) => return Err(error),
            Ok(Err(Failure::Lost(error))) => error,
            Err(elapsed) => server(url, doing, elapsed),
        };
        if Instant::now() >= give_up_at {
            return Err(lost);
        }
        sleep(RECONNECT_PAUSE).await;
    }
}

fn server(
    url: &PostgresUrl,
    doing: &'static str,
    source: impl Error + Send + Sync + 'static,
) -> JournalError {
    JournalError::Server {
        doing,
        place: url.to_string(),
        source: Box::new(source),
    }
}
