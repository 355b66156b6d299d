//! The keys that describe the service: what it is, its data, its gates and its releases.

use super::{Key, Kind, METRIC, MIGRATE, Preset, SYNTHETIC, Section, key};

const NONE: Preset = Preset::Absent("");
const COUNT_MAX: u64 = 0xffff_ffff;

/// A check's keys; the same in all three tables of checks but for what must be given.
pub(super) const METHOD: Key = key(
    "method",
    Kind::Method,
    Preset::Value("\"GET\""),
    "The request's method.",
);
pub(super) const PATH: Key = key(
    "path",
    Kind::UrlPath,
    Preset::Required,
    "The request's path and query. Places such as `{release}` are filled in. \
     `/grpc.health.v1.Health/Check` is asked in gRPC and passes when the answer is `SERVING`; it needs \
     `protocol = \"http2\"`.",
);
pub(super) const BODY_FILE: Key = key(
    "body_file",
    Kind::Path,
    NONE,
    "A file whose bytes are sent as the request's body.",
);
pub(super) const STATUS: Key = key(
    "status",
    Kind::Whole(100, 599),
    Preset::Value("200"),
    "The status of the answer.",
);
pub(super) const JSON: Key = key(
    "json",
    Kind::Values,
    NONE,
    "Values that the JSON answer must have, by JSON pointer. Places are filled in.",
);
pub(super) const CONTAINS: Key = key(
    "contains",
    Kind::Text,
    NONE,
    "Text that the answer's body must contain. Places are filled in.",
);
const TIMEOUT: Key = key(
    "timeout",
    Kind::Duration,
    Preset::Value("\"2s\""),
    "How long the answer may take.",
);

pub(super) const SMOKE_TIMEOUT: Key = key(
    "timeout",
    Kind::Duration,
    Preset::Value("\"10s\""),
    "How long the answer may take.",
);

pub(crate) static SERVICE: Section = Section {
    header: "[service]",
    about: "What is being guarded, and how its releases are brought out.",
    keys: &[
        key("name", Kind::Name, Preset::Required, "The service's name."),
        key(
            "environment",
            Kind::Name,
            Preset::Value("\"production\""),
            "The environment; part of each backup's name.",
        ),
        key(
            "strategy",
            Kind::Choice(&["canary", "blue-green", "at-once", "cut-over"]),
            Preset::Value("\"canary\""),
            "How traffic moves: in steps with a gate after each, all at once with one gate, or all at \
             once without a gate. `cut-over` is for releases that cannot share their data: users are kept out, the \
             old release is stopped, the data is backed up and migrated, and the new release is opened to users in \
             steps.",
        ),
        key(
            "weights",
            Kind::Weights,
            Preset::Value("[10, 50, 100]"),
            "The canary's shares in percent, rising, ending with 100; in a cut-over the shares of the users that are \
             let in. Only for `canary` and `cut-over`.",
        ),
        key(
            "approval",
            Kind::Text,
            Preset::Absent("nobody is asked"),
            "A question to a person, asked before live data or traffic is touched.",
        ),
        key(
            "ports",
            Kind::Ports,
            Preset::Value("\"21000-21099\""),
            "The ports that releases are given, on loopback. At least four: the serving release, the \
             new one, and both again for the rehearsal.",
        ),
        key(
            "protocol",
            Kind::Choice(&["http1", "http2"]),
            Preset::Value("\"http1\""),
            "Which protocol the releases speak, in plain text on loopback: the gateway, its health checks and \
             all checks of a release use it. `http2` is taken for granted (prior knowledge); gRPC needs it, \
             WebSockets need `http1`.",
        ),
        key(
            "keep_warm",
            Kind::DurationFrom(0),
            Preset::Value("\"10m\""),
            "How long the old release is kept running after the new one was promoted, so that going back \
             takes seconds. Gates go on meanwhile: what breaks a fixed limit goes back by itself. `0s` stops it \
             at once. In a cut-over it was stopped before, and nothing is kept.",
        ),
        key(
            "keep_warm_cadence",
            Kind::Tables(&KEEP_WARM_CADENCE),
            Preset::Absent("the `interval` and the `cadence` of `[gate]`"),
            "How far apart measurements are while the old release is kept warm, for example \
             `[{ interval = \"30s\" }, { after = \"5m\", interval = \"2m\" }]`. A failure is noticed after one to \
             three of them.",
        ),
        key(
            "ready",
            Kind::Table(&CHECK),
            Preset::Required,
            "The check that tells that a release is up.",
        ),
        key(
            "smoke",
            Kind::Tables(&SMOKE),
            NONE,
            "Known questions and answers.",
        ),
        key(
            "metrics",
            Kind::Table(&METRICS),
            NONE,
            "Figures that the service reports of itself.",
        ),
    ],
};

