//! What speaks against a name: signs that tie it to something longer, and shapes of source code, files and sentences.

use super::super::suffix::Kind;
use super::words::{AFTER_MY, AFTER_NET, HOST_LABELS, OBJECTS, ORDINARY, PRODUCTS};

/// Why what stands around a name, or the name itself, speaks of something else.
pub(super) fn refusal(
    text: &str,
    start: usize,
    end: usize,
    kind: Kind,
    is_shown: bool,
) -> Option<&'static str> {
    let written = &text[start..end];
    let is_strong = kind == Kind::Strong;
    let bytes = text.as_bytes();
    if let Some(why) = tie_before(text, start, is_strong) {
        return Some(why);
    }
    match bytes.get(end) {
        Some(b'@') => return Some("it is the local part of an address"),
        Some(b'$') => return Some("a name goes on after it"),
        Some(b'(' | b'[' | b'{') if !is_strong => return Some("it is called or indexed"),
        Some(b'(') if bytes.get(end + 1) == Some(&b')') => return Some("it is called"),
        _ => {}
    }
    let is_attribute = ["net", "org"]
        .iter()
        .any(|word| written.split_once('.').is_some_and(|(_, tld)| tld == *word));
    if (!is_strong || is_attribute) && is_assigned(&bytes[end..]) {
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
    let is_suffix = matches!(first, "co" | "com" | "net" | "org" | "gov" | "edu" | "ac");
    if is_suffix && tld.len() == 2 && first.len() + 1 + tld.len() == written.len() {
        return Some("it is a suffix without a name");
    }
    if is_unspaced(text, start, end, tld) {
        return Some("a space is missing after a sentence");
    }
    if !is_strong && is_argument(text, start, end) {
        return Some("it is an argument of source code");
    }
    if is_title(tld) && !(is_strong && is_title_like(first)) {
        return Some("a sentence begins after the dot");
    }
    if let Some(why) = code_shape(written, tld, is_strong, is_shown) {
        return Some(why);
    }
    let numeric = written
        .split('.')
        .filter(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    let is_digit = first.len() == 1 && first.bytes().all(|byte| byte.is_ascii_digit());
    if numeric > 1 || is_digit || (numeric == 1 && !is_strong && written.split('.').count() == 2) {
        return Some("its labels are numbers");
    }
    None
}

/// What directly before the name ties it to something longer.
fn tie_before(text: &str, start: usize, is_strong: bool) -> Option<&'static str> {
    let mut before = text[..start].chars().rev();
    match (before.next(), before.next()) {
        (Some('@'), _) => Some("it stands after an @"),
        (Some('$' | '%' | '#' | '}'), _) => Some("a sign ties it to something"),
        (Some('.'), Some('.')) if is_strong => None,
        // A certificate's name: `*.example.com`.
        (Some('.'), Some('*')) => None,
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
        // An arrow in prose, `-> mail.example.com`, has nothing before it.
        (Some('>'), Some('-'))
            if !is_strong || before.next().is_some_and(|owner| !owner.is_whitespace()) =>
        {
            Some("it is source code")
        }
        _ => None,
    }
}

/// Whether the shape of the name is one of source code: objects and packages.
fn code_shape(written: &str, tld: &str, is_strong: bool, is_shown: bool) -> Option<&'static str> {
    let first = written.split('.').next().unwrap_or_default();
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
    let is_host = HOST_LABELS.contains(&lower_first.as_str());
    if is_object && count == 2 && (!is_strong || is_net) && !(is_shown && is_host) {
        return Some("it is an attribute of an object");
    }
    if is_object && !is_strong && !is_host {
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
        if second.len() < 2 && count == 2 && !is_shown {
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

/// Whether a name of two labels is the end of a sentence and the beginning of the next one, without a space between: both
/// labels are ordinary words, and a word follows.
fn is_unspaced(text: &str, start: usize, end: usize, tld: &str) -> bool {
    let first = &text[start..end - tld.len() - 1];
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_word(first) || !is_word(tld) {
        return false;
    }
    let Some(rest) = text[end..].strip_prefix(' ') else {
        return false;
    };
    let next = rest
        .split(|character: char| !character.is_alphabetic())
        .next();
    let next = next.unwrap_or_default();
    if next.is_empty() || !next.starts_with(char::is_lowercase) {
        return false;
    }
    match tld {
        // `refund.my money`; a verb or a small word follows a site of Malaysia.
        "my" => !AFTER_MY.contains(&next),
        // `great.net result`.
        "net" => AFTER_NET.contains(&next),
        _ => ORDINARY.contains(&first) && tld.len() == 2,
    }
}

/// Whether a name with capitals is an argument that is given to a function: `SE(Arg.SE)`.
fn is_argument(text: &str, start: usize, end: usize) -> bool {
    let written = &text[start..end];
    text[..start].strip_suffix('(').is_some_and(|before| {
        before.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_')
    }) && written.bytes().any(|byte| byte.is_ascii_uppercase())
        && text[end..].starts_with([')', ','])
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
pub(super) fn is_camel(label: &str) -> bool {
    label
        .as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}
