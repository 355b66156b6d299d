//! What stands directly before and after a candidate and may tie it to something longer.

use crate::recognize::emphasis;

/// How a candidate stands beside its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// On its own.
    Free,
    /// Perhaps not: it counts for so many hundredths less.
    Loose(u8),
    /// It is a part of something else.
    Tied,
}

/// Labels that people write without a space before a number, in lower case.
const GLUED_LABELS: [&str; 9] = [
    "tel", "sdt", "dt", "phone", "zalo", "mobile", "hotline", "fax", "t",
];
/// Words and signs after a number that make it a quantity, in lower case.
const UNITS: [&str; 30] = [
    "\u{111}",
    "\u{20ab}",
    "\u{20ac}",
    "$",
    "%",
    "vnd",
    "vn\u{111}",
    "usd",
    "eur",
    "gbp",
    "\u{111}\u{1ed3}ng",
    "dong",
    "tri\u{1ec7}u",
    "t\u{1ef7}",
    "bytes",
    "byte",
    "kb",
    "mb",
    "gb",
    "ms",
    "rows",
    "records",
    "items",
    "tokens",
    "users",
    "km",
    "kg",
    "m2",
    "euros",
    "dollars",
];

/// The longest name that a number may be glued to, in bytes.
const NAME_MAX: usize = 24;
/// Usual names without diacritics, in lower case.
const NAMES: &[&str] = &[
    "an", "anh", "bao", "bich", "binh", "chau", "chi", "chien", "cuc", "cuong", "dao", "dat",
    "diem", "diep", "dieu", "dinh", "dong", "duc", "dung", "duong", "duy", "giang", "ha", "hai",
    "han", "hang", "hanh", "hao", "hau", "hien", "hiep", "hieu", "hoa", "hoai", "hoan", "hoang",
    "hong", "hue", "hung", "huong", "huy", "huyen", "khang", "khanh", "khoa", "khoi", "kien",
    "kiet", "kieu", "kim", "lam", "lan", "lien", "linh", "loan", "loc", "long", "luan", "luong",
    "ly", "mai", "manh", "minh", "my", "nam", "nga", "ngan", "nghia", "ngoc", "nguyen", "nguyet",
    "nhan", "nhi", "nhien", "nhu", "nhung", "oanh", "phat", "phong", "phu", "phuc", "phuong",
    "quan", "quang", "quoc", "quy", "quyen", "quynh", "sang", "son", "tai", "tam", "tan", "thai",
    "than", "thang", "thanh", "thao", "the", "thi", "thien", "thinh", "tho", "thoa", "thom", "thu",
    "thuan", "thuong", "thuy", "tien", "tin", "toan", "trang", "tram", "tri", "trinh", "trong",
    "trung", "truong", "tu", "tuan", "tuyen", "tuyet", "uyen", "van", "viet", "vinh", "vu", "vy",
    "xuan", "yen",
];

/// Where the digits of a word of letters and digits begin: at once, or after a label that is glued to them, as in
/// `sdt0912345678`.
pub(super) fn after_glued_label(text: &str, start: usize, end: usize) -> Option<usize> {
    let word = &text.as_bytes()[start..end];
    let letters = word
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    if letters == 0 {
        return Some(start);
    }
    let label = &word[..letters];
    let is_known = GLUED_LABELS
        .iter()
        .any(|known| known.as_bytes().eq_ignore_ascii_case(label));
    // The last letter of `sdt` with a stroke through its d, of which only the t is ASCII.
    let stands_alone = match text[..start].chars().next_back() {
        Some('\u{111}' | '\u{110}') => label.eq_ignore_ascii_case(b"t"),
        Some(before) => !before.is_alphanumeric() && before != '_' && label.len() > 1,
        None => label.len() > 1,
    };
    let is_label = is_known && stands_alone;
    (is_label || is_glued_name(text, start, letters, end)).then_some(start + letters)
}

