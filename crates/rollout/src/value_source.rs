//! Where a configured value comes from: it stands there itself, or a reference does.
//!
//! A secret is only ever configured by reference, so that plans and the journal hold the reference. What
//! it refers to is read at the moment at which a process is started, by whoever starts it.

/// A configured value, such as that of an environment variable, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource<'t> {
    /// `env:NAME`: a variable of Portcullis's own environment.
    Variable(&'t str),
    /// `file:PATH`: what a file says, without its last line end.
    File(&'t str),
    /// `cmd:PROGRAM ARG...`: what a command prints, without its last line end.
    Command(&'t str),
    /// `postgres-database:NAME:VALUE`: the URL of a PostgreSQL database, with the name of another one on the same
    /// server. Plans of rehearsals write it.
    Database {
        /// The other database.
        name: &'t str,
        /// The URL, or where it is.
        url: &'t str,
    },
    /// Anything else is the value itself. `text:` in front is taken off: it lets a value begin with one of
    /// the words above, and insists on a literal where a reference is expected.
    Literal(&'t str),
}

/// How a reference to another database begins.
const DATABASE: &str = "postgres-database";

impl<'t> ValueSource<'t> {
    /// Takes a configured value apart. Whether what it refers to exists is another question.
    pub fn of(text: &'t str) -> ValueSource<'t> {
        match text.split_once(':') {
            Some(("env", name)) => ValueSource::Variable(name),
            Some(("file", path)) => ValueSource::File(path),
            Some(("cmd", line)) => ValueSource::Command(line),
            Some((DATABASE, rest)) => match rest.split_once(':') {
                Some((name, url)) => ValueSource::Database { name, url },
                None => ValueSource::Literal(text),
            },
            Some(("text", literal)) => ValueSource::Literal(literal),
            _ => ValueSource::Literal(text),
        }
    }

    /// The reference to another database on the server of a URL. The name has no colon.
    pub fn database(name: &str, url: &str) -> String {
        format!("{DATABASE}:{name}:{url}")
    }

    /// The URL of a PostgreSQL database with another database; `None` if it is no such URL. The name consists of
    /// letters, digits and `_`.
    pub fn with_database(url: &str, name: &str) -> Option<String> {
        let scheme = ["postgres://", "postgresql://"]
            .into_iter()
            .find(|scheme| url.starts_with(scheme))?;
        let rest = &url[scheme.len()..];
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        let authority = place.split('/').next().unwrap_or_default();
        let kept = query.into_iter().flat_map(|query| query.split('&'));
        let kept: Vec<&str> = kept.filter(|pair| !pair.starts_with("dbname=")).collect();
        let query = match kept.is_empty() {
            true => String::new(),
            false => format!("?{}", kept.join("&")),
        };
        Some(format!("{scheme}{authority}/{name}{query}"))
    }

    /// A reference as it is shown: of a command only the program, for its arguments may be secret, and of a literal nothing.
    pub fn shown(text: &str) -> String {
        match ValueSource::of(text) {
            ValueSource::Variable(_) | ValueSource::File(_) => text.to_owned(),
            ValueSource::Command(line) => match line.trim().split_once(char::is_whitespace) {
                Some((program, _)) => format!("cmd:{program} ..."),
                None => text.to_owned(),
            },
            ValueSource::Database { name, url } => {
                ValueSource::database(name, &ValueSource::shown(url))
            }
            ValueSource::Literal(_) => "(given in clear)".to_owned(),
        }
    }

    /// Whether the value is somewhere else.
    pub fn is_reference(self) -> bool {
        !matches!(self, ValueSource::Literal(_))
    }
}

#[cfg(test)]
mod tests;
