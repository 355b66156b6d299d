//! Texts that have a form of their own, such as hosts and URLs.

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// The path that a route takes: no query, no `.` or `..` in it.
    RoutePath,
    /// The path below which a route takes all: the same without a slash at its end.
    RoutePrefix,
    /// A host, or all hosts below one.
    HostPattern,
    /// A host's name or IP address.
    Host,
    /// A host that a certificate can be fetched for.
    CertificateHost,
    /// A host with or without a port.
    HostHeader,
    /// A host with a port.
    HostPort,
    /// A URL of HTTP or HTTPS.
    Url,
    /// A URL of HTTPS; plain HTTP on this machine only.
    SecureUrl,
    /// Where a redirect leads.
    Location,
    /// A media type.
    MediaType,
    /// A web origin.
    Origin,
    /// The name of a header, kept in lower case.
    Header,
    /// Whom an authority may write to.
    Contact,
    /// Where the log of requests goes.
    LogPlace,
    /// Which strings of a JSON document are meant.
    FieldPointer,
    /// The name of a kind of data.
    Entity,
    /// When something is done, as cron writes it.
    Cron,
    /// A time zone of the IANA database.
    TimeZone,
    /// The method and the path of a request.
    ReadRequest,
}

impl TextForm {
    /// The words with which a message says what was expected.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            TextForm::RoutePath => "a path such as \"/v1/status\", without query, \".\" and \"..\"",
            TextForm::RoutePrefix => {
                "a path such as \"/v1\", without query, \".\", \"..\" and a slash at its end"
            }
            TextForm::HostPattern => {
                "a host such as \"api.example.org\", or \"*.example.org\" for all below it"
            }
            TextForm::Host => "a host such as \"api.example.org\"",
            TextForm::CertificateHost => "a host's full name such as \"api.example.org\"",
            TextForm::HostHeader => {
                "a host such as \"api.example.org\" or \"api.example.org:8080\""
            }
            TextForm::HostPort => {
                "a host with a port, such as \"127.0.0.1:9000\" or \"api.example.org:443\""
            }
            TextForm::Url => "a URL such as \"http://127.0.0.1:4318\", without user and password",
            TextForm::SecureUrl => {
                "a URL such as \"https://example.org/keys\", without user and password"
            }
            TextForm::Location => {
                "a URL or a path, such as \"https://{host}{path}{query}\" or \"/new{query}\""
            }
            TextForm::MediaType => "a media type such as \"image/png\"",
            TextForm::Origin => "an origin such as \"https://app.example.org\", or \"*\" for all",
            TextForm::Header => "a header's name such as \"x-api-key\"",
            TextForm::Contact => "an address such as \"mailto:ops@example.org\"",
            TextForm::FieldPointer => {
                "a JSON pointer such as \"/messages/*/text\", with \"*\" for any member or element and \"**\" for any \
                 number of them"
            }
            TextForm::Entity => {
                "at most 40 capitals, digits and single underscores between them, such as \"EMPLOYEE_ID\""
            }
            TextForm::LogPlace => "\"off\", \"log\" or a path, relative to this file's folder",
            TextForm::Cron => {
                "five fields as cron has them (minute, hour, day, month, day of the week), such as \"15 2 * * *\", or six \
                 with the second first"
            }
            TextForm::TimeZone => "a time zone such as \"Europe/Berlin\" or \"UTC\"",
            TextForm::ReadRequest => {
                "a method and a path, such as \"POST /search\", or \"POST /search/*\" with all below"
            }
        }
    }

    /// The words of the reference's column of types.
    pub(crate) fn words(self) -> &'static str {
        match self {
            TextForm::RoutePath | TextForm::RoutePrefix => "path of a request",
            TextForm::HostPattern => "host or `*.host`",
            TextForm::Host | TextForm::CertificateHost => "host",
            TextForm::HostHeader => "host, also with port",
            TextForm::HostPort => "host with port",
            TextForm::Url => "URL",
            TextForm::SecureUrl => "`https` URL",
            TextForm::Location => "URL or path",
            TextForm::MediaType => "media type",
            TextForm::Origin => "origin or `*`",
            TextForm::Header => "name of a header",
            TextForm::Contact => "`mailto:` address",
            TextForm::FieldPointer => "JSON pointer with `*`",
            TextForm::Entity => "name of an entity",
            TextForm::LogPlace => "`off`, `log` or path",
            TextForm::Cron => "cron expression",
            TextForm::TimeZone => "time zone",
            TextForm::ReadRequest => "method and path",
        }
    }

    /// A regular expression that every text of this form matches, for the JSON Schema.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            TextForm::RoutePath => "^/[!\"$->@-~]*$",
            TextForm::RoutePrefix => "^/([!\"$->@-~]*[!\"$-.0->@-~])?$",
            TextForm::HostPattern => r"^(\*\.)?[A-Za-z0-9._:\[\]-]+$",
            TextForm::Host | TextForm::CertificateHost | TextForm::HostHeader => {
                r"^[A-Za-z0-9._:\[\]-]+$"
            }
            TextForm::HostPort => r"^[A-Za-z0-9._:\[\]-]+:[0-9]+$",
            TextForm::Url | TextForm::SecureUrl => "^https?://[!-~]+$",
            TextForm::Location => "^(/|https?://)[!-~]*$",
            TextForm::MediaType => "^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$",
            TextForm::Origin => r"^(\*|[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+)$",
            TextForm::Header => "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
            TextForm::Contact => "^mailto:[!-~]+@[!-~]+$",
            TextForm::FieldPointer => "^/",
            TextForm::Entity => "^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$",
            TextForm::LogPlace => r"\S",
            TextForm::Cron => r"^(@\w+|(\S+\s+){4,5}\S+)$",
            TextForm::TimeZone => "^[A-Za-z0-9_+/-]+$",
            TextForm::ReadRequest => r"^[A-Z]+ /[!-~]*$",
        }
    }
}
