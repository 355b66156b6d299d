//! The signs that something could be found here.
//!
//! Whole blocks are tested at once, in a form that compilers turn into vector instructions: most of a text is letters
//! and spaces, and a block of those costs a few instructions.

/// How many bytes are tested at once.
const BLOCK: usize = 64;
/// How many bytes are tested one by one before.
const NEAR: usize = 24;

/// The place of the next trigger from `from` on.
///
/// Triggers are the bytes `0` to `9`, `:`, `=`, `@` and what lies between them in ASCII (`;`, `<`, `>`, `?`), a dot before a letter or
/// digit, a hyphen before a hyphen (the armour of keys), and `f_` (of `hf_`). Everything that is recognized without a
/// dictionary holds one of them.
pub(crate) fn next(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Where triggers stand close together, the next one is near.
    let near = (at + NEAR).min(bytes.len().saturating_sub(1));
    while at < near {
        if is_trigger(bytes[at], bytes[at + 1]) {
            return Some(at);
        }
        at += 1;
    }
    while at + BLOCK < bytes.len() {
        if has_any(&bytes[at..at + BLOCK], &bytes[at + 1..at + BLOCK + 1])
            && let Some(place) =
                (at..at + BLOCK).find(|place| is_trigger(bytes[*place], bytes[*place + 1]))
        {
            return Some(place);
        }
        at += BLOCK;
    }
    (at..bytes.len()).find(|place| {
        is_trigger(
            bytes[*place],
            bytes.get(*place + 1).copied().unwrap_or(b' '),
        )
    })
}

/// Whether a block holds a trigger. Without branches, so that it becomes vector code.
fn has_any(block: &[u8], following: &[u8]) -> bool {
    let mut any = 0_u8;
    for (byte, next) in block.iter().zip(following) {
        any |= u8::from(is_trigger(*byte, *next));
    }
    any != 0
}

/// Whether a byte with the one that follows it is a trigger.
#[inline]
fn is_trigger(byte: u8, next: u8) -> bool {
    let in_range = byte.wrapping_sub(b'0') <= b'@' - b'0';
    let letter = (next | 0x20).wrapping_sub(b'a') < 26;
    let digit = next.wrapping_sub(b'0') < 10;
    let beyond_ascii = next >= 0x80;
    in_range
        | ((byte == b'.') & (letter | digit | beyond_ascii))
        | ((byte == b'-') & (next == b'-'))
        | ((byte == b'f') & (next == b'_'))
}
