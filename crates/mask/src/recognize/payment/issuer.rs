//! Who issues a card: the ranges of the first six digits, and how many digits each of them has.
//!
//! After the table "Issuer identification number (IIN)" of Wikipedia, "Payment card number", and what the networks
//! publish: Mastercard's 2-series, Mir (NSPK), NAPAS of Viet Nam (9704), UzCard (8600) and Humo (9860) of Uzbekistan,
//! Belkart (9112), GPN of Indonesia (1946), Troy (9792).

/// A set of lengths: bit N stands for N digits.
type Lengths = u32;

/// A range of issuers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuer {
    /// The first of the range, six digits.
    from: u32,
    /// The last of the range, six digits.
    to: u32,
    /// How many digits the cards have.
    lengths: Lengths,
    /// Which network it is.
    pub(super) network: Network,
}

/// Networks, as far as they differ in how sure a number is and how it is grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    Visa,
    Mastercard,
    AmericanExpress,
    Diners,
    Discover,
    Jcb,
    UnionPay,
    Maestro,
    Uatp,
    /// A domestic network with a short range.
    Domestic,
    /// What is left of Maestro's and its neighbours' ranges.
    Other,
}

impl Issuer {
    /// The issuer of cards with these first six digits and so many in all. Of several ranges the first one in the table
    /// counts.
    pub(super) fn of(prefix: u32, length: usize) -> Option<&'static Issuer> {
        ISSUERS.iter().find(|issuer| {
            (issuer.from..=issuer.to).contains(&prefix) && issuer.lengths >> length & 1 == 1
        })
    }

    /// Whether any card begins with this digit. Tells most numbers apart at once.
    pub(super) fn begins_with(digit: u8) -> bool {
        digit != b'0' && digit != b'7'
    }
}

impl Network {
    /// How sure a number without groups is that has the right check digit, in hundredths. The wider the range and the
    /// rarer the length, the more ordinary numbers look like it: of random numbers of sixteen digits one in a hundred
    /// is a Visa card.
    pub(super) fn plain(self, length: usize) -> u8 {
        match (self, length) {
            // Rarely used ranges: numbers of logs look like them more often than cards do.
            (Network::Other | Network::Diners, 16) => 45,
            (Network::Domestic, 16 | 19) => 70,
            (_, 16) => 65,
            (Network::AmericanExpress, 15) => 65,
            (Network::Diners, 14) => 45,
            (Network::Visa, 13) => 52,
            (Network::UnionPay, 19) => 60,
            (_, 19) => 45,
            (Network::UnionPay, _) => 40,
            (Network::Uatp, _) => 30,
            _ => 35,
        }
    }

    /// Whether its cards with more than sixteen digits are common.
    pub(super) fn is_often_long(self) -> bool {
        matches!(
            self,
            Network::UnionPay | Network::Maestro | Network::Domestic
        )
    }
}

/// A range of issuers whose cards have the given numbers of digits.
const fn range(from: u32, to: u32, lengths: &[u32], network: Network) -> Issuer {
    let mut bits = 0;
    let mut index = 0;
    while index < lengths.len() {
        bits |= 1 << lengths[index];
        index += 1;
    }
    Issuer {
        from,
        to,
        lengths: bits,
        network,
    }
}

const LONG: &[u32] = &[16, 17, 18, 19];
const MAESTRO: &[u32] = &[12, 13, 14, 15, 16, 17, 18, 19];

/// The ranges; narrow ones before the wide ones that hold them.
const ISSUERS: &[Issuer] = &[
    range(400_000, 499_999, &[13, 16, 19], Network::Visa),
    range(510_000, 559_999, &[16], Network::Mastercard),
    range(222_100, 272_099, &[16], Network::Mastercard),
    range(340_000, 349_999, &[15], Network::AmericanExpress),
    range(370_000, 379_999, &[15], Network::AmericanExpress),
    range(300_000, 305_999, &[14, 16], Network::Diners),
    range(309_500, 309_599, &[14, 16], Network::Diners),
    range(360_000, 369_999, &[14, 16], Network::Diners),
    range(380_000, 399_999, &[14, 16], Network::Diners),
    range(352_800, 358_999, &[16, 17, 18, 19], Network::Jcb),
    // Verve.
    range(506_099, 506_198, &[16, 18, 19], Network::Domestic),
    range(507_865, 507_964, &[16, 18, 19], Network::Domestic),
    range(650_002, 650_027, &[16, 18, 19], Network::Domestic),
    // Troy.
    range(979_200, 979_289, &[16], Network::Domestic),
    // RuPay; 60 and 65 are shared with Discover and others.
    range(508_000, 508_999, &[16], Network::Domestic),
    range(353_000, 353_999, &[16], Network::Domestic),
    range(356_000, 356_999, &[16], Network::Domestic),
    range(817_200, 820_199, &[16], Network::Domestic),
    range(810_000, 829_999, &[16, 17, 18, 19], Network::UnionPay),
    // Mir; PayPak; Borica.
    range(220_000, 220_599, LONG, Network::Domestic),
    // Elo; its other ranges lie in those of Visa, Discover and Maestro.
    range(627_780, 627_780, &[16], Network::Domestic),
    range(636_297, 636_368, &[16], Network::Domestic),
    // Hipercard.
    range(606_282, 606_282, &[16], Network::Domestic),
    // NAPAS, UzCard, Humo, Belkart, GPN.
    range(970_400, 970_499, &[16, 19], Network::Domestic),
    range(860_000, 860_099, &[16], Network::Domestic),
    range(986_000, 986_099, &[16], Network::Domestic),
    range(911_200, 911_299, &[16], Network::Domestic),
    range(194_600, 194_699, &[16], Network::Domestic),
    // Dankort.
    range(501_900, 501_999, &[16], Network::Domestic),
    range(601_100, 601_199, LONG, Network::Discover),
    range(644_000, 659_999, LONG, Network::Discover),
    range(620_000, 629_999, LONG, Network::UnionPay),
    range(600_000, 609_999, &[16], Network::Domestic),
    // InterPayment, InstaPayment.
    range(636_000, 639_999, LONG, Network::Domestic),
    // What JCB had before, and what common examples still take for its numbers.
    range(213_100, 213_199, &[15], Network::Other),
    range(180_000, 180_099, &[15], Network::Other),
    range(350_000, 352_799, &[16], Network::Other),
    // Maestro, with what were Switch, Solo and Laser.
    range(501_800, 501_899, MAESTRO, Network::Maestro),
    range(502_000, 502_099, MAESTRO, Network::Maestro),
    range(503_800, 503_899, MAESTRO, Network::Maestro),
    range(589_300, 589_399, MAESTRO, Network::Maestro),
    range(630_400, 630_499, MAESTRO, Network::Maestro),
    range(633_100, 633_499, &[16, 18, 19], Network::Maestro),
    range(639_000, 639_099, MAESTRO, Network::Maestro),
    range(670_000, 679_999, MAESTRO, Network::Maestro),
    range(500_000, 509_999, MAESTRO, Network::Other),
    range(560_000, 589_999, MAESTRO, Network::Other),
    range(630_000, 639_999, MAESTRO, Network::Other),
    range(660_000, 669_999, MAESTRO, Network::Other),
    range(680_000, 699_999, MAESTRO, Network::Other),
    range(100_000, 199_999, &[15], Network::Uatp),
];
