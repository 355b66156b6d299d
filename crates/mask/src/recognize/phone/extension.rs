//! The extension after a telephone number.

/// The words that announce one, longest first; compared without regard to the case of ASCII letters.
const WORDS: [&str; 12] = [
    "extension",
    ";ext=",
    "m\u{e1}y l\u{1ebb}",
    "m\u{e1}y nh\u{e1}nh",
    "nh\u{e1}nh",
    "may le",
    "nhanh",
    "poste",
    "durchwahl",
    "ext",
    "int",
    "x",
];
/// The most digits of an extension (libphonenumber allows so many after an explicit label).
const DIGITS_MAX: usize = 7;

/// Where the extension ends that begins at `at` or after a comma and a space there.
pub(super) fn end(text: &str, at: usize) -> Option<usize> {
    let mut place = skip(text, at, b",", 1);
    place = skip(text, place, b" ", 2);
    let rest = text.as_bytes().get(place..)?;
    let word = WORDS.iter().find(|word| {
        rest.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    })?;
    place += word.len();
    if *word != "x" && *word != ";ext=" {
        place = skip(text, place, b".", 1);
        place = skip(text, place, b":", 1);
    }
    let digits_start = skip(text, place, b" ", 1);
    let digits = text.as_bytes()[digits_start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let end = digits_start + digits;
    let ends = !text[end..]
        .chars()
        .next()
        .is_some_and(|next| next.is_alphanumeric() || next == '_');
    ((1..=DIGITS_MAX).contains(&digits) && ends).then_some(end)
}

/// The place after at most `count` of these bytes.
fn skip(text: &str, at: usize, which: &[u8], count: usize) -> usize {
    at + text.as_bytes()[at..]
        .iter()
        .take(count)
        .take_while(|byte| which.contains(byte))
        .count()
}
