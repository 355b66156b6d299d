//! The last event of a stream that must not go on, in the form in which each protocol tells errors.

use super::event_stream::Identifiers;
use crate::json::{Style, encode};

/// Why a stream does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamError<'e> {
    /// A word for programs.
    pub code: &'e str,
    /// A sentence for people.
    pub message: &'e str,
    /// The status that an answer of this kind would have had.
    pub status: u16,
}

/// How a protocol tells an error within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorForm {
    /// `data: {"event": "error", ..}`.
    Dify,
    /// `data: {"error": {..}}`, and the end of the list.
    Chat,
    /// A numbered event.
    Responses,
    /// `event: error` with an error of the type `api_error`.
    Anthropic,
    /// `event: error` with `{"error": {..}}`.
    Other,
}

/// Writes the event, with the ids and the number of the stream.
pub(super) fn write(
    form: ErrorForm,
    error: StreamError<'_>,
    (ids, number): (&Identifiers, Option<u64>),
    out: &mut Vec<u8>,
) {
    let (code, message) = (quoted(error.code), quoted(error.message));
    let text = match form {
        ErrorForm::Dify => {
            let id = |name: &str, id: &Option<String>| match id {
                Some(id) => format!(", \"{name}\": {}", quoted(id)),
                None => String::new(),
            };
            format!(
                "data: {{\"event\": \"error\"{}{}{}, \"status\": {}, \"code\": {code}, \"message\": {message}}}\n\n",
                id("conversation_id", &ids.conversation_id),
                id("message_id", &ids.message_id),
                id("task_id", &ids.task_id),
                error.status,
            )
        }
        ErrorForm::Chat => format!(
            "data: {{\"error\":{{\"message\":{message},\"type\":\"server_error\",\"param\":null,\"code\":{code}}}}}\n\n\
             data: [DONE]\n\n"
        ),
        ErrorForm::Responses => format!(
            "event: error\ndata: {{\"type\":\"error\",\"sequence_number\":{},\"code\":{code},\"message\":{message},\
             \"param\":null}}\n\n",
            number.unwrap_or_default(),
        ),
        ErrorForm::Anthropic => format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":{message}}}}}\n\n"
        ),
        ErrorForm::Other => {
            format!(
                "event: error\ndata: {{\"error\":{{\"code\":{code},\"message\":{message}}}}}\n\n"
            )
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    let style = Style {
        is_ascii: true,
        has_lone: false,
    };
    let mut written = vec![b'"'];
    encode(text, style, &mut written);
    written.push(b'"');
    String::from_utf8_lossy(&written).into_owned()
}
