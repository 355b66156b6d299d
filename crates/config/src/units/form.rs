//! Texts that have a form of their own.

use portcullis_rollout::ReadRequest;
use url::Url;

use super::network::{certificate_host, host, host_header, host_pattern, host_port};
use super::schedule;
use super::{is_token, is_url_path};
use crate::bounds::ENTITY_CHARS_MAX;
use crate::keys::TextForm;

/// The text as it is kept, or what was probably meant.
pub(super) fn formed(form: TextForm, text: &str) -> Result<String, Option<String>> {
    match form {
        TextForm::RoutePath => route_path(text),
        TextForm::RoutePrefix => route_prefix(text),
        TextForm::HostPattern => host_pattern(text),
        TextForm::Host => host(text),
        TextForm::CertificateHost => certificate_host(text),
        TextForm::HostHeader => host_header(text),
        TextForm::HostPort => host_port(text),
        TextForm::Url => url(text).map(|_| text.to_owned()),
        TextForm::SecureUrl => secure_url(text),
        TextForm::Location => location(text),
        TextForm::MediaType => media_type(text),
        TextForm::Origin => origin(text),
        TextForm::Header => header(text),
        TextForm::Contact => contact(text),
        TextForm::LogPlace => log_place(text),
        TextForm::FieldPointer => field_pointer(text),
        TextForm::Entity => entity(text),
        TextForm::Cron => schedule::cron(text).map(|_| text.to_owned()),
        TextForm::TimeZone => schedule::zone(text),
        TextForm::ReadRequest => match text.parse::<ReadRequest>() {
            Ok(request) => Ok(request.to_string()),
            Err(_) => Err(meant(text)),
        },
    }
}

/// What was probably meant by a text that is no method with a path.
fn meant(text: &str) -> Option<String> {
    let (method, path) = text.split_once(' ').unwrap_or(("POST", text));
    let written = format!("{} {}", method.to_uppercase(), path.trim());
    let read = written.parse::<ReadRequest>().ok()?;
    Some(format!("did you mean \"{read}\"?"))
}

fn route_path(text: &str) -> Result<String, Option<String>> {
    // A dot may be written as `%2e`, and paths are compared as they are sent.
    let dots = |part: &str| matches!(part.to_lowercase().replace("%2e", ".").as_str(), "." | "..");
    // An escaped slash and parameters are read differently by servers: the gateway takes no route with them.
    let escapes = text.to_lowercase();
    let is_ambiguous = text.contains(';') || escapes.contains("%2f") || escapes.contains("%3b");
    let plain = is_url_path(text)
        && !is_ambiguous
        && !text.contains('?')
        && !text.ends_with("/*")
        && !text.split('/').any(dots);
    if plain {
        let one = one_spelling(text);
        return match one == text {
            true => Ok(one),
            false => Err(Some(format!(
                "write it as \"{one}\": paths of requests are compared in that spelling (RFC 3986, 6.2.2)"
            ))),
        };
    }
    let below = text.trim_end_matches('*').trim_end_matches('/');
    let without_query = text.split(['?', '#']).next().unwrap_or_default();
    let hint = if !text.starts_with(['/', '.', '*']) && route_path(&format!("/{text}")).is_ok() {
        Some(format!("did you mean \"/{text}\"?"))
    } else if text.ends_with("/*") && route_path(below).is_ok() {
        Some(format!("did you mean path = \"{below}\"?"))
    } else if without_query != text && route_path(without_query).is_ok() {
        Some("queries are not looked at: leave it out".to_owned())
    } else if is_ambiguous && is_url_path(text) {
        let hint = "servers do not agree on `;` and escaped slashes: use the path before it";
        Some(hint.to_owned())
    } else {
        None
    };
    Err(hint)
}

