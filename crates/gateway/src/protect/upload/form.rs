//! The parts of a form, found while it passes.

use memchr::memmem::Finder;

use super::kind::Content;
use super::part_head::{self, PartKind};
use super::{Refusal, Rules};
use crate::protect::bounds::{PART_HEAD_BYTES_MAX, PARTS_MAX};

/// Where in the form we are.
#[derive(Debug)]
enum State {
    /// Before the first boundary, which must come at once.
    Begin,
    /// Behind a boundary: a line end and a part follow, or `--` and the end.
    Boundary,
    /// In the header fields of a part.
    Head,
    /// In the content of a part, which begins at `from` in what is held back, or before it when some of it is
    /// gone.
    Content {
        content: Content,
        from: usize,
        is_whole: bool,
    },
    /// Behind the last boundary; so many bytes of the line end that may follow were there.
    End(usize),
}

/// The reader of one form. Positions are in bytes of what is held back.
#[derive(Debug)]
pub(super) struct Form {
    /// CRLF, `--` and the boundary.
    delimiter: Finder<'static>,
    state: State,
    /// Up to where everything was read.
    at: usize,
    /// Up to where the current head or content was searched for its end.
    searched: usize,
    /// Up to where everything can be sent on.
    decided: usize,
    parts: u32,
}

impl Form {
    pub(super) fn new(boundary: &[u8]) -> Form {
        let delimiter = [b"\r\n--", boundary].concat();
        Form {
            delimiter: Finder::new(&delimiter).into_owned(),
            state: State::Begin,
            at: 0,
            searched: 0,
            decided: 0,
            parts: 0,
        }
    }

    /// Reads on in `held`. Gives how much of it can be sent on.
    pub(super) fn push(&mut self, held: &[u8], rules: &Rules) -> Result<usize, Refusal> {
        while self.step(held, rules)? {}
        Ok(self.decided)
    }

    /// The form must be at its end.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        match self.state {
            State::End(_) => Ok(()),
            _ => Err(Refusal::Form("no last boundary")),
        }
    }

    /// The first `count` bytes of what was held back are gone.
    pub(super) fn sent_on(&mut self, count: usize) {
        self.at -= count;
        self.searched = self.searched.saturating_sub(count);
        self.decided -= count;
        if let State::Content {
            content,
            from,
            is_whole,
        } = &mut self.state
        {
            let of_content = count.saturating_sub(*from);
            *is_whole &= of_content == 0;
            *from = from.saturating_sub(count);
            content.sent_on(of_content);
        }
    }

    /// Reads one thing; false when there is not enough of it yet.
    fn step(&mut self, held: &[u8], rules: &Rules) -> Result<bool, Refusal> {
        let rest = &held[self.at..];
        match &mut self.state {
            State::Begin => {
                // The first boundary has no line before it.
                let first = &self.delimiter.needle()[2..];
                let there = rest.len().min(first.len());
                if rest[..there] != first[..there] {
                    return Err(Refusal::Form("no boundary at the beginning"));
                }
                if there < first.len() {
                    return Ok(false);
                }
                self.go(State::Boundary, first.len());
                Ok(true)
            }
            State::Boundary => match rest {
                [b'\r', b'\n', ..] => {
                    self.parts += 1;
                    if self.parts > PARTS_MAX {
                        return Err(Refusal::Form("too many parts"));
                    }
                    self.go(State::Head, 2);
                    Ok(true)
                }
                [b'-', b'-', ..] => {
                    self.go(State::End(0), 2);
                    Ok(true)
                }
                [] | [b'\r'] | [b'-'] => Ok(false),
                _ => Err(Refusal::Form("a boundary with something after it")),
            },
            State::Head => self.head(held),
            State::Content { .. } => self.content(held, rules),
            State::End(seen) => {
                if !b"\r\n"[*seen..].starts_with(rest) {
                    return Err(Refusal::Form("something after the last boundary"));
                }
                *seen += rest.len();
                self.at = held.len();
                self.decided = self.at;
                Ok(false)
            }
        }
    }

    /// Goes `count` bytes on.
    fn go(&mut self, state: State, count: usize) {
        self.at += count;
        self.searched = self.at;
        self.state = state;
    }

    fn head(&mut self, held: &[u8]) -> Result<bool, Refusal> {
        let from = self.searched.max(self.at + 3) - 3;
        let end = memchr::memmem::find(held.get(from..).unwrap_or_default(), b"\r\n\r\n");
        let Some(end) = end.map(|end| from + end) else {
            if held.len() - self.at > PART_HEAD_BYTES_MAX {
                return Err(Refusal::Form("header fields that are too long"));
            }
            self.searched = held.len();
            return Ok(false);
        };
        if end - self.at > PART_HEAD_BYTES_MAX {
            return Err(Refusal::Form("header fields that are too long"));
        }
        let content = match part_head::read(&held[self.at..end])? {
            PartKind::File => Content::default(),
            PartKind::Value => Content::value(),
        };
        let from = end + 4;
        let state = State::Content {
            content,
            from,
            is_whole: true,
        };
        self.go(state, from - self.at);
        Ok(true)
    }

    fn content(&mut self, held: &[u8], rules: &Rules) -> Result<bool, Refusal> {
        let State::Content {
            content,
            from,
            is_whole,
        } = &mut self.state
        else {
            return Ok(false);
        };
        let needle = self.delimiter.needle();
        // A boundary right behind the head has no line end of its own: some readers end the part there,
        // others do not.
        let direct = &needle[2..];
        if *is_whole
            && held
                .get(*from..)
                .is_some_and(|held| held.starts_with(direct))
        {
            return Err(Refusal::Form("a part that ends before it begins"));
        }
        let found = self.delimiter.find(&held[self.searched..]);
        let end = found.map_or(held.len(), |found| self.searched + found);
        let seen = self.searched.saturating_sub(2).max(*from);
        if has_bare_boundary(&held[seen..end], direct) {
            return Err(Refusal::Form("a boundary behind half a line end"));
        }
        if let Some(found) = found {
            let end = self.searched + found;
            content.end(&held[*from..end], rules)?;
            self.decided = end;
            let to = end + needle.len();
            self.at = to;
            self.searched = to;
            self.state = State::Boundary;
            return Ok(true);
        }
        // The last bytes may be the beginning of a boundary.
        let sure = held.len().saturating_sub(needle.len() - 1).max(*from);
        self.searched = self.searched.max(sure);
        let decided = content.push(&held[*from..sure], rules)?;
        if decided > 0 {
            self.decided = *from + decided;
            self.at = self.decided;
        }
        Ok(false)
    }
}

/// Whether a boundary follows a line feed or a carriage return alone, which ends a part for some readers. What
/// is held back always has the bytes before a boundary that has just become whole.
fn has_bare_boundary(content: &[u8], boundary: &[u8]) -> bool {
    let places = memchr::memmem::find_iter(content, boundary);
    let mut before = places.map(|place| &content[..place]);
    before.any(|before| match before {
        [.., b'\r', b'\n'] => false,
        [.., b'\r' | b'\n'] => true,
        _ => false,
    })
}
