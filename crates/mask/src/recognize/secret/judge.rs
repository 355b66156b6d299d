//! Whether a value after a name is a password or a secret, and how sure that is.

use super::alphabet::{HEX, Mixture};
use super::name::{self, Kind, Name};
use super::placeholder;
use super::service::check::{is_storage_key, is_uuid};
use super::value::Value;
use crate::Score;

/// The most bytes of a password.
const PASSWORD_MAX: usize = 128;
/// The fewest bytes of a secret.
const SECRET_MIN: usize = 16;
/// The fewest hexadecimal digits of a secret whose name means other things as well.
const FAINT_HEX_MIN: usize = 24;
/// A random hexadecimal text of sixteen digits has about 3.1 bits a digit; a counted or repeated one less.
const HEX_ENTROPY: f64 = 2.5;
/// A random text of sixteen letters and digits has about 3.7 bits a character; words have 2.5 to 3.3.
const TEXT_ENTROPY: f64 = 3.0;

/// How a value is joined to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// `name: value`.
    Colon,
    /// `name=value`.
    Equals,
    /// `name == "value"`: only a literal counts.
    Comparison,
    /// `name is value`.
    Is,
    /// `--name value`.
    Option,
    /// `<name>value</name>`.
    Tag,
}

/// How sure it is that the value is what its name announces.
pub(crate) fn value(
    name: &Name,
    joint: Joint,
    value: &Value,
    text: &str,
) -> Result<Score, &'static str> {
    let piece = &text[value.range.clone()];
    if joint == Joint::Comparison && !value.is_quoted {
        return Err("it is compared with a variable");
    }
    if placeholder::is(piece) || value.is_template && piece.contains('{') {
        return Err("it is a placeholder");
    }
    if !value.is_quoted && placeholder::is_code(piece) {
        return Err("it is an expression");
    }
    match name.kind {
        Kind::Password => password(name, joint, value, piece),
        Kind::Secret => secret(name, joint, value, piece),
        Kind::Authorization => Err("it has no scheme"),
    }
}

fn password(name: &Name, joint: Joint, value: &Value, piece: &str) -> Result<Score, &'static str> {
    let characters = piece.chars().count();
    let fewest = match joint {
        Joint::Is => 6,
        _ if name.is_faint => 5,
        _ => 3,
    };
    let is_remark = piece
        .strip_prefix(['(', '['])
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if is_remark && !value.is_quoted {
        return Err("a remark stands in its place");
    }
    if characters < fewest || piece.len() > PASSWORD_MAX {
        return Err("its length is not that of a password");
    }
    if piece.contains(char::is_whitespace) {
        return phrase(name, value, piece);
    }
    if placeholder::is_path(piece) {
        return Err("it is a path");
    }
    if placeholder::is_word(piece) || name::is_announcing(piece) {
        return Err("it is a word about passwords");
    }
    let mixture = Mixture::of(piece.as_bytes());
    if mixture.distinct < 2 {
        return Err("it is one character");
    }
    let letters = mixture.capitals + mixture.lower;
    let is_number = mixture.digits == piece.len();
    if is_number && (name.is_faint || piece.len() < 4) {
        return Err("it is a number");
    }
    if !piece.is_ascii() && mixture.digits == 0 && letters + 8 > piece.len() && !value.is_quoted {
        return Err("it is a word");
    }
    let is_name = piece
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    if is_name {
        return word(name, joint, value, &mixture);
    }
    let is_identifier = piece
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && piece.as_bytes()[0].is_ascii_alphabetic();
    if is_identifier && !value.is_quoted && is_variable(name, joint, value) {
        return Err("it is a variable");
    }
    if is_measure(piece) {
        return Err("it is a measure");
    }
    Ok(Score::of(if name.is_faint { 65 } else { 88 }))
}

/// Whether a value that is written as a name is one, judged by what stands around it: in code a literal would be quoted.
fn is_variable(name: &Name, joint: Joint, value: &Value) -> bool {
    let ends_code = match joint {
        Joint::Equals if value.is_spaced => value.next == b';',
        Joint::Equals => value.next == b')',
        _ => false,
    };
    ends_code || name.is_member || name.is_quoted && joint == Joint::Colon
}

