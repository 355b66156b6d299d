//! Reading on another thread, some pieces ahead of whoever needs them: hashing a file, decompressing it and using what is in it
//! go on at the same time. Memory is that of a few pieces.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use crate::bounds::{AHEAD_PIECES, CHUNK_BYTES};

/// A reader whose bytes come from another thread. That thread ends with its source, with the first error, or when this is
/// dropped.
pub(crate) struct ReadAhead {
    /// What was read; an empty piece is the end.
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// Pieces to be filled again.
    spent: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl ReadAhead {
    /// Begins to read `from`.
    pub(crate) fn start<'scope, R: Read + Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        from: R,
    ) -> io::Result<Self> {
        let (filled, pieces) = sync_channel(AHEAD_PIECES);
        let (spent, empty) = sync_channel(AHEAD_PIECES + 2);
        Builder::new().spawn_scoped(scope, move || read_all(from, &filled, &empty))?;
        Ok(Self {
            pieces,
            spent,
            piece: Vec::new(),
            at: 0,
            ended: false,
        })
    }

    fn next(&mut self) -> io::Result<()> {
        let lost = |_| io::Error::other("the thread that reads has ended");
        let next = self.pieces.recv().map_err(lost)??;
        self.ended = next.is_empty();
        self.at = 0;
        // If nobody takes it, it is freed.
        let _ = self
            .spent
            .try_send(std::mem::replace(&mut self.piece, next));
        Ok(())
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.ended && !buffer.is_empty() {
            self.next()?;
        }
        let read = (&self.piece[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

fn read_all(
    mut from: impl Read,
    filled: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.resize(CHUNK_BYTES, 0);
        let outcome = fill(&mut from, &mut piece).map(|length| {
            piece.truncate(length);
            piece
        });
        let over = outcome.as_ref().map_or(true, Vec::is_empty);
        // Whoever needed it may be gone.
        if filled.send(outcome).is_err() || over {
            return;
        }
    }
}

/// Reads until the piece is full or the source at its end. What was read before an error is lost: nobody goes on after one.
fn fill(from: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match from.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives single bytes, and an error after so many.
    struct Slow(u32, Option<u32>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.1 {
                Some(limit) if self.0 == limit => return Err(io::Error::other("broken")),
                None if self.0 == 300_000 => return Ok(0),
                _ => {}
            }
            buffer[0] = (self.0 % 251) as u8;
            self.0 += 1;
            Ok(1)
        }
    }

    #[test]
    fn everything_comes_in_order_and_then_the_end() {
        std::thread::scope(|scope| {
            let mut ahead = ReadAhead::start(scope, Slow(0, None)).unwrap();
            let mut all = Vec::new();
            ahead.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), 300_000);
            assert!(
                all.iter()
                    .zip(0_u32..)
                    .all(|(byte, at)| u32::from(*byte) == at % 251)
            );
            assert_eq!(ahead.read(&mut [0]).unwrap(), 0, "the end stays the end");
        });
    }

    #[test]
    fn an_error_comes_through_and_is_never_an_end() {
        std::thread::scope(|scope| {
            let mut ahead = ReadAhead::start(scope, Slow(0, Some(200_000))).unwrap();
            let error = ahead.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), "broken");
            assert!(ahead.read(&mut [0]).is_err());
        });
    }

    #[test]
    fn whoever_stops_early_waits_for_nobody() {
        std::thread::scope(|scope| {
            let mut ahead = ReadAhead::start(scope, std::io::repeat(1)).unwrap();
            ahead.read_exact(&mut [0; 10]).unwrap();
            drop(ahead);
        });
    }
}
