//! One event, or bytes between events.

use std::borrow::Cow;
use std::ops::Range;

/// A piece of a stream that belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'s> {
    bytes: &'s [u8],
    kind: FrameKind,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// An event: fields, and the empty line that ends it.
    Event,
    /// Comments, empty lines, a byte order mark: nothing that a program sees.
    Between,
    /// The beginning of an event whose end never came.
    Unfinished,
}

/// A line of a frame without its end.
struct Line {
    /// The line.
    content: Range<usize>,
    /// The byte after its end.
    after: usize,
}

impl<'s> Frame<'s> {
    /// A frame of these bytes.
    pub(super) fn new(bytes: &'s [u8], kind: FrameKind) -> Frame<'s> {
        Frame { bytes, kind }
    }

    /// A frame that was kept as bytes; they must be those of an event.
    pub(crate) fn of_event(bytes: &'s [u8]) -> Frame<'s> {
        Frame::new(bytes, FrameKind::Event)
    }

    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> &'s [u8] {
        self.bytes
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// The event's name: the last `event` field. None when there is none or it is empty.
    #[must_use]
    pub fn name(&self) -> Option<&'s [u8]> {
        let names = self.lines().filter_map(|line| self.field(&line, b"event"));
        names
            .last()
            .map(|name| &self.bytes[name])
            .filter(|name| !name.is_empty())
    }

    /// The data: the `data` fields, joined by line feeds. None when there is no such field, as in a bare `event: ping`.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'s, [u8]>> {
        let mut lines = self.data_lines();
        let first = &self.bytes[lines.next()?];
        let mut joined = Cow::Borrowed(first);
        for line in lines {
            let joined = joined.to_mut();
            joined.push(b'\n');
            joined.extend_from_slice(&self.bytes[line]);
        }
        Some(joined)
    }

    /// The values of all fields but the data, one a line; with the comments, which are fields without a name.
    pub(crate) fn besides_data(&self) -> Vec<u8> {
        let mut besides = Vec::new();
        for line in self.lines() {
            if self.field(&line, b"data").is_none() && !line.content.is_empty() {
                let content = &self.bytes[line.content];
                let colon = memchr::memchr(b':', content).map_or(0, |colon| colon + 1);
                besides.extend_from_slice(&content[colon..]);
                besides.push(b'\n');
            }
        }
        besides
    }

    /// Writes the event with nothing but its data.
    pub(crate) fn write_data_alone(&self, out: &mut Vec<u8>) {
        for (start, line) in self.starts() {
            if self.field(&line, b"data").is_some() || line.content.is_empty() {
                out.extend_from_slice(&self.bytes[start..line.after]);
            }
        }
    }

    /// Writes the event with other data, everything else byte for byte. Lines of the data that the event had no field
    /// for get fields in the spelling of the last one; fields beyond the data go.
    pub fn write_with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let fields = self.data_lines().count();
        let mut new_lines = data.split(|byte| *byte == b'\n').peekable();
        let mut at_field = 0;
        for (start, line) in self.starts() {
            let Some(old) = self.field(&line, b"data") else {
                out.extend_from_slice(&self.bytes[start..line.after]);
                continue;
            };
            at_field += 1;
            while let Some(new) = new_lines.next() {
                out.extend_from_slice(&self.bytes[start..old.start]);
                if self.bytes[start..old.start] == *b"data" && !new.is_empty() {
                    out.push(b':');
                }
                out.extend_from_slice(new);
                out.extend_from_slice(&self.bytes[line.content.end..line.after]);
                // What ended with the stream has no line end to repeat.
                let is_cut = line.content.end == line.after;
                if at_field < fields {
                    break;
                }
                if is_cut && new_lines.peek().is_some() {
                    out.push(b'\n');
                }
            }
        }
    }

    /// Writes a further event like this one, with other data, whole whatever this one's end was.
    pub(crate) fn write_another(&self, data: &[u8], out: &mut Vec<u8>) {
        self.write_with_data(data, out);
        // The LF behind the last CR is a frame of its own.
        if self.bytes.ends_with(b"\r\n\r") {
            out.push(b'\n');
        }
        let is_ended = self.lines().last().is_some_and(|line| {
            let has_end = line.after > line.content.end;
            has_end && line.content.is_empty()
        });
        if !is_ended {
            out.extend_from_slice(b"\n\n");
        }
    }

    /// Where the values of the `data` fields are.
    fn data_lines(&self) -> impl Iterator<Item = Range<usize>> {
        self.lines().filter_map(|line| self.field(&line, b"data"))
    }

    /// The value of a line that is the field of this name.
    fn field(&self, line: &Line, name: &[u8]) -> Option<Range<usize>> {
        let content = &self.bytes[line.content.clone()];
        let rest = content.strip_prefix(name)?;
        let colon = match rest.first() {
            None => return Some(line.content.end..line.content.end),
            Some(b':') => line.content.start + name.len() + 1,
            Some(_) => return None,
        };
        let space = usize::from(rest.get(1) == Some(&b' '));
        Some(colon + space..line.content.end)
    }

    /// The lines with where they start.
    fn starts(&self) -> impl Iterator<Item = (usize, Line)> {
        self.lines().map(|line| (line.content.start, line))
    }

    /// The lines.
    fn lines(&self) -> impl Iterator<Item = Line> {
        let bytes = self.bytes;
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= bytes.len() {
                return None;
            }
            let start = at;
            let length = memchr::memchr2(b'\n', b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
            let end = start + length;
            at = match (bytes.get(end), bytes.get(end + 1)) {
                (None, _) => end,
                (Some(b'\r'), Some(b'\n')) => end + 2,
                _ => end + 1,
            };
            Some(Line {
                content: start..end,
                after: at,
            })
        })
    }
}
