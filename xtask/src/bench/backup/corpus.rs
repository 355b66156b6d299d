//! The data that is backed up: a folder as services have them, and one file of the same kinds of content.
//!
//! All of it follows from a seed, by a generator that is written down here: those of libraries may give other numbers in
//! their next version.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Half of the files are smaller than this.
const MEDIAN_BYTES: f64 = 12.0 * 1024.0;
/// How far sizes spread: the standard deviation of their logarithm. Nine tenths of all bytes are in the largest tenth of
/// the files.
const SIGMA: f64 = 2.2;
/// No file is larger.
const FILE_BYTES_MAX: u64 = 96 * 1024 * 1024;
/// How many files are in a folder.
const FILES_IN_A_FOLDER: u64 = 40;
/// A piece of one kind of content in the single file.
const PIECE_BYTES: u64 = 3 * 1024 * 1024;
/// How many different words texts have.
const WORDS: usize = 12_000;

/// What was made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Made {
    pub files: u64,
    pub bytes: u64,
}

/// Fills a new folder with `bytes` of files.
pub fn folder(at: &Path, bytes: u64, seed: u64) -> io::Result<Made> {
    let mut source = Source::new(seed);
    let mut made = Made::default();
    while made.bytes < bytes {
        let folder = at.join(format!("{:03}", made.files / FILES_IN_A_FOLDER % 1000));
        fs::create_dir_all(&folder)?;
        let length = source.length().min(bytes - made.bytes);
        let kind = source.kind();
        let name = format!("{:06}.{}", made.files, kind.suffix());
        let mut file = BufWriter::new(File::create(folder.join(name))?);
        source.write(kind, length, &mut file)?;
        file.flush()?;
        made.files += 1;
        made.bytes += length;
    }
    Ok(made)
}

/// Makes one file of `bytes`, in which all kinds of content take turns.
pub fn file(at: &Path, bytes: u64, seed: u64) -> io::Result<Made> {
    let mut source = Source::new(seed);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(at)?);
    let mut left = bytes;
    while left > 0 {
        let length = left.min(PIECE_BYTES);
        let kind = source.kind();
        source.write(kind, length, &mut file)?;
        left -= length;
    }
    file.flush()?;
    Ok(Made { files: 1, bytes })
}

/// What is in a file.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Sentences.
    Text,
    /// Lines of JSON with numbers, names and times.
    Json,
    /// What does not compress, as photographs and archives.
    Noise,
}

impl Kind {
    fn suffix(self) -> &'static str {
        match self {
            Kind::Text => "txt",
            Kind::Json => "jsonl",
            Kind::Noise => "jpg",
        }
    }
}

/// Where sizes and contents come from.
struct Source {
    state: u64,
    words: Vec<Vec<u8>>,
}

impl Source {
    fn new(seed: u64) -> Source {
        let mut source = Source {
            state: seed,
            words: Vec::new(),
        };
        source.words = (0..WORDS).map(|_| source.word()).collect();
        source
    }

    /// The next number of SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Between 0 and 1, and never 0.
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A size of the log-normal distribution.
    fn length(&mut self) -> u64 {
        let (radius, turn) = (self.share(), self.share());
        let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos();
        ((MEDIAN_BYTES * (SIGMA * normal).exp()) as u64).clamp(1, FILE_BYTES_MAX)
    }

    fn kind(&mut self) -> Kind {
        match self.below(3) {
            0 => Kind::Text,
            1 => Kind::Json,
            _ => Kind::Noise,
        }
    }

    fn word(&mut self) -> Vec<u8> {
        let length = 2 + self.below(9);
        (0..length).map(|_| b'a' + self.below(26) as u8).collect()
    }

    /// A word; as in any language, few of them are said most of the time.
    fn said(&mut self) -> usize {
        let share = self.share();
        (share * share * share * (WORDS - 1) as f64) as usize
    }

    fn write(&mut self, kind: Kind, length: u64, to: &mut dyn Write) -> io::Result<()> {
        let mut left = length as usize;
        let mut piece = Vec::with_capacity(80 * 1024);
        while left > 0 {
            piece.clear();
            while piece.len() < left.min(64 * 1024) {
                match kind {
                    Kind::Text => self.sentence(&mut piece),
                    Kind::Json => self.line(&mut piece)?,
                    Kind::Noise => piece.extend_from_slice(&self.next().to_le_bytes()),
                }
            }
            let take = piece.len().min(left);
            to.write_all(&piece[..take])?;
            left -= take;
        }
        Ok(())
    }

    fn sentence(&mut self, piece: &mut Vec<u8>) {
        for _ in 0..4 + self.below(16) {
            let word = self.said();
            piece.extend_from_slice(&self.words[word]);
            piece.push(b' ');
        }
        piece.pop();
        piece.extend_from_slice(b".\n");
    }

    fn line(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let (id, amount, time) = (self.next(), self.below(100_000), self.below(100_000_000));
        write!(
            piece,
            "{{\"id\":\"{id:016x}\",\"at\":{},\"amount\":{amount},\"name\":\"",
            1_700_000_000 + time
        )?;
        for _ in 0..3 {
            let word = self.said();
            piece.extend_from_slice(&self.words[word]);
            piece.push(b'-');
        }
        piece.extend_from_slice(b"\",\"state\":\"done\"}\n");
        Ok(())
    }
}
