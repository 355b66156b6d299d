//! What a key's value may be.

use super::Section;
use crate::units::duration_text;

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
            Kind::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
                crate::similar::one_of(&quoted)
            }
            Kind::Boolean => "true or false".to_owned(),
            Kind::Whole(min, u64::MAX | 0xffff_ffff) => format!("a whole number of at least {min}"),
            Kind::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Number => "a number".to_owned(),
            Kind::Duration => {
                "a duration: a whole number and ms, s, m, h or d, such as \"250ms\" or \"10m\""
                    .to_owned()
            }
            Kind::DurationFrom(0) => {
                "a duration or \"0s\": a whole number and ms, s, m, h or d, such as \"10m\"".to_owned()
            }
            Kind::DurationFrom(min_ms) => format!(
                "a duration of at least {}: a whole number and ms, s, m, h or d, such as \"30s\"",
                duration_text(min_ms)
            ),
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
            Kind::Texts => "a table of texts, such as { LANG = \"C\" }".to_owned(),
            Kind::Pointers => {
                "a table of JSON pointers, such as { queue = \"/queue/length\" }".to_owned()
            }
            Kind::Values => {
                "a table of values by JSON pointer, such as { \"/status\" = \"ok\" }".to_owned()
            }
            Kind::Any => "a text, a number, true, false, a list or a table".to_owned(),
            Kind::Table(_) => "a table".to_owned(),
            Kind::Tables(section) => {
                format!("a list of tables, each with the header {}", section.header)
            }
            Kind::Environments(section) => {
                format!("tables, each with the header {}", section.header)
            }
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
            Kind::Texts => "table of texts".to_owned(),
            Kind::Pointers => "table of JSON pointers".to_owned(),
            Kind::Values => "table of values by JSON pointer".to_owned(),
            Kind::Any => "any value".to_owned(),
            Kind::Table(section) => format!("table `{}`", section.header),
            Kind::Tables(section) => format!("list of tables `{}`", section.header),
            Kind::Environments(section) => format!("tables `{}`", section.header),
        }
    }
}
