//! National, tax, passport and licence numbers, one file per country.

mod us;

use crate::recognize::number::Shaped;

/// The recognizers of every country.
pub(crate) const ALL: &[&[Shaped]] = &[us::ALL];
