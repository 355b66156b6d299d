//! Domain names under a public suffix.
//!
//! Files, attributes and sentences without a space after the dot look the same, so a name needs more than a listed suffix:
//! under `com` and its like, under a country's domain or a second level such as `com.vn` it stands for itself; under a
//! domain such as `io` a word about sites must be near, or a path, a port or a known first label; under a word such as
//! `name` or `rs`, something must announce it directly ("visit", "website", "trang web").
//!
//! A domain's span is the name alone, without a port, a path or the dot at its end.

use super::suffix::{self, Kind};
use super::{DOMAIN, Seen, name, nearby};
use crate::Score;
use crate::find::Offers;

/// Without anything around it: under `com`, under `co.uk`.
const BARE_STRONG: Score = Score::of(75);
/// Under a country's domain.
const BARE_COUNTRY: Score = Score::of(60);
/// Under `io` and its like, and under a reserved one such as `internal`.
const BARE_WEB: Score = Score::of(35);
/// When something next to it shows that it is a host: a path, a port, a first label such as `www`.
const BARE_SHOWN: Score = Score::of(60);

/// Words that announce a domain, in front of it.
const ANNOUNCING: &[&str] = &[
    "visit",
    "visiting",
    "visited",
    "website",
    "websites",
    "web site",
    "webpage",
    "web page",
    "homepage",
    "domain",
    "domains",
    "subdomain",
    "hostname",
    "nameserver",
    "browse",
    "whois",
    "nslookup",
    "dig",
    "ping",
    "traceroute",
    "registrar",
    "registered",
    "ten mien",
    "trang web",
    "trang chu",
    "truy cap",
    "ghe tham",
    "vao trang",
];

/// First labels that hosts have.
const HOST_LABELS: &[&str] = &[
    "www",
    "www2",
    "api",
    "apis",
    "mail",
    "smtp",
    "imap",
    "pop",
    "pop3",
    "mx",
    "mx1",
    "mx2",
    "ftp",
    "sftp",
    "cdn",
    "static",
    "assets",
    "img",
    "images",
    "docs",
    "blog",
    "shop",
    "store",
    "m",
    "dev",
    "staging",
    "stage",
    "prod",
    "uat",
    "test",
    "demo",
    "beta",
    "admin",
    "portal",
    "login",
    "sso",
    "auth",
    "accounts",
    "vpn",
    "ns",
    "ns1",
    "ns2",
    "dns",
    "git",
    "gitlab",
    "github",
    "jenkins",
    "jira",
    "wiki",
    "grafana",
    "prometheus",
    "kibana",
    "monitor",
    "status",
    "support",
    "help",
    "dashboard",
    "console",
    "registry",
    "proxy",
    "gateway",
    "db",
    "db1",
    "database",
    "postgres",
    "mysql",
    "redis",
    "cache",
    "kafka",
    "ldap",
    "ntp",
    "webmail",
    "intranet",
    "crm",
    "erp",
    "web",
    "web1",
    "host",
    "server",
    "backup",
    "cloud",
    "chat",
    "forum",
    "news",
    "app",
];

/// What objects are called in source code: what follows the dot is an attribute then.
const OBJECTS: &[&str] = &[
    "self",
    "this",
    "cls",
    "super",
    "obj",
    "object",
    "req",
    "res",
    "request",
    "response",
    "ctx",
    "context",
    "args",
    "kwargs",
    "opts",
    "options",
    "params",
    "props",
    "state",
    "config",
    "cfg",
    "conf",
    "settings",
    "window",
    "document",
    "event",
    "evt",
    "std",
    "sys",
    "np",
    "pd",
    "tf",
    "nn",
    "torch",
    "torchvision",
    "sklearn",
    "plt",
    "math",
    "json",
    "fs",
    "process",
    "module",
    "exports",
    "console",
    "logger",
    "log",
    "user",
    "users",
    "account",
    "item",
    "row",
    "node",
    "elem",
    "element",
    "el",
    "model",
    "data",
    "result",
    "entity",
    "record",
    "entry",
    "parent",
    "root",
    "system",
    "java",
    "javax",
    "kotlin",
    "scala",
    "android",
    "db",
    "tx",
    "err",
    "error",
    "input",
    "output",
    "target",
    "source",
    "msg",
    "message",
    "payload",
    "session",
    "employee",
    "person",
    "customer",
    "company",
    "order",
    "env",
    "import",
    "package",
    "os",
    "io",
    "http",
    "tcp",
    "socket",
    "client",
    "server",
    "conn",
    "spring",
    "commons",
];

/// Names of products and libraries that are written like domains.
const PRODUCTS: &[&str] = &[
    "asp.net",
    "vb.net",
    "ado.net",
    "ml.net",
    "json.net",
    "paint.net",
    "dot.net",
    "pl.net",
    "log4.net",
    "socket.io",
    "signalr.net",
    "quartz.net",
    "nhibernate.net",
    "spark.net",
    "xamarin.net",
    "windows.net",
    "accord.net",
    "akka.net",
];

