//! The keys of rate limits.

use super::COUNT_MAX;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static LIMIT: Section = Section {
    header: "[[gateway.limit]]",
    about: "How many requests somebody may make: a bucket of tokens that fills at a steady rate, \
            for routes that name it in `limits`. What is beyond it is answered with 429, \
            `RateLimit-*` and `Retry-After`. Repeat the table for each.",
    keys: &[
        key("name", Kind::Name, Preset::Required, "Its name."),
        key(
            "rate",
            Kind::RequestRate,
            Preset::Required,
            "How many requests in how much time: `10/s`, `60/1m`.",
        ),
        key(
            "burst",
            Kind::Whole(1, COUNT_MAX),
            Preset::Absent("the number of requests in `rate`"),
            "How many at once after a pause.",
        ),
        key(
            "key",
            Kind::Choice(&["address", "caller", "route", "header"]),
            Preset::Value("\"address\""),
            "Who has a bucket of their own: each client address (of IPv6 the first 64 bits), \
             each API key or subject of a token, nobody (all of a route together), or each value \
             of a header. Requests without key, token or header count by their address.",
        ),
        key(
            "header",
            Kind::Form(TextForm::Header),
            Preset::Absent("must be given for `header`"),
            "The header.",
        ),
    ],
};
