//! The keys of servers besides the service.

use super::{COUNT_MAX, NONE, UPSTREAM_HEALTH};
use crate::bounds::WEIGHT_MAX;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static UPSTREAM: Section = Section {
    header: "[[gateway.upstream]]",
    about: "Servers that are not releases of the service and answer alike, for routes that name \
            them in `to`. Repeat the table for each set.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Preset::Required,
            "Its name, which is not `service`.",
        ),
        key(
            "server",
            Kind::Tables(&SERVER),
            Preset::Required,
            "The servers.",
        ),
        key(
            "choice",
            Kind::Choice(&["least-loaded", "round-robin", "client-hash"]),
            Preset::Value("\"least-loaded\""),
            "How one is chosen: of two that are drawn by weight the one with fewer requests \
             under way, in turn by weight, or by a hash of the client's address, so that a \
             client keeps its server.",
        ),
        key(
            "protocol",
            Kind::Choice(&["http1", "http2"]),
            Preset::Value("\"http1\""),
            "Which protocol is spoken. `http2` is agreed on under TLS and taken for granted in \
             plain text; gRPC needs it, WebSockets need `http1`.",
        ),
        key(
            "tls",
            Kind::Table(&UPSTREAM_TLS),
            Preset::Absent("plain text"),
            "TLS to the servers.",
        ),
        key(
            "health",
            Kind::Table(&UPSTREAM_HEALTH),
            Preset::Absent("none are made"),
            "Checks of the servers.",
        ),
        key(
            "eject",
            Kind::Table(&EJECT),
            NONE,
            "When a server is left out.",
        ),
    ],
};

static SERVER: Section = Section {
    header: "[[gateway.upstream.server]]",
    about: "A server. Also written inline: `server = [{ address = \"127.0.0.1:9000\" }, { \
            address = \"127.0.0.1:9001\", weight = 3 }]`.",
    keys: &[
        key(
            "address",
            Kind::Form(TextForm::HostPort),
            Preset::Required,
            "Where it is.",
        ),
        key(
            "weight",
            Kind::Whole(0, WEIGHT_MAX),
            Preset::Value("1"),
            "Its share among the others. One with 0 gets requests only when no other is there.",
        ),
    ],
};

static UPSTREAM_TLS: Section = Section {
    header: "[gateway.upstream.tls]",
    about: "TLS to the servers. An empty table will do: `tls = {}`.",
    keys: &[
        key(
            "server_name",
            Kind::Form(TextForm::Host),
            Preset::Absent("the host of the address"),
            "The name that the certificate must have.",
        ),
        key(
            "ca",
            Kind::Path,
            Preset::Absent("the authorities of the system"),
            "The authorities to believe, a PEM file.",
        ),
        key(
            "chain",
            Kind::Path,
            NONE,
            "The gateway's own certificate, a PEM file, for servers that ask for one.",
        ),
        key("key", Kind::Path, NONE, "Its private key, a PEM file."),
    ],
};

static EJECT: Section = Section {
    header: "[gateway.upstream.eject]",
    about: "When a server is left out because of its answers, and for how long. Also written \
            inline.",
    keys: &[
        key(
            "failures",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("5"),
            "Failures in a row (no connection, broken answers, 502, 503 and 504) after which it \
             is left out. 0 never leaves one out.",
        ),
        key(
            "min",
            Kind::Duration,
            Preset::Value("\"10s\""),
            "For how long at first; it doubles each time.",
        ),
        key(
            "max",
            Kind::Duration,
            Preset::Value("\"5m\""),
            "For how long at most.",
        ),
        key(
            "share_max",
            Kind::Percent(0),
            Preset::Value("\"50%\""),
            "How many of the servers may be out at once; beyond it all are used.",
        ),
    ],
};