/// Names that are followed by a path wherever they are links to somebody or something.
const SHORTENERS: &[&str] = &[
    "t.me",
    "wa.me",
    "m.me",
    "fb.me",
    "zalo.me",
    "youtu.be",
    "is.gd",
    "t.ly",
    "lnkd.in",
    "amzn.to",
    "git.io",
    "discord.gg",
    "about.me",
    "paypal.me",
    "ow.ly",
    "bit.ly",
    "goo.gl",
    "redd.it",
    "buff.ly",
];

/// Offers the name in the run `start..end`.
pub(super) fn find(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let Some((start, end)) = trimmed(text, start, end) else {
        return;
    };
    let written = &text[start..end];
    let Some((_, tld)) = written.rsplit_once('.') else {
        return;
    };
    let Some(kind) = suffix::kind(tld) else {
        return;
    };
    let is_announced = kind == Kind::Word && is_announced(text, start, seen);
    if kind == Kind::Word && !is_announced && !may_have_second_level(written) {
        return;
    }
    if !name::has_good_labels(written, kind == Kind::Strong) {
        return;
    }
    let Some(suffix) = suffix::of(written).filter(|suffix| suffix.len < written.len()) else {
        return;
    };
    let range = start..end;
    if let Some(why) = refusal(text, start, end, suffix.kind) {
        offers.reject(DOMAIN, range, why);
        return;
    }
    let bare = match suffix.kind {
        Kind::Strong => BARE_STRONG,
        Kind::Country => BARE_COUNTRY,
        Kind::Web | Kind::Reserved if is_shown(text, start, end) => BARE_SHOWN,
        Kind::Web | Kind::Reserved if continues_list(text, start, seen) => BARE_SHOWN,
        Kind::Web | Kind::Reserved => BARE_WEB,
        Kind::Word if is_announced || is_short_link(text, start, end) => BARE_SHOWN,
        Kind::Word => return,
    };
    if offers.settles(DOMAIN, range, bare) {
        seen.domain = end;
    }
}

/// The run without what does not belong to a name: hyphens and underscores at its ends, an escape sequence before it.
fn trimmed(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let run = &text[start..end];
    let right = run.trim_end_matches(['-', '_', '.']);
    let end = start + right.len();
    // Emphasis in Markdown stands on both sides.
    let left = if right.len() < run.len() {
        right.trim_start_matches(['-', '_'])
    } else {
        right.trim_start_matches('-')
    };
    let start = nearby::after_escape(text, end - left.len());
    (start < end).then_some((start, end))
}

/// Whether a name under a word has enough labels for a second level or a hosting service that makes it strong, or is a
/// short link.
fn may_have_second_level(written: &str) -> bool {
    written.split('.').count() >= 3 || SHORTENERS.contains(&written)
}

/// Why what stands around a name, or the name itself, speaks of something else.
fn refusal(text: &str, start: usize, end: usize, kind: Kind) -> Option<&'static str> {
    let written = &text[start..end];
    let is_strong = kind == Kind::Strong;
    let bytes = text.as_bytes();
    if let Some(why) = tie_before(text, start, is_strong) {
        return Some(why);
    }
    match bytes.get(end) {
        Some(b'@') => return Some("it is the local part of an address"),
        Some(b'_' | b'$') => return Some("a name goes on after it"),
        Some(b'(' | b'[' | b'{') if !is_strong => return Some("it is called or indexed"),
        Some(b'(') if bytes.get(end + 1) == Some(&b')') => return Some("it is called"),
        _ => {}
    }
    if !is_strong && is_assigned(&bytes[end..]) {
        return Some("a value is assigned to it");
    }
    if bytes[end..].starts_with(b"::") || bytes[end..].starts_with(b"->") {
        return Some("it is source code");
    }
    let mut labels = written.split('.');
    let first = labels.next().unwrap_or_default();
    let tld = written.rsplit('.').next().unwrap_or_default();
    if PRODUCTS
        .iter()
        .any(|product| written.eq_ignore_ascii_case(product))
    {
        return Some("it is the name of a product");
    }
    if is_title(tld) && !(is_strong && is_title_like(first)) {
        return Some("a sentence begins after the dot");
    }
    if let Some(why) = code_shape(written, first, tld, is_strong) {
        return Some(why);
    }
    let numeric = written
        .split('.')
        .filter(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    if numeric > 1 || (numeric == 1 && !is_strong && written.split('.').count() == 2) {
        return Some("its labels are numbers");
    }
    None
}

/// What directly before the name ties it to something longer.
fn tie_before(text: &str, start: usize, is_strong: bool) -> Option<&'static str> {
    let mut before = text[..start].chars().rev();
    match (before.next(), before.next()) {
        (Some('@'), _) => Some("it stands after an @"),
        (Some('$' | '%' | '#' | '}' | '_'), _) => Some("a sign ties it to something"),
        (Some('.'), Some('.')) if is_strong => None,
        (Some('.'), next)
            if !is_strong
                || next
                    .is_some_and(|next| !matches!(next, ' ' | '"' | '\'' | '=' | '*' | '\n')) =>
        {
            Some("a dot stands before it")
        }
        (Some('/'), Some('/')) => None,
        (Some('/'), Some('\\')) => None,
        (Some('/' | '\\'), _) => Some("it is part of a path"),
        (Some(')' | ']'), _) if !is_strong => Some("it follows an expression"),
        (Some(':'), Some(':')) => Some("it is source code"),
        (Some('>'), Some('-')) => Some("it is source code"),
        _ => None,
    }
}

