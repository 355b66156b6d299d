//! Connections of our own to a server, and what its errors mean.
//!
//! The words of the protocol are the client crate's; the stream is ours, because an RDB comes over it as no client
//! library hands it on.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, Parser, Pipeline, Value};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::address::Place;
use super::{RedisAddress, RedisProblem};
use crate::bounds::{REDIS_ANSWER_S, REDIS_CONNECT_S};

/// Bytes both ways.
pub(super) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open connection that has said who we are and which database is meant.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    parser: Parser,
    /// Host, port and number.
    pub(super) place: String,
}

impl Connection {
    /// Opens a connection to the database of an address.
    pub(super) fn open(address: &RedisAddress) -> Result<Self, RedisProblem> {
        let mut connection = Self::greeted(address)?;
        let number = address.number();
        connection.select(number)?;
        Ok(connection)
    }

    /// Opens a connection on which no database is selected yet.
    pub(super) fn greeted(address: &RedisAddress) -> Result<Self, RedisProblem> {
        let place = address.to_string();
        let stream = stream(address).map_err(|error| RedisProblem::Unreachable {
            place: place.clone(),
            why: error.to_string(),
        })?;
        let mut connection = Self {
            stream,
            parser: Parser::new(),
            place,
        };
        if let Some((user, password)) = address.credentials() {
            let mut auth = redis::cmd("AUTH");
            if let Some(user) = user {
                auth.arg(user);
            }
            let said = connection.ask("say who we are", auth.arg(password));
            said.map_err(|problem| match problem {
                RedisProblem::Failed { place, why, .. } => {
                    let why = address.scrubbed(&why);
                    RedisProblem::AccessRefused { place, why }
                }
                other => other,
            })?;
        }
        Ok(connection)
    }

    /// Asks one thing.
    pub(super) fn ask(&mut self, doing: &str, command: &Cmd) -> Result<Value, RedisProblem> {
        self.send(doing, &command.get_packed_command())?;
        self.answer(doing)
    }

    /// Sends several commands at once and returns the answers, the first error instead.
    pub(super) fn ask_all(
        &mut self,
        doing: &str,
        commands: &Pipeline,
        count: usize,
    ) -> Result<Vec<Value>, RedisProblem> {
        self.send(doing, &commands.get_packed_pipeline())?;
        let answers: Vec<_> = (0..count).map(|_| self.answer(doing)).collect();
        answers.into_iter().collect()
    }

    fn send(&mut self, doing: &str, bytes: &[u8]) -> Result<(), RedisProblem> {
        let sent = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
        sent.map_err(|error| self.lost(doing, &error.to_string()))
    }

    fn answer(&mut self, doing: &str) -> Result<Value, RedisProblem> {
        let answer = self.parser.parse_value(&mut *self.stream);
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| match error.kind() {
            ErrorKind::Io | ErrorKind::Parse => self.lost(doing, &error.to_string()),
            _ => {
                let code = error.code().unwrap_or_default();
                let words = error.detail().unwrap_or_default();
                refused(doing, &self.place, code, words)
            }
        })
    }

    fn lost(&self, doing: &str, why: &str) -> RedisProblem {
        RedisProblem::Unreachable {
            place: self.place.clone(),
            why: format!("the connection was lost while it was to {doing}: {why}"),
        }
    }

    pub(super) fn select(&mut self, number: u64) -> Result<(), RedisProblem> {
        let doing = format!("select the database {number}");
        self.ask(&doing, redis::cmd("SELECT").arg(number)).map(drop)
    }

    /// A whole number as an answer.
    pub(super) fn number(&mut self, doing: &str, command: &Cmd) -> Result<u64, RedisProblem> {
        match self.ask(doing, command)? {
            Value::Int(number) => Ok(u64::try_from(number).unwrap_or(0)),
            other => Err(self.strange(doing, &other)),
        }
    }

    pub(super) fn strange(&self, doing: &str, answer: &Value) -> RedisProblem {
        RedisProblem::Failed {
            doing: doing.to_owned(),
            place: self.place.clone(),
            why: format!("an unexpected answer: {answer:?}"),
        }
    }

    /// A section of what the server says of itself.
    pub(super) fn info(&mut self, section: &str) -> Result<BTreeMap<String, String>, RedisProblem> {
        let doing = "ask the server about itself";
        let text = match self.ask(doing, redis::cmd("INFO").arg(section))? {
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Value::VerbatimString { text, .. } => text,
            other => return Err(self.strange(doing, &other)),
        };
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.trim().to_owned());
        Ok(pairs.map(owned).collect())
    }

    /// The moment by the server's clock, in milliseconds since 1970.
    pub(super) fn time_ms(&mut self) -> Result<i64, RedisProblem> {
        let doing = "read the clock of the server";
        let answer = self.ask(doing, &redis::cmd("TIME"))?;
        match redis::from_redis_value::<(i64, i64)>(answer.clone()) {
            Ok((seconds, us)) => Ok(seconds * 1000 + us / 1000),
            Err(_) => Err(self.strange(doing, &answer)),
        }
    }

    /// The stream itself, for what is no answer. Nothing must be under way.
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }
}

/// What an error of the server means, by the word at its beginning.
pub(super) fn refused(doing: &str, place: &str, code: &str, words: &str) -> RedisProblem {
    let (place, why) = (place.to_owned(), words.to_owned());
    match code {
        "NOAUTH" | "WRONGPASS" => RedisProblem::AccessRefused { place, why },
        "NOPERM" => RedisProblem::NoRight {
            doing: doing.to_owned(),
            place,
            why,
        },
        "LOADING" | "BUSY" | "MASTERDOWN" | "NOMASTERLINK" | "TRYAGAIN" => {
            RedisProblem::Busy { place, why }
        }
        _ => RedisProblem::Failed {
            doing: doing.to_owned(),
            place,
            why: format!("{code} {words}").trim().to_owned(),
        },
    }
}

fn stream(address: &RedisAddress) -> io::Result<Box<dyn Stream>> {
    let limit = Some(Duration::from_secs(REDIS_ANSWER_S));
    let tcp = |host: &str, port: u16| {
        let stream = connected(host, port)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        Ok::<TcpStream, io::Error>(stream)
    };
    Ok(match &address.place {
        Place::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(limit)?;
            stream.set_write_timeout(limit)?;
            Box::new(stream)
        }
        Place::Tcp(host, port) => Box::new(tcp(host, *port)?),
        Place::Tls(host, port) => {
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let session = ClientConnection::new(client_config()?, name);
            let session = session.map_err(io::Error::other)?;
            Box::new(StreamOwned::new(session, tcp(host, *port)?))
        }
    })
}

fn connected(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(REDIS_CONNECT_S)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn client_config() -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(io::Error::other(
            "this machine has no certificates to check it with",
        ));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}
