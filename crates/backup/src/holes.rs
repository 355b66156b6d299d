//! Holes of sparse files: found where they are read, made anew where they are written.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use rustix::fs::{SeekFrom as At, seek};
use rustix::io::Errno;

/// How many zero bytes in a row, at such a multiple, become a hole: the size of a block of the usual file systems.
const BLOCK_BYTES: usize = 4096;

/// How many bytes of an open file are in holes. A file system that cannot tell has none. The file's place is what it was.
pub(crate) fn hole_bytes(file: &File, size: u64) -> io::Result<u64> {
    let (mut holes, mut at) = (0, 0);
    while at < size {
        let hole = match seek(file, At::Hole(at)) {
            Ok(hole) if hole < size => hole,
            Ok(_) | Err(Errno::NXIO | Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        };
        let data = match seek(file, At::Data(hole)) {
            Ok(data) => data.min(size),
            // Nothing but a hole until the end.
            Err(Errno::NXIO) => size,
            Err(error) => return Err(error.into()),
        };
        holes += data - hole;
        at = data;
    }
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    Ok(holes)
}

/// Writes a file in which blocks of zeros become holes. [`SparseWriter::finish`] gives it its length.
pub(crate) struct SparseWriter<'f> {
    file: &'f File,
    /// Zeros that are not written yet.
    pending: u64,
    length: u64,
}

impl<'f> SparseWriter<'f> {
    pub(crate) fn new(file: &'f File) -> Self {
        Self {
            file,
            pending: 0,
            length: 0,
        }
    }

    /// Gives the file its length, which ends in a hole perhaps.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.set_len(self.length)
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file;
        if self.pending > 0 {
            file.seek(SeekFrom::Start(self.length))?;
            self.pending = 0;
        }
        file.write_all(bytes)
    }
}

impl Write for SparseWriter<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // Blocks are those of the file, wherever the pieces that come begin.
        let to_edge = BLOCK_BYTES - (self.length % BLOCK_BYTES as u64) as usize;
        let piece = &buffer[..buffer.len().min(to_edge)];
        match piece.iter().all(|byte| *byte == 0) {
            true => self.pending += piece.len() as u64,
            false => self.data(piece)?,
        }
        self.length += piece.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        {
            let mut file = self.file;
            file.flush()
        }
    }
}

#[cfg(test)]
mod tests;
