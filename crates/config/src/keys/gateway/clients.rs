//! The keys of what clients may do.

use super::COUNT_MAX;
use crate::bounds::{BYTES_MAX, HEAD_BYTES_MAX, HEAD_BYTES_MIN, HEADERS_MAX};
use crate::keys::{Kind, Preset, Section, key};

pub(super) static CLIENTS: Section = Section {
    header: "[gateway.clients]",
    about: "What a client may do before anybody looks at its request. What goes beyond it is \
            refused or closed, so that no client takes the place of others. After a reload, \
            `trusted_proxies` and `forwarded` hold for the next request, the others for new \
            connections.",
    keys: &[
        key(
            "trusted_proxies",
            Kind::List(&Kind::Network, 0),
            Preset::Value("[]"),
            "From whom `X-Forwarded-For` and `Forwarded` are believed. Of the addresses in them, \
             the last one that is not in this list is the client's.",
        ),
        key(
            "forwarded",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether `Forwarded` (RFC 7239) is sent on besides `X-Forwarded-*`.",
        ),
        key(
            "connections_max",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("20000"),
            "Connections at once.",
        ),
        key(
            "connections_per_address_max",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("2000"),
            "Connections at once of one address.",
        ),
        key(
            "head_timeout",
            Kind::Duration,
            Preset::Value("\"10s\""),
            "How long a request's head may take.",
        ),
        key(
            "body_rate_min",
            Kind::Bytes(0, BYTES_MAX),
            Preset::Value("\"100B\""),
            "The slowest that a body may come, in bytes a second, measured over ten seconds. \
             What counts is the time in which the gateway waits for the client, until the answer \
             begins: not the time in which a release takes nothing, and no call of gRPC (HTTP/2 \
             on both sides). `0B` sets no limit.",
        ),
        key(
            "stall_timeout",
            Kind::Duration,
            Preset::Value("\"60s\""),
            "How long a client may pause in the middle of a request's body, or take nothing of an \
             answer. A stream that has begun (its answer has, or it is a call of gRPC) may be \
             silent for as long as `idle` of its route says.",
        ),
        key(
            "idle_timeout",
            Kind::Duration,
            Preset::Value("\"75s\""),
            "How long a connection without a request stays open.",
        ),
        key(
            "headers_max",
            Kind::Whole(1, HEADERS_MAX),
            Preset::Value("100"),
            "Header lines in a request.",
        ),
        key(
            "head_max",
            Kind::Bytes(HEAD_BYTES_MIN, HEAD_BYTES_MAX),
            Preset::Value("\"64KiB\""),
            "The size of a request's head.",
        ),
        key(
            "streams_max",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("100"),
            "Streams at once on one HTTP/2 connection.",
        ),
    ],
};