/// Whether the shape of the name is one of source code: objects and packages.
fn code_shape(written: &str, first: &str, tld: &str, is_strong: bool) -> Option<&'static str> {
    let lower_first = first.to_ascii_lowercase();
    let is_object = OBJECTS.contains(&lower_first.as_str());
    let count = written.split('.').count();
    let is_net = ["net", "org", "mil", "biz"]
        .iter()
        .any(|word| tld.eq_ignore_ascii_case(word));
    if matches!(
        lower_first.as_str(),
        "self" | "this" | "cls" | "super" | "obj" | "req" | "res"
    ) {
        return Some("it is an attribute of an object");
    }
    if is_object && count == 2 && (!is_strong || is_net) {
        return Some("it is an attribute of an object");
    }
    if is_object && !is_strong && !HOST_LABELS.contains(&lower_first.as_str()) {
        return Some("it is an attribute of an object");
    }
    let is_reversed = matches!(
        lower_first.as_str(),
        "com" | "org" | "net" | "edu" | "gov" | "io" | "java" | "javax"
    );
    if is_reversed && (count > 2 || !is_strong) {
        return Some("it is a package of source code");
    }
    if written.ends_with("k8s.io") || (written.ends_with("kubernetes.io") && count > 2) {
        return Some("it is a label of Kubernetes");
    }
    if !is_strong {
        let second = written.rsplit('.').nth(1).unwrap_or_default();
        if written.split('.').any(is_camel) {
            return Some("it has capitals like source code");
        }
        if second.len() < 2 && count == 2 {
            return Some("it is too short");
        }
    } else if is_net
        && tld.bytes().all(|byte| byte.is_ascii_uppercase())
        && first.bytes().any(|byte| byte.is_ascii_lowercase())
    {
        return Some("it is the name of a product");
    }
    None
}

/// Whether a path, a port, a known first label or an unusual second one shows that it is a host.
fn is_shown(text: &str, start: usize, end: usize) -> bool {
    let written = &text[start..end];
    let first = written.split('.').next().unwrap_or_default();
    let count = written.split('.').count();
    let is_host = count >= 3
        && (HOST_LABELS.contains(&first.to_ascii_lowercase().as_str())
            || written
                .bytes()
                .any(|byte| byte == b'-' || byte.is_ascii_digit()));
    if is_host {
        return true;
    }
    match &text.as_bytes()[end..] {
        [b'/', next, ..] => next.is_ascii_alphanumeric() && !text[end + 1..].starts_with(written),
        [b':', rest @ ..] => is_port(rest),
        _ => is_short_link(text, start, end),
    }
}

/// Whether a port follows a colon, rather than a line and a column.
fn is_port(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (2..=5).contains(&digits)
        && !matches!(rest.get(digits), Some(b':' | b'.'))
        && !rest.get(digits).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether it is a shortener or a profile's address with a path after it.
fn is_short_link(text: &str, start: usize, end: usize) -> bool {
    SHORTENERS
        .iter()
        .any(|known| text[start..end].eq_ignore_ascii_case(known))
        && matches!(&text.as_bytes()[end..], [b'/', next, ..] if next.is_ascii_alphanumeric() || *next == b'+')
}

/// Whether a word in front announces the name, or it goes on with a list of domains.
fn is_announced(text: &str, start: usize, seen: &Seen) -> bool {
    continues_list(text, start, seen) || nearby::is_announced(text, start, ANNOUNCING, true)
}

/// Whether only a comma or a conjunction stands between the last domain and this name.
fn continues_list(text: &str, start: usize, seen: &Seen) -> bool {
    seen.domain > 0
        && text.get(seen.domain..start).is_some_and(|between| {
            matches!(
                between,
                ", " | ","
                    | " or "
                    | " and "
                    | ", and "
                    | ", or "
                    | " & "
                    | " va "
                    | " v\u{e0} "
                    | " ho\u{1eb7}c "
            )
        })
}

/// Whether what follows assigns or compares.
fn is_assigned(after: &[u8]) -> bool {
    let rest = after.trim_ascii_start();
    match rest {
        [b'=', ..] => true,
        [sign, b'=', ..] => b"+-*/!<>|&".contains(sign),
        _ => false,
    }
}

/// Whether a label begins with a capital and goes on in lower case.
fn is_title(label: &str) -> bool {
    let mut characters = label.chars();
    characters.next().is_some_and(char::is_uppercase)
        && characters.next().is_some_and(char::is_lowercase)
}

/// Whether a label begins with a capital.
fn is_title_like(label: &str) -> bool {
    label.starts_with(char::is_uppercase)
}

/// Whether a capital follows a small letter within the label.
fn is_camel(label: &str) -> bool {
    label
        .as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}
