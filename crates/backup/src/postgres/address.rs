//! Where a database is, and who asks for it. The password stays inside.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::PostgresProblem;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// Parameters of a URL that this program and PostgreSQL's tools understand alike: the parameter, and the variable
/// in which the tools look for it.
const PARAMETERS: [(&str, &str); 5] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("options", "PGOPTIONS"),
];
const APPLICATION: &str = "portcullis";

/// The address of a PostgreSQL database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
///
/// `Display` and `Debug` show host, port and database only. PostgreSQL's tools get everything through their
/// environment, so that nothing of it can be seen in a list of processes.
#[derive(Clone)]
pub struct PostgresAddress {
    host: String,
    port: u16,
    user: String,
    password: Option<SecretString>,
    database: String,
    parameters: BTreeMap<&'static str, String>,
}

impl PostgresAddress {
    /// Reads a URL. No error repeats any of it: it may have a password.
    ///
    /// # Errors
    /// [`PostgresProblem::AddressRefused`] if it is none, names no user or no database, or has a parameter that
    /// is not known.
    pub fn new(url: &str) -> Result<Self, PostgresProblem> {
        let refused = |why: &str| PostgresProblem::AddressRefused {
            why: why.to_owned(),
        };
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| refused("it does not begin with postgres://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (who, at) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match who.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (who, None),
        };
        let (host, port) = host_and_port(at).ok_or_else(|| refused("its port is no number"))?;
        let text = |text: &str| {
            decoded(text)
                .ok_or_else(|| refused("a percent sign in it is followed by no two digits"))
        };
        let mut address = Self {
            host: text(host)?,
            port,
            user: text(user)?,
            password: password.map(text).transpose()?.map(SecretString::from),
            database: text(database)?,
            parameters: BTreeMap::new(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| refused("a parameter after '?' has no value"))?;
            address.parameter(name, text(value)?)?;
        }
        address.checked()
    }

    /// The address of a server on this machine that listens on a socket in a folder, for a user that needs no password.
    pub(super) fn at_socket(
        folder: &Path,
        port: u16,
        user: &str,
        database: &str,
    ) -> Result<Self, PostgresProblem> {
        let host = folder
            .to_str()
            .ok_or_else(|| PostgresProblem::AddressRefused {
                why: "the folder of its socket has a name that is no text".to_owned(),
            })?;
        Self {
            host: host.to_owned(),
            port,
            user: user.to_owned(),
            password: None,
            database: database.to_owned(),
            parameters: BTreeMap::new(),
        }
        .checked()
    }

    /// The address of a database of a server that listens on this machine's loopback address, for a user with a password.
    pub(super) fn at_loopback(port: u16, (user, password): (&str, &str), database: &str) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            user: user.to_owned(),
            password: Some(SecretString::from(password.to_owned())),
            database: database.to_owned(),
            parameters: BTreeMap::new(),
        }
    }

    /// The name of the user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// All of it as a URL, with the password.
    #[must_use]
    pub fn secret_url(&self) -> SecretString {
        let mut url = format!("postgres://{}", encoded(&self.user));
        if let Some(password) = &self.password {
            url.push(':');
            url.push_str(&encoded(password.expose_secret()));
        }
        let (host, database) = (encoded(&self.host), encoded(&self.database));
        url.push_str(&format!("@{host}:{}/{database}", self.port));
        for (number, (name, value)) in self.parameters.iter().enumerate() {
            url.push(if number == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", encoded(value)));
        }
        SecretString::from(url)
    }

    fn parameter(&mut self, name: &str, value: String) -> Result<(), PostgresProblem> {
        let refused = |why: String| PostgresProblem::AddressRefused { why };
        match name {
            "user" => self.user = value,
            "password" => self.password = Some(SecretString::from(value)),
            "host" => self.host = value,
            "port" => {
                self.port = value
                    .parse()
                    .map_err(|_| refused("its port is no number".to_owned()))?;
            }
            "dbname" => self.database = value,
            // Sessions are told apart by the name that we give them.
            "application_name" => {}
            _ => match PARAMETERS.iter().find(|(known, _)| *known == name) {
                Some((known, _)) => drop(self.parameters.insert(known, value)),
                None => {
                    let known: Vec<&str> = PARAMETERS.iter().map(|(known, _)| *known).collect();
                    return Err(refused(format!(
                        "it has an unknown parameter after '?' (known: user, password, host, port, dbname, {})",
                        known.join(", ")
                    )));
                }
            },
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, PostgresProblem> {
        let refused = |why: &str| {
            Err(PostgresProblem::AddressRefused {
                why: why.to_owned(),
            })
        };
        if self.user.is_empty() {
            return refused("it names no user");
        }
        if self.database.is_empty() {
            return refused("it names no database");
        }
        if self.host.is_empty() || self.host.contains(',') {
            return refused("it names no host, or several");
        }
        if let Some(mode) = self.parameters.get("sslmode")
            && PgSslMode::from_str(mode).is_err()
        {
            return refused(
                "its sslmode is none of disable, allow, prefer, require, verify-ca and verify-full",
            );
        }
        Ok(self)
    }

    /// The name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The same server and user with another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..self.clone()
        }
    }

    /// How a session of our own is opened.
    pub(super) fn options(&self) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .port(self.port)
            .username(&self.user)
            .database(&self.database)
            .application_name(APPLICATION)
            .disable_statement_logging();
        options = if self.host.starts_with('/') {
            options.socket(&self.host)
        } else {
            options.host(&self.host)
        };
        if let Some(password) = &self.password {
            options = options.password(password.expose_secret());
        }
        let get = |name| self.parameters.get(name);
        let mode = get("sslmode").and_then(|mode| PgSslMode::from_str(mode).ok());
        options = options.ssl_mode(mode.unwrap_or(PgSslMode::Prefer));
        if let Some(path) = get("sslrootcert") {
            options = options.ssl_root_cert(path);
        }
        if let Some(path) = get("sslcert") {
            options = options.ssl_client_cert(path);
        }
        if let Some(path) = get("sslkey") {
            options = options.ssl_client_key(path);
        }
        options
    }

    /// The variables that a tool of PostgreSQL's is given to open the same session.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut all: Vec<(&str, OsString)> = vec![
            ("PGHOST", (&self.host).into()),
            ("PGPORT", self.port.to_string().into()),
            ("PGUSER", (&self.user).into()),
            ("PGDATABASE", (&self.database).into()),
            ("PGAPPNAME", APPLICATION.into()),
        ];
        if let Some(password) = &self.password {
            all.push(("PGPASSWORD", password.expose_secret().into()));
        }
        for (name, variable) in PARAMETERS {
            if let Some(value) = self.parameters.get(name) {
                all.push((variable, value.into()));
            }
        }
        all
    }

    /// A text of somebody else's without the password.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        match self.password.as_ref().map(ExposeSecret::expose_secret) {
            Some(password) if !password.is_empty() => text.replace(password, "(hidden)"),
            _ => text.to_owned(),
        }
    }
}

