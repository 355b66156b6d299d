//! The registry of international bank account numbers: which country writes what after its check digits.
//!
//! Lengths and structures are those of the "IBAN Registry" (SWIFT as registration authority of ISO 13616), release 101.
//! Countries that use such numbers without being registered are listed apart, as "Countries with a partial or
//! experimental IBAN system" (Wikipedia, "International Bank Account Number"): a number of theirs is less sure.

/// What follows the check digits in one country: runs of `n` digits, `a` letters, `c` digits or letters, each with its
/// length.
pub(super) type Structure = &'static [(u8, usize)];

/// What a country writes, and whether it is registered.
#[derive(Clone, Copy)]
pub(super) struct Country {
    /// The two letters at the beginning, capitals.
    pub(super) code: [u8; 2],
    /// What follows the check digits.
    pub(super) structure: Structure,
    /// Whether the registry has it.
    pub(super) is_registered: bool,
}

impl Country {
    /// The country of two capitals.
    pub(super) fn of(code: [u8; 2]) -> Option<&'static Country> {
        COUNTRIES
            .binary_search_by_key(&code, |country| country.code)
            .ok()
            .map(|index| &COUNTRIES[index])
    }

    /// How many characters its numbers have in all.
    pub(super) fn length(&self) -> usize {
        4 + self
            .structure
            .iter()
            .map(|(_, length)| length)
            .sum::<usize>()
    }

    /// Whether the characters after the check digits (capitals and digits) have its structure.
    pub(super) fn fits(&self, account: &[u8]) -> bool {
        let kinds = self
            .structure
            .iter()
            .flat_map(|(kind, length)| std::iter::repeat_n(*kind, *length));
        account.len() + 4 == self.length()
            && kinds.zip(account).all(|(kind, byte)| match kind {
                b'n' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_alphanumeric(),
            })
    }
}

/// A registered country.
const fn registered(code: &[u8; 2], structure: Structure) -> Country {
    Country {
        code: *code,
        structure,
        is_registered: true,
    }
}

/// A country that is not registered.
const fn partial(code: &[u8; 2], structure: Structure) -> Country {
    Country {
        code: *code,
        structure,
        is_registered: false,
    }
}

