//! The keys of routes.

use super::browser::{CORS, UPLOAD};
use super::{COUNT_MAX, NONE};
use crate::bounds::{ATTEMPTS_MAX, BYTES_MAX};
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static ROUTE: Section = Section {
    header: "[[gateway.route]]",
    about: "One way through the gateway. Of the routes that take a request, the most specific \
            one is used: an exact host before `*.host` before none, then an exact path before \
            the longest prefix before none, then more conditions before fewer, then the earlier \
            in the file. Without any, every request goes to the service. Repeat the table for \
            each.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Preset::Required,
            "Its name, in counters, log lines and errors.",
        ),
        key(
            "hosts",
            Kind::List(&Kind::Form(TextForm::HostPattern), 1),
            Preset::Absent("all"),
            "Hosts that it takes, without a port: `api.example.org`, or `*.example.org` for all \
             below it.",
        ),
        key(
            "path",
            Kind::Form(TextForm::RoutePrefix),
            Preset::Absent("all"),
            "The path that it takes with all below it: `/v1` takes `/v1`, `/v1/` and `/v1/x`, \
             not `/v10`.",
        ),
        key(
            "exact",
            Kind::Form(TextForm::RoutePath),
            NONE,
            "The path that it takes alone, in place of `path`.",
        ),
        key(
            "methods",
            Kind::List(&Kind::Method, 1),
            Preset::Absent("all"),
            "Methods that it takes.",
        ),
        key(
            "headers",
            Kind::Conditions,
            NONE,
            "Headers that a request must have, all of them: the value, or `*` for any.",
        ),
        key(
            "to",
            Kind::Name,
            Preset::Absent("`service`"),
            "Where its requests go: `service`, or the name of a `[[gateway.upstream]]`.",
        ),
        key(
            "redirect",
            Kind::Table(&REDIRECT),
            NONE,
            "They are answered with a redirect instead.",
        ),
        key(
            "rewrite",
            Kind::Table(&REWRITE),
            NONE,
            "How a request is changed before it is sent on.",
        ),
        key(
            "timeouts",
            Kind::Table(&ROUTE_TIMEOUTS),
            NONE,
            "How long an answer may take.",
        ),
        key(
            "body_max",
            Kind::Bytes(0, BYTES_MAX),
            Preset::Absent("no limit"),
            "The largest body; a larger one is answered with 413.",
        ),
        key(
            "retries",
            Kind::Table(&RETRIES),
            NONE,
            "When a request is sent again.",
        ),
        key(
            "capacity",
            Kind::Table(&CAPACITY),
            NONE,
            "How much may be under way at once.",
        ),
        key(
            "limits",
            Kind::List(&Kind::Name, 0),
            Preset::Value("[]"),
            "Names of `[[gateway.limit]]`: its requests count against all of them.",
        ),
        key(
            "access",
            Kind::Name,
            Preset::Absent("everybody"),
            "The name of the `[[gateway.access]]` that says who may use it.",
        ),
        key(
            "mask",
            Kind::Name,
            Preset::Absent("nothing is hidden"),
            "The name of a `[[gateway.mask]]`: what is hidden in its requests and restored in its answers.",
        ),
        key(
            "cors",
            Kind::Table(&CORS),
            Preset::Absent("left to the release"),
            "Which pages of other origins may use it.",
        ),
        key(
            "security_headers",
            Kind::Choice(&["off", "basic", "strict"]),
            Preset::Value("\"off\""),
            "Headers of its answers for the protection of browsers; one that the release sets \
             itself stays. `basic`: `X-Content-Type-Options`, `X-Frame-Options: SAMEORIGIN`, \
             `Referrer-Policy`, and with TLS `Strict-Transport-Security` for a year. `strict`: \
             no frames at all, no referrer, a `Permissions-Policy`, a `Content-Security-Policy` \
             for own content only, `Cross-Origin-Opener-Policy`, and `Strict-Transport-Security` \
             for two years with all hosts below.",
        ),
        key(
            "upload",
            Kind::Table(&UPLOAD),
            Preset::Absent("nothing is looked at"),
            "What may be uploaded.",
        ),
    ],
};