/// A value of letters only: a password, a type, a variable or a word of prose.
fn word(
    name: &Name,
    joint: Joint,
    value: &Value,
    mixture: &Mixture,
) -> Result<Score, &'static str> {
    if value.is_quoted {
        return if name.is_faint {
            Err("it is a word")
        } else {
            Ok(Score::of(75))
        };
    }
    if name.is_faint && !name.is_loud || is_variable(name, joint, value) {
        return Err("it is a word");
    }
    // `SecretStr`, `NSString`: names of types.
    let is_type = mixture.capitals >= 2 && mixture.lower >= 2;
    match joint {
        Joint::Equals if name.is_loud && !value.is_spaced => Ok(Score::of(75)),
        Joint::Equals if !value.is_spaced && value.is_last => Ok(Score::of(65)),
        Joint::Colon if value.is_last && !is_type => Ok(Score::of(60)),
        Joint::Tag => Ok(Score::of(75)),
        _ => Err("it may be any word"),
    }
}

/// A value with spaces in it: only where the name says so.
fn phrase(name: &Name, value: &Value, piece: &str) -> Result<Score, &'static str> {
    let words = piece.split_whitespace().count();
    let is_sentence = piece.ends_with(['.', '!', '?', ':']) && piece.is_ascii() && words > 4;
    let has_word_about = piece
        .split_whitespace()
        .any(|word| placeholder::is_word(word) || name::is_announcing(word));
    if !value.is_quoted || name.is_faint || is_sentence || has_word_about || words > 8 {
        return Err("it is a sentence");
    }
    let is_plain = piece
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b' ');
    let has_digit = piece.bytes().any(|byte| byte.is_ascii_digit());
    if is_plain && words >= 3 || has_digit && piece.is_ascii() {
        Ok(Score::of(60))
    } else {
        Err("it is a label")
    }
}

/// `8-16`, `12+`, `30d`, `90days`, `1/3`: what is said about passwords.
fn is_measure(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let rest = &bytes[digits..];
    (1..=3).contains(&digits)
        && (matches!(
            rest,
            b"+" | b"d" | b"days" | b"chars" | b"characters" | b"h" | b"s" | b"ms" | b"px" | b"%"
        ) || matches!(rest, [b'-' | b'/' | b':' | b'.', tail @ ..] if tail.len() <= 3 && tail.iter().all(u8::is_ascii_digit)))
}

fn secret(name: &Name, joint: Joint, value: &Value, piece: &str) -> Result<Score, &'static str> {
    if piece.len() < SECRET_MIN {
        return Err("it is too short for a secret");
    }
    if !piece.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it is no token");
    }
    if placeholder::is_path(piece) {
        return Err("it is a path");
    }
    let bytes = piece.as_bytes();
    if is_storage_key(bytes) {
        return Ok(Score::of(95));
    }
    let mixture = Mixture::of(bytes);
    if mixture.is_filler() {
        return Err("it is a placeholder");
    }
    if is_uuid(bytes) {
        return if name.is_faint {
            Err("it is a UUID")
        } else {
            Ok(Score::of(70))
        };
    }
    if mixture.digits == bytes.len() {
        return Err("it is a number");
    }
    if HEX.has_all(bytes) {
        if name.is_faint && bytes.len() < FAINT_HEX_MIN {
            return Err("it is too short for its name");
        }
        return entropic(name, &mixture, HEX_ENTROPY);
    }
    if name.is_faint && bytes.len() < 20 {
        return Err("it is too short for its name");
    }
    let is_random_without_digits = mixture.digits == 0
        && mixture.entropy_bits >= 4.0
        && mixture.capitals >= 4
        && mixture.lower >= 4
        && (value.is_quoted || joint != Joint::Equals || name.is_loud)
        && humps(bytes) * 3 > bytes.len();
    if mixture.digits == 0 && !is_random_without_digits {
        return Err("it holds no digit");
    }
    if is_wordy(bytes) {
        return Err("it is made of words");
    }
    if mixture.digits == 1 && !value.is_quoted && value.is_spaced && joint == Joint::Equals {
        return Err("it is a variable");
    }
    entropic(name, &mixture, TEXT_ENTROPY)
}

fn entropic(name: &Name, mixture: &Mixture, bound: f64) -> Result<Score, &'static str> {
    if mixture.entropy_bits < bound {
        return Err("it is not random enough");
    }
    Ok(Score::of(if name.is_faint { 62 } else { 78 }))
}

/// How often the case of letters changes: in random text at every second letter, in names at every word.
fn humps(bytes: &[u8]) -> usize {
    bytes
        .windows(2)
        .filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase())
        .count()
}

/// Whether a token consists of words, and numbers of versions and years: `prod-db-secret-v2`.
fn is_wordy(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| !byte.is_ascii_alphanumeric())
        .all(|part| {
            let letters = part
                .iter()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            let capitals = part[..letters]
                .iter()
                .skip(1)
                .filter(|byte| byte.is_ascii_uppercase())
                .count();
            let digits = part[letters..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            letters + digits == part.len()
                && digits <= 4
                && (capitals * 4 <= letters || capitals + 1 == letters)
        })
}