/// All countries, in the order of their codes.
const COUNTRIES: &[Country] = &[
    registered(b"AD", &[(b'n', 8), (b'c', 12)]),
    registered(b"AE", &[(b'n', 19)]),
    registered(b"AL", &[(b'n', 8), (b'c', 16)]),
    partial(b"AO", &[(b'n', 21)]),
    registered(b"AT", &[(b'n', 16)]),
    registered(b"AZ", &[(b'a', 4), (b'c', 20)]),
    registered(b"BA", &[(b'n', 16)]),
    registered(b"BE", &[(b'n', 12)]),
    partial(b"BF", &[(b'c', 2), (b'n', 22)]),
    registered(b"BG", &[(b'a', 4), (b'n', 6), (b'c', 8)]),
    registered(b"BH", &[(b'a', 4), (b'c', 14)]),
    registered(b"BI", &[(b'n', 23)]),
    partial(b"BJ", &[(b'c', 2), (b'n', 22)]),
    registered(b"BR", &[(b'n', 23), (b'a', 1), (b'c', 1)]),
    registered(b"BY", &[(b'c', 4), (b'n', 4), (b'c', 16)]),
    partial(b"CF", &[(b'n', 23)]),
    partial(b"CG", &[(b'n', 23)]),
    registered(b"CH", &[(b'n', 5), (b'c', 12)]),
    partial(b"CI", &[(b'a', 2), (b'n', 22)]),
    partial(b"CM", &[(b'n', 23)]),
    registered(b"CR", &[(b'n', 18)]),
    partial(b"CV", &[(b'n', 21)]),
    registered(b"CY", &[(b'n', 8), (b'c', 16)]),
    registered(b"CZ", &[(b'n', 20)]),
    registered(b"DE", &[(b'n', 18)]),
    registered(b"DJ", &[(b'n', 23)]),
    registered(b"DK", &[(b'n', 14)]),
    registered(b"DO", &[(b'c', 4), (b'n', 20)]),
    partial(b"DZ", &[(b'n', 22)]),
    registered(b"EE", &[(b'n', 16)]),
    registered(b"EG", &[(b'n', 25)]),
    registered(b"ES", &[(b'n', 20)]),
    registered(b"FI", &[(b'n', 14)]),
    registered(b"FK", &[(b'a', 2), (b'n', 12)]),
    registered(b"FO", &[(b'n', 14)]),
    registered(b"FR", &[(b'n', 10), (b'c', 11), (b'n', 2)]),
    partial(b"GA", &[(b'n', 23)]),
    registered(b"GB", &[(b'a', 4), (b'n', 14)]),
    registered(b"GE", &[(b'a', 2), (b'n', 16)]),
    registered(b"GI", &[(b'a', 4), (b'c', 15)]),
    registered(b"GL", &[(b'n', 14)]),
    partial(b"GQ", &[(b'n', 23)]),
    registered(b"GR", &[(b'n', 7), (b'c', 16)]),
    registered(b"GT", &[(b'c', 24)]),
    partial(b"GW", &[(b'c', 2), (b'n', 19)]),
    registered(b"HN", &[(b'a', 4), (b'n', 20)]),
    registered(b"HR", &[(b'n', 17)]),
    registered(b"HU", &[(b'n', 24)]),
    registered(b"IE", &[(b'a', 4), (b'n', 14)]),
    registered(b"IL", &[(b'n', 19)]),
    registered(b"IQ", &[(b'a', 4), (b'n', 15)]),
    partial(b"IR", &[(b'n', 22)]),
    registered(b"IS", &[(b'n', 22)]),
    registered(b"IT", &[(b'a', 1), (b'n', 10), (b'c', 12)]),
    registered(b"JO", &[(b'a', 4), (b'n', 4), (b'c', 18)]),
    partial(b"KM", &[(b'n', 23)]),
    registered(b"KW", &[(b'a', 4), (b'c', 22)]),
    registered(b"KZ", &[(b'n', 3), (b'c', 13)]),
    registered(b"LB", &[(b'n', 4), (b'c', 20)]),
    registered(b"LC", &[(b'a', 4), (b'c', 24)]),
    registered(b"LI", &[(b'n', 5), (b'c', 12)]),
    registered(b"LT", &[(b'n', 16)]),
    registered(b"LU", &[(b'n', 3), (b'c', 13)]),
    registered(b"LV", &[(b'a', 4), (b'c', 13)]),
    registered(b"LY", &[(b'n', 21)]),
    partial(b"MA", &[(b'n', 24)]),
    registered(b"MC", &[(b'n', 10), (b'c', 11), (b'n', 2)]),
    registered(b"MD", &[(b'c', 20)]),
    registered(b"ME", &[(b'n', 18)]),
    partial(b"MG", &[(b'n', 23)]),
    registered(b"MK", &[(b'n', 3), (b'c', 10), (b'n', 2)]),
    partial(b"ML", &[(b'c', 2), (b'n', 22)]),
    registered(b"MN", &[(b'n', 16)]),
    registered(b"MR", &[(b'n', 23)]),
    registered(b"MT", &[(b'a', 4), (b'n', 5), (b'c', 18)]),
    registered(b"MU", &[(b'a', 4), (b'n', 19), (b'a', 3)]),
    partial(b"MZ", &[(b'n', 21)]),
    partial(b"NE", &[(b'a', 2), (b'n', 22)]),
    registered(b"NI", &[(b'a', 4), (b'n', 20)]),
    registered(b"NL", &[(b'a', 4), (b'n', 10)]),
    registered(b"NO", &[(b'n', 11)]),
    registered(b"OM", &[(b'n', 3), (b'c', 16)]),
    registered(b"PK", &[(b'a', 4), (b'c', 16)]),
    registered(b"PL", &[(b'n', 24)]),
    registered(b"PS", &[(b'a', 4), (b'c', 21)]),
    registered(b"PT", &[(b'n', 21)]),
    registered(b"QA", &[(b'a', 4), (b'c', 21)]),
    registered(b"RO", &[(b'a', 4), (b'c', 16)]),
    registered(b"RS", &[(b'n', 18)]),
    registered(b"RU", &[(b'n', 14), (b'c', 15)]),
    registered(b"SA", &[(b'n', 2), (b'c', 18)]),
    registered(b"SC", &[(b'a', 4), (b'n', 20), (b'a', 3)]),
    registered(b"SD", &[(b'n', 14)]),
    registered(b"SE", &[(b'n', 20)]),
    registered(b"SI", &[(b'n', 15)]),
    registered(b"SK", &[(b'n', 20)]),
    registered(b"SM", &[(b'a', 1), (b'n', 10), (b'c', 12)]),
    partial(b"SN", &[(b'a', 2), (b'n', 22)]),
    registered(b"SO", &[(b'n', 19)]),
    registered(b"ST", &[(b'n', 21)]),
    registered(b"SV", &[(b'a', 4), (b'n', 20)]),
    partial(b"TD", &[(b'n', 23)]),
    partial(b"TG", &[(b'a', 2), (b'n', 22)]),
    registered(b"TL", &[(b'n', 19)]),
    registered(b"TN", &[(b'n', 20)]),
    registered(b"TR", &[(b'n', 6), (b'c', 16)]),
    registered(b"UA", &[(b'n', 6), (b'c', 19)]),
    registered(b"VA", &[(b'n', 18)]),
    registered(b"VG", &[(b'a', 4), (b'n', 16)]),
    registered(b"XK", &[(b'n', 16)]),
    registered(b"YE", &[(b'a', 4), (b'n', 4), (b'c', 18)]),
];