pub(crate) static CHECK: Section = Section {
    header: "[service.ready]",
    about: "The check that tells that a release is up. Also written inline: `ready = { path = \
            \"/health\" }`.",
    keys: &[METHOD, PATH, BODY_FILE, STATUS, JSON, CONTAINS, TIMEOUT],
};

pub(crate) static SMOKE: Section = Section {
    header: "[[service.smoke]]",
    about: "A known question and its answer, asked of each release directly before it gets traffic, \
            and again while a gate is open. Repeat the table for each.",
    keys: &[
        METHOD,
        PATH,
        BODY_FILE,
        STATUS,
        JSON,
        CONTAINS,
        SMOKE_TIMEOUT,
    ],
};

pub(crate) static METRICS: Section = Section {
    header: "[service.metrics]",
    about: "A JSON document in which the service reports figures of itself, for rules with `signal = \
            \"metric\"`.",
    keys: &[
        key(
            "path",
            Kind::UrlPath,
            Preset::Required,
            "Where the document is.",
        ),
        key(
            "figures",
            Kind::Pointers,
            Preset::Required,
            "The figures: the name that rules use, and the JSON pointer to the number.",
        ),
    ],
};

/// The rules of a gate when the file has none. Comparisons are left out unless the strategy is canary.
const DEFAULT_RULES: &str = r#"[
  { signal = "error-rate", max = "5%", alone = true },
  { signal = "error-rate", worse_than_stable_by = "0.2%", matters_by = "1.2%" },
  { signal = "latency", ratio_max = 1.2, worse_than_stable_by = "5ms", matters_ratio = 1.4 },
  { signal = "health", max = 2 },
]"#;

