//! What stands directly before and after a window of groups, and whether it makes the window a part of something longer:
//! a decimal number, a date, a path, a UUID, a telephone number, an amount of money.

/// How a window hangs together with what stands next to it; the greater the closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tie {
    /// It stands on its own.
    Free,
    /// A sign joins it to a word or marks it as a reference: `ORD-`, `#`, a path. It needs context.
    Joined,
    /// It is a part of something longer.
    Tied,
}

/// How far a word beyond a joining sign is looked at.
const WORD_LENGTH_MAX: usize = 40;

/// Words of amounts and units, in small letters: what stands next to them is a quantity.
const UNITS: &[&str] = &[
    "vnd", "dong", "usd", "eur", "euro", "euros", "gbp", "chf", "sek", "kr", "pln", "krw", "jpy",
    "cny", "inr", "rs", "brl", "mxn", "thb", "sgd", "aud", "cad", "dollars", "pounds", "bytes",
    "byte", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "ms", "ns", "us", "px", "kg", "km", "mm",
    "tokens", "rows", "records", "items", "users", "lines", "requests", "times",
];

/// What the text before a window says, whose first group is `start..first_end`.
pub(crate) fn before(text: &str, start: usize, first_end: usize) -> Tie {
    let mut characters = text[..start].chars().rev();
    let Some(sign) = characters.next() else {
        return Tie::Free;
    };
    let next = characters.next();
    let is_digit = next.is_some_and(|next| next.is_ascii_digit());
    match sign {
        '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}' | '\u{20ab}' | '+' => Tie::Tied,
        '_' => tied_if(next.is_some_and(char::is_alphanumeric)),
        '-' | '.' | '/' | '\u{2011}' | '\u{2013}' => match next {
            Some(_) if is_digit => Tie::Tied,
            Some('/' | '\\' | '.') => Tie::Joined,
            Some(next) if next.is_ascii_alphabetic() => {
                joined_word(text[..start - sign.len_utf8()].bytes().rev(), sign)
            }
            _ => Tie::Free,
        },
        ':' => tied_if(is_digit),
        // Thousands: `1,234`. A list without spaces has other groups.
        ',' => tied_if(is_digit && first_end - start == 3 && !text[first_end..].starts_with('-')),
        '#' | '@' => Tie::Joined,
        '\\' if !text[start..].starts_with(['n', 'r', 't']) => Tie::Joined,
        ' ' | ')' if follows_area_code(text[..start].trim_end_matches(' ')) => Tie::Tied,
        letter => tied_if(is_cased(letter) && !is_escape(&text[..start])),
    }
}

/// What the text after the window `start..end` says.
pub(crate) fn after(text: &str, start: usize, end: usize) -> Tie {
    if text[end..].starts_with('_') && is_emphasised(text, start, end) {
        return Tie::Free;
    }
    let mut characters = text[end..].chars();
    let Some(sign) = characters.next() else {
        return Tie::Free;
    };
    let next = characters.next();
    let is_digit = next.is_some_and(|next| next.is_ascii_digit());
    let is_letter = next.is_some_and(|next| next.is_ascii_alphabetic());
    match sign {
        '%' | '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}' | '\u{20ab}' => Tie::Tied,
        '_' | '@' => tied_if(next.is_some_and(char::is_alphanumeric)),
        '-' | '.' | '/' | ':' | '+' | '\u{2011}' | '\u{2013}' if is_digit => Tie::Tied,
        '-' | '.' | '/' if is_letter => joined_word(text[end + 1..].bytes(), sign),
        ',' => tied_if(is_digit && is_decimal(&text[start..end], &text[end + 1..])),
        letter => tied_if(is_cased(letter)),
    }
}

