//! The logs of started releases: where they are, their last lines, and following them.
//!
//! `logs/<service>/<release>@<host>_<port>.log` in the state folder holds what a release wrote, and
//! `.log.1` beside it the piece before that. Two things happen to them (see `process/log_bound.rs`):
//! when a release is started a long log gets the name `.log.1`, and while it runs the front of a long
//! log is copied to a new `.log.1` and cut off. In both cases the new `.log.1` is another file than the
//! old one, which is how a follower finds out, and the two pieces one after the other are what was
//! written: a line may begin in one and end in the other.
//!
//! Reading needs no server and as much memory as one line, of which no more than
//! [`LINE_BYTES_MAX`] are given at a time.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::bounds::{LINE_BYTES_MAX, LOG_CHUNK_BYTES};
use crate::record::{InstanceKey, file_name};

/// The ending of a log.
const LOG: &str = ".log";
/// How many of the bytes read last are remembered, to see whether the file was cut.
const REMEMBERED_BYTES: usize = 64;
/// How often the last lines are looked for anew when the log is cut meanwhile.
const FIND_ATTEMPTS_MAX: u32 = 3;

/// The log of one instance of a release: of one that runs, ran, or was tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseLog {
    /// The release.
    pub release: String,
    /// The address it was started for, `host:port`.
    pub address: String,
    /// The file.
    pub file: PathBuf,
    /// When it was written to last, milliseconds since the Unix epoch.
    pub written_at_ms: u64,
}

/// Reads a log from some place on, over cuts and restarts.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// The piece before, where it is to be read first, and from where.
    before: Option<(File, u64)>,
    file: Option<File>,
    /// Up to where `file` was read.
    position: u64,
    /// The bytes before `position`.
    remembered: Vec<u8>,
    /// How long `file` was when it was read last.
    length: u64,
    /// Which file was `.log.1` when `file` was read last.
    older: Option<u64>,
    /// A line that has begun and not ended.
    line: Vec<u8>,
}