pub(crate) static GATE: Section = Section {
    header: "[gate]",
    about: "What must hold after each step of traffic. A gate passes when the window was measured and \
            every rule has seen enough, fails as soon as a rule has proof, and does what `inconclusive` \
            says when there is too little data to tell. Rules about traffic are sequential tests: they may \
            be looked at as often as one likes, and all of them together roll a good release back with a \
            chance of at most `alpha`.",
    keys: &[
        key(
            "window",
            Kind::Duration,
            Preset::Value("\"2m\""),
            "How long must be measured before a gate can pass.",
        ),
        key(
            "interval",
            Kind::Duration,
            Preset::Value("\"5s\""),
            "How far apart measurements are. A check of the candidate that has no answer within this time (or \
             one second, if that is longer) is a failed one.",
        ),
        key(
            "samples_min",
            Kind::Whole(1, 100_000),
            Preset::Value("3"),
            "How many measurements there must be before a gate can pass. Where no more than one or two fit into the \
             window, the default is those.",
        ),
        key(
            "cadence",
            Kind::Tables(&CADENCE),
            Preset::Absent("`interval` all the time"),
            "Other distances between measurements later in the window, for example \
             `[{ after = \"5m\", interval = \"2m\" }]`.",
        ),
        key(
            "extend",
            Kind::DurationFrom(0),
            Preset::Value("\"30m\""),
            "How much longer than the window a gate goes on by itself when there is not enough evidence. It ends \
             as soon as there is: with the default rules a good release passes within the window at 100 requests \
             a second and within about 10 minutes at 10, a tenth of them the canary's. `\"0s\"` asks when the \
             window is over.",
        ),
        key(
            "early",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether a gate passes before its window is over, once every rule has shown that all is well. Only \
             rules without `requests_min` can show it.",
        ),
        key(
            "inconclusive",
            Kind::Choice(&["ask", "hold", "roll-back"]),
            Preset::Value("\"ask\""),
            "What happens when the window and its extension are over and there is not enough evidence: ask a \
             person; hold the weight, and go on as soon as there is enough; or roll back. It never passes.",
        ),
        key(
            "alpha",
            Kind::Limit,
            Preset::Value("\"1%\""),
            "The chance that a release which is no worse than the rules tolerate is rolled back by them, over \
             all gates of a rollout and however often they look. Circuit breakers, checks, figures and windows \
             are limits as they stand and not covered by it.",
        ),
        key(
            "beta",
            Kind::Limit,
            Preset::Value("\"5%\""),
            "The chance that a rule calls a release good enough that is as bad as what matters.",
        ),
        key(
            "metric",
            Kind::Tables(&METRIC),
            NONE,
            "Figures from elsewhere.",
        ),
        key(
            "synthetic",
            Kind::Table(&SYNTHETIC),
            Preset::Absent("none are sent"),
            "Requests of Portcullis's own, for when there are too few of users.",
        ),
        key(
            "rule",
            Kind::Tables(&RULE),
            Preset::Value(DEFAULT_RULES),
            "The rules; all must hold.",
        ),
    ],
};

static KEEP_WARM_CADENCE: Section = Section {
    header: "[[service.keep_warm_cadence]]",
    about: "From some moment after the promotion on, measurements are this far apart.",
    keys: &[
        key(
            "after",
            Kind::DurationFrom(0),
            Preset::Value("\"0s\""),
            "How long after the promotion that begins.",
        ),
        key(
            "interval",
            Kind::Duration,
            Preset::Required,
            "The distance from then on.",
        ),
    ],
};

static CADENCE: Section = Section {
    header: "[[gate.cadence]]",
    about: "From some moment of the window on, measurements are this far apart.",
    keys: &[
        key(
            "after",
            Kind::Duration,
            Preset::Required,
            "How much of the window was measured by then.",
        ),
        key(
            "interval",
            Kind::Duration,
            Preset::Required,
            "How far apart measurements are from then on.",
        ),
    ],
};

