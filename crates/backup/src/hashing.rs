//! SHA-256 of what passes by, and copying that knows which side failed.

use std::cell::Cell;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::bounds::CHUNK_BYTES;

/// A reader that hashes and counts what is read through it.
pub(crate) struct HashingReader<R> {
    inner: R,
    sha: Sha256,
    pub(crate) bytes: u64,
    /// Whether the inner reader failed. Tells a failed read from a failed write when something
    /// else does the copying.
    pub(crate) failed: bool,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            sha: Sha256::new(),
            bytes: 0,
            failed: false,
        }
    }

    pub(crate) fn sha256(&self) -> String {
        hex::encode(self.sha.clone().finalize())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.sha.update(&buffer[..read]);
                self.bytes += read as u64;
                Ok(read)
            }
            Err(error) => {
                self.failed |= error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}

/// A writer that hashes and counts what was written through it.
pub(crate) struct HashingWriter<W> {
    pub(crate) inner: W,
    sha: Sha256,
    pub(crate) bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            sha: Sha256::new(),
            bytes: 0,
        }
    }

    pub(crate) fn sha256(&self) -> String {
        hex::encode(self.sha.clone().finalize())
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.sha.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Which side of a copy failed.
pub(crate) enum CopyFailed {
    Read(io::Error),
    Write(io::Error),
}

thread_local! {
    /// The buffer of the last copy. There may be a hundred thousand small files, and making one for each costs more than
    /// copying them does.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Copies to the end of `from`.
pub(crate) fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), CopyFailed> {
    // A copy within a copy finds none, and makes its own.
    let mut buffer = BUFFER.take();
    buffer.resize(CHUNK_BYTES, 0);
    let outcome = copy_by(&mut buffer, from, to);
    BUFFER.set(buffer);
    outcome
}

fn copy_by(buffer: &mut [u8], from: &mut dyn Read, to: &mut dyn Write) -> Result<(), CopyFailed> {
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&buffer[..read]).map_err(CopyFailed::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CopyFailed::Read(error)),
        }
    }
}

/// Reads to the end and keeps nothing.
pub(crate) fn drain(from: &mut dyn Read) -> io::Result<()> {
    match copy(from, &mut io::sink()) {
        Ok(()) => Ok(()),
        Err(CopyFailed::Read(error) | CopyFailed::Write(error)) => Err(error),
    }
}
