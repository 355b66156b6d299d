//! Where a database of a Redis server is, and who asks for it. The password stays inside.

use std::fmt;
use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};

use super::RedisProblem;

/// The address of a database of a Redis or Valkey server: `redis://USER:PASSWORD@HOST:PORT/NUMBER`, `rediss://` with
/// TLS, or `redis+unix:///PATH?db=NUMBER`. Valkey's names for the same are taken too.
///
/// `Display` and `Debug` show host, port and number only.
#[derive(Clone)]
pub struct RedisAddress {
    pub(super) place: Place,
    user: Option<String>,
    password: Option<SecretString>,
    number: u64,
}

/// How the server is reached.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String, u16),
    Tls(String, u16),
    Unix(PathBuf),
}

impl RedisAddress {
    /// Reads a URL. No error repeats any of it: it may have a password.
    ///
    /// # Errors
    /// [`RedisProblem::AddressRefused`] if it is none.
    pub fn new(url: &str) -> Result<Self, RedisProblem> {
        let refused = |why: &str| RedisProblem::AddressRefused {
            why: why.to_owned(),
        };
        if url.contains('#') {
            return Err(refused("what follows `#` has no meaning here"));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| refused("it does not begin with redis://"))?;
        // The client library takes `rediss` only with a TLS of its own.
        let (tls, plain) = match scheme {
            "rediss" | "valkeys" => (true, format!("redis://{rest}")),
            "redis" | "valkey" => (false, format!("redis://{rest}")),
            "redis+unix" | "valkey+unix" | "unix" => (false, format!("redis+unix://{rest}")),
            _ => {
                return Err(refused(
                    "it does not begin with redis://, rediss:// or redis+unix://",
                ));
            }
        };
        // Its error may quote the URL.
        let info = plain.as_str().into_connection_info();
        let info = info.map_err(|_| refused("host, port, number or encoding is wrong"))?;
        let settings = info.redis_settings();
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) if tls => Place::Tls(host.clone(), *port),
            ConnectionAddr::Tcp(host, port) => Place::Tcp(host.clone(), *port),
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(refused("its kind of address is not known")),
        };
        Ok(Self {
            place,
            user: settings.username().map(str::to_owned),
            password: settings.password().map(SecretString::from),
            number: u64::try_from(settings.db())
                .map_err(|_| refused("the number of the database is negative"))?,
        })
    }

    /// The number of the database.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// User and password, as `AUTH` takes them.
    pub(super) fn credentials(&self) -> Option<(Option<&str>, &str)> {
        let password = self.password.as_ref()?;
        Some((self.user.as_deref(), password.expose_secret()))
    }

    /// A text of somebody else's without the password.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        match self.password.as_ref().map(ExposeSecret::expose_secret) {
            Some(password) if !password.is_empty() => text.replace(password, "(hidden)"),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match &self.place {
            Place::Tcp(host, port) | Place::Tls(host, port) if host.contains(':') => {
                write!(f, "[{host}]:{port}/{number}")
            }
            Place::Tcp(host, port) | Place::Tls(host, port) => write!(f, "{host}:{port}/{number}"),
            Place::Unix(path) => write!(f, "{}, database {number}", path.display()),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

impl PartialEq for RedisAddress {
    fn eq(&self, other: &Self) -> bool {
        let same = self.place == other.place && self.user == other.user;
        same && self.number == other.number && self.credentials() == other.credentials()
    }
}

impl Eq for RedisAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_password_and_is_read_in_each_form() {
        let address = RedisAddress::new("redis://clerk:hu%40sh@db.example:6380/3").unwrap();
        assert_eq!(address.to_string(), "db.example:6380/3");
        assert_eq!(format!("{address:?}"), "RedisAddress(db.example:6380/3)");
        assert_eq!(address.credentials(), Some((Some("clerk"), "hu@sh")));
        assert_eq!(address.scrubbed("no hu@sh here"), "no (hidden) here");
        for (url, shown) in [
            ("redis://h", "h:6379/0"),
            ("valkey://h/2", "h:6379/2"),
            ("rediss://:p@[::1]:7000/1", "[::1]:7000/1"),
            ("redis+unix:///run/r.sock?db=4", "/run/r.sock, database 4"),
            ("unix:///run/r.sock", "/run/r.sock, database 0"),
        ] {
            assert_eq!(RedisAddress::new(url).unwrap().to_string(), shown, "{url}");
        }
        assert!(matches!(
            RedisAddress::new("rediss://h").unwrap().place,
            Place::Tls(..)
        ));
        for url in [
            "h:6379",
            "http://h",
            "redis://h/x",
            "redis://h/-1",
            "redis://h:sekret@",
            "redis://h#insecure",
        ] {
            let refused = RedisAddress::new(url).unwrap_err().to_string();
            assert!(!refused.contains("sekret"), "{refused}");
        }
    }
}