static REDIRECT: Section = Section {
    header: "[gateway.route.redirect]",
    about: "An answer that sends the client elsewhere. Also written inline.",
    keys: &[
        key(
            "location",
            Kind::Form(TextForm::Location),
            Preset::Required,
            "Where to. `{host}`, `{path}` and `{query}` (with its question mark, or empty) stand \
             for those of the request.",
        ),
        key(
            "status",
            Kind::Status(&[301, 302, 303, 307, 308]),
            Preset::Value("308"),
            "The answer's status.",
        ),
    ],
};

static REWRITE: Section = Section {
    header: "[gateway.route.rewrite]",
    about: "How a request is changed before it is sent on. Also written inline.",
    keys: &[
        key(
            "prefix",
            Kind::Form(TextForm::RoutePrefix),
            Preset::Absent("the path is left alone"),
            "What the route's `path` is replaced by. Without a `path` it is put before the \
             request's.",
        ),
        key(
            "host",
            Kind::Form(TextForm::HostHeader),
            Preset::Absent("the client's"),
            "The `Host` that is sent.",
        ),
    ],
};

static ROUTE_TIMEOUTS: Section = Section {
    header: "[gateway.route.timeouts]",
    about: "How long an answer may take. Also written inline.",
    keys: &[
        key(
            "connect",
            Kind::Duration,
            Preset::Value("\"1s\""),
            "Until a connection is accepted.",
        ),
        key(
            "first_byte",
            Kind::Duration,
            Preset::Value("\"60s\""),
            "From the end of the request to the answer's head. While the client still sends its \
             body, what counts is how long nothing of it comes (`stall_timeout` of \
             `[gateway.clients]`), and how long a piece of it waits for the server.",
        ),
        key(
            "idle",
            Kind::Duration,
            Preset::Value("\"300s\""),
            "Between two pieces of the answer's body, or of the request's while the answer is \
             under way: how long a stream, a call of gRPC or a WebSocket may be silent in both \
             directions. A ping of either side keeps a WebSocket open.",
        ),
        key(
            "whole",
            Kind::Duration,
            Preset::Absent("no limit, as streams need"),
            "From the request's head to the end of the answer. This alone bounds a call of gRPC \
             that says something now and then. The answer of a WebSocket ends where the \
             WebSocket begins, whose length it does not bound.",
        ),
    ],
};

static RETRIES: Section = Section {
    header: "[gateway.route.retries]",
    about: "When a request is sent again, to another server if there is one. A request that was \
            not sent at all is always tried once more. Also written inline.",
    keys: &[
        key(
            "attempts",
            Kind::Whole(1, ATTEMPTS_MAX),
            Preset::Value("1"),
            "Attempts in all, of a request that may be repeated (`GET`, `HEAD`, `OPTIONS`, \
             `PUT`, `DELETE`).",
        ),
        key(
            "budget",
            Kind::Percent(0),
            Preset::Value("\"20%\""),
            "Retries as a share of the requests of the last ten seconds; beyond it nothing is \
             retried.",
        ),
        key(
            "statuses",
            Kind::List(&Kind::Status(&[429, 502, 503, 504]), 0),
            Preset::Value("[502, 503, 504]"),
            "Answers for which such a request is sent again.",
        ),
        key(
            "hedge_after",
            Kind::Duration,
            Preset::Absent("never"),
            "After how long without an answer such a request is also sent to another server of \
             the upstream; the first answer wins.",
        ),
    ],
};

static CAPACITY: Section = Section {
    header: "[gateway.route.capacity]",
    about: "How much may be under way at once. What is beyond it is answered with 503 and \
            `Retry-After`. Also written inline.",
    keys: &[
        key(
            "in_flight",
            Kind::Whole(1, COUNT_MAX),
            Preset::Absent("no limit"),
            "Requests under way.",
        ),
        key(
            "queue",
            Kind::Whole(0, COUNT_MAX),
            Preset::Value("100"),
            "Requests that wait for their turn.",
        ),
        key(
            "queue_timeout",
            Kind::Duration,
            Preset::Value("\"1s\""),
            "How long one may wait.",
        ),
    ],
};
