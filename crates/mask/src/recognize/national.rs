//! National, tax, passport and licence numbers, one file per country.
//!
//! The score of a form follows from the chance that an ordinary number of that form passes its check: below one in two
//! hundred it may count without context, otherwise context must lift it. Words of a country's own language come folded.

mod au;
mod br;
mod ca;
#[cfg(test)]
mod cases;
mod de;
mod es;
mod fi;
mod fr;
mod india;
mod it;
mod jp;
mod kr;
mod mx;
#[cfg(test)]
mod negatives;
mod nl;
mod passport;
mod pl;
mod se;
mod sg;
mod th;
mod tr;
mod uk;
mod us;
mod vat;
mod vn;

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
    sg::ALL,
    au::ALL,
    india::ALL,
    kr::ALL,
    th::ALL,
    br::ALL,
    mx::ALL,
    tr::ALL,
    jp::ALL,
    vn::ALL,
    vat::ALL,
    passport::ALL,
];

#[cfg(test)]
pub(crate) mod tests;
