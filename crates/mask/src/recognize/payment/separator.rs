//! What stands between two groups of one number.

/// The separators of one number are all of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// One or two spaces, also no-break, figure or thin ones.
    Space,
    /// A hyphen or a dash.
    Hyphen,
    /// A hyphen between two spaces.
    SpacedHyphen,
    /// A dot.
    Dot,
}

impl Separator {
    /// The separator that begins at `at`, and where it ends. Something must follow it.
    pub(super) fn at(bytes: &[u8], at: usize) -> Option<(Separator, usize)> {
        let rest = bytes.get(at..)?;
        let spaces = space(rest);
        if spaces > 0 {
            let hyphen = hyphen(&rest[spaces..]);
            if hyphen > 0 {
                let after = space(&rest[spaces + hyphen..]);
                return (after > 0)
                    .then_some((Separator::SpacedHyphen, at + spaces + hyphen + after));
            }
            return Some((Separator::Space, at + spaces + space(&rest[spaces..])));
        }
        let hyphen = hyphen(rest);
        if hyphen > 0 {
            return Some((Separator::Hyphen, at + hyphen));
        }
        (rest.first() == Some(&b'.')).then_some((Separator::Dot, at + 1))
    }

    /// Where the run of letters and digits ends that a separator joins to what begins at `start`, with that separator.
    pub(super) fn before(bytes: &[u8], start: usize) -> Option<(Separator, usize)> {
        let before = &bytes[..start];
        match before {
            [.., b' '] => Some((Separator::Space, 1)),
            [.., 0xc2, 0xa0] => Some((Separator::Space, 2)),
            [.., 0xe2, 0x80, 0x80..=0x8a | 0xaf] => Some((Separator::Space, 3)),
            [.., b'-'] => Some((Separator::Hyphen, 1)),
            [.., 0xe2, 0x80, 0x90..=0x94] | [.., 0xe2, 0x88, 0x92] => Some((Separator::Hyphen, 3)),
            [.., b'.'] => Some((Separator::Dot, 1)),
            _ => None,
        }
        .map(|(separator, length)| (separator, start - length))
    }
}

/// How many bytes the space at the beginning has; 0 when there is none.
fn space(bytes: &[u8]) -> usize {
    match bytes {
        [b' ', ..] => 1,
        [0xc2, 0xa0, ..] => 2,
        [0xe2, 0x80, 0x80..=0x8a | 0xaf, ..] => 3,
        _ => 0,
    }
}

/// How many bytes the hyphen or dash at the beginning has; 0 when there is none.
fn hyphen(bytes: &[u8]) -> usize {
    match bytes {
        [b'-', ..] => 1,
        [0xe2, 0x80, 0x90..=0x94, ..] | [0xe2, 0x88, 0x92, ..] => 3,
        _ => 0,
    }
}
