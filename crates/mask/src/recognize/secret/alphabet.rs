//! The characters that tokens are made of, as sets that cost one look into a table.

/// A set of characters: which classes it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alphabet(u16);

const DIGIT: u16 = 1;
const UPPER: u16 = 2;
const LOWER: u16 = 4;
/// `a` to `f`.
const HEX_LETTER: u16 = 8;
const HYPHEN: u16 = 16;
const UNDERSCORE: u16 = 32;
const DOT: u16 = 64;
/// `+` and `/`.
const BASE64_SIGN: u16 = 128;
const EQUALS: u16 = 256;
const TILDE: u16 = 512;
const DOLLAR: u16 = 1024;

/// Digits.
pub(crate) const DECIMAL: Alphabet = Alphabet(DIGIT);
/// Digits and `a` to `f`.
pub(crate) const HEX: Alphabet = Alphabet(DIGIT | HEX_LETTER);
/// Digits and lower-case letters.
pub(crate) const LOWER36: Alphabet = Alphabet(DIGIT | LOWER);
/// Digits and capitals.
pub(crate) const UPPER36: Alphabet = Alphabet(DIGIT | UPPER);
/// Digits and letters.
pub(crate) const BASE62: Alphabet = Alphabet(DIGIT | UPPER | LOWER);
/// Digits, letters and underscores.
pub(crate) const WORD: Alphabet = Alphabet(DIGIT | UPPER | LOWER | UNDERSCORE);
/// Digits, letters and hyphens.
pub(crate) const DASHED: Alphabet = Alphabet(DIGIT | UPPER | LOWER | HYPHEN);
/// Digits, letters, hyphens and underscores: base64 for URLs (RFC 4648, 5).
pub(crate) const URL64: Alphabet = Alphabet(DIGIT | UPPER | LOWER | HYPHEN | UNDERSCORE);
/// The same with dots.
pub(crate) const DOTTED: Alphabet = Alphabet(DIGIT | UPPER | LOWER | HYPHEN | UNDERSCORE | DOT);
/// Base64 with its signs and padding (RFC 4648, 4).
pub(crate) const BASE64: Alphabet = Alphabet(DIGIT | UPPER | LOWER | BASE64_SIGN | EQUALS);
/// Base64 without padding.
pub(crate) const BASE64_BODY: Alphabet = Alphabet(DIGIT | UPPER | LOWER | BASE64_SIGN);
/// Base64 of both kinds, with padding.
pub(crate) const ANY64: Alphabet =
    Alphabet(DIGIT | UPPER | LOWER | BASE64_SIGN | EQUALS | HYPHEN | UNDERSCORE);
/// Letters, digits and the dollar sign between the parts of a Braintree token.
pub(crate) const DOLLARED: Alphabet = Alphabet(DIGIT | LOWER | DOLLAR | UNDERSCORE);
/// Everything that stands in tokens: the run of these around a digit is looked at as one.
pub(crate) const DENSE: Alphabet = Alphabet(
    DIGIT | UPPER | LOWER | HYPHEN | UNDERSCORE | DOT | BASE64_SIGN | EQUALS | TILDE | DOLLAR,
);
/// What may stand in a client secret of Azure.
pub(crate) const AZURE: Alphabet =
    Alphabet(DIGIT | UPPER | LOWER | HYPHEN | UNDERSCORE | DOT | TILDE);

const CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'f' => LOWER | HEX_LETTER,
            b'g'..=b'z' => LOWER,
            b'-' => HYPHEN,
            b'_' => UNDERSCORE,
            b'.' => DOT,
            b'+' | b'/' => BASE64_SIGN,
            b'=' => EQUALS,
            b'~' => TILDE,
            b'$' => DOLLAR,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

impl Alphabet {
    /// Whether a byte is one of its characters.
    #[inline]
    pub(crate) fn has(self, byte: u8) -> bool {
        CLASSES[usize::from(byte)] & self.0 != 0
    }

    /// Whether all of a piece is made of it.
    pub(crate) fn has_all(self, piece: &[u8]) -> bool {
        piece.iter().all(|byte| self.has(*byte))
    }

    /// How many bytes at the beginning of a piece belong to it, counting at most `limit` of them.
    pub(crate) fn count(self, piece: &[u8], limit: usize) -> usize {
        piece
            .iter()
            .take(limit)
            .take_while(|byte| self.has(**byte))
            .count()
    }
}

/// Which classes a piece holds, and how random it looks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mixture {
    /// How many digits.
    pub(crate) digits: usize,
    /// How many capitals.
    pub(crate) capitals: usize,
    /// How many lower-case letters.
    pub(crate) lower: usize,
    /// How many different bytes.
    pub(crate) distinct: usize,
    /// The longest run of one byte.
    pub(crate) longest_run: usize,
    /// Shannon's entropy in bits a byte, of the bytes as they are distributed in the piece.
    pub(crate) entropy_bits: f64,
}

impl Mixture {
    /// The mixture of a piece.
    pub(crate) fn of(piece: &[u8]) -> Mixture {
        let mut mixture = Mixture::default();
        let mut counts = [0_u32; 256];
        let mut run = 0;
        let mut before = None;
        for byte in piece {
            counts[usize::from(*byte)] += 1;
            match byte {
                b'0'..=b'9' => mixture.digits += 1,
                b'A'..=b'Z' => mixture.capitals += 1,
                b'a'..=b'z' => mixture.lower += 1,
                _ => {}
            }
            run = if before == Some(*byte) { run + 1 } else { 1 };
            before = Some(*byte);
            mixture.longest_run = mixture.longest_run.max(run);
        }
        for count in counts.into_iter().filter(|count| *count > 0) {
            mixture.distinct += 1;
            let share = f64::from(count) / piece.len() as f64;
            mixture.entropy_bits -= share * share.log2();
        }
        mixture
    }

    /// Whether it is what people write for a key that they do not have: `xxxxxxxx`, `00000000`.
    pub(crate) fn is_filler(&self) -> bool {
        self.distinct <= 4 || self.longest_run >= 6
    }

    /// Whether digits, capitals and lower-case letters all occur.
    pub(crate) fn is_mixed(&self) -> bool {
        self.digits > 0 && self.capitals > 0 && self.lower > 0
    }
}
