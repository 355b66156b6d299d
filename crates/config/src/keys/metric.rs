//! The keys of figures from elsewhere.

use super::{Kind, Preset, Section, key};

const NONE: Preset = Preset::Absent("");

pub(crate) static METRIC: Section = Section {
    header: "[[gate.metric]]",
    about: "A figure that a gate asks for at each measurement, for rules with `signal = \"metric\"`. What has no answer in \
            its time, is stale, or is not exactly one number is no data, which is told and never passes. `{release}`, \
            `{address}`, `{port}` and `{store.NAME}` are filled in; other braces stay as they are. Repeat the table for \
            each.",
    keys: &[
        key(
            "name",
            Kind::Text,
            Preset::Required,
            "The name that rules use.",
        ),
        key(
            "from",
            Kind::Choice(&["json", "prometheus", "command", "sql"]),
            Preset::Required,
            "Where it comes from: a JSON document over HTTP or HTTPS, a query of Prometheus, a command, or a database.",
        ),
        key(
            "url",
            Kind::Text,
            NONE,
            "`json`: the document, for example `http://{address}/metrics`. `prometheus`: the server, for example \
             `http://127.0.0.1:9090`. Over `https://` the server must show a certificate of an authority that is trusted.",
        ),
        key(
            "pointer",
            Kind::Pointer,
            NONE,
            "`json`: where the number is.",
        ),
        key(
            "moment",
            Kind::Pointer,
            NONE,
            "`json`: where the document says when it was true (Unix seconds or milliseconds, or RFC 3339). Needs \
             `max_age`.",
        ),
        key(
            "max_age",
            Kind::Duration,
            NONE,
            "`json` with `moment`, and `prometheus`: an older reading is stale. Without it Prometheus answers with the last \
             reading for five minutes. For `prometheus` it fits queries that choose series; a rate has its own range.",
        ),
        key(
            "query",
            Kind::Text,
            NONE,
            "`prometheus`: the query in PromQL, with one series as its result, or one for each value of `label`. `sql`: a \
             query with one row of one column.",
        ),
        key(
            "label",
            Kind::Text,
            NONE,
            "`prometheus`: the label that names the release; of several series the candidate's is taken.",
        ),
        key(
            "token",
            Kind::Secret,
            NONE,
            "`json` and `prometheus`: a bearer token, by reference.",
        ),
        key(
            "user",
            Kind::Text,
            NONE,
            "`json` and `prometheus`: the user for basic authentication, with `password`.",
        ),
        key(
            "password",
            Kind::Secret,
            NONE,
            "`json` and `prometheus`: the password of `user`, by reference.",
        ),
        key(
            "ca",
            Kind::Path,
            Preset::Absent("the authorities that the system trusts"),
            "`json` and `prometheus` over `https://`: a PEM file with the authorities that are trusted instead.",
        ),
        key(
            "command",
            Kind::Command,
            NONE,
            "`command`: what is run, without a shell, in this file's folder.",
        ),
        key(
            "env",
            Kind::Texts,
            NONE,
            "`command`: environment variables that are set for it. Secrets by reference.",
        ),
        key(
            "reads",
            Kind::Choice(&["exit-code", "number"]),
            Preset::Absent("`exit-code`"),
            "`command`: its exit code, or the number that is the last line it writes.",
        ),
        key(
            "database",
            Kind::Text,
            NONE,
            "`sql`: `sqlite:PATH` or a URL `postgres://USER@HOST/NAME`; one with a password by reference. It is only read.",
        ),
        key(
            "timeout",
            Kind::Duration,
            Preset::Value("\"5s\""),
            "How long the answer may take.",
        ),
    ],
};
