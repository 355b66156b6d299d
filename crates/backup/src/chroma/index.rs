//! The files of one index as far as their sizes tell: those of a stored HNSW index of hnswlib, as Chroma keeps it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What comes last when an index is written out: which record has which place in it.
pub(super) const LAST_WRITTEN: &str = "index_metadata.pickle";

/// What says how large the index is.
pub(super) const HEADER: &str = "header.bin";

/// The files of an index, the header among them.
pub(super) const FILES: [&str; 4] = [HEADER, "data_level0.bin", "length.bin", "link_lists.bin"];

/// The version of the layout that is understood; of another one nothing is said.
const VERSION: u32 = 1;

/// How many bytes of `length.bin` belong to a vector.
const LENGTH_BYTES: u64 = 4;

/// The beginning of `header.bin`: numbers of the machine's own byte order, as C++ writes them.
pub(super) struct Header {
    /// How many vectors there are, deleted ones too.
    pub(super) vectors: u64,
    /// How many bytes of `data_level0.bin` belong to each.
    pub(super) stride: u64,
}

impl Header {
    /// The header in this file; `None` if there is none, or one of another layout.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = [0; 36];
        match File::open(path).and_then(|mut file| file.read_exact(&mut bytes)) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        // The version, where the lowest level begins, for how many vectors there is room, how many there are, and how
        // many bytes each has.
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(number)
        };
        let version = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok((version == VERSION).then(|| Self {
            vectors: number(20),
            stride: number(28),
        }))
    }

    /// What is wrong with the files beside it, if it is seen by their sizes.
    pub(super) fn flaw(&self, size_of: impl Fn(&str) -> u64) -> Option<String> {
        let needed = [
            ("data_level0.bin", self.vectors.saturating_mul(self.stride)),
            ("length.bin", self.vectors.saturating_mul(LENGTH_BYTES)),
        ];
        let short = needed.iter().find(|(name, needed)| size_of(name) < *needed);
        short.map(|(name, needed)| {
            format!(
                "{name} has {} bytes, and the {} vectors of {HEADER} need {needed}",
                size_of(name),
                self.vectors
            )
        })
    }
}
