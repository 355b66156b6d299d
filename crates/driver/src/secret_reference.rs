//! From a configured value to the value itself, at the moment at which a process is started.
//!
//! Plans and the journal hold references only; nothing that is read here is written or logged, and errors
//! name the reference and never what was found.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use portcullis_rollout::ValueSource;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use tokio::net::unix::pipe;

use crate::bounds::{SECRET_BYTES_MAX, SECRET_COMMAND_TIMEOUT};
use crate::command::random_marker;
use crate::environment::MARKER;
use crate::session::{Session, Spawn};

/// Why a reference to a secret has no value. Never says what was found.
#[derive(Debug, thiserror::Error)]
#[error("`{reference}` {why}")]
pub struct SecretError {
    /// The reference, as it may be shown: without the arguments of a command.
    pub reference: String,
    /// What is in the way.
    pub why: SecretErrorWhy,
    #[source]
    source: Option<io::Error>,
}

/// What is in the way of a secret's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretErrorWhy {
    /// `env:`: Portcullis was started without the variable.
    #[error("is not set in the environment that Portcullis was started with")]
    NotSet,
    /// `postgres-database:`: the value is no URL of a PostgreSQL database.
    #[error(
        "does not lead to the URL of a PostgreSQL database, postgres://USER@HOST:PORT/DATABASE"
    )]
    NotADatabase,
    /// The value is not a text that a variable can have.
    #[error("has a value that is not UTF-8 or has a zero byte")]
    NotText,
    /// The value is larger than 64 KiB.
    #[error("has a value larger than {SECRET_BYTES_MAX} bytes")]
    TooLarge,
    /// `file:`: it cannot be read.
    #[error("cannot be read")]
    Unreadable,
    /// `cmd:`: it is not a command line.
    #[error("is not a program with arguments and closed quotes")]
    NotACommand,
    /// `cmd:`: the program cannot be started.
    #[error("cannot be run")]
    NotStarted,
    /// `cmd:`: it failed.
    #[error("did not exit with code 0; run it by hand to see why")]
    Failed,
    /// `cmd:`: it took too long and was killed.
    #[error("took longer than {} s and was killed", SECRET_COMMAND_TIMEOUT.as_secs())]
    TimedOut,
}

/// The value of a configured text: itself, or what its reference refers to now (see [`ValueSource`]).
///
/// A file is at most 64 KiB, and so is what a command prints on its standard output; one line end at the
/// end is taken off. Relative paths start at `folder`, in which a command runs too: without a shell, without
/// input, with Portcullis's own environment, for at most ten seconds.
///
/// # Errors
/// When there is no such value.
pub async fn resolve_secret(text: &str, folder: &Path) -> Result<SecretString, SecretError> {
    let error = |(why, source)| SecretError {
        reference: ValueSource::shown(text),
        why,
        source,
    };
    let bytes = match ValueSource::of(text) {
        ValueSource::Literal(literal) => return Ok(SecretString::from(literal)),
        ValueSource::Database { name, url } => {
            let url = Box::pin(resolve_secret(url, folder)).await?;
            let other = ValueSource::with_database(url.expose_secret(), name);
            return other
                .map(SecretString::from)
                .ok_or_else(|| error((SecretErrorWhy::NotADatabase, None)));
        }
        ValueSource::Variable(name) => return variable(name).map_err(|why| error((why, None))),
        ValueSource::File(path) => file(&folder.join(path)).await.map_err(error)?,
        ValueSource::Command(line) => output(line, folder).await.map_err(error)?,
    };
    to_text(bytes).map_err(|why| error((why, None)))
}

/// The environment variables of a process, each with its value.
pub(crate) async fn resolve_all(
    configured: &BTreeMap<String, String>,
    folder: &Path,
) -> io::Result<BTreeMap<OsString, OsString>> {
    let mut resolved = BTreeMap::new();
    for (name, text) in configured {
        let value = resolve_secret(text, folder).await.map_err(|error| {
            io::Error::other(format!(
                "the variable {name}: {}",
                crate::causes::with_causes(&error)
            ))
        })?;
        resolved.insert(name.into(), value.expose_secret().into());
    }
    Ok(resolved)
}

