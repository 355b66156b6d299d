//! Why a text is not taken as JSON.

/// A text that is not JSON, or more than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not acceptable as JSON at byte {at}: {kind}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the beginning.
    pub at: usize,
}

/// What is wrong with a JSON text. None of these holds a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// The text is empty, or ends within a value.
    #[error("the text ends too early")]
    Truncated,
    /// Bytes that are no UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A byte that cannot stand where it stands.
    #[error("a value, a comma or a bracket was expected")]
    Unexpected,
    /// A word other than `true`, `false` and `null`, or a number in no JSON spelling.
    #[error("no valid number or literal")]
    BadScalar,
    /// A backslash with something else than JSON's escapes behind it.
    #[error("a string holds an invalid escape")]
    BadEscape,
    /// A byte below 0x20 within a string.
    #[error("a string holds a bare control character")]
    ControlCharacter,
    /// Something behind the value.
    #[error("something follows the value")]
    Trailing,
    /// More objects and arrays within each other than [`depth_max`](crate::json::JsonLimits::depth_max).
    #[error("nested too deeply")]
    TooDeep,
    /// More bytes than [`bytes_max`](crate::json::JsonLimits::bytes_max).
    #[error("too many bytes")]
    TooLong,
    /// More values than [`values_max`](crate::json::JsonLimits::values_max).
    #[error("too many values")]
    TooManyValues,
}
