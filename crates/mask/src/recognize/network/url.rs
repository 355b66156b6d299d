//! URLs with a scheme that names a host, and those that begin with `www.`.
//!
//! Every host counts, `localhost` and single labels too: what runs where is nobody else's business. With the default
//! threshold all of them are found; a policy that wants public hosts only sets it to 80, one that wants only URLs with a
//! name and password to 95, and then what lies in the others is looked for by itself.
//!
//! Where a URL ends in prose follows what readers expect (as browsers, mail programs and the linkify family do it): brackets
//! belong to it when they are balanced, a full stop, comma, colon, question or exclamation mark only when more follows.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::suffix;
use super::{Seen, URL, name, nearby};
use crate::Score;
use crate::find::Offers;

/// With a name and a password before the host, or a password among its parameters.
const BARE_PASSWORD: Score = Score::of(95);
/// With a host under a listed domain or an IP address.
const BARE_PUBLIC: Score = Score::of(85);
/// With any other host.
const BARE_LOCAL: Score = Score::of(70);

/// The longest scheme with what may stand before it.
const SCHEME_MAX: usize = 24;

/// The schemes, in order.
const SCHEMES: &[&str] = &[
    "abfss",
    "amqp",
    "amqp+ssl",
    "amqps",
    "bolt",
    "cassandra",
    "clickhouse",
    "cockroachdb",
    "couchbase",
    "couchbases",
    "couchdb",
    "cql",
    "db2",
    "docker",
    "dynamodb",
    "edgedb",
    "elasticsearch",
    "etcd",
    "firebird",
    "ftp",
    "ftpes",
    "ftps",
    "gemini",
    "git",
    "git+http",
    "git+https",
    "git+ssh",
    "gopher",
    "grpc",
    "grpcs",
    "gs",
    "hbase",
    "hdfs",
    "hive2",
    "http",
    "https",
    "ignite",
    "imap",
    "imaps",
    "influxdb",
    "informix",
    "ipp",
    "irc",
    "ircs",
    "kafka",
    "ldap",
    "ldaps",
    "mariadb",
    "memcached",
    "mongo",
    "mongodb",
    "mongodb+srv",
    "mqtt",
    "mqtts",
    "mssql",
    "mysql",
    "mysql+pymysql",
    "mysqlx",
    "nats",
    "neo4j",
    "neo4j+s",
    "nfs",
    "nntp",
    "nsq",
    "oci",
    "oracle",
    "postgres",
    "postgresql",
    "postgresql+asyncpg",
    "postgresql+psycopg",
    "postgresql+psycopg2",
    "presto",
    "pulsar",
    "quic",
    "ravendb",
    "rdp",
    "redis",
    "redis+sentinel",
    "rediss",
    "rsync",
    "rtmp",
    "rtmps",
    "rtmpt",
    "rtsp",
    "s3",
    "s3a",
    "scp",
    "sftp",
    "sips",
    "smb",
    "smtp",
    "smtps",
    "snowflake",
    "socks4",
    "socks5",
    "socks5h",
    "spdy",
    "sqlserver",
    "sqs",
    "ssh",
    "stomp",
    "stun",
    "svn",
    "svn+ssh",
    "tcp",
    "telnet",
    "teradata",
    "tftp",
    "tls",
    "trino",
    "turn",
    "udp",
    "valkey",
    "vertica",
    "vnc",
    "wasbs",
    "webdav",
    "webdavs",
    "ws",
    "wss",
    "xmpp",
    "zmq",
    "zookeeper",
];

