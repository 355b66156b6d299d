//! The keys of what concerns browsers.

use crate::bounds::BYTES_MAX;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static CORS: Section = Section {
    header: "[gateway.route.cors]",
    about: "Which pages of other origins may use a route (the Fetch standard's CORS protocol). \
            Preflights are answered by the gateway. Also written inline.",
    keys: &[
        key(
            "origins",
            Kind::List(&Kind::Form(TextForm::Origin), 1),
            Preset::Required,
            "Origins such as `https://app.example.org`; `*` alone admits all, then without \
             `credentials`.",
        ),
        key(
            "methods",
            Kind::List(&Kind::Method, 1),
            Preset::Value("[\"GET\", \"HEAD\", \"POST\"]"),
            "Methods that they may use.",
        ),
        key(
            "headers",
            Kind::List(&Kind::Form(TextForm::Header), 0),
            Preset::Value("[]"),
            "Request headers that they may set.",
        ),
        key(
            "expose",
            Kind::List(&Kind::Form(TextForm::Header), 0),
            Preset::Value("[]"),
            "Answer headers that they may read.",
        ),
        key(
            "credentials",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether cookies and authorisation go along.",
        ),
        key(
            "max_age",
            Kind::DurationFrom(0),
            Preset::Value("\"10m\""),
            "For how long a browser may remember the answer to a preflight, in whole seconds.",
        ),
    ],
};

pub(super) static UPLOAD: Section = Section {
    header: "[gateway.route.upload]",
    about: "What may be uploaded. Types are told by the bytes, not by the name. Also written \
            inline.",
    keys: &[
        key(
            "types",
            Kind::List(&Kind::Form(TextForm::MediaType), 1),
            Preset::Required,
            "Media types; `text/plain` is what has no binary bytes in it.",
        ),
        key(
            "max",
            Kind::Bytes(1, BYTES_MAX),
            Preset::Absent("no limit but `body_max`"),
            "The largest file.",
        ),
    ],
};
