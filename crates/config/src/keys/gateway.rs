//! The keys of the gateway.

use super::{Key, Kind, Preset, Section, key};

mod access;
mod browser;
mod clients;
mod conversations;
mod limit;
mod mask;
mod observe;
mod route;
mod tls;
mod upstream;

use access::ACCESS;
use clients::CLIENTS;
use conversations::CONVERSATIONS;
use limit::LIMIT;
pub(crate) use mask::ACTIONS;
use mask::MASK;
use observe::{LOG, METRICS, SHARED, TRACES};
use route::ROUTE;
use tls::TLS;
use upstream::UPSTREAM;

/// Nothing, and nothing to say about it.
const NONE: Preset = Preset::Absent("");
const COUNT_MAX: u64 = 0xffff_ffff;

pub(crate) static GATEWAY: Section = Section {
    header: "[gateway]",
    about: "The gateway in front of the service: where clients connect, and how they are divided \
            between two releases.",
    keys: &[
        key(
            "listen",
            Kind::Address,
            Preset::Value("\"127.0.0.1:8080\""),
            "Where clients connect. `0.0.0.0:8080` takes them from other machines.",
        ),
        key(
            "admin",
            Kind::Listen,
            Preset::Value("\"unix\""),
            "Where the gateway's own interface is: `gateway.sock` in the state folder, which only its \
             owner may open, or an address on loopback, where every call needs the token of the state folder.",
        ),
        key(
            "sticky",
            Kind::Choice(&["cookie", "header", "address"]),
            Preset::Value("\"cookie\""),
            "What ties a user to one release: a cookie that the gateway issues, a header of the \
             request, or the client's IP address.",
        ),
        key(
            "sticky_name",
            Kind::Token,
            Preset::Absent("`portcullis_user` for a cookie; must be given for a header"),
            "The name of the cookie or header.",
        ),
        key(
            "force_header",
            Kind::Boolean,
            Preset::Value("true"),
            "Whether a request with the header `canary: true` goes to the canary whatever the weight.",
        ),
        key(
            "health",
            Kind::Table(&HEALTH),
            NONE,
            "How it finds out who is healthy.",
        ),
        key(
            "canary_users",
            Kind::List(&Kind::Text, 0),
            Preset::Value("[]"),
            "Users that always get the canary: values of the cookie or header, or addresses, whichever \
             `sticky` ties them by.",
        ),
        key(
            "shadow",
            Kind::Percent(0),
            Preset::Value("\"0%\""),
            "The share of `GET` and `HEAD` requests that are also sent to the canary while there is one. \
             Its answers are compared with those of the stable release and thrown away.",
        ),
        key(
            "unknown",
            Kind::Choice(&["service", "refuse"]),
            Preset::Value("\"service\""),
            "What becomes of a request that no route takes: it goes to the service, or it is answered \
             with 421 if no route has its host and with 404 otherwise.",
        ),
        key(
            "clients",
            Kind::Table(&CLIENTS),
            NONE,
            "What clients may do.",
        ),
        key(
            "tls",
            Kind::Table(&TLS),
            Preset::Absent("plain text only"),
            "TLS towards clients.",
        ),
        key(
            "upstream",
            Kind::Tables(&UPSTREAM),
            NONE,
            "Servers besides the service.",
        ),
        key(
            "route",
            Kind::Tables(&ROUTE),
            Preset::Absent("every request goes to the service"),
            "Ways through the gateway.",
        ),
        key("limit", Kind::Tables(&LIMIT), NONE, "Rate limits."),
        key(
            "access",
            Kind::Tables(&ACCESS),
            NONE,
            "Policies of who may use a route.",
        ),
        key(
            "mask",
            Kind::Tables(&MASK),
            NONE,
            "What is hidden from applications.",
        ),
        key(
            "default_mask",
            Kind::Name,
            Preset::Absent("nothing is hidden"),
            "The name of a `[[gateway.mask]]` for requests that no route takes and that go to the service, so for \
             all when there are no routes. A route names its own in `mask`.",
        ),
        key(
            "conversations",
            Kind::Table(&CONVERSATIONS),
            NONE,
            "Where it is kept what was hidden.",
        ),
        key("log", Kind::Table(&LOG), NONE, "The log of requests."),
        key(
            "metrics",
            Kind::Table(&METRICS),
            Preset::Absent("at `gateway.admin` only"),
            "Metrics.",
        ),
        key(
            "traces",
            Kind::Table(&TRACES),
            Preset::Absent("none are sent"),
            "Traces.",
        ),
        key(
            "shared",
            Kind::Table(&SHARED),
            Preset::Absent("everything is kept here"),
            "What is shared with other gateways.",
        ),
    ],
};

/// The keys of a health check, the same for releases and upstreams but for the path.
const INTERVAL: Key = key(
    "interval",
    Kind::Duration,
    Preset::Value("\"1s\""),
    "The pause between two checks.",
);
const TIMEOUT: Key = key(
    "timeout",
    Kind::Duration,
    Preset::Value("\"1s\""),
    "How long one check may take.",
);
const UNHEALTHY_AFTER: Key = key(
    "unhealthy_after",
    Kind::Whole(1, COUNT_MAX),
    Preset::Value("3"),
    "Failed checks in a row after which a release is unhealthy.",
);
const HEALTHY_AFTER: Key = key(
    "healthy_after",
    Kind::Whole(1, COUNT_MAX),
    Preset::Value("2"),
    "Passed checks in a row after which it is healthy again.",
);

pub(crate) static HEALTH: Section = Section {
    header: "[gateway.health]",
    about: "How the gateway finds out whether a release is healthy: `GET` of a path, any 2xx answer \
            passes. Also written inline.",
    keys: &[
        key(
            "path",
            Kind::UrlPath,
            Preset::Absent("the path of `[service.ready]`"),
            "The path that is asked. `/grpc.health.v1.Health/Check` is asked in gRPC.",
        ),
        INTERVAL,
        TIMEOUT,
        UNHEALTHY_AFTER,
        HEALTHY_AFTER,
    ],
};

pub(crate) static UPSTREAM_HEALTH: Section = Section {
    header: "[gateway.upstream.health]",
    about: "Checks of the servers: `GET` of a path, any 2xx answer passes. Without this table none are \
            made. Also written inline.",
    keys: &[
        key(
            "path",
            Kind::UrlPath,
            Preset::Required,
            "The path that is asked. `/grpc.health.v1.Health/Check` is asked in gRPC.",
        ),
        INTERVAL,
        TIMEOUT,
        UNHEALTHY_AFTER,
        HEALTHY_AFTER,
    ],
};