fn host_and_port(at: &str) -> Option<(&str, u16)> {
    const USUAL: u16 = 5432;
    if let Some(rest) = at.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, port.parse().ok()?)),
            None => Some((host, USUAL)),
        };
    }
    match at.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((at, USUAL)),
    }
}

/// A text in which everything but letters, digits and a few signs is written as `%` and two hexadecimal digits.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let letters = text.bytes().map(|byte| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    letters.collect()
}

/// A text in which bytes may be written as `%` and two hexadecimal digits.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        if first == b'%' {
            let (digits, more) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = more;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

impl PartialEq for PostgresAddress {
    fn eq(&self, other: &Self) -> bool {
        let secret = |address: &Self| {
            let password = address.password.as_ref();
            password.map(|password| password.expose_secret().to_owned())
        };
        self.to_string() == other.to_string()
            && self.user == other.user
            && self.parameters == other.parameters
            && secret(self) == secret(other)
    }
}

impl Eq for PostgresAddress {}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            database,
            ..
        } = self;
        write!(f, "{host}:{port}/{database}")
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_again_and_the_same_one() {
        for url in [
            "postgres://app:s%40c%2Fret@db.example:6432/no%20tes?sslmode=require",
            "postgresql://app@127.0.0.1/notes",
            "postgres://app@%2Frun%2Fsocket:5433/notes?options=-cjit%3Doff",
        ] {
            let address = PostgresAddress::new(url).unwrap();
            let again = PostgresAddress::new(address.secret_url().expose_secret()).unwrap();
            assert_eq!(again, address);
        }
        let address = PostgresAddress::at_loopback(5433, ("a b", "p/w"), "notes");
        let url = address.secret_url();
        assert_eq!(
            url.expose_secret(),
            "postgres://a%20b:p%2Fw@127.0.0.1:5433/notes"
        );
    }

    #[test]
    fn a_url_is_taken_apart_and_its_password_is_shown_nowhere() {
        let url =
            "postgres://app:s%40cret@db.example:6432/notes?sslmode=require&options=-cjit%3Doff";
        let address = PostgresAddress::new(url).unwrap();
        assert_eq!(address.to_string(), "db.example:6432/notes");
        assert_eq!(
            format!("{address:?}"),
            "PostgresAddress(db.example:6432/notes)"
        );
        let environment = address.environment();
        let get = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(get("PGPASSWORD").unwrap(), "s@cret");
        assert_eq!(get("PGSSLMODE").unwrap(), "require");
        assert_eq!(get("PGOPTIONS").unwrap(), "-cjit=off");
        assert_eq!(
            address.scrubbed("FATAL: s@cret is wrong"),
            "FATAL: (hidden) is wrong"
        );
        let copy = address.with_database("copy");
        assert_eq!(copy.to_string(), "db.example:6432/copy");
        assert_ne!(copy, address);
    }

    #[test]
    fn sockets_and_addresses_of_version_six_are_read() {
        let socket = PostgresAddress::new("postgresql://app@/notes?host=/run/postgresql").unwrap();
        assert_eq!(socket.to_string(), "/run/postgresql:5432/notes");
        let six = PostgresAddress::new("postgres://app@[::1]:7000/notes").unwrap();
        assert_eq!(six.to_string(), "::1:7000/notes");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (url, why) in [
            (
                "mysql://app:hush@h/notes",
                "does not begin with postgres://",
            ),
            ("postgres://h/notes", "names no user"),
            ("postgres://app:hush@h/", "names no database"),
            ("postgres://app:hush@h:port/notes", "port is no number"),
            ("postgres://app:hush@h/notes?hush=1", "unknown parameter"),
            (
                "postgres://app:hush@h/notes?sslmode=hush",
                "sslmode is none of",
            ),
            ("postgres://app:hush%9@h/notes", "percent sign"),
            ("postgres://app:hush@a,b/notes", "names no host, or several"),
        ] {
            let error = PostgresAddress::new(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
