//! The keys of synthetic requests.

use super::service::{BODY_FILE, CONTAINS, JSON, METHOD, PATH, SMOKE_TIMEOUT, STATUS};
use super::{Kind, Preset, Section, key};

pub(crate) static SYNTHETIC: Section = Section {
    header: "[gate.synthetic]",
    about: "Requests that a gate sends itself while there are too few of users: the same question to the canary and, \
            at the same moment, to the stable release, directly and not through the gateway. They count in rules about \
            errors and latency, as a part of its own with as many requests in each release; an answer other than the \
            expected one is an error. They are no part of what the gateway counts, limits or logs. Each has the header \
            field `x-portcullis-synthetic` with the rollout's name. They prove that these questions are answered and \
            nothing about others, so choose those that users ask, and none that change something. Nothing is sent \
            unless this table is there.",
    keys: &[
        key(
            "rate",
            Kind::RequestRate,
            Preset::Value("\"2/s\""),
            "How many requests each release gets in how much time: `2/s`, `30/1m`. At most 100 a second.",
        ),
        key(
            "below",
            Kind::RequestRate,
            Preset::Value("\"1/s\""),
            "They are sent only after a measurement in which the canary got fewer requests of users than this.",
        ),
        key(
            "request",
            Kind::Tables(&REQUEST),
            Preset::Required,
            "What is asked, in turn.",
        ),
    ],
};

pub(crate) static REQUEST: Section = Section {
    header: "[[gate.synthetic.request]]",
    about: "A question and its answer. Repeat the table for each.",
    keys: &[
        METHOD,
        PATH,
        key(
            "headers",
            Kind::Texts,
            Preset::Absent(""),
            "Header fields that are sent with it, for example `{ authorization = \"env:TEST_USER_TOKEN\" }`. Secrets by \
             reference.",
        ),
        BODY_FILE,
        STATUS,
        JSON,
        CONTAINS,
        SMOKE_TIMEOUT,
    ],
};
