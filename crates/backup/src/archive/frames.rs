//! Compressing on several threads.
//!
//! What is written is cut into pieces, each of which becomes a frame of its own: compressed by one of some workers, and
//! written in order by one more thread, while the next piece is read and hashed. Frames one after the other are what
//! RFC 8878 calls a compressed file, and `zstd` and `tar` read them as one. There is a fixed number of pieces, which are used
//! again and again, so memory does not depend on the size.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

use crate::bounds::{COMPRESSION_LEVEL, FRAME_BYTES, PIECES_SPARE, WORKERS_MAX};

/// A writer that compresses into `W`.
pub(super) struct FrameWriter<W> {
    piece: Piece,
    /// How many pieces exist beside that one.
    pieces: usize,
    pieces_max: usize,
    threads: Option<Threads<W>>,
}

struct Threads<W> {
    jobs: Sender<Job>,
    /// The outcomes, in the order of the pieces.
    order: Sender<Receiver<io::Result<Piece>>>,
    /// Pieces that were written.
    spent: Receiver<Piece>,
    workers: Vec<JoinHandle<()>>,
    writer: JoinHandle<io::Result<W>>,
}

/// Some bytes, and what they are compressed to.
#[derive(Default)]
struct Piece {
    plain: Vec<u8>,
    frame: Vec<u8>,
}

struct Job {
    piece: Piece,
    done: Sender<io::Result<Piece>>,
}

impl<W: Write + Send + 'static> FrameWriter<W> {
    pub(super) fn new(to: W) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers_wanted = cores.min(WORKERS_MAX);
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Vec::new();
        for _ in 0..workers_wanted {
            let queue = Arc::clone(&queue);
            let compressor = compressor()?;
            workers.push(thread::Builder::new().spawn(move || compress_all(&queue, compressor))?);
        }
        let (order, outcomes) = channel();
        let (back, spent) = channel();
        let writer = thread::Builder::new().spawn(move || write_all(to, &outcomes, &back))?;
        Ok(Self {
            piece: Piece::default(),
            pieces: 0,
            pieces_max: workers_wanted + PIECES_SPARE,
            threads: Some(Threads {
                jobs,
                order,
                spent,
                workers,
                writer,
            }),
        })
    }

    /// Writes what is left, and waits until everything is written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // Of nothing an empty frame is written: a file without one is no compressed file.
        if !self.piece.plain.is_empty() || self.pieces == 0 {
            self.hand_over()?;
        }
        self.end()
    }
}

impl<W> FrameWriter<W> {
    /// Gives the piece to the workers and takes another one, when there is one.
    fn hand_over(&mut self) -> io::Result<()> {
        let Some(threads) = &self.threads else {
            return Err(io::Error::other("an earlier write failed"));
        };
        let (done, outcome) = channel();
        let piece = std::mem::take(&mut self.piece);
        let handed = threads.jobs.send(Job { piece, done }).is_ok();
        let handed = handed && threads.order.send(outcome).is_ok();
        let next = match self.pieces < self.pieces_max {
            true => Some(Piece::default()),
            false => threads.spent.recv().ok(),
        };
        self.pieces = self.pieces_max.min(self.pieces + 1);
        match next {
            Some(next) if handed => self.piece = next,
            // A thread has ended, which the writer tells of.
            _ => return Err(self.end().err().unwrap_or_else(ended)),
        }
        self.piece.plain.clear();
        Ok(())
    }

    /// Waits for all threads.
    fn end(&mut self) -> io::Result<W> {
        let threads = self.threads.take();
        let threads = threads.ok_or_else(|| io::Error::other("an earlier write failed"))?;
        // Without these the threads have nothing more to wait for.
        drop((threads.jobs, threads.order));
        let written = threads.writer.join().unwrap_or_else(|_| Err(ended()));
        for worker in threads.workers {
            worker.join().map_err(|_| ended())?;
        }
        written
    }
}

impl<W> Write for FrameWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.piece.plain.len() == FRAME_BYTES {
            self.hand_over()?;
        }
        let room = FRAME_BYTES - self.piece.plain.len();
        let taken = &buffer[..buffer.len().min(room)];
        self.piece.plain.extend_from_slice(taken);
        Ok(taken.len())
    }

    /// Frames end where they are full: there is nothing that could be written before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What failed was said already, or nobody wants to know: but no thread outlives this.
impl<W> Drop for FrameWriter<W> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(COMPRESSION_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

fn compress_all(queue: &Mutex<Receiver<Job>>, mut compressor: Compressor<'static>) {
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(Job { mut piece, done }) = job else {
            return;
        };
        piece.frame.clear();
        piece.frame.reserve(compress_bound(piece.plain.len()));
        let compressed = compressor.compress_to_buffer(&piece.plain, &mut piece.frame);
        // Nobody waits for it if writing failed.
        let _ = done.send(compressed.map(|_| piece));
    }
}

fn write_all<W: Write>(
    mut to: W,
    outcomes: &Receiver<Receiver<io::Result<Piece>>>,
    back: &Sender<Piece>,
) -> io::Result<W> {
    for outcome in outcomes {
        let piece = outcome.recv().map_err(|_| ended())??;
        to.write_all(&piece.frame)?;
        // At the end nobody needs it again.
        let _ = back.send(piece);
    }
    Ok(to)
}

fn ended() -> io::Error {
    io::Error::other("a thread that compresses or writes has ended")
}

#[cfg(test)]
mod tests;
