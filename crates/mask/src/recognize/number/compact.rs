//! The letters and digits of a candidate, without what separates them.

/// The most characters that a candidate may have.
const CAPACITY: usize = 40;

/// The ASCII letters (as capitals) and digits of a candidate in their order, without separators: what check digits are
/// computed over. At most [`CAPACITY`] characters.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'t> {
    bytes: [u8; CAPACITY],
    length: usize,
    /// The candidate as it stands in the text, with its separators and in its own case.
    pub(crate) written: &'t str,
}

impl<'t> Compact<'t> {
    /// The letters and digits of `written`, or nothing when there are too many.
    pub(crate) fn of(written: &'t str) -> Option<Compact<'t>> {
        let mut compact = Compact {
            bytes: [0; CAPACITY],
            length: 0,
            written,
        };
        for byte in written.bytes().filter(u8::is_ascii_alphanumeric) {
            *compact.bytes.get_mut(compact.length)? = byte.to_ascii_uppercase();
            compact.length += 1;
        }
        Some(compact)
    }

    /// The characters, letters as capitals.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// What follows a prefix of letters such as a country's code, if it begins with that.
    pub(crate) fn without_prefix(&self, prefix: &[u8]) -> Option<Compact<'t>> {
        self.bytes().strip_prefix(prefix)?;
        let mut rest = *self;
        rest.bytes.copy_within(prefix.len()..self.length, 0);
        rest.length -= prefix.len();
        Some(rest)
    }

    /// The first so many characters.
    pub(crate) fn first(&self, count: usize) -> Option<Compact<'t>> {
        (count <= self.length).then_some(Compact {
            length: count,
            ..*self
        })
    }

    /// The last so many characters.
    pub(crate) fn last(&self, count: usize) -> Option<Compact<'t>> {
        let from = self.length.checked_sub(count)?;
        let mut rest = *self;
        rest.bytes.copy_within(from..self.length, 0);
        rest.length = count;
        Some(rest)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The digit at an index; a letter or a missing place is 0. Callers know the shape.
    pub(crate) fn digit(&self, index: usize) -> u32 {
        match self.bytes().get(index) {
            Some(byte @ b'0'..=b'9') => u32::from(byte - b'0'),
            _ => 0,
        }
    }

    /// The digits of a range as one number; letters count as 0. At most 19 digits.
    pub(crate) fn number(&self, range: std::ops::Range<usize>) -> u64 {
        range.fold(0, |number, index| {
            number * 10 + u64::from(self.digit(index))
        })
    }

    /// The sum of the digits from the first on, each multiplied by its weight.
    pub(crate) fn weighted(&self, weights: &[u32]) -> u32 {
        weights
            .iter()
            .enumerate()
            .map(|(index, weight)| self.digit(index) * weight)
            .sum()
    }

    /// Whether all characters are the same, as in fillers such as 000000000.
    pub(crate) fn is_one_character(&self) -> bool {
        self.bytes().windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Whether the digits pass the Luhn formula (ISO/IEC 7812-1, annex B), the last one being the check digit.
    pub(crate) fn passes_luhn(&self) -> bool {
        let sum: u32 = (0..self.length)
            .rev()
            .enumerate()
            .map(|(from_right, index)| {
                let digit = self.digit(index);
                match (from_right % 2, digit) {
                    (0, _) => digit,
                    (_, 0..=4) => digit * 2,
                    _ => digit * 2 - 9,
                }
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

#[cfg(test)]
mod tests;