/// A path with unreserved characters unescaped and the remaining escapes in capitals, as those of requests are
/// before routes are looked up (RFC 3986, 6.2.2.1 and 6.2.2.2).
fn one_spelling(path: &str) -> String {
    let mut one = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        one.push_str(before);
        let digits = after.get(..2);
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match (byte, digits) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                one.push(char::from(byte));
                &after[2..]
            }
            (Some(_), Some(digits)) => {
                one.push('%');
                one.push_str(&digits.to_ascii_uppercase());
                &after[2..]
            }
            _ => {
                one.push('%');
                after
            }
        };
    }
    one + rest
}

fn route_prefix(text: &str) -> Result<String, Option<String>> {
    // `/v1/*` would be taken as it is written, and means what a prefix means anyway.
    if let Some(below) = text.strip_suffix("/*")
        && route_path(below).is_ok()
    {
        let hint = format!("did you mean \"{below}\"? it takes all below it too");
        return Err(Some(hint));
    }
    let path = route_path(text)?;
    match path.strip_suffix('/') {
        Some("") | None => Ok(path),
        Some(bare) if !bare.ends_with('/') => Err(Some(format!(
            "did you mean \"{bare}\"? it takes \"{bare}/\" and all below it too"
        ))),
        Some(_) => Err(None),
    }
}

/// A URL of HTTP or HTTPS without user, password and fragment.
fn url(text: &str) -> Result<Url, Option<String>> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let parsed = Url::parse(text).ok().filter(|_| printable);
    let scheme = text.starts_with("http://") || text.starts_with("https://");
    let Some(url) = parsed.filter(|_| scheme) else {
        let here = ["127.0.0.1", "[::1]", "localhost"].iter();
        let scheme = match here.into_iter().any(|here| text.starts_with(here)) {
            true => "http",
            false => "https",
        };
        let near = format!("{scheme}://{text}");
        let meant = !text.contains("//") && text.contains(['.', ':']) && printable;
        return Err(
            (meant && Url::parse(&near).is_ok()).then(|| format!("did you mean \"{near}\"?"))
        );
    };
    let plain = url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(None) }
}

/// The same with HTTPS, or with plain HTTP on this machine.
fn secure_url(text: &str) -> Result<String, Option<String>> {
    let url = url(text)?;
    let host = url.host_str().unwrap_or_default();
    let here = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
    if url.scheme() == "https" || here {
        return Ok(text.to_owned());
    }
    let rest = text.trim_start_matches("http://");
    Err(Some(format!(
        "anybody on the way could change what it answers: did you mean \"https://{rest}\"?"
    )))
}

/// The places of a redirect, with what a request could have for them.
const LOCATION_PLACES: [(&str, &str); 3] = [
    ("{host}", "host.example"),
    ("{path}", "/path"),
    ("{query}", "?query"),
];

fn location(text: &str) -> Result<String, Option<String>> {
    if text.starts_with("//") {
        return Err(Some(format!("did you mean \"https:{text}\"?")));
    }
    if text.starts_with("{path}") {
        // A request for `//elsewhere.example` would be sent there.
        return Err(Some(
            "a client could choose the host: begin with \"https://{host}\"".to_owned(),
        ));
    }
    let mut filled = text.to_owned();
    for (place, value) in LOCATION_PLACES {
        filled = filled.replace(place, value);
    }
    if filled.contains(['{', '}']) {
        return Err(Some("known places: {host}, {path} and {query}".to_owned()));
    }
    let path = filled.starts_with('/') && filled.bytes().all(|byte| byte.is_ascii_graphic());
    if path {
        return Ok(text.to_owned());
    }
    url(&filled).map(|_| text.to_owned()).map_err(|_| {
        filled
            .starts_with("www.")
            .then(|| format!("did you mean \"https://{text}\"?"))
    })
}

fn media_type(text: &str) -> Result<String, Option<String>> {
    let part = |part: &str| {
        let allowed =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$&^_.+-".contains(&byte);
        !part.is_empty() && part.bytes().all(allowed)
    };
    let good = |text: &str| {
        text.split_once('/')
            .is_some_and(|(kind, sub)| part(kind) && part(sub))
    };
    if good(text) {
        return Ok(text.to_owned());
    }
    let lower = text.to_lowercase();
    let bare = lower.split(';').next().unwrap_or_default().trim();
    let hint = if text.contains('*') {
        Some("name each type, such as \"image/png\" and \"image/jpeg\"".to_owned())
    } else {
        good(bare).then(|| format!("did you mean \"{bare}\"?"))
    };
    Err(hint)
}

