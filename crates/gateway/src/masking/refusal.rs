//! Why a request is not sent on, or an answer not passed on.

use http::StatusCode;
use portcullis_mask::json::JsonError;
use portcullis_mask::wire::{BodyError, FormError, FormErrorKind};
use portcullis_mask::{Counts, MaskError};

use super::CodingError;
use crate::bounds::{MASKING_ANSWER_BYTES_MAX, MASKING_RESTORED_BYTES_MAX};
use crate::problem::Problem;

/// What keeps masking from letting something through. No variant holds a value of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MaskingRefusal {
    /// The application has no such path or method.
    UnknownPath,
    /// The application takes no such content type there.
    UnknownType,
    /// None of the fields that the settings name is in the body.
    NoField,
    /// A form that is not understood, or that holds a file that cannot be looked into.
    Form {
        /// What is wrong with it.
        kind: FormErrorKind,
        /// Where, in bytes.
        at: usize,
    },
    /// A file within JSON that cannot be looked into.
    File {
        /// What is wrong with it.
        kind: FormErrorKind,
        /// Where its string begins, in bytes.
        at: usize,
    },
    /// A coding of the body that is not undone.
    Encoded(CodingError),
    /// The body is longer than is looked into.
    TooLong {
        /// The most bytes.
        bytes_max: u64,
    },
    /// The body is not JSON that is understood.
    Json(JsonError),
    /// It names two conversations.
    Ambiguous,
    /// A query that is no text.
    Query,
    /// Text comes as numbers of tokens.
    Tokens {
        /// Where, in bytes.
        at: usize,
    },
    /// It holds what must not be sent.
    Blocked {
        /// What, in names of entities.
        entities: Vec<String>,
        /// How many values of which entity.
        counts: Counts,
    },
    /// The conversation holds as many values as it may.
    Full {
        /// Which limit, in words.
        limit: String,
    },
    /// Requests of the knowledge API are refused by the settings.
    Datasets,
    /// Another protocol is asked for, into which nobody can look.
    Upgrade,
    /// Conversations cannot be read or kept.
    Store,
    /// What looks for data failed.
    Detector {
        /// What happened, for the log.
        why: String,
    },
    /// Too many requests wait for the model that finds names.
    ModelBusy,
    /// There is more text than the model reads.
    TextTooLong {
        /// The most bytes.
        bytes_max: usize,
    },
    /// Too many requests change one conversation at once.
    Contended,
    /// The answer is coded although it was asked for without a coding.
    AnswerEncoded,
    /// The answer is longer than is read whole, or would be with its values.
    AnswerTooLong,
    /// The answer is to be looked through and cannot be.
    AnswerUnknown,
    /// The answer holds data that this conversation did not hide.
    Leaked,
}

impl MaskingRefusal {
    /// The problem for the client.
    pub(crate) fn problem(&self) -> Problem {
        let (status, kind, title) = self.kind();
        Problem::new(status, kind, title, self.detail())
    }

