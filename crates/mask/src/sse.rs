//! Server-sent events as they travel: cut into frames whatever the pieces are in which the bytes come.
//!
//! The format is that of the HTML standard, section 9.2: lines end in LF, CR or CRLF, an empty line ends an event, a
//! line that begins with a colon is a comment. A [`Frame`] keeps all its bytes, so that an event can be sent on as it
//! was, or with new data in the same spelling. What belongs to no event (comments and empty lines between events, a
//! byte order mark) comes as a frame of its own as soon as its line is complete: nothing that keeps a connection alive
//! waits.
//!
//! An event is given as soon as its empty line is known to have ended, which with CR is one byte before the LF that may
//! follow; that LF is a frame of its own. So the frames are the same for every way of cutting the bytes.

mod frame;
mod parser;

pub use frame::{Frame, FrameKind};
pub use parser::{SseError, SseParser};

#[cfg(test)]
mod tests;