/// Whether a Vietnamese mobile number is glued to the name of whom it belongs to: `Lan0912345678`. The name has the form
/// of one (a capital and small letters); without diacritics it must be a usual one, for many codes look like that.
fn is_glued_name(text: &str, start: usize, letters: usize, end: usize) -> bool {
    let digits = &text.as_bytes()[start + letters..end];
    let is_mobile = digits.len() == 10
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] == b'0'
        && matches!(digits[1], b'3' | b'5' | b'7'..=b'9');
    if !is_mobile {
        return false;
    }
    let from = text.floor_char_boundary((start + letters).saturating_sub(NAME_MAX));
    let before = &text[from..start + letters];
    let name = before
        .rsplit(|character: char| !character.is_alphabetic())
        .next()
        .unwrap_or_default();
    let is_whole = name.len() < before.len() || from == 0;
    let mut characters = name.chars();
    let has_form = characters.next().is_some_and(char::is_uppercase)
        && characters.clone().count() > 0
        && characters.all(char::is_lowercase);
    let stands_alone = before[..before.len() - name.len()]
        .chars()
        .next_back()
        .is_none_or(|before| matches!(before, ' ' | '\n' | '\t' | '(' | ',' | ':' | '-' | '/'));
    is_whole
        && has_form
        && stands_alone
        && (!name.is_ascii() || NAMES.contains(&name.to_ascii_lowercase().as_str()))
}

/// What stands before a candidate whose first group has so many digits.
pub(super) fn before(text: &str, start: usize, digits: usize) -> Tie {
    let mut characters = text[..start].chars().rev();
    let Some(last) = characters.next() else {
        return Tie::Free;
    };
    let next = characters.next();
    let is_digit = next.is_some_and(|next| next.is_ascii_digit());
    let is_letter = next.is_some_and(char::is_alphabetic);
    match last {
        '_' if emphasis::opens(text, start) => Tie::Free,
        '_' | '#' | '$' | '@' | '\\' | '%' | '^' | '+' | '\u{20ac}' | '\u{a3}' | '\u{a5}'
        | '\u{20ab}' => Tie::Tied,
        '-' | '\u{2011}' | '\u{2013}' if is_digit || is_letter => Tie::Tied,
        '-' if next.is_none_or(char::is_whitespace) => Tie::Loose(10),
        '.' | ':' if is_digit => Tie::Tied,
        // Thousands: `1,234`; a cell of a table goes on with a hyphen or begins with a bracket.
        ',' if is_digit
            && digits <= 3
            && !text[start..].starts_with('(')
            && text.as_bytes().get(start + digits) != Some(&b'-') =>
        {
            Tie::Tied
        }
        '/' if text[..start].ends_with("wa.me/") || text[..start].ends_with("zalo.me/") => {
            Tie::Free
        }
        '/' if is_letter => Tie::Loose(25),
        '/' => Tie::Tied,
        '.' if is_letter => Tie::Loose(20),
        '=' | '(' if is_letter || next == Some('_') => Tie::Loose(15),
        letter if is_cased(letter) => Tie::Loose(25),
        _ => Tie::Free,
    }
}

/// What stands after a candidate.
pub(super) fn after(text: &str, end: usize) -> Tie {
    let rest = &text[end..];
    let mut characters = rest.chars();
    let Some(first) = characters.next() else {
        return Tie::Free;
    };
    let next = characters.next();
    let is_digit = next.is_some_and(|next| next.is_ascii_digit());
    match first {
        '_' if emphasis::closes(text, end) => Tie::Free,
        '_' | '%' | '@' | '^' | '\u{b0}' | '\u{20ac}' | '$' | '\u{20ab}' => Tie::Tied,
        '-' | '/' | '\u{2011}' | '\u{2013}' if next.is_some_and(char::is_alphanumeric) => Tie::Tied,
        '.' if next.is_some_and(|next| next.is_ascii_digit() || next.is_ascii_lowercase()) => {
            Tie::Tied
        }
        ':' | '*' if is_digit => Tie::Tied,
        ',' if is_digit => {
            let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            if digits <= 3 { Tie::Tied } else { Tie::Free }
        }
        letter if letter.is_ascii_digit() || is_cased(letter) => Tie::Tied,
        ' ' | '\u{a0}' if is_unit(rest.trim_start()) => Tie::Loose(25),
        _ => Tie::Free,
    }
}

/// Whether a text begins with a unit.
fn is_unit(text: &str) -> bool {
    let word = text
        .split(|character: char| {
            character.is_whitespace() || matches!(character, ',' | '.' | ';' | ')')
        })
        .next()
        .unwrap_or_default();
    word.len() <= 12 && UNITS.iter().any(|unit| word.eq_ignore_ascii_case(unit))
}

/// Whether a character is a letter of a script that separates words by spaces.
fn is_cased(character: char) -> bool {
    character.is_alphabetic() && (character.is_lowercase() || character.is_uppercase())
}
