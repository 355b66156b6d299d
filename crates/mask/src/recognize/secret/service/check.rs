//! What holds for tokens beyond their prefix and length.

use crate::recognize::secret::alphabet::{BASE62, DECIMAL, HEX, Mixture};

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Check digits are right.
    Valid,
    /// Nothing speaks against it.
    Plausible,
    /// It may as well be something else; words around must decide.
    Doubtful,
    /// It is something else.
    Other,
}

/// Nothing more is known.
pub(crate) fn none(_token: &[u8]) -> Verdict {
    Verdict::Plausible
}

/// A random token of this length all but surely holds a digit; words with hyphens do not.
pub(crate) fn digit(token: &[u8]) -> Verdict {
    let is_random = token.iter().skip(4).any(u8::is_ascii_digit);
    if is_random {
        Verdict::Plausible
    } else {
        Verdict::Other
    }
}

/// A short prefix that others use too: digits, capitals and lower-case letters must all occur.
pub(crate) fn mixed(token: &[u8]) -> Verdict {
    let body = token.iter().position(|byte| !byte.is_ascii_lowercase());
    let mixture = Mixture::of(&token[body.unwrap_or(0)..]);
    if mixture.is_mixed() && mixture.entropy_bits >= 3.2 {
        Verdict::Plausible
    } else {
        Verdict::Doubtful
    }
}

/// A common prefix before letters and digits: both must occur, at random.
pub(crate) fn random(token: &[u8]) -> Verdict {
    let mixture = Mixture::of(token);
    if mixture.digits >= 2 && mixture.entropy_bits >= 3.2 {
        Verdict::Plausible
    } else {
        Verdict::Doubtful
    }
}

/// The marker that stands in keys of OpenAI: "OpenAI" in base64.
pub(crate) fn openai(token: &[u8]) -> Verdict {
    if memchr::memmem::find(token, b"T3BlbkFJ").is_some() {
        Verdict::Valid
    } else {
        random(token)
    }
}

/// Tokens of GitHub and npm: the last six characters are the CRC-32 of the thirty before, in base 62 (GitHub, "Behind GitHub's
/// new authentication token formats", 2021). One that fails is hidden all the same: nothing else looks like it.
pub(crate) fn crc62(token: &[u8]) -> Verdict {
    let split = token.len().saturating_sub(6);
    let start = split.saturating_sub(30);
    let sum = token[split..].iter().try_fold(0_u64, |sum, byte| {
        Some(sum * 62 + u64::from(base62(*byte)?))
    });
    if sum == Some(u64::from(crc32(&token[start..split]))) {
        Verdict::Valid
    } else {
        Verdict::Plausible
    }
}

fn base62(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    }
}

/// The CRC-32 of IEEE 802.3, bit by bit: thirty bytes are not worth a table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

/// Ids of AWS access keys: sixteen characters of base 32. Of keys since 2019 (whose fifth character is beyond `P`) bits 1 to 40
/// are the number of the account, which has twelve digits (T. Be'ery, "A short note on AWS KEY ID", 2023).
pub(crate) fn aws(token: &[u8]) -> Verdict {
    let mut bits = 0_u64;
    for byte in &token[4..14] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            // Not of the alphabet: made up, but in the form that everybody knows.
            _ => return digit(token),
        };
        bits = bits << 5 | u64::from(value);
    }
    let account = bits >> 9 & ((1 << 40) - 1);
    if token[4] > b'P' && account <= 999_999_999_999 {
        return Verdict::Valid;
    }
    // Words in capitals of the same length and beginning would be a wonder, but they are no keys.
    digit(token)
}

/// Tokens of Slack: groups of digits between hyphens.
pub(crate) fn slack(token: &[u8]) -> Verdict {
    let has_numbers = token
        .split(|byte| *byte == b'-')
        .skip(1)
        .any(|part| part.len() >= 5 && DECIMAL.has_all(part));
    let is_random = token
        .rsplit(|byte| *byte == b'-')
        .next()
        .is_some_and(|part| part.len() >= 16);
    if has_numbers && is_random {
        Verdict::Plausible
    } else {
        digit(token)
    }
}

/// `SG.`, twenty-two characters, a dot, forty-three characters.
pub(crate) fn sendgrid(token: &[u8]) -> Verdict {
    parts(token, b'.', &[2, 22, 43])
}

/// `PMAK-`, 24 hexadecimal digits, a hyphen, 34 of them.
pub(crate) fn postman(token: &[u8]) -> Verdict {
    parts(token, b'-', &[4, 24, 34])
}

/// `glsa_`, 32 characters, an underscore, a checksum of eight hexadecimal digits.
pub(crate) fn grafana(token: &[u8]) -> Verdict {
    let is_checksum = token[token.len() - 8..]
        .iter()
        .all(|byte| byte.is_ascii_hexdigit());
    if is_checksum {
        parts(token, b'_', &[4, 32, 8])
    } else {
        Verdict::Other
    }
}

/// `pat`, fourteen characters, a dot, 64 hexadecimal digits.
pub(crate) fn airtable(token: &[u8]) -> Verdict {
    if HEX.has_all(&token[18..]) {
        parts(token, b'.', &[17, 64])
    } else {
        Verdict::Other
    }
}

/// `dt0c01.`, 24 characters, a dot, 64 characters.
pub(crate) fn dynatrace(token: &[u8]) -> Verdict {
    parts(token, b'.', &[6, 24, 64])
}

/// `xkeysib-`, 64 hexadecimal digits, a hyphen, sixteen characters.
pub(crate) fn brevo(token: &[u8]) -> Verdict {
    parts(token, b'-', &[7, 64, 16])
}

/// `re_`, eight characters, an underscore, 24 characters.
pub(crate) fn resend(token: &[u8]) -> Verdict {
    parts(token, b'_', &[2, 8, 24])
}

/// A version 4 UUID after a prefix.
pub(crate) fn uuid(token: &[u8]) -> Verdict {
    let tail = &token[token.len() - 36..];
    if is_uuid(tail) {
        Verdict::Plausible
    } else {
        Verdict::Other
    }
}

/// Whether a piece is written as a UUID (RFC 9562).
pub(crate) fn is_uuid(piece: &[u8]) -> bool {
    piece.len() == 36
        && piece.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether the parts between the separators have these lengths.
fn parts(token: &[u8], separator: u8, lengths: &[usize]) -> Verdict {
    let mut expected = 0;
    for length in lengths {
        expected += length;
        match token.get(expected) {
            Some(byte) if *byte == separator => expected += 1,
            None if expected == token.len() => return Verdict::Plausible,
            _ => return Verdict::Other,
        }
    }
    Verdict::Other
}

/// Keys of Azure OpenAI, Storage and others: 64 random bytes in base64 are 88 characters with two signs of padding.
pub(crate) fn is_storage_key(piece: &[u8]) -> bool {
    piece.len() == 88
        && piece.ends_with(b"==")
        && piece[..86]
            .iter()
            .all(|byte| BASE62.has(*byte) || matches!(byte, b'+' | b'/'))
}

/// `dapi`, 32 hexadecimal digits, and perhaps a hyphen with one digit.
pub(crate) fn databricks(token: &[u8]) -> Verdict {
    let (body, tail) = token[4..].split_at(32);
    let is_tail = tail.is_empty() || tail.len() == 2 && tail[0] == b'-' && tail[1].is_ascii_digit();
    if HEX.has_all(body) && is_tail {
        Verdict::Plausible
    } else {
        Verdict::Other
    }
}