    /// What it was in one word, for the log and the counters.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            MaskingRefusal::UnknownPath => "masking-unknown-path",
            MaskingRefusal::UnknownType => "masking-unknown-type",
            MaskingRefusal::NoField => "masking-no-field",
            MaskingRefusal::Form { .. } => "masking-form",
            MaskingRefusal::File { .. } => "masking-file",
            MaskingRefusal::Encoded(_) => "masking-encoded",
            MaskingRefusal::TooLong { .. } => "masking-too-long",
            MaskingRefusal::Json(_) => "masking-not-json",
            MaskingRefusal::Ambiguous => "masking-ambiguous",
            MaskingRefusal::Query => "masking-query",
            MaskingRefusal::Tokens { .. } => "masking-tokens",
            MaskingRefusal::Blocked { .. } => "masking-blocked",
            MaskingRefusal::Full { .. } => "masking-full",
            MaskingRefusal::Datasets => "masking-datasets",
            MaskingRefusal::Upgrade => "masking-upgrade",
            MaskingRefusal::Store => "masking-store",
            MaskingRefusal::Detector { .. } => "masking-detector",
            MaskingRefusal::ModelBusy => "masking-model-busy",
            MaskingRefusal::TextTooLong { .. } => "masking-text-too-long",
            MaskingRefusal::Contended => "masking-contended",
            MaskingRefusal::AnswerEncoded => "masking-answer-encoded",
            MaskingRefusal::AnswerTooLong => "masking-answer-too-long",
            MaskingRefusal::AnswerUnknown => "masking-answer-unknown",
            MaskingRefusal::Leaked => "masking-leaked",
        }
    }

    /// Whether it says that masking could not do its work: the detector, the store or the service failed. What the settings
    /// want refused and what a client should have sent differently is no failure.
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            MaskingRefusal::Store
            | MaskingRefusal::Detector { .. }
            | MaskingRefusal::ModelBusy
            | MaskingRefusal::Contended
            | MaskingRefusal::AnswerEncoded
            | MaskingRefusal::AnswerTooLong => true,
            MaskingRefusal::UnknownPath
            | MaskingRefusal::UnknownType
            | MaskingRefusal::NoField
            | MaskingRefusal::Form { .. }
            | MaskingRefusal::File { .. }
            | MaskingRefusal::Encoded(_)
            | MaskingRefusal::TooLong { .. }
            | MaskingRefusal::TextTooLong { .. }
            | MaskingRefusal::Json(_)
            | MaskingRefusal::Ambiguous
            | MaskingRefusal::Query
            | MaskingRefusal::Tokens { .. }
            | MaskingRefusal::Blocked { .. }
            | MaskingRefusal::Full { .. }
            | MaskingRefusal::Datasets
            | MaskingRefusal::Upgrade
            | MaskingRefusal::AnswerUnknown
            | MaskingRefusal::Leaked => false,
        }
    }

    /// Whether the client may come again with the same request.
    pub(crate) fn passes_with_time(&self) -> bool {
        matches!(
            self,
            MaskingRefusal::Store | MaskingRefusal::Contended | MaskingRefusal::ModelBusy
        )
    }

    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            MaskingRefusal::UnknownPath | MaskingRefusal::Datasets | MaskingRefusal::Upgrade => (
                StatusCode::FORBIDDEN,
                "urn:portcullis:problem:masking-unknown",
                "The request cannot be looked into",
            ),
            MaskingRefusal::Encoded(CodingError::TooLong { .. }) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:portcullis:problem:masking-too-long",
                "The request's body is too large",
            ),
            MaskingRefusal::UnknownType
            | MaskingRefusal::NoField
            | MaskingRefusal::Form { .. }
            | MaskingRefusal::File { .. }
            | MaskingRefusal::Encoded(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:portcullis:problem:masking-unknown-content",
                "The request's content cannot be looked into",
            ),
            MaskingRefusal::TooLong { .. } | MaskingRefusal::TextTooLong { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:portcullis:problem:masking-too-long",
                "The request's body is too large",
            ),
            MaskingRefusal::Json(_)
            | MaskingRefusal::Ambiguous
            | MaskingRefusal::Query
            | MaskingRefusal::Tokens { .. } => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:masking-unreadable",
                "The request's content is not understood",
            ),
            MaskingRefusal::Blocked { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:portcullis:problem:masking-blocked",
                "The request holds what must not be sent",
            ),
            MaskingRefusal::Full { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:portcullis:problem:masking-full",
                "The conversation holds too many values",
            ),
            MaskingRefusal::Store | MaskingRefusal::Contended => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:masking-unavailable",
                "The conversation cannot be kept",
            ),
            MaskingRefusal::Detector { .. } | MaskingRefusal::ModelBusy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:masking-detector",
                "The request could not be looked into",
            ),
            MaskingRefusal::AnswerEncoded
            | MaskingRefusal::AnswerTooLong
            | MaskingRefusal::AnswerUnknown => (
                StatusCode::BAD_GATEWAY,
                "urn:portcullis:problem:masking-answer",
                "The answer cannot be looked into",
            ),
            MaskingRefusal::Leaked => (
                StatusCode::BAD_GATEWAY,
                "urn:portcullis:problem:masking-leaked",
                "The answer holds what must not be passed on",
            ),
        }
    }

    fn detail(&self) -> String {
        let text = match self {
            MaskingRefusal::UnknownPath => UNKNOWN_PATH,
            MaskingRefusal::UnknownType => {
                "the request's Content-Type is not one that can be looked into here; send application/json, or set \
                 unknown = \"pass\" in the [[gateway.mask]] of this route to let such requests pass as they are"
            }
            MaskingRefusal::NoField => NO_FIELD,
            MaskingRefusal::Form { kind, at } => {
                return format!("at byte {at} of the form: {kind}");
            }
            MaskingRefusal::File { kind, at } => return file(*kind, *at),
            MaskingRefusal::Encoded(error) => return error.to_string(),
            MaskingRefusal::TooLong { bytes_max } => return body_too_long(*bytes_max),
            MaskingRefusal::Detector { .. } => {
                "what looks for personal data failed, so the request is not sent on; the gateway's log says why"
            }
            MaskingRefusal::ModelBusy => {
                "too many requests wait to be looked into; try again later"
            }
            MaskingRefusal::TextTooLong { bytes_max } => return text_too_long(*bytes_max),
            MaskingRefusal::Json(error) => return format!("the body is {error}"),
            MaskingRefusal::Ambiguous => {
                "the request names two conversations or responses, so nobody can tell to which it belongs; name one, once"
            }
            MaskingRefusal::Query => "the request's query cannot be read",
            MaskingRefusal::Tokens { at } => {
                return format!(
                    "the body holds text as token numbers at byte {at}, which cannot be looked into; send it as strings"
                );
            }
            MaskingRefusal::Blocked { entities, .. } => {
                return format!(
                    "the text holds {}, which must not be sent; remove it and try again",
                    entities.join(", ")
                );
            }
            MaskingRefusal::Full { limit } => return limit.clone(),
            MaskingRefusal::Datasets => {
                "requests of the knowledge API are not let through here; set datasets = \"mask\" or \"pass\" in the \
                 [[gateway.mask]] of this route to let them"
            }
            MaskingRefusal::Upgrade => {
                "a change of the protocol cannot be looked into; set unknown = \"pass\" in the [[gateway.mask]] of \
                 this route to let it pass"
            }
            MaskingRefusal::Store => {
                "what was hidden in this conversation can neither be read nor kept now, so nothing is sent on; try \
                 again after the time that Retry-After says"
            }
            MaskingRefusal::Contended => {
                "other requests change the same conversation all the time; try again"
            }
            MaskingRefusal::AnswerEncoded => {
                "the service coded its answer although it was asked not to, so nothing can be put back into it"
            }
            MaskingRefusal::AnswerTooLong => return answer_too_long(),
            MaskingRefusal::AnswerUnknown => {
                "the service's answer is not text that can be looked through, as leaks in the [[gateway.mask]] of this route \
                 wants; unknown = \"pass\" there lets such answers pass"
            }
            MaskingRefusal::Leaked => {
                "the service's answer holds personal or secret data that did not come from this conversation"
            }
        };
        text.to_owned()
    }
}

