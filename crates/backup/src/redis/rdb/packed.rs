//! The forms in which servers pack small values, and how strings are compressed.

/// A string that was compressed with LZF; `None` if it cannot be read.
pub(super) fn decompressed(packed: &[u8], length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let mut out: Vec<u8> = Vec::new();
    let mut rest = packed.iter().copied();
    while let Some(control) = rest.next() {
        if control < 32 {
            for _ in 0..=control {
                out.push(rest.next()?);
            }
        } else {
            let mut count = usize::from(control >> 5);
            if count == 7 {
                count += usize::from(rest.next()?);
            }
            let back = (usize::from(control & 0x1f) << 8) + usize::from(rest.next()?) + 1;
            // What is copied may be what was just written: one byte far back is a run of that byte.
            let from = out.len().checked_sub(back)?;
            for at in from..from + count + 2 {
                out.push(*out.get(at)?);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A whole number of so many bytes, with a sign, the lowest byte first.
    fn number(&mut self, count: usize) -> Option<i64> {
        let bytes = self.take(count)?;
        let negative = bytes.last()? & 0x80 != 0;
        let mut all = [if negative { 0xff } else { 0 }; 8];
        all[..count].copy_from_slice(bytes);
        Some(i64::from_le_bytes(all))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }
}

fn text(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// The numbers of an intset.
pub(super) fn intset(packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(packed);
    let width @ (2 | 4 | 8) = bytes.size()? else {
        return None;
    };
    let count = bytes.size()?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(text(bytes.number(width)?));
    }
    bytes.0.is_empty().then_some(all)
}

/// The elements of a listpack.
pub(super) fn listpack(packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(packed);
    if bytes.size()? != packed.len() {
        return None;
    }
    bytes.take(2)?;
    let mut all = Vec::new();
    loop {
        let before = bytes.0.len();
        let first = bytes.byte()?;
        let low = usize::from(first & 0x0f);
        let element = match first {
            0xff => return bytes.0.is_empty().then_some(all),
            0x00..=0x7f => text(first.into()),
            0x80..=0xbf => bytes.take((first & 0x3f).into())?.to_vec(),
            0xc0..=0xdf => {
                let number = i64::from(first & 0x1f) << 8 | i64::from(bytes.byte()?);
                text(if number >= 1 << 12 {
                    number - (1 << 13)
                } else {
                    number
                })
            }
            0xe0..=0xef => {
                let length = low << 8 | usize::from(bytes.byte()?);
                bytes.take(length)?.to_vec()
            }
            0xf0 => {
                let length = bytes.size()?;
                bytes.take(length)?.to_vec()
            }
            0xf1 => text(bytes.number(2)?),
            0xf2 => text(bytes.number(3)?),
            0xf3 => text(bytes.number(4)?),
            0xf4 => text(bytes.number(8)?),
            0xf5..=0xfe => return None,
        };
        all.push(element);
        // Its length once more, for walking backwards.
        bytes.take(match before - bytes.0.len() {
            0..=127 => 1,
            128..=16_383 => 2,
            16_384..=2_097_151 => 3,
            2_097_152..=268_435_455 => 4,
            _ => 5,
        })?;
    }
}

/// The elements of a ziplist, as servers before 7.0 wrote them.
pub(super) fn ziplist(packed: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(packed);
    if bytes.size()? != packed.len() {
        return None;
    }
    bytes.take(6)?;
    let mut all = Vec::new();
    loop {
        match bytes.byte()? {
            0xff => return bytes.0.is_empty().then_some(all),
            // How long the element before it is.
            0xfe => drop(bytes.take(4)?),
            _ => {}
        }
        let first = bytes.byte()?;
        let low = usize::from(first & 0x3f);
        all.push(match first {
            0x00..=0x3f => bytes.take(low)?.to_vec(),
            0x40..=0x7f => {
                let length = low << 8 | usize::from(bytes.byte()?);
                bytes.take(length)?.to_vec()
            }
            0x80 => {
                let length = u32::from_be_bytes(bytes.array()?);
                bytes.take(usize::try_from(length).ok()?)?.to_vec()
            }
            0xc0 => text(bytes.number(2)?),
            0xd0 => text(bytes.number(4)?),
            0xe0 => text(bytes.number(8)?),
            0xf0 => text(bytes.number(3)?),
            0xfe => text(bytes.number(1)?),
            0xf1..=0xfd => text(i64::from(first) - 0xf1),
            _ => return None,
        });
    }
}
