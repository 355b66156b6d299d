//! The regions whose national numbers are looked for.

/// How many regions there are.
const COUNT: usize = 23;

/// The calling codes of the regions (ITU-T E.164), in the order of their bits.
const CALLING_CODES: [&str; COUNT] = [
    "1", "1", "44", "84", "49", "33", "34", "39", "31", "48", "358", "46", "65", "61", "91", "82",
    "66", "55", "52", "90", "81", "86", "7",
];

/// What people write for ISO 3166-1 alpha-2 codes.
const OTHER_CODES: [(&str, &str); 25] = [
    ("UK", "GB"),
    ("EL", "GR"),
    ("USA", "US"),
    ("CAN", "CA"),
    ("GBR", "GB"),
    ("VNM", "VN"),
    ("DEU", "DE"),
    ("FRA", "FR"),
    ("ESP", "ES"),
    ("ITA", "IT"),
    ("NLD", "NL"),
    ("POL", "PL"),
    ("FIN", "FI"),
    ("SWE", "SE"),
    ("SGP", "SG"),
    ("AUS", "AU"),
    ("IND", "IN"),
    ("KOR", "KR"),
    ("THA", "TH"),
    ("BRA", "BR"),
    ("MEX", "MX"),
    ("TUR", "TR"),
    ("JPN", "JP"),
    ("CHN", "CN"),
    ("RUS", "RU"),
];

/// A set of regions whose numbers are found in their national form, without a country's calling code. International
/// numbers of all countries are found whatever the set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions(u32);

/// A code that is no region whose national numbers are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no national telephone numbers are known for the region {code:?}; {}known are {}",
    Regions::meant(code).map_or_else(String::new, |meant| format!("its ISO 3166 code is {meant}; ")),
    Regions::CODES.join(", ")
)]
pub struct UnknownRegion {
    /// The code as it was given.
    pub code: String,
}

impl Regions {
    /// The regions whose national forms are known, by their ISO 3166-1 alpha-2 codes.
    pub const CODES: [&'static str; COUNT] = [
        "US", "CA", "GB", "VN", "DE", "FR", "ES", "IT", "NL", "PL", "FI", "SE", "SG", "AU", "IN",
        "KR", "TH", "BR", "MX", "TR", "JP", "CN", "RU",
    ];
    /// No region: only international numbers are found.
    pub const NONE: Regions = Regions(0);
    /// Every region whose national forms are known: the United States, Canada, the United Kingdom, Viet Nam, Germany,
    /// France, Spain, Italy, the Netherlands, Poland, Finland, Sweden, Singapore, Australia, India, South Korea,
    /// Thailand, Brazil, Mexico, Turkey, Japan, China and Russia. The default.
    pub const ALL: Regions = Regions((1 << COUNT) - 1);

    /// The regions of these ISO 3166-1 alpha-2 codes, in either case.
    ///
    /// # Errors
    /// The first code of which no national numbers are known.
    pub fn of<'c>(codes: impl IntoIterator<Item = &'c str>) -> Result<Regions, UnknownRegion> {
        let mut regions = Regions::NONE;
        for code in codes {
            let index = Regions::CODES
                .iter()
                .position(|known| known.eq_ignore_ascii_case(code))
                .ok_or_else(|| UnknownRegion {
                    code: code.to_owned(),
                })?;
            regions.0 |= 1 << index;
        }
        Ok(regions)
    }

    /// The ISO 3166-1 alpha-2 code that is meant by another common one: `UK` and `EL` are those that the European Union
    /// writes, and the others are of three letters or older. Also of countries whose national numbers are not known.
    #[must_use]
    pub fn meant(code: &str) -> Option<&'static str> {
        let code = code.to_ascii_uppercase();
        let found = OTHER_CODES.iter().find(|(other, _)| *other == code);
        found.map(|(_, meant)| *meant)
    }

    /// The codes of the set.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        Regions::CODES
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.0 >> index & 1 == 1)
            .map(|(_, code)| *code)
    }

    /// Whether the two share a region.
    pub(crate) fn shares(self, other: Regions) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the digits begin with the calling code of a region of the set.
    pub(crate) fn calls(self, digits: &str) -> bool {
        CALLING_CODES
            .iter()
            .enumerate()
            .any(|(index, code)| self.0 >> index & 1 == 1 && digits.starts_with(code))
    }
}

impl Default for Regions {
    fn default() -> Self {
        Regions::ALL
    }
}