/// Offers the URL whose scheme ends before the colon at `colon`, which two slashes follow.
pub(super) fn with_scheme(text: &str, colon: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let floor = seen.url.max(seen.covered);
    if colon < floor {
        return;
    }
    let length = bytes[floor..colon]
        .iter()
        .rev()
        .take(SCHEME_MAX + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
        .count();
    let Some(start) = scheme_start(text, colon - length, colon) else {
        return;
    };
    let start = if text[..start].ends_with("jdbc:") {
        start - "jdbc:".len()
    } else {
        start
    };
    let authority = colon + 3;
    let Some(bare) = host_score(text, authority) else {
        return;
    };
    let end = end(text, start, authority);
    let bare = if has_password_parameter(&text.as_bytes()[authority..end.max(authority)]) {
        BARE_PASSWORD
    } else {
        bare
    };
    seen.url = end;
    if end > authority && offers.settles(URL, start..end, bare) {
        seen.covered = end;
    }
}

/// Offers the URL that begins with `www.` in the run `start..end` of a name's characters. Says whether it counts.
pub(super) fn with_www(
    text: &str,
    start: usize,
    end: usize,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) -> bool {
    let start = nearby::after_escape(text, start);
    let is_www = text.as_bytes()[start..end]
        .get(..4)
        .is_some_and(|first| first.eq_ignore_ascii_case(b"www."));
    if !is_www
        || start < seen.url
        || matches!(
            nearby::before(text, start),
            Some('@' | '.' | '-' | '_' | '$' | '\\')
        )
    {
        return false;
    }
    let run = &text[start..end];
    let host = run.trim_end_matches(['-', '_', '.']);
    let registrable = &host[4.min(host.len())..];
    if !registrable.contains('.') || !name::has_good_labels(host, false) {
        return false;
    }
    let Some(suffix) = suffix::of(registrable).filter(|suffix| suffix.len < registrable.len())
    else {
        return false;
    };
    let bare = if suffix.kind == suffix::Kind::Reserved {
        BARE_LOCAL
    } else {
        BARE_PUBLIC
    };
    let after = start + host.len();
    let goes_on = matches!(text.as_bytes().get(after), Some(b'/' | b'?' | b'#' | b':'));
    let end = if goes_on {
        self::end(text, start, after)
    } else {
        after
    };
    seen.url = end;
    let counts = offers.settles(URL, start..end, bare);
    if counts {
        seen.covered = end;
    }
    counts
}

/// Where the scheme begins in the run `from..colon` of a scheme's characters.
fn scheme_start(text: &str, from: usize, colon: usize) -> Option<usize> {
    let is_known = |scheme: &str| {
        let lower = scheme.to_ascii_lowercase();
        SCHEMES.binary_search(&lower.as_str()).is_ok()
    };
    let run = &text[from..colon];
    if is_known(run) {
        return Some(from);
    }
    // `see.http://`, `n-https://`: the part after the last sign; `\nhttp://` in escaped text.
    let part = run
        .rfind(['.', '-', '+'])
        .map_or(from, |sign| from + sign + 1);
    let part = nearby::after_escape(text, part);
    is_known(&text[part..colon]).then_some(part)
}

/// How sure a URL is whose authority begins at `from`; nothing when it names no host.
fn host_score(text: &str, from: usize) -> Option<Score> {
    let length = text[from..]
        .find(|character: char| is_end(character) || matches!(character, '/' | '?' | '#' | '\\'))
        .unwrap_or(text.len() - from);
    let authority = &text[from..from + length];
    let (user, host) = authority
        .rsplit_once('@')
        .map_or((None, authority), |(user, host)| (Some(user), host));
    let has_password = user.is_some_and(|user| {
        user.split_once(':')
            .is_some_and(|(_, password)| !password.is_empty())
    });
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.split([']', '%']).next()?;
        inner.parse::<Ipv6Addr>().ok()?;
        return Some(if has_password {
            BARE_PASSWORD
        } else {
            BARE_PUBLIC
        });
    }
    let host_end = name::end(host, 0);
    let host = host[..host_end].trim_end_matches(['.', '-', '_']);
    if !host.starts_with(char::is_alphanumeric) {
        return None;
    }
    if has_password {
        return Some(BARE_PASSWORD);
    }
    let is_public = host.parse::<Ipv4Addr>().is_ok()
        || (host.contains('.')
            && name::has_good_labels(host, true)
            && suffix::of(host).is_some_and(|suffix| suffix.kind != suffix::Kind::Reserved));
    Some(if is_public { BARE_PUBLIC } else { BARE_LOCAL })
}

