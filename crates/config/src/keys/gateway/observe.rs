//! The keys of what is told about requests, and shared with other gateways.

use super::COUNT_MAX;
use crate::bounds::SHARED_TIMEOUT_MS_MAX;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static LOG: Section = Section {
    header: "[gateway.log]",
    about: "The log of requests: one JSON object a line.",
    keys: &[
        key(
            "to",
            Kind::Form(TextForm::LogPlace),
            Preset::Value("\"off\""),
            "Where it goes: nowhere, to standard error with the rest of the log, or to a file, \
             which is opened anew on SIGHUP. A file that is called `log` is written `./log`.",
        ),
        key(
            "sample",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("1"),
            "Of every how many requests without an error one is written. Errors are always \
             written.",
        ),
        key(
            "paths",
            Kind::Choice(&["masked", "whole", "off"]),
            Preset::Value("\"masked\""),
            "How it shows paths, and traces as well: `masked` writes `{email}`, `{number}` and `{token}` in \
             place of what looks like an e-mail address, a long number or a secret, by looks alone; \
             `whole` writes them as clients send them; `off` leaves them out. Queries are never written.",
        ),
    ],
};

pub(super) static METRICS: Section = Section {
    header: "[gateway.metrics]",
    about: "Metrics for Prometheus. The admin interface always has them.",
    keys: &[key(
        "listen",
        Kind::Address,
        Preset::Absent("at `gateway.admin` only"),
        "Where `GET /metrics` is answered as well. Nobody is asked for a token there, so an \
             address that is not on loopback shows them to everyone who reaches it.",
    )],
};

pub(super) static TRACES: Section = Section {
    header: "[gateway.traces]",
    about: "Traces for an OpenTelemetry collector.",
    keys: &[
        key(
            "endpoint",
            Kind::Form(TextForm::Url),
            Preset::Required,
            "The collector's URL for OTLP over HTTP, such as `http://127.0.0.1:4318`.",
        ),
        key(
            "sample",
            Kind::Whole(1, COUNT_MAX),
            Preset::Value("1"),
            "Of every how many requests without a trace of their own one is traced.",
        ),
    ],
};

pub(super) static SHARED: Section = Section {
    header: "[gateway.shared]",
    about: "State that several gateways share: limits, and conversations that are kept there. When it is away, \
            limits are counted here alone, and requests that are masked are refused. Which release a user gets is computed and needs no state. See `portcullis docs several-gateways`.",
    keys: &[
        key(
            "redis",
            Kind::Redis,
            Preset::Required,
            "A Redis or Valkey server. A URL with a password is given by reference: `env:NAME`, \
             `file:PATH` or `cmd:PROGRAM ARG...`.",
        ),
        key(
            "prefix",
            Kind::Text,
            Preset::Value("\"portcullis:\""),
            "What every key begins with.",
        ),
        key(
            "timeout",
            Kind::DurationWithin(1, SHARED_TIMEOUT_MS_MAX),
            Preset::Value("\"50ms\""),
            "How long an answer of it may take. Every request that a limit counts waits for it, so a server \
             that hangs holds each of them up for so long, until the gateway counts alone.",
        ),
    ],
};
