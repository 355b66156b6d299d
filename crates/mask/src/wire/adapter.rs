//! The table of one adapter, ready for use.

use std::sync::Arc;

use super::anthropic;
use super::dify::{self, DifyVersion};
use super::exchange::Exchange;
use super::form::FormPlan;
use super::names;
use super::openai;
use super::path::{PathPattern, segments};
use super::pointers::{self, PointerRules};
use super::route::{AnswerSpec, BodySpec, Fields, RouteSpec};
use super::rules::EventRules;
use crate::json::{FieldError, FieldTable, FieldTableBuilder, Treatment};

/// Whose messages travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// A Dify server of this version.
    Dify(DifyVersion),
    /// A service with OpenAI's API.
    OpenAi,
    /// A service with Anthropic's API.
    Anthropic,
    /// JSON of which only these pointers are known.
    Pointers(PointerRules),
}

/// What differs from one server to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireOptions {
    /// What stands before the paths, such as `/v1`; a segment may be `{}`. Empty: the adapter's usual ones.
    pub prefixes: Vec<String>,
    /// Dify inputs that are left alone because the server compares them with a list of options.
    pub select_inputs: Vec<String>,
    /// What is done with text as numbers of tokens.
    pub token_arrays: TokenArrays,
}

/// What is done with text that comes as numbers of tokens, which cannot be masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenArrays {
    /// The request is refused.
    #[default]
    Refuse,
    /// They pass as they are.
    Pass,
}

/// The table of an adapter. Immutable and free of state; shared by all requests.
#[derive(Debug)]
pub struct Wire {
    routes: Vec<Route>,
    pub(super) errors: FieldTable,
    /// Requests of which nothing is known to be text.
    pub(super) textless: FieldTable,
    events: Arc<EventRules>,
    /// The events of OpenAI's responses API, which has a format of its own.
    response_events: Arc<EventRules>,
}

/// A path and what travels there.
#[derive(Debug)]
pub(super) struct Route {
    methods: &'static str,
    pub(super) operation: &'static str,
    /// One for each prefix.
    paths: Vec<PathPattern>,
    pub(super) request: Request,
    pub(super) query: &'static [&'static str],
    pub(super) answer: Answer,
}

/// A request's body.
#[derive(Debug)]
pub(super) enum Request {
    Nothing,
    Json(FieldTable),
    Form(FormPlan),
}

/// An answer's body.
#[derive(Debug)]
pub(super) enum Answer {
    Pass,
    Json { table: FieldTable, streams: bool },
    JsonOrText(FieldTable),
}

/// Where error answers hold text.
const ERRORS: Fields = &[
    (
        Treatment::Leave,
        &["error.type", "error.code", "error.param", "detail[*].type"],
    ),
    (
        Treatment::Text,
        &[
            "message",
            "error",
            "error.**",
            "detail",
            "detail.**",
            "description",
        ],
    ),
];

/// What stays in requests that should hold no text.
const TEXTLESS: Fields = &[
    (
        Treatment::Leave,
        &[
            "user",
            "model",
            "embedding_model",
            "embedding_model_name",
            "embedding_model_provider",
            "embedding_provider_name",
        ],
    ),
    (Treatment::Link, &["url"]),
];

impl Wire {
    /// The table of an adapter.
    ///
    /// # Errors
    /// When a pointer of [`Adapter::Pointers`] is not understood, or there are too many fields.
    pub fn new(adapter: &Adapter, options: &WireOptions) -> Result<Wire, FieldError> {
        let (specs, usual, events) = match adapter {
            Adapter::Dify(version) => (dify::routes(*version), dify::PREFIXES, EventRules::dify()?),
            Adapter::OpenAi => (openai::routes(), openai::PREFIXES, EventRules::chat()?),
            Adapter::Anthropic => (
                anthropic::routes(),
                anthropic::PREFIXES,
                EventRules::anthropic()?,
            ),
            Adapter::Pointers(rules) => return pointers::wire(rules),
        };
        let prefixes: Vec<&str> = if options.prefixes.is_empty() {
            usual.to_vec()
        } else {
            options.prefixes.iter().map(String::as_str).collect()
        };
        let routes: Result<Vec<Route>, FieldError> = specs
            .into_iter()
            .map(|spec| Route::new(spec, &prefixes, options))
            .collect();
        Ok(Wire {
            routes: routes?,
            errors: table(ERRORS, &WireOptions::default())?,
            textless: request_table(TEXTLESS, &WireOptions::default())?,
            events: Arc::new(events),
            response_events: Arc::new(EventRules::responses()?),
        })
    }

