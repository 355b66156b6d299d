//! National, tax, passport and licence numbers, one file per country.

mod au;
mod br;
mod calendar;
#[cfg(test)]
mod cases;
mod india;
mod jp;
mod kr;
mod mx;
#[cfg(test)]
mod negatives;
mod passport;
mod sg;
mod th;
mod tr;
mod us;
mod vn;

use crate::recognize::number::Shaped;

/// The recognizers of every country.
pub(crate) const ALL: &[&[Shaped]] = &[
    us::ALL,
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
    passport::ALL,
];