/// The logs of a service in a state folder, the one written to last at the end. None when nothing was
/// started yet.
///
/// # Errors
/// When the folder exists and cannot be read.
pub fn release_logs(state_folder: &Path, service: &str) -> io::Result<Vec<ReleaseLog>> {
    let folder = state_folder.join("logs").join(file_name(service));
    let listing = match fs::read_dir(&folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut logs = Vec::new();
    for entry in listing {
        let file = entry?.path();
        let Some(key) = key_of(service, &file) else {
            continue;
        };
        // It may be removed just now.
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        let written = metadata.modified().ok();
        let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        logs.push(ReleaseLog {
            release: key.release,
            address: key.address,
            file,
            written_at_ms: written.map_or(0, |since| since.as_millis() as u64),
        });
    }
    logs.sort_by(|a, b| (a.written_at_ms, &a.file).cmp(&(b.written_at_ms, &b.file)));
    Ok(logs)
}

/// The instance that a log's name names; `None` for other files.
pub(crate) fn key_of(service: &str, file: &Path) -> Option<InstanceKey> {
    let stem = file.file_name()?.to_str()?.strip_suffix(LOG)?;
    let (release, address) = stem.rsplit_once('@')?;
    // In names of files, colons of addresses are underscores; a host name has none.
    let address = match address.strip_prefix("%5B") {
        Some(inner) => format!("[{}", inner.replace('_', ":")),
        None => {
            let (host, port) = address.rsplit_once('_')?;
            format!("{host}:{port}")
        }
    };
    Some(InstanceKey {
        service: service.to_owned(),
        release: decode(release)?,
        address: decode(&address)?,
    })
}

/// The file that holds the piece before.
pub(crate) fn older_piece(log: &Path) -> PathBuf {
    log.with_extension("log.1")
}

/// The inverse of [`file_name`].
fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl LogReader {
    /// A reader that begins with the last `lines` lines, the piece before included.
    ///
    /// # Errors
    /// When the log cannot be read. One that is missing is waited for.
    pub fn of_last_lines(log: &Path, lines: usize) -> io::Result<LogReader> {
        let mut attempt = 1;
        loop {
            let reader = LogReader::find(log, lines)?;
            let cut_meanwhile = inode(&older_piece(log))? != reader.older;
            if !cut_meanwhile || attempt == FIND_ATTEMPTS_MAX {
                return Ok(reader);
            }
            attempt += 1;
        }
    }

    fn find(log: &Path, lines: usize) -> io::Result<LogReader> {
        let mut reader = LogReader {
            path: log.to_owned(),
            before: None,
            file: open(log)?,
            position: 0,
            remembered: Vec::new(),
            length: 0,
            older: None,
            line: Vec::new(),
        };
        let older = open(&older_piece(log))?;
        let length = |file: &Option<File>| file.as_ref().map_or(Ok(0), length_of);
        let lengths = (length(&reader.file)?, length(&older)?);
        if let Some(older) = &older {
            reader.older = Some(older.metadata()?.ino());
        }
        reader.length = lengths.0;
        // Each line but an unfinished last one ends with a line feed; the one before the first wanted
        // line is looked for.
        let last = match (&reader.file, &older) {
            (Some(file), _) if lengths.0 > 0 => byte_at(file, lengths.0 - 1)?,
            (_, Some(older)) if lengths.1 > 0 => byte_at(older, lengths.1 - 1)?,
            _ => b'\n',
        };
        let mut wanted = lines.saturating_add(usize::from(last == b'\n'));
        if let Some(file) = &reader.file {
            match after_line_feed(file, lengths.0, &mut wanted)? {
                Some(position) => {
                    reader.position = position;
                    return Ok(reader);
                }
                None => reader.position = 0,
            }
        }
        if let Some(older) = older {
            let from = after_line_feed(&older, lengths.1, &mut wanted)?.unwrap_or(0);
            reader.before = Some((older, from));
        }
        Ok(reader)
    }

    /// Gives every line that is complete by now to `on_line`, without its line feed. A line longer than
    /// [`LINE_BYTES_MAX`] comes in pieces. Whoever got an error may go on.
    ///
    /// # Errors
    /// When the log cannot be read, and what `on_line` returns.
    pub fn read(&mut self, on_line: &mut OnLine<'_>) -> io::Result<()> {
        if let Some((older, from)) = self.before.take() {
            self.read_file(&older, from, None, on_line)?;
        }
        let older_path = older_piece(&self.path);
        let older = inode(&older_path)?;
        if let Some(file) = self.file.take() {
            let same = inode(&self.path)? == Some(file.metadata()?.ino());
            if same && older != self.older && self.was_cut(&file)? {
                if let Some(piece) = open(&older_path)? {
                    let cut = length_of(&piece)?;
                    if self.position < cut {
                        self.read_file(&piece, self.position, Some(cut), on_line)?;
                    }
                    self.position = self.position.saturating_sub(cut);
                }
                self.older = older;
            }
            let from = self.position;
            self.position = self.read_file(&file, from, None, on_line)?;
            self.length = self.position;
            // Set aside when its release was started anew. Nobody writes to it any more, and its end
            // has been read.
            let set_aside = !same && inode(&self.path)?.is_some();
            self.file = (!set_aside).then_some(file);
        }
        if self.file.is_none()
            && let Some(file) = open(&self.path)?
        {
            self.older = inode(&older_path)?;
            self.position = self.read_file(&file, 0, None, on_line)?;
            self.length = self.position;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Gives the last line if it has no end yet.
    ///
    /// # Errors
    /// What `on_line` returns.
    pub fn finish(&mut self, on_line: &mut OnLine<'_>) -> io::Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        on_line(&line)
    }

    /// Whether the front of the file was cut off since it was read. A new `.log.1` is there a moment
    /// before that happens.
    fn was_cut(&self, file: &File) -> io::Result<bool> {
        if length_of(file)? < self.length {
            return Ok(true);
        }
        // After a cut, some of what is remembered was before the file's beginning.
        let here = usize::try_from(self.position).unwrap_or(usize::MAX);
        let unknown = self.remembered.len().saturating_sub(here);
        let remembered = &self.remembered[unknown..];
        let mut found = vec![0; remembered.len()];
        let from = self.position - remembered.len() as u64;
        match file.read_exact_at(&mut found, from) {
            Ok(()) => Ok(found != remembered),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Reads up to the end, or up to `to`, and returns where that is.
    fn read_file(
        &mut self,
        file: &File,
        from: u64,
        to: Option<u64>,
        on_line: &mut OnLine<'_>,
    ) -> io::Result<u64> {
        let mut position = from;
        let mut chunk = vec![0; LOG_CHUNK_BYTES];
        loop {
            let left = to.map_or(u64::MAX, |to| to.saturating_sub(position));
            let wanted = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = match file.read_at(&mut chunk[..wanted], position) {
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if got == 0 {
                return Ok(position);
            }
            self.take_in(&chunk[..got], on_line)?;
            position += got as u64;
        }
    }

    fn take_in(&mut self, bytes: &[u8], on_line: &mut OnLine<'_>) -> io::Result<()> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) if self.line.is_empty() => on_line(end)?,
                Some(end) => {
                    self.line.extend_from_slice(end);
                    on_line(&self.line)?;
                    self.line.clear();
                }
                None => self.line.extend_from_slice(part),
            }
            if self.line.len() >= LINE_BYTES_MAX {
                on_line(&self.line)?;
                self.line.clear();
            }
        }
        let kept = bytes.len().min(REMEMBERED_BYTES);
        self.remembered
            .extend_from_slice(&bytes[bytes.len() - kept..]);
        let surplus = self.remembered.len().saturating_sub(REMEMBERED_BYTES);
        self.remembered.drain(..surplus);
        Ok(())
    }
}

/// What is done with a line.
pub type OnLine<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn inode(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn length_of(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

fn byte_at(file: &File, at: u64) -> io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    Ok(byte[0])
}

/// The place after the `wanted`th line feed from the end of the first `length` bytes. `None` when there
/// are fewer, which are then taken off `wanted`.
fn after_line_feed(file: &File, length: u64, wanted: &mut usize) -> io::Result<Option<u64>> {
    if *wanted == 0 {
        return Ok(Some(length));
    }
    let mut chunk = vec![0; LOG_CHUNK_BYTES];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(LOG_CHUNK_BYTES as u64);
        let part = &mut chunk[..(end - start) as usize];
        match file.read_exact_at(part, start) {
            Ok(()) => {}
            // It was cut meanwhile; the caller looks anew.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(0)),
            Err(error) => return Err(error),
        }
        for (at, byte) in part.iter().enumerate().rev() {
            if *byte == b'\n' {
                *wanted -= 1;
                if *wanted == 0 {
                    return Ok(Some(start + at as u64 + 1));
                }
            }
        }
        end = start;
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
