//! What stands where a secret would: variables, templates, masks, calls, types and words about secrets.

use super::alphabet::BASE62;

/// Words that stand after `password:` and the like without being one, folded to lower case.
const WORDS: &[&str] = &[
    "a",
    "n/a",
    "example",
    "none.",
    "tba",
    "about",
    "again",
    "all",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "auto",
    "bad",
    "bao",
    "bat",
    "be",
    "binary",
    "blank",
    "bool",
    "boolean",
    "but",
    "by",
    "bytes",
    "can",
    "change",
    "changed",
    "char",
    "check",
    "choose",
    "click",
    "confirm",
    "could",
    "create",
    "default",
    "deny",
    "denied",
    "disabled",
    "do",
    "does",
    "email",
    "empty",
    "enabled",
    "encrypted",
    "enter",
    "error",
    "expired",
    "fail",
    "failed",
    "false",
    "field",
    "file",
    "for",
    "forgot",
    "forgotten",
    "from",
    "generate",
    "generated",
    "good",
    "hashed",
    "has",
    "have",
    "hidden",
    "how",
    "i",
    "if",
    "in",
    "input",
    "int",
    "integer",
    "invalid",
    "is",
    "it",
    "its",
    "keep",
    "khong",
    "length",
    "login",
    "long",
    "maybe",
    "missing",
    "must",
    "mismatch",
    "my",
    "n",
    "na",
    "never",
    "new",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "number",
    "object",
    "off",
    "ok",
    "old",
    "on",
    "only",
    "option",
    "optional",
    "or",
    "passed",
    "please",
    "private",
    "prompt",
    "protected",
    "public",
    "random",
    "read",
    "redacted",
    "removed",
    "required",
    "requires",
    "reset",
    "same",
    "see",
    "sent",
    "set",
    "short",
    "should",
    "shown",
    "some",
    "str",
    "string",
    "strong",
    "success",
    "successful",
    "text",
    "that",
    "the",
    "there",
    "they",
    "this",
    "to",
    "too",
    "true",
    "typing",
    "unchanged",
    "undefined",
    "unknown",
    "unset",
    "update",
    "updated",
    "use",
    "used",
    "user",
    "username",
    "value",
    "varchar",
    "valid",
    "verified",
    "void",
    "was",
    "we",
    "weak",
    "what",
    "where",
    "which",
    "why",
    "will",
    "with",
    "wrong",
    "xxx",
    "yes",
    "you",
    "your",
    "sai",
    "dung",
    "cua",
    "toi",
    "ban",
    "nhap",
    "nay",
    "phai",
    "co",
    "la",
    "da",
    "moi",
    "cu",
    "trong",
    "manh",
    "yeu",
    "asterisks",
    "filtered",
    "masked",
    "abc",
    "foo",
    "bar",
    "todo",
    "tbd",
    "any?",
    "self",
    "this",
    "secretstr",
    "uint8",
    "int32",
    "int64",
    "byte",
];

/// Parts of values that say that something else is to be put there.
const PARTS: &[&str] = &[
    "your",
    "redacted",
    "placeholder",
    "filtered",
    "_here",
    "-here",
    "insert",
    "replace",
    "xxxx",
    "****",
    "example.",
    "todo",
    "fixme",
    "dummy",
    "changeit",
    "<",
    "hidden",
    "masked",
    "enter",
];

/// Whether a value only stands for another one.
pub(crate) fn is(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return true;
    };
    let is_bracketed = matches!(
        (first, last),
        (b'<', b'>') | (b'{', b'}') | (b'[', b']') | (b'(', b')')
    ) || *first == b'%' && *last == b'%';
    is_bracketed
        || value.starts_with("qr/")
        || is_mask(value)
        || is_template(value)
        || is_variable(bytes)
        || is_told(value)
}

