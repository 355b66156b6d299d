//! National, tax, passport and licence numbers, one file per country.
//!
//! The score of a form follows from the chance that an ordinary number of that form passes its check: below one in two
//! hundred it may count without context, otherwise context must lift it. Words of a country's own language come folded.

mod ca;
mod de;
mod es;
mod fi;
mod fr;
mod it;
mod nl;
mod pl;
mod se;
mod uk;
mod us;

use crate::recognize::number::Shaped;

/// The recognizers of every country. Where two are equally sure of the same place, the first one names it.
pub(crate) const ALL: &[&[Shaped]] = &[
    us::ALL,
    ca::ALL,
    uk::ALL,
    es::ALL,
    it::ALL,
    de::ALL,
    fr::ALL,
    nl::ALL,
    pl::ALL,
    fi::ALL,
    se::ALL,
];

#[cfg(test)]
pub(crate) mod tests;
