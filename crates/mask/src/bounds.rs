//! Every bound of this crate on what it reads and holds.

/// The longest JSON text that is read, in bytes: 64 MiB, beyond what a chat with pictures in it has.
pub(crate) const JSON_BYTES_MAX: usize = 64 << 20;
/// The most objects and arrays within each other; what `serde_json` reads too.
pub(crate) const JSON_DEPTH_MAX: usize = 127;
/// The most values and keys of a JSON text. An answer with logarithms of probabilities for 4096 tokens has half a million.
pub(crate) const JSON_VALUES_MAX: usize = 4 << 20;
/// The most steps of all rules of one table of fields together.
pub(crate) const FIELD_STEPS_MAX: usize = 512;
/// The longest event of a stream, in bytes: 16 MiB. A workflow's end repeats all that it gave out.
pub(crate) const EVENT_BYTES_MAX: usize = 16 << 20;
/// The most texts of one answer that are restored side by side: choices, tool calls, branches.
pub(crate) const STREAMS_MAX: usize = 1024;
/// The most parts of a form; what common servers take.
pub(crate) const FORM_PARTS_MAX: usize = 1000;
/// The longest header fields of one part of a form together, in bytes.
pub(crate) const FORM_HEAD_BYTES_MAX: usize = 16 << 10;
