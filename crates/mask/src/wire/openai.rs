//! OpenAI's API as the many services with that API have it.
//!
//! Choices: the text of messages is everything in them but a list of ids, types and media, so that a kind of content
//! that comes up tomorrow is masked too, and so is everything beside them that no rule names. `messages[].name` is text unless
//! it names a function. The names of tools and of formats, and `user`, are left. Text as numbers of tokens is refused, unless
//! [`TokenArrays::Pass`](super::TokenArrays::Pass). Files that are uploaded are scanned as the route says, and those
//! within messages too; pictures and sound pass. Everything else (assistants, threads, fine tuning, batches) is not known.

pub(super) mod chat_events;
mod fields;
pub(super) mod response_events;

pub(super) use fields::RESPONSE_EVENT;

use self::fields::*;
use super::route::{FormSpec, RouteSpec, route};

/// Where its paths begin.
pub(super) const PREFIXES: &[&str] = &["/v1", "/openai/deployments/{deployment}", "/openai/v1"];

/// A form with a recording or a picture, and a prompt.
const MEDIA: FormSpec = FormSpec {
    texts: &["prompt"],
    json: &[],
    files: &[],
    media: &["file", "image", "image[]", "mask"],
    left: &["model", "user"],
};
/// A file for a model.
const FILE: FormSpec = FormSpec {
    texts: &[],
    json: &[],
    files: &["file"],
    media: &[],
    left: &[],
};

/// The paths.
pub(super) fn routes() -> Vec<RouteSpec> {
    vec![
        route("POST", "/chat/completions")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("GET", "/chat/completions/{completion_id}").answers(CHAT_ANSWER),
        route("DELETE", "/chat/completions/{completion_id}"),
        route("POST", "/completions")
            .json(COMPLETION)
            .streams(COMPLETION_ANSWER),
        route("POST", "/embeddings").json(INPUT),
        route("POST", "/moderations").json(INPUT),
        route("POST", "/responses")
            .json(RESPONSE)
            .streams(RESPONSE_ANSWER),
        route("GET", "/responses/{response_id}").streams(RESPONSE_ANSWER),
        route("DELETE", "/responses/{response_id}"),
        route("POST", "/responses/{response_id}/cancel").answers(RESPONSE_ANSWER),
        route("GET", "/responses/{response_id}/input_items").answers(RESPONSE_ITEMS_ANSWER),
        route("POST", "/audio/speech").json(SPEECH),
        route("POST", "/audio/transcriptions")
            .form(MEDIA)
            .answers_or_text(TRANSCRIPT_ANSWER),
        route("POST", "/audio/translations")
            .form(MEDIA)
            .answers_or_text(TRANSCRIPT_ANSWER),
        route("POST", "/images/generations")
            .json(IMAGE)
            .answers(IMAGE_ANSWER),
        route("POST", "/images/edits")
            .form(MEDIA)
            .answers(IMAGE_ANSWER),
        route("POST", "/images/variations")
            .form(MEDIA)
            .answers(IMAGE_ANSWER),
        route("POST", "/rerank").json(RERANK).answers(RERANK_ANSWER),
        route("GET", "/models"),
        route("GET", "/models/{model}"),
        route("GET", "/models/{owner}/{model}"),
        route("POST", "/files").form(FILE).answers(FILE_ANSWER),
        route("GET", "/files"),
        route("GET DELETE", "/files/{file_id}").answers(FILE_ANSWER),
    ]
}