pub(crate) static RULE: Section = Section {
    header: "[[gate.rule]]",
    about: "One rule: a signal, and either a fixed limit (`max`) or a comparison with the stable \
            release that serves at the same time (`worse_than_stable_by`, `ratio_max`). A comparison \
            fails when there is proof that the canary's value is above `stable * ratio_max + \
            worse_than_stable_by`; what both releases meet alike is no proof. A rule passes when there \
            is evidence that the value is below what matters (`matters`, or `stable * matters_ratio + \
            matters_by`), or after `requests_min` requests if that is given. Repeat the table for each.",
    keys: &[
        key(
            "signal",
            Kind::Choice(&[
                "error-rate",
                "latency",
                "first-token",
                "token-gap",
                "token-time",
                "refusals",
                "health",
                "metric",
            ]),
            Preset::Required,
            "What is looked at: the share of failed requests; the latency; of streamed answers the time to the \
             first token, the pauses between tokens, or the time per token (1000 ms divided by it is tokens a \
             second); the share of answers that masking refused or broke off; failed checks in a row; or a figure of \
             `[service.metrics]` or of a `[[gate.metric]]`.",
        ),
        key(
            "max",
            Kind::Limit,
            NONE,
            "A fixed limit: for error-rate a percentage (`\"1%\"`) or a fraction (`0.01`), for latency \
             a duration, for health a whole number, for metric a number.",
        ),
        key(
            "worse_than_stable_by",
            Kind::Limit,
            Preset::Absent("0, if `ratio_max` is given"),
            "A comparison's margin: for error-rate a percentage or a fraction, for latency a duration, for metric a \
             number.",
        ),
        key(
            "ratio_max",
            Kind::Number,
            Preset::Absent("1.0, if `worse_than_stable_by` is given"),
            "A comparison's factor, at least 1.",
        ),
        key(
            "quantile",
            Kind::Number,
            Preset::Absent("0.95; a comparison of latency takes 0.5, 0.9, 0.95 and 0.99 at once"),
            "Which quantile of a time, above 0 and below 1.",
        ),
        key(
            "metric",
            Kind::Text,
            NONE,
            "Which figure of `[service.metrics]`, or which `[[gate.metric]]`. Only for metric.",
        ),
        key(
            "requests_min",
            Kind::Whole(1, COUNT_MAX),
            Preset::Absent(
                "until there is evidence; 50 for a breaker, 3 for a comparison of figures, 1 for health, metric and `over`",
            ),
            "How many requests (checks, readings) are enough for the rule to pass, in each release that is \
             compared. Proof that the canary is worse needs no minimum.",
        ),
        key(
            "matters",
            Kind::Limit,
            Preset::Absent("twice `max` for a share, 1.5 times `max` for a time"),
            "With `max`: the smallest value that must not be let through.",
        ),
        key(
            "matters_by",
            Kind::Limit,
            Preset::Absent(
                "three times `worse_than_stable_by` and at least 1% for a share, twice for a time",
            ),
            "In a comparison: the margin that must not be let through.",
        ),
        key(
            "matters_ratio",
            Kind::Number,
            Preset::Absent("1.5 times `ratio_max` for a share, 1.2 times for a time"),
            "In a comparison: the factor that must not be let through.",
        ),
        key(
            "over",
            Kind::Duration,
            NONE,
            "Looks at the latest stretch of this length, as it stands: a limit without the bound of `alpha`. For \
             error-rate, refusals, times and metric. A comparison of figures looks at the whole window without it.",
        ),
        key(
            "reading",
            Kind::Choice(&["latest", "mean", "p50", "p90", "p95", "p99"]),
            Preset::Absent("latest for metric, mean for a share, the quantile for a time"),
            "With `over`, and in a comparison of figures (where it is the mean unless said): what is read from the \
             stretch.",
        ),
        key(
            "breaker",
            Kind::Boolean,
            Preset::Value("false"),
            "A circuit breaker: an absolute limit that trips as it stands, whatever the comparison says. It \
             spends nothing of `alpha` and is told apart.",
        ),
        key(
            "alone",
            Kind::Boolean,
            Preset::Value("false"),
            "Only where no stable release serves beside the new one: at 100 %, under blue-green, and while the old \
             release is kept warm. Beside one, comparisons tell, and an incident that meets both is no fault of \
             the new release.",
        ),
    ],
};

pub(crate) static RELEASE: Section = Section {
    header: "[[release]]",
    about: "A version of the service. Repeat the table for each; at least one.",
    keys: &[
        key("version", Kind::Version, Preset::Required, "The version."),
        key(
            "artifact",
            Kind::Path,
            Preset::Required,
            "The program file. Its SHA-256 goes into the plan.",
        ),
        key(
            "command",
            Kind::Command,
            Preset::Required,
            "How it is started; no shell is involved. It must be told where to listen: `{port}` or \
             `{address}` stands in it or in `env`.",
        ),
        key(
            "env",
            Kind::Texts,
            NONE,
            "Environment variables that are set for it, for its migration and for the proof. Places \
             are filled in. Secrets by reference.",
        ),
        key(
            "migrate",
            Kind::Table(&MIGRATE),
            NONE,
            "How it changes the service's data.",
        ),
    ],
};
