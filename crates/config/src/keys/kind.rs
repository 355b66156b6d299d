//! What a key's value may be.

use super::{Section, TextForm};
use crate::units::{bytes_text, duration_text};

/// What a key's value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Free text, not empty.
    Text,
    /// A plain name: 1 to 63 characters of `a-z`, `0-9` and `-`.
    Name,
    /// A release's version.
    Version,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// Any finite number.
    Number,
    /// A whole number with a unit, such as `"250ms"`.
    Duration,
    /// The same, of at least so many milliseconds; 0 allows none at all.
    DurationFrom(u64),
    /// The same, from so many to so many milliseconds; from 0 allows none at all.
    DurationWithin(u64, u64),
    /// A limit, whose unit depends on the signal.
    Limit,
    /// A path on the disk, relative to the file's folder.
    Path,
    /// The path of a request, beginning with a slash.
    UrlPath,
    /// A JSON pointer (RFC 6901).
    Pointer,
    /// A range of ports.
    Ports,
    /// An IP address with a port.
    Address,
    /// `"unix"` or an IP address with a port.
    Listen,
    /// The name of a cookie or header.
    Token,
    /// An HTTP method.
    Method,
    /// Percentages.
    Weights,
    /// Program and arguments.
    Command,
    /// When a hook is run.
    HookPoints,
    /// Where the journal is.
    Journal,
    /// A Redis server.
    Redis,
    /// A PostgreSQL database.
    Postgres,
    /// A database of a server: PostgreSQL or Redis.
    ServerStore,
    /// A text of a form of its own.
    Form(TextForm),
    /// A number of bytes within bounds, such as `"64KiB"`.
    Bytes(u64, u64),
    /// A whole percentage of at least so much.
    Percent(u8),
    /// So many requests in so much time, such as `"60/1m"`.
    RequestRate,
    /// An IP network.
    Network,
    /// A status of HTTP, one of these.
    Status(&'static [u16]),
    /// A list with at least so many items of a kind, each different from the others.
    List(&'static Kind, usize),
    /// How sure something is, from 0 to 1.
    Score,
    /// A table of scores by entity.
    Scores,
    /// A table of what is done with data, by entity.
    Actions,
    /// A reference to a secret.
    Secret,
    /// A table of header values by name.
    Conditions,
    /// A table of texts with free keys.
    Texts,
    /// A table of JSON pointers with free keys.
    Pointers,
    /// A table with JSON pointers as keys and any values.
    Values,
    /// Any value that JSON has.
    Any,
    /// A table.
    Table(&'static Section),
    /// A list of tables.
    Tables(&'static Section),
    /// Tables with free names, each with the keys of the whole file.
    Environments(&'static Section),
}

impl Kind {
    /// The section that it opens.
    pub(crate) fn section(self) -> Option<&'static Section> {
        match self {
            Kind::Table(section) | Kind::Tables(section) | Kind::Environments(section) => {
                Some(section)
            }
            _ => None,
        }
    }

    /// The words with which a message says what was expected.
    pub(crate) fn expected(self) -> String {
        match self {
            Kind::Text => "a text that is not empty".to_owned(),
            Kind::Name => "1 to 63 characters of a-z, 0-9 and -".to_owned(),
            Kind::Version => {
                "1 to 64 characters of A-Z, a-z, 0-9, \".\", \"_\" and \"-\"".to_owned()
            }
            Kind::Choice(words) => choice(words),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Whole(min, u64::MAX | 0xffff_ffff) => format!("a whole number of at least {min}"),
            Kind::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Number => "a number".to_owned(),
            Kind::Duration | Kind::DurationFrom(_) | Kind::DurationWithin(..) => {
                self.expected_duration()
            }
            Kind::Limit => {
                "a limit: a percentage such as \"1%\", a duration such as \"250ms\" or a number"
                    .to_owned()
            }
            Kind::Path => "a path, relative to this file's folder".to_owned(),
            Kind::UrlPath => "a path such as \"/health\"".to_owned(),
            Kind::Pointer => "a JSON pointer such as \"/version\"".to_owned(),
            Kind::Ports => "a range of ports such as \"21000-21099\"".to_owned(),
            Kind::Address => "an IP address with a port, such as \"127.0.0.1:8080\"".to_owned(),
            Kind::Listen => {
                "\"unix\" or an IP address with a port, such as \"127.0.0.1:8081\"".to_owned()
            }
            Kind::Token => "a name of letters, digits and !#$%&'*+-.^_`|~".to_owned(),
            Kind::Method => "a method such as \"GET\" or \"POST\"".to_owned(),
            Kind::Weights => "percentages that rise to 100, such as [10, 50, 100]".to_owned(),
            Kind::Command => "a list of texts: a program and its arguments".to_owned(),
            Kind::HookPoints => {
                "a list of before-KIND, after-KIND and notice, such as [\"before-migrate\"]".to_owned()
            }
            Kind::Journal => {
                "\"sqlite\", a URL such as \"postgres://user@host/database\", or a reference to one such \
                 as \"env:JOURNAL_URL\""
                    .to_owned()
            }
            Kind::Postgres => {
                "a reference such as \"env:NOTES_URL\" to a URL such as postgres://user@host/database, or the URL"
                    .to_owned()
            }
            Kind::ServerStore => {
                "a reference such as \"env:NOTES_URL\" to a URL such as postgres://user@host/database or \
                 redis://host:6379/0, or the URL"
                    .to_owned()
            }
            Kind::Redis
            | Kind::Form(_)
            | Kind::Bytes(..)
            | Kind::Percent(_)
            | Kind::RequestRate
            | Kind::Network
            | Kind::Status(_)
            | Kind::List(..)
            | Kind::Score
            | Kind::Scores
            | Kind::Actions
            | Kind::Secret
            | Kind::Conditions => self.expected_by_gateway(),
            Kind::Texts => "a table of texts, such as { LANG = \"C\" }".to_owned(),
            Kind::Pointers => {
                "a table of JSON pointers, such as { queue = \"/queue/length\" }".to_owned()
            }
            Kind::Values => {
                "a table of values by JSON pointer, such as { \"/status\" = \"ok\" }".to_owned()
            }
            Kind::Any => "a text, a number, true, false, a list or a table".to_owned(),
            Kind::Table(_) => "a table".to_owned(),
            Kind::Tables(section) => format!("a list of tables, each with the header {}", section.header),
            Kind::Environments(section) => format!("tables, each with the header {}", section.header),
        }
    }

    fn expected_duration(self) -> String {
        let form = "a whole number and ms, s, m, h or d, such as";
        match self {
            Kind::DurationFrom(0) => format!("a duration or \"0s\": {form} \"10m\""),
            Kind::DurationFrom(min_ms) => {
                let min = duration_text(min_ms);
                format!("a duration of at least {min}: {form} \"30s\"")
            }
            Kind::DurationWithin(min_ms, max_ms) if min_ms > 1 => {
                let (min, max) = (duration_text(min_ms), duration_text(max_ms));
                format!("a duration from {min} to {max}: {form} \"30d\"")
            }
            Kind::DurationWithin(_, max_ms) => {
                let max = duration_text(max_ms);
                format!("a duration of at most {max}: {form} \"250ms\"")
            }
            _ => format!("a duration: {form} \"250ms\" or \"10m\""),
        }
    }

    /// The words of the reference's column of types.
    pub(crate) fn words(self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Name => "name".to_owned(),
            Kind::Version => "version".to_owned(),
            Kind::Choice(_) => self.expected().replace('"', "`").replace("``", "`"),
            Kind::Boolean => "`true` or `false`".to_owned(),
            Kind::Whole(min, u64::MAX | 0xffff_ffff) => format!("whole number, at least {min}"),
            Kind::Whole(min, max) => format!("whole number, {min} to {max}"),
            Kind::Number => "number".to_owned(),
            Kind::Duration => "duration".to_owned(),
            Kind::DurationFrom(0) => "duration, or `0s`".to_owned(),
            Kind::DurationFrom(min_ms) => {
                format!("duration, at least `{}`", duration_text(min_ms))
            }
            Kind::DurationWithin(min_ms, max_ms) if min_ms > 1 => format!(
                "duration, `{}` to `{}`",
                duration_text(min_ms),
                duration_text(max_ms)
            ),
            Kind::DurationWithin(_, max_ms) => {
                format!("duration, at most `{}`", duration_text(max_ms))
            }
            Kind::Limit => "percentage, duration or number".to_owned(),
            Kind::Path => "path".to_owned(),
            Kind::UrlPath => "path of a request".to_owned(),
            Kind::Pointer => "JSON pointer".to_owned(),
            Kind::Ports => "ports".to_owned(),
            Kind::Address => "address with port".to_owned(),
            Kind::Listen => "`unix` or address with port".to_owned(),
            Kind::Token => "name of a cookie or header".to_owned(),
            Kind::Method => "HTTP method".to_owned(),
            Kind::Weights => "list of percentages".to_owned(),
            Kind::Command => "program and arguments".to_owned(),
            Kind::HookPoints => "list of `before-KIND`, `after-KIND` and `notice`".to_owned(),
            Kind::Journal => "`sqlite`, URL or reference".to_owned(),
            Kind::Postgres | Kind::ServerStore => "reference to a URL".to_owned(),
            Kind::Redis => "`redis` URL or reference".to_owned(),
            Kind::Form(form) => form.words().to_owned(),
            Kind::Bytes(..) => "size".to_owned(),
            Kind::Percent(_) => "percentage".to_owned(),
            Kind::RequestRate => "requests per time".to_owned(),
            Kind::Network => "IP network".to_owned(),
            Kind::Status(statuses) => one_status(statuses),
            Kind::Score => "score, 0 to 1".to_owned(),
            Kind::Scores => "table of scores by entity".to_owned(),
            Kind::Actions => "table of actions by entity".to_owned(),
            Kind::Secret => "reference".to_owned(),
            Kind::List(item, _) => format!("list, each: {}", item.words()),
            Kind::Conditions => "table of header values".to_owned(),
            Kind::Texts => "table of texts".to_owned(),
            Kind::Pointers => "table of JSON pointers".to_owned(),
            Kind::Values => "table of values by JSON pointer".to_owned(),
            Kind::Any => "any value".to_owned(),
            Kind::Table(section) => format!("table `{}`", section.header),
            Kind::Tables(section) => format!("list of tables `{}`", section.header),
            Kind::Environments(section) => format!("tables `{}`", section.header),
        }
    }

    /// The same for the kinds that only the gateway's keys have.
    fn expected_by_gateway(self) -> String {
        match self {
            Kind::Redis => {
                "a URL such as \"redis://127.0.0.1:6379\", or a reference to one such as \"env:REDIS_URL\""
                    .to_owned()
            }
            Kind::Form(form) => form.expected().to_owned(),
            Kind::Bytes(min, max) => format!(
                "a size from {} to {}: a whole number and B, KB, MB, GB, KiB, MiB or GiB, such as \
                 \"64KiB\" or \"10MB\"",
                bytes_text(min),
                bytes_text(max)
            ),
            Kind::Percent(min) => {
                format!("a whole percentage from \"{min}%\" to \"100%\", such as \"20%\"")
            }
            Kind::RequestRate => {
                "requests and a time, such as \"10/s\" or \"100/1m\"".to_owned()
            }
            Kind::Network => {
                "an IP network such as \"10.0.0.0/8\" or \"2001:db8::/32\", or an address".to_owned()
            }
            Kind::Status(statuses) => one_status(statuses),
            Kind::Score => "a number from 0 to 1, such as 0.5".to_owned(),
            Kind::Scores => "a table of scores, such as { PHONE_NUMBER = 0.6 }".to_owned(),
            Kind::Actions => "a table of actions, such as { PRIVATE_KEY = \"block\" }".to_owned(),
            Kind::Secret => "a reference such as \"env:NAME\" or \"file:PATH\"".to_owned(),
            Kind::List(item, 0) => format!("a list, each item {}", item.expected()),
            Kind::List(item, _) => {
                format!("a list that is not empty, each item {}", item.expected())
            }
            _ => "a table of header values, such as { x-tenant = \"a\", x-any = \"*\" }".to_owned(),
        }
    }
}

fn one_status(statuses: &[u16]) -> String {
    let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
    let statuses: Vec<&str> = statuses.iter().map(String::as_str).collect();
    crate::similar::one_of(&statuses)
}

fn choice(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    crate::similar::one_of(&quoted)
}