const UNKNOWN_PATH: &str = "the application behind this route is not known to have this path with this method, so nobody can tell where in it is \
     text; to let such requests pass as they are, set unknown = \"pass\" in the [[gateway.mask]] of this route, or give \
     the path a route of its own";

const NO_FIELD: &str = "the body has none of the fields that are looked into here, so nobody can tell where in it is text; name them in fields of \
     the [[gateway.mask]] of this route, or set unknown = \"pass\" there to let such requests pass as they are";

fn file(kind: FormErrorKind, at: usize) -> String {
    let passes = match kind {
        FormErrorKind::Document => {
            "; unknown = \"pass\" in the [[gateway.mask]] of this route lets such files pass as they are"
        }
        _ => "",
    };
    format!("the file at byte {at} of the body: {kind}{passes}")
}

fn body_too_long(bytes_max: u64) -> String {
    format!(
        "a body of more than {bytes_max} bytes is not looked into, so it is not sent on; send less, or raise body_max in \
         the [[gateway.mask]] of this route"
    )
}

fn text_too_long(bytes_max: usize) -> String {
    format!(
        "more than {bytes_max} bytes of text in one request are not looked into, so it is not sent on; send less, or \
         raise model_text_max in the [[gateway.mask]] of this route"
    )
}

fn answer_too_long() -> String {
    format!(
        "the service's answer is longer than {} MiB, or has more than {} MiB with what was hidden, so nothing can be put \
         back into it; ask for less at once, or for an event stream; unknown = \"pass\" in the [[gateway.mask]] of this \
         route lets long answers pass with their placeholders",
        MASKING_ANSWER_BYTES_MAX >> 20,
        MASKING_RESTORED_BYTES_MAX >> 20
    )
}

impl From<MaskError> for MaskingRefusal {
    fn from(error: MaskError) -> MaskingRefusal {
        match error {
            MaskError::Blocked { entities, counts } => MaskingRefusal::Blocked { entities, counts },
            MaskError::Names(error) => MaskingRefusal::Detector { why: error.why },
            MaskError::TooLong { bytes_max } => MaskingRefusal::TextTooLong { bytes_max },
            MaskError::Mapping(error) => MaskingRefusal::Full {
                limit: error.to_string(),
            },
        }
    }
}

impl From<BodyError<MaskError>> for MaskingRefusal {
    fn from(error: BodyError<MaskError>) -> MaskingRefusal {
        match error {
            BodyError::Json(error) => MaskingRefusal::Json(error),
            BodyError::Tokens { at } => MaskingRefusal::Tokens { at },
            BodyError::File { kind, at } => MaskingRefusal::File { kind, at },
            BodyError::NoField => MaskingRefusal::NoField,
            BodyError::Refused(error) => error.into(),
        }
    }
}

impl From<FormError<MaskError>> for MaskingRefusal {
    fn from(error: FormError<MaskError>) -> MaskingRefusal {
        match error {
            FormError::Form { kind, at } => MaskingRefusal::Form { kind, at },
            FormError::Content { error, .. } => error.into(),
        }
    }
}

impl From<CodingError> for MaskingRefusal {
    fn from(error: CodingError) -> MaskingRefusal {
        MaskingRefusal::Encoded(error)
    }
}