type Refused = (SecretErrorWhy, Option<io::Error>);

fn variable(name: &str) -> Result<SecretString, SecretErrorWhy> {
    match std::env::var(name) {
        Ok(value) => Ok(SecretString::from(value)),
        Err(std::env::VarError::NotPresent) => Err(SecretErrorWhy::NotSet),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretErrorWhy::NotText),
    }
}

async fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        // A pipe without a writer would be waited for for ever.
        if !std::fs::metadata(&path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        let opened = std::fs::File::open(&path)?;
        opened
            .take(SECRET_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let read = read.await.map_err(io::Error::other);
    let bytes = read
        .and_then(|read| read)
        .map_err(|error| (SecretErrorWhy::Unreadable, Some(error)))?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err((SecretErrorWhy::TooLarge, None));
    }
    Ok(bytes)
}

/// What a command prints. It is killed with all that it started when it takes too long, prints too much or
/// is no longer waited for.
async fn output(line: &str, folder: &Path) -> Result<Zeroizing<Vec<u8>>, Refused> {
    // The folder of a file that was named without one.
    let here = folder.as_os_str().is_empty();
    let folder = if here { Path::new(".") } else { folder };
    let argv = shell_words::split(line)
        .ok()
        .filter(|argv| argv.first().is_some_and(|program| !program.is_empty()))
        .ok_or((SecretErrorWhy::NotACommand, None))?;
    let not_started = |error| (SecretErrorWhy::NotStarted, Some(error));
    let marker = random_marker().map_err(not_started)?;
    let environment = std::env::vars_os().chain([(MARKER.into(), marker.as_str().into())]);
    let spawn = Spawn {
        argv: &argv,
        folder,
        environment: environment.collect(),
        input: &[],
    };
    let run = async {
        let (reader, mut session) = start(&spawn, &marker).await.map_err(not_started)?;
        let bytes = read_to_end(&reader).await?;
        let status = session.ended().await;
        Ok((bytes, status))
    };
    let ran = within(SECRET_COMMAND_TIMEOUT, run).await?;
    match ran {
        (bytes, Ok(status)) if ExitStatus::success(&status) => Ok(bytes),
        (_, Ok(_)) => Err((SecretErrorWhy::Failed, None)),
        (_, Err(error)) => Err((SecretErrorWhy::Failed, Some(error))),
    }
}

async fn within<T>(
    limit: Duration,
    run: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    let timed_out = |_| (SecretErrorWhy::TimedOut, None);
    tokio::time::timeout(limit, run).await.map_err(timed_out)?
}

async fn start(spawn: &Spawn<'_>, marker: &str) -> io::Result<(pipe::Receiver, Session)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    // What it says on standard error may quote the secret, so it is not kept.
    let output = || Ok((Stdio::from(writer.try_clone()?), Stdio::null()));
    let session = Session::spawn(spawn, marker, output).await?;
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, session))
}

async fn read_to_end(reader: &pipe::Receiver) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let failed = |error| (SecretErrorWhy::Failed, Some(error));
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        reader.readable().await.map_err(failed)?;
        match reader.try_read(&mut *chunk) {
            Ok(0) => return Ok(bytes),
            Ok(read) if bytes.len() + read > SECRET_BYTES_MAX => {
                return Err((SecretErrorWhy::TooLarge, None));
            }
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The bytes as a text, without one line end at the end.
fn to_text(bytes: Zeroizing<Vec<u8>>) -> Result<SecretString, SecretErrorWhy> {
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretErrorWhy::NotText)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains('\0') {
        return Err(SecretErrorWhy::NotText);
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests;
