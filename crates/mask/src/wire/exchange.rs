//! What is to be done with one request and its answer.

use std::sync::{Arc, LazyLock};

use super::adapter::{Answer, Request, Route, Wire};
use super::form::FormPlan;
use super::rules::EventRules;
use crate::json::FieldTable;

/// A request that a [`Wire`] was asked about.
#[derive(Clone, Debug)]
pub struct Exchange<'w> {
    wire: &'w Wire,
    route: Option<&'w Route>,
    request: RequestPlan<'w>,
    captures: Vec<(Box<str>, String)>,
}

/// What is to be done with a request's body.
#[derive(Clone, Copy, Debug)]
pub enum RequestPlan<'w> {
    /// JSON, of which these fields are masked.
    Json(&'w FieldTable),
    /// A form, for [`mask_form`](super::mask_form).
    Form(&'w FormPlan),
    /// There should be none: one that is not empty is not known here.
    Nothing,
    /// The path, the method or the content type is not known here: what is in it has not been looked at, so it is to be
    /// refused unless the configuration says otherwise.
    Unknown,
}

/// What is to be done with an answer's body.
#[derive(Clone, Copy, Debug)]
pub enum AnswerPlan<'w> {
    /// JSON, of which these fields are restored.
    Json(&'w FieldTable),
    /// Events, for an [`EventStream`](super::EventStream).
    Events(&'w Arc<EventRules>),
    /// Plain text, restored as a whole.
    Text,
    /// Text of which no table knows anything: it is looked through, if at all, and nothing is put back into it.
    Unknown,
    /// Nothing in it can hold placeholders, or nothing in it can be restored, such as sound.
    Pass,
}

impl<'w> Exchange<'w> {
    /// The exchange of a request.
    pub(super) fn new(
        wire: &'w Wire,
        route: Option<&'w Route>,
        captures: Vec<(Box<str>, String)>,
        content_type: Option<&str>,
    ) -> Exchange<'w> {
        let request = match route.map(|route| &route.request) {
            None => RequestPlan::Unknown,
            Some(Request::Nothing) => match content_type.map(media_type) {
                Some(media) if is_json(&media) => RequestPlan::Json(&wire.textless),
                _ => RequestPlan::Nothing,
            },
            Some(Request::Json(table)) => match content_type.map(media_type) {
                None => RequestPlan::Json(table),
                Some(media) if is_json(&media) => RequestPlan::Json(table),
                Some(_) => RequestPlan::Unknown,
            },
            Some(Request::Form(plan)) => match content_type.map(media_type) {
                Some(media) if is_form(&media) => RequestPlan::Form(plan),
                _ => RequestPlan::Unknown,
            },
        };
        Exchange {
            wire,
            route,
            request,
            captures,
        }
    }

    /// The pattern of the path, such as `/conversations/{conversation_id}/name`: a name for metrics and logs. None when
    /// the path is not known.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.route.map(|route| route.operation)
    }

    /// What is to be done with the body.
    #[must_use]
    pub fn request(&self) -> RequestPlan<'w> {
        self.request
    }

    /// The parameters of the query that are text, for [`mask_query`](super::mask_query).
    #[must_use]
    pub fn query(&self) -> &'w [&'static str] {
        self.route.map_or(&[], |route| route.query)
    }

    /// A named segment of the path, such as `conversation_id`, `message_id`, `workflow_run_id` or `task_id`.
    #[must_use]
    pub fn captured(&self, name: &str) -> Option<&str> {
        let mut captures = self.captures.iter();
        captures
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value.as_str())
    }

    /// What is to be done with an answer of this status and content type.
    #[must_use]
    pub fn answer(&self, status: u16, content_type: Option<&str>) -> AnswerPlan<'w> {
        let media = content_type.map(media_type).unwrap_or_default();
        let Some(route) = self.route else {
            return match status >= 400 && is_json(&media) {
                true => AnswerPlan::Json(&self.wire.errors),
                false => AnswerPlan::Pass,
            };
        };
        // Some servers say of JSON that it is text, or nothing.
        let may_be_text = matches!(route.answer, Answer::JsonOrText(_));
        let is_json = is_json(&media) || (!may_be_text && is_any(&media));
        if status >= 400 && is_json {
            return AnswerPlan::Json(&self.wire.errors);
        }
        match &route.answer {
            Answer::Json { streams: true, .. } if media == "text/event-stream" => {
                AnswerPlan::Events(self.wire.events_of(route))
            }
            Answer::Json { table, .. } if is_json => AnswerPlan::Json(table),
            Answer::JsonOrText(table) if is_json => AnswerPlan::Json(table),
            Answer::JsonOrText(_) if media.starts_with("text/") => AnswerPlan::Text,
            _ => AnswerPlan::Pass,
        }
    }

    /// As [`Exchange::answer`], where all of an answer is to be looked through: also JSON, events and text that no table
    /// knows. [`AnswerPlan::Pass`] is then what cannot be looked through, also what says that it is bytes.
    #[must_use]
    pub fn whole_answer(&self, status: u16, content_type: Option<&str>) -> AnswerPlan<'w> {
        if content_type.is_some_and(|content_type| !is_readable(content_type)) {
            return AnswerPlan::Pass;
        }
        let media = content_type.map(media_type).unwrap_or_default();
        if media == "application/octet-stream" {
            return AnswerPlan::Pass;
        }
        let plan = self.answer(status, content_type);
        if !matches!(plan, AnswerPlan::Pass) {
            return plan;
        }
        if media == "text/event-stream" {
            return AnswerPlan::Events(self.wire.events(self.route));
        }
        if is_json(&media) {
            AnswerPlan::Json(&NOTHING)
        } else if is_text(&media) {
            AnswerPlan::Unknown
        } else {
            AnswerPlan::Pass
        }
    }
}

/// JSON of which no field is known.
static NOTHING: LazyLock<FieldTable> = LazyLock::new(FieldTable::default);

/// Whether a content type names no encoding of characters, or one of which ASCII is a part.
fn is_readable(content_type: &str) -> bool {
    let charset = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    charset.is_none_or(|charset| {
        [
            "utf-8",
            "utf8",
            "us-ascii",
            "ascii",
            "iso-8859",
            "windows-125",
        ]
        .iter()
        .any(|known| charset.starts_with(known))
    })
}

/// Whether a media type is text without being JSON or events.
fn is_text(media: &str) -> bool {
    media.starts_with("text/")
        || media.ends_with("+xml")
        || matches!(
            media,
            "" | "application/xml"
                | "application/xhtml+xml"
                | "application/javascript"
                | "application/ecmascript"
                | "application/x-www-form-urlencoded"
                | "application/x-ndjson"
                | "application/jsonl"
                | "application/json-seq"
                | "application/yaml"
                | "application/graphql"
        )
}

/// The media type of a content type, in lower case, without parameters.
fn media_type(content_type: &str) -> String {
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().to_ascii_lowercase()
}

/// Whether a media type is a form.
fn is_form(media: &str) -> bool {
    matches!(
        media,
        "multipart/form-data" | "application/x-www-form-urlencoded"
    )
}

/// Whether a media type says nothing of what it is, so that it may be JSON.
fn is_any(media: &str) -> bool {
    matches!(media, "" | "text/plain" | "application/octet-stream")
}

/// Whether a media type is JSON.
fn is_json(media: &str) -> bool {
    matches!(media, "application/json" | "text/json") || media.ends_with("+json")
}
