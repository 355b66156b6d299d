//! The run of characters around a dot that may be a name: labels of letters, digits and hyphens with single dots between.
//!
//! Letters of every script count, for internationalized names (RFC 5890). Scripts that are written without spaces need
//! care: a name in Latin letters may stand between Chinese ones. So within a label, letters of scripts with upper and lower
//! case and letters of scripts without do not mix, and the name ends where they meet.

/// To which side a character of a label belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// ASCII letters and digits, and letters of scripts that have upper and lower case.
    Cased,
    /// Letters of other scripts.
    Uncased,
    /// Hyphens, underscores and combining marks go with either.
    Either,
}

/// Where the run that ends at `to` begins, not before `floor`.
pub(super) fn start(text: &str, to: usize, floor: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = to;
    let mut label = Side::Either;
    while at > floor {
        let before = bytes[at - 1];
        if before == b'.' {
            // Single dots only, and not before the first label.
            let inner =
                at - 1 > floor && at < to && bytes[at] != b'.' && is_name_byte(bytes[at - 2]);
            if !inner {
                break;
            }
            label = Side::Either;
            at -= 1;
            continue;
        }
        let Some(character) = text[floor..at].chars().next_back() else {
            break;
        };
        match side(character) {
            Some(side) if agree(label, side) => label = joined(label, side),
            _ => break,
        }
        at -= character.len_utf8();
    }
    at
}

/// Where the run that begins at `from` ends. A dot belongs to it when a label follows.
pub(super) fn end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    let mut label = Side::Either;
    while at < bytes.len() {
        if bytes[at] == b'.' {
            match bytes.get(at + 1) {
                Some(next) if is_name_byte(*next) => {}
                _ => break,
            }
            let follows = text[at + 1..].chars().next().and_then(side);
            if follows.is_none() {
                break;
            }
            label = Side::Either;
            at += 1;
            continue;
        }
        let Some(character) = text[at..].chars().next() else {
            break;
        };
        match side(character) {
            Some(side) if agree(label, side) => label = joined(label, side),
            _ => break,
        }
        at += character.len_utf8();
    }
    at
}

/// Whether the labels are ones that a host may have (RFC 1123, 2.1; RFC 5891, 4.2): each of 1 to 63 bytes, hyphens inside
/// only, 253 bytes in all. Labels of services (RFC 2782) may begin with an underscore, which `with_underscores` allows in
/// all labels but the last two.
pub(super) fn has_good_labels(name: &str, with_underscores: bool) -> bool {
    if name.is_empty() || name.len() > 253 {
        return false;
    }
    let count = name.split('.').count();
    name.split('.').enumerate().all(|(index, label)| {
        let underscores = label.contains('_');
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && (!underscores || (with_underscores && index + 2 < count && label.starts_with('_')))
    })
}

/// Whether a byte may be part of a label; of characters beyond ASCII only the whole character can tell.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte >= 0x80
}

/// The side of a character that may be part of a label.
fn side(character: char) -> Option<Side> {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Some(Side::Cased),
        '-' | '_' | '\u{300}'..='\u{36f}' => Some(Side::Either),
        '\0'..='\x7f' => None,
        other if is_cased(other) => Some(Side::Cased),
        // Letters of the width of ideographs are punctuation's company, not a name's.
        '\u{ff00}'..='\u{ffef}' => None,
        other if other.is_alphabetic() => Some(Side::Uncased),
        _ => None,
    }
}

/// Whether a character is a letter of a script that has upper and lower case and separates words by spaces.
pub(super) fn is_cased(character: char) -> bool {
    character.is_alphabetic() && (character.is_lowercase() || character.is_uppercase())
}

fn agree(label: Side, side: Side) -> bool {
    label == side || label == Side::Either || side == Side::Either
}

fn joined(label: Side, side: Side) -> Side {
    if side == Side::Either { label } else { side }
}