/// Whether one of the parameters of a URL is a password: `?user=x&password=y`, `;password=y`.
fn has_password_parameter(url: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"password", b"passwd", b"pwd", b"pass"];
    memchr::memchr_iter(b'=', url).any(|sign| {
        let name = NAMES.iter().find(|name| {
            sign.checked_sub(name.len())
                .is_some_and(|from| url[from..sign].eq_ignore_ascii_case(name))
        });
        name.is_some_and(|name| {
            url[..sign - name.len()]
                .last()
                .is_some_and(|before| b"?&;".contains(before))
        })
    })
}

/// Where the URL that begins at `start`, and whose authority begins at or before `from`, ends.
fn end(text: &str, start: usize, from: usize) -> usize {
    let is_quoted = text[..start].ends_with('\'');
    let is_emphasized = text[..start].ends_with('_');
    let mut ending = Ending {
        end: from,
        ..Ending::default()
    };
    let mut before = '/';
    for (offset, character) in text[from..].char_indices() {
        let at = from + offset;
        if is_end(character)
            || (character == '\'' && is_quoted)
            || (is_emphasized && character == '_' && !nearby::is_word_after(text, at + 1))
            || (character == '&' && is_entity(&text[at..]))
            || (matches!(character, ',' | ';') && begins_another(&text[at + 1..]))
            || (is_uncased(character) && before.is_ascii_alphanumeric())
            || !ending.takes(at, character)
        {
            break;
        }
        before = character;
    }
    ending.end
}

/// How far a URL reaches, as it is read character by character.
#[derive(Default)]
struct Ending {
    /// The end of what belongs to it for sure.
    end: usize,
    round: u32,
    square: u32,
    curly: u32,
    has_open_quote: bool,
}

impl Ending {
    /// Takes in one character; says no when the URL has ended before it.
    fn takes(&mut self, at: usize, character: char) -> bool {
        let depth = match character {
            '(' | ')' => Some(&mut self.round),
            '[' | ']' => Some(&mut self.square),
            '{' | '}' => Some(&mut self.curly),
            _ => None,
        };
        let may_be_last = match (character, depth) {
            ('(' | '[' | '{', Some(depth)) => {
                *depth += 1;
                false
            }
            (_, Some(depth)) => {
                let Some(left) = depth.checked_sub(1) else {
                    return false;
                };
                *depth = left;
                true
            }
            ('?' | '!' | '.' | ',' | ':' | ';' | '*' | '~', None) => false,
            ('\'', None) => {
                self.has_open_quote = !self.has_open_quote;
                !self.has_open_quote
            }
            _ => true,
        };
        if may_be_last {
            self.end = at + character.len_utf8();
        }
        true
    }
}

/// Whether a character ends every URL: white space, control characters, the signs that RFC 3986 (appendix C) names as
/// delimiters, and the punctuation of other scripts.
fn is_end(character: char) -> bool {
    match character {
        '\0'..=' ' | '|' | '"' | '<' | '>' | '`' | '\\' | '^' => true,
        '!'..='~' => false,
        '\x7f'..='\u{a0}' | '\u{ab}' | '\u{b7}' | '\u{bb}' => true,
        '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{fe00}'..='\u{fe6f}'
        | '\u{feff}' => true,
        '\u{ff00}'..='\u{ff65}' => true,
        other => other.is_whitespace() || other.is_control(),
    }
}

/// Whether a character is a letter of a script without spaces between words.
fn is_uncased(character: char) -> bool {
    character > '\x7f' && character.is_alphabetic() && !name::is_cased(character)
}

/// Whether an entity of HTML begins here that stands for a sign that ends a URL.
fn is_entity(rest: &str) -> bool {
    [
        "&quot;", "&lt;", "&gt;", "&#39;", "&#34;", "&apos;", "&nbsp;",
    ]
    .iter()
    .any(|entity| rest.starts_with(entity))
}

/// Whether another URL follows a comma or semicolon.
fn begins_another(rest: &str) -> bool {
    rest.get(..4)
        .is_some_and(|first| first.eq_ignore_ascii_case("http"))
}

/// Whether the table of schemes is in order.
#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    SCHEMES.is_sorted()
}