/// An origin as browsers send it: scheme, host and a port that is not the scheme's own.
fn origin(text: &str) -> Result<String, Option<String>> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let split = |text: &str| -> Option<(String, String)> {
        let (scheme, rest) = text.split_once("://")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
        let letter = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        let scheme = Some(scheme).filter(|scheme| letter && scheme.bytes().all(plain))?;
        Some((scheme.to_ascii_lowercase(), host_header(rest).ok()?))
    };
    let bare = text.trim_end_matches('/');
    let Some((scheme, host)) = split(bare) else {
        let near = format!("https://{bare}");
        let hint = split(&near).map(|_| format!("did you mean \"{near}\"?"));
        return Err(hint.filter(|_| !text.contains("//") && text.contains('.')));
    };
    let own = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "/",
    };
    let sent = format!("{scheme}://{}", host.strip_suffix(own).unwrap_or(&host));
    if sent == text {
        Ok(sent)
    } else {
        Err(Some(format!("browsers send \"{sent}\"")))
    }
}

/// Names are kept in lower case; `*` alone would look as if it meant all.
fn header(text: &str) -> Result<String, Option<String>> {
    if text == "*" {
        return Err(Some("name each header".to_owned()));
    }
    if is_token(text) {
        return Ok(text.to_ascii_lowercase());
    }
    let bare = text.trim().trim_end_matches(':');
    Err(is_token(bare).then(|| format!("did you mean \"{bare}\"?")))
}

fn contact(text: &str) -> Result<String, Option<String>> {
    let mail = |text: &str| {
        let (name, domain) = text.split_once('@')?;
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        (plain && !name.is_empty() && host(domain).is_ok()).then_some(())
    };
    match text.strip_prefix("mailto:") {
        Some(address) if mail(address).is_some() => Ok(text.to_owned()),
        Some(_) => Err(None),
        None => Err(mail(text).map(|()| format!("did you mean \"mailto:{text}\"?"))),
    }
}

fn log_place(text: &str) -> Result<String, Option<String>> {
    if text.starts_with("~/") || text == "~" {
        return Err(Some(
            "only a shell knows `~`: write the path out".to_owned(),
        ));
    }
    let near = match text.to_lowercase().as_str() {
        "stderr" | "stdout" | "-" => Some("log"),
        "none" | "no" | "false" => Some("off"),
        _ => None,
    };
    match near {
        Some(near) => Err(Some(format!("did you mean \"{near}\"?"))),
        None if text.trim().is_empty() || text.contains('\0') => Err(None),
        None => Ok(text.to_owned()),
    }
}

/// A JSON pointer (RFC 6901) in which `*` and `**` stand for names. The whole document is no string in it.
fn field_pointer(text: &str) -> Result<String, Option<String>> {
    let escapes = text.split('~').skip(1);
    let is_escaped = escapes.into_iter().all(|rest| rest.starts_with(['0', '1']));
    let is_plain = text.starts_with('/') && !text.contains('\0');
    if is_plain && is_escaped {
        return Ok(text.to_owned());
    }
    if is_plain {
        return Err(Some(
            "write ~0 for `~` in a name, and ~1 for `/`".to_owned(),
        ));
    }
    Err(super::pointer_hint(text))
}

/// The name of an entity, which becomes part of placeholders.
fn entity(text: &str) -> Result<String, Option<String>> {
    let upper = text.to_ascii_uppercase().replace(['-', ' ', '.'], "_");
    match is_entity(text) {
        true => Ok(text.to_owned()),
        false => Err(is_entity(&upper).then(|| format!("did you mean \"{upper}\"?"))),
    }
}

fn is_entity(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    text.len() <= ENTITY_CHARS_MAX
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.split('_').all(is_part)
}
