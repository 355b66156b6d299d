//! Where releases listen.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Ports that releases may be given, all on loopback. Written `21000-21099`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why a text is not a range of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortRangeRefused {
    /// It is not two numbers with a hyphen between them.
    #[error(
        "expected two ports from 1 to 65535 with a hyphen between them, for example 21000-21099"
    )]
    Form,
    /// The first port is above the last.
    #[error("the first port is above the last")]
    Order,
    /// There are fewer than [`PortRange::LENGTH_MIN`] ports.
    #[error(
        "a rollout needs {} ports: the serving release, the new one, and both again for the rehearsal",
        PortRange::LENGTH_MIN
    )]
    Short,
}

impl PortRange {
    /// How many ports a rollout needs: the serving release, the new one, and a try-out of each in the
    /// rehearsal.
    pub const LENGTH_MIN: u16 = 4;

    /// The ports of a file that names none.
    pub(crate) const DEFAULT: PortRange = PortRange {
        first: 21_000,
        last: 21_099,
    };

    /// The ports from `first` to `last`, both included.
    ///
    /// # Errors
    /// When `first` is 0 or above `last`, or when there are fewer than [`PortRange::LENGTH_MIN`].
    pub fn new(first: u16, last: u16) -> Result<PortRange, PortRangeRefused> {
        if first == 0 {
            Err(PortRangeRefused::Form)
        } else if first > last {
            Err(PortRangeRefused::Order)
        } else if last - first < PortRange::LENGTH_MIN - 1 {
            Err(PortRangeRefused::Short)
        } else {
            Ok(PortRange { first, last })
        }
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port, which is included.
    pub fn last(self) -> u16 {
        self.last
    }

    /// The ports in order.
    pub fn ports(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }

    /// Whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        self.ports().contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = PortRangeRefused;

    fn from_str(text: &str) -> Result<PortRange, PortRangeRefused> {
        let (first, last) = text.split_once('-').ok_or(PortRangeRefused::Form)?;
        let port = |text: &str| {
            let text = text.trim();
            // `parse` would also take a plus sign.
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|_| digits)
                .ok_or(PortRangeRefused::Form)
        };
        PortRange::new(port(first)?, port(last)?)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