/// Whether the same underscores stand on both sides of a range, as emphasis in Markdown has them, and no word beyond them.
pub(crate) fn is_emphasised(text: &str, start: usize, end: usize) -> bool {
    let (before, after) = (&text[..start], &text[end..]);
    if !before.ends_with('_') || !after.starts_with('_') {
        return false;
    }
    let (left, right) = (before.trim_end_matches('_'), after.trim_start_matches('_'));
    before.len() - left.len() == after.len() - right.len()
        && before.len() - left.len() <= 3
        && !left.ends_with(char::is_alphanumeric)
        && !right.starts_with(char::is_alphanumeric)
}

/// Whether a window is an amount: digits, at most grouped by spaces or dots, next to a currency or a unit.
pub(crate) fn is_amount(text: &str, start: usize, end: usize) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'.');
    if !text[start..end].bytes().all(is_plain) {
        return false;
    }
    let following = text[end..].strip_prefix(' ').unwrap_or(&text[end..]);
    let after = following
        .split(|character: char| !character.is_alphanumeric())
        .next()
        .unwrap_or_default();
    if following.starts_with(['\u{20ac}', '$', '\u{a3}', '\u{a5}', '\u{20ab}']) || is_unit(after) {
        return true;
    }
    let preceding = &text[..start];
    let preceding = preceding.strip_suffix(' ').unwrap_or(preceding);
    let before = preceding
        .rsplit(|character: char| !character.is_alphanumeric())
        .next()
        .unwrap_or_default();
    preceding.ends_with(['\u{20ac}', '$', '\u{a3}', '\u{a5}', '\u{20ab}'])
        // A unit before a number is a currency: three letters, as in ISO 4217, and no word such as `us`.
        || before.len() == 3 && is_unit(before)
}

/// Whether a word names a currency or a unit.
fn is_unit(word: &str) -> bool {
    word == "\u{111}"
        || word == "\u{111}\u{1ed3}ng"
        || word == "z\u{142}"
        || UNITS.iter().any(|unit| word.eq_ignore_ascii_case(unit))
}

fn tied_if(is_tied: bool) -> Tie {
    if is_tied { Tie::Tied } else { Tie::Free }
}

/// How a sign joins a window to a word, whose bytes come from the sign outwards: to one with digits in it, as in a UUID,
/// a hyphen ties it.
fn joined_word(bytes: impl Iterator<Item = u8>, sign: char) -> Tie {
    let has_digit = bytes
        .take(WORD_LENGTH_MAX)
        .take_while(u8::is_ascii_alphanumeric)
        .any(|byte| byte.is_ascii_digit());
    if has_digit && sign == '-' {
        Tie::Tied
    } else {
        Tie::Joined
    }
}

/// Whether a piece ends with a telephone area code in brackets, `(021)`.
fn follows_area_code(before: &str) -> bool {
    let Some(inner) = before.strip_suffix(')') else {
        return false;
    };
    let digits = inner
        .bytes()
        .rev()
        .take(6)
        .take_while(u8::is_ascii_digit)
        .count();
    (1..=5).contains(&digits) && inner[..inner.len() - digits].ends_with(['(', '+'])
}

/// Whether what follows a comma makes the piece before it a number with thousands or decimals rather than a cell of a
/// table: three digits, or one or two after groups of three.
fn is_decimal(piece: &str, rest: &str) -> bool {
    let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let is_grouped = piece.contains([' ', '.']) && !piece.contains('-');
    match digits {
        1 | 2 => is_grouped,
        3 => is_grouped || piece.len() <= 3,
        _ => false,
    }
}

/// Whether a piece ends with an escaped line break or tab, as in `\n`.
fn is_escape(before: &str) -> bool {
    matches!(before.as_bytes(), [.., b'\\', b'n' | b'r' | b't'])
}

/// Whether a character is a letter of a script that separates words by spaces, so that it belongs to the word next to it.
fn is_cased(character: char) -> bool {
    character.is_alphabetic() && (character.is_lowercase() || character.is_uppercase())
}

#[cfg(test)]
mod tests;