/// Whether a value is a word that stands after names of secrets without being one.
pub(crate) fn is_word(value: &str) -> bool {
    let mut buffer = [0_u8; 16];
    let bytes = value.as_bytes();
    let Some(lower) = buffer.get_mut(..bytes.len()) else {
        return false;
    };
    lower.copy_from_slice(bytes);
    lower.make_ascii_lowercase();
    WORDS.iter().any(|word| word.as_bytes() == lower)
}

/// Dots, stars, crosses.
fn is_mask(value: &str) -> bool {
    let is_sign = |character: char| {
        matches!(
            character,
            '*' | 'x'
                | 'X'
                | '.'
                | '-'
                | '_'
                | '#'
                | '?'
                | '\u{2022}'
                | '\u{25cf}'
                | '\u{2026}'
                | '/'
                | '='
                | ':'
                | '|'
        )
    };
    value.chars().all(is_sign)
        || value.contains("***")
        || value.contains("...")
        || value.contains('\u{2022}')
        || value.contains('\u{2026}')
}

/// Signs of a template language, a shell, or a format.
fn is_template(value: &str) -> bool {
    const SIGNS: [&str; 13] = [
        "(?=", "/^", ".*", "${", "{{", "}}", "$(", "<%", "%(", "#{", "{%", "$env:", "%s",
    ];
    SIGNS.iter().any(|sign| value.contains(sign)) || value == "%d" || value == "%v"
}

/// `$PASSWORD`, `:password`, `@password`, `&password`, `!secret`.
fn is_variable(value: &[u8]) -> bool {
    let [sigil, rest @ ..] = value else {
        return false;
    };
    let is_name = |rest: &[u8]| {
        rest.first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && rest
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    match sigil {
        b'$' => {
            is_name(rest)
                && (!rest.iter().any(u8::is_ascii_digit)
                    || !rest.iter().any(u8::is_ascii_lowercase))
        }
        b':' | b'@' | b'&' | b'!' => {
            is_name(rest) && rest.iter().all(|byte| !byte.is_ascii_digit())
        }
        _ => false,
    }
}

fn is_told(value: &str) -> bool {
    let bytes = &value.as_bytes()[..value.len().min(96)];
    PARTS.iter().any(|part| {
        let part = part.as_bytes();
        bytes
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
    })
}

/// Whether a value without quotes is an expression of a programming language: a call, an index, a path of names.
pub(crate) fn is_code(value: &str) -> bool {
    let bytes = value.as_bytes();
    let head = bytes
        .iter()
        .take_while(|byte| {
            BASE62.has(**byte)
                || matches!(byte, b'_' | b'.' | b'?' | b':' | b'>' | b'-' | b'$' | b'&')
        })
        .count();
    let begins_name = bytes
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'&' | b'$'));
    let follows = bytes.get(head).copied();
    if begins_name && head > 0 && matches!(follows, Some(b'(' | b'[' | b'{' | b'<')) {
        return true;
    }
    // `self.password`, `config::password`, `user->password`, `user?.password`.
    let is_path = ["->", "::", "?.", "."]
        .iter()
        .any(|join| value.contains(join) && value.split(join).all(is_identifier));
    begins_name && head == bytes.len() && is_path
}

/// Whether a part of a path is a name rather than a piece of a password: digits stand only at its end.
fn is_identifier(part: &str) -> bool {
    let part = part.as_bytes();
    part.first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && part
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !part
            .windows(2)
            .any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_alphabetic())
}

/// Whether a value is a path or an address.
pub(crate) fn is_path(value: &str) -> bool {
    let bytes = value.as_bytes();
    value.contains("://")
        || ["./", "../", "~/", "\\\\"]
            .iter()
            .any(|start| value.starts_with(start))
        || matches!(bytes, [b'/', next, ..] if next.is_ascii_lowercase())
            && bytes[1..]
                .iter()
                .all(|byte| BASE62.has(*byte) || b"/._-".contains(byte))
            && bytes.iter().filter(|byte| **byte == b'/').count() >= 2
        || matches!(bytes, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}