    /// A table with one route for every path.
    pub(super) fn of_pointers(
        request: FieldTable,
        answer: FieldTable,
        events: EventRules,
    ) -> Result<Wire, FieldError> {
        let events = Arc::new(events);
        Ok(Wire {
            routes: vec![Route {
                methods: "",
                operation: "*",
                paths: Vec::new(),
                request: Request::Json(request),
                query: &[],
                answer: Answer::Json {
                    table: answer,
                    streams: true,
                },
            }],
            errors: table(ERRORS, &WireOptions::default())?,
            textless: request_table(TEXTLESS, &WireOptions::default())?,
            response_events: Arc::clone(&events),
            events,
        })
    }

    /// What is to be done with a request. `path` may have a query; it is not looked at here.
    #[must_use]
    pub fn exchange(&self, method: &str, path: &str, content_type: Option<&str>) -> Exchange<'_> {
        let segments = segments(path);
        let mut routes = self.routes.iter();
        let found = segments.as_ref().and_then(|segments| {
            routes.find_map(|route| Some((route, route.pattern(method, segments)?)))
        });
        let Some((route, pattern)) = found else {
            return Exchange::new(self, None, Vec::new(), content_type);
        };
        let captures = match (pattern, &segments) {
            (Some(pattern), Some(segments)) => pattern
                .captures(segments)
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        Exchange::new(self, Some(route), captures, content_type)
    }

    /// The event rules of a route, or of one that nobody knows.
    pub(super) fn events(&self, route: Option<&Route>) -> &Arc<EventRules> {
        route.map_or(&self.events, |route| self.events_of(route))
    }

    /// The event rules of a route.
    pub(super) fn events_of(&self, route: &Route) -> &Arc<EventRules> {
        if route.operation.starts_with("/responses") {
            &self.response_events
        } else {
            &self.events
        }
    }
}

impl Route {
    /// A line of the table behind each prefix.
    fn new(spec: RouteSpec, prefixes: &[&str], options: &WireOptions) -> Result<Route, FieldError> {
        Ok(Route {
            methods: spec.methods,
            operation: spec.path,
            paths: prefixes
                .iter()
                .map(|prefix| PathPattern::new(prefix, spec.path))
                .collect(),
            request: match spec.request {
                BodySpec::Nothing => Request::Nothing,
                BodySpec::Json(fields) => Request::Json(request_table(fields, options)?),
                BodySpec::Form(spec) => Request::Form(FormPlan::new(&spec)?),
            },
            query: spec.query,
            answer: match spec.answer {
                AnswerSpec::Pass => Answer::Pass,
                AnswerSpec::Json { fields, streams } => Answer::Json {
                    table: table(fields, &WireOptions::default())?,
                    streams,
                },
                AnswerSpec::JsonOrText(fields) => {
                    Answer::JsonOrText(table(fields, &WireOptions::default())?)
                }
            },
        })
    }

    /// The pattern that a request fits, if any; a route without methods and patterns takes every request.
    fn pattern(&self, method: &str, segments: &[&str]) -> Option<Option<&PathPattern>> {
        if self.methods.is_empty() {
            return Some(None);
        }
        let asks = |wanted: &str| self.methods.split(' ').any(|known| known == wanted);
        let is_known = asks(method) || method == "OPTIONS" || (method == "HEAD" && asks("GET"));
        if !is_known {
            return None;
        }
        let fits = self.paths.iter().find(|pattern| pattern.fits(segments));
        fits.map(Some)
    }
}

/// The table of these rules, behind what the options leave alone.
pub(super) fn table(fields: Fields, options: &WireOptions) -> Result<FieldTable, FieldError> {
    rules_of(fields, options).build()
}

/// The same for a request: what no rule names is text.
pub(super) fn request_table(
    fields: Fields,
    options: &WireOptions,
) -> Result<FieldTable, FieldError> {
    rules_of(fields, options).rest_is_text(names::KNOWN).build()
}

fn rules_of(fields: Fields, options: &WireOptions) -> FieldTableBuilder {
    let mut builder = FieldTable::builder();
    for name in &options.select_inputs {
        builder = builder.member(Treatment::Leave, "inputs", name);
    }
    for (treatment, paths) in fields {
        let treatment = match (treatment, options.token_arrays) {
            (Treatment::TextOrTokens, TokenArrays::Pass) => Treatment::Text,
            (other, _) => *other,
        };
        builder = builder.rules(treatment, paths);
    }
    builder
}
