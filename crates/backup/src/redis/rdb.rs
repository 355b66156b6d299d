//! Redis's own format for what it holds, RDB: read record by record, checked, and written again for one database.
//!
//! A value is handed on as its bytes, which `RESTORE` takes as they are, and as a digest of what it means: how a
//! server encodes a set or in which order it walks a hash does not count. So a backup is compared, filtered, verified
//! and put back without any server that would have to be of the right version for it.
//!
//! Known are the versions 9 to 12 (Redis 5 to 8.0, Valkey up to 8) and 80 (Valkey 9). What is not known is
//! refused with its number and the name of the key: values of modules, and hashes whose fields expire.
//!
//! Source of the format: `rdb.h`, `rdb.c`, `listpack.c`, `ziplist.c`, `intset.c` and `t_stream.c` of Redis 7.0.

use std::io::{self, Read};

use super::crc64::crc64;
use crate::bounds::{CHUNK_BYTES, REDIS_VALUE_BYTES_MAX};

mod packed;
mod stream;
mod value;
mod writer;

pub(super) use writer::RdbWriter;

/// Why an RDB cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RdbWrong {
    /// It cannot be read, or what is made of it cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not as an RDB has to be.
    #[error("at byte {at}: {why}")]
    Damaged {
        /// Where.
        at: u64,
        /// What was found.
        why: String,
    },
    /// It has something that is not understood here, or that could not be put back.
    #[error("{0}")]
    Unknown(String),
    /// Whoever takes the records refused one.
    #[error(transparent)]
    Refused(#[from] Box<super::RedisProblem>),
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
}

impl ValueKind {
    /// The word, in the plural.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::String => "strings",
            Self::List => "lists",
            Self::Set => "sets",
            Self::SortedSet => "sorted sets",
            Self::Hash => "hashes",
            Self::Stream => "streams",
        }
    }
}

/// A key with what it holds.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub(super) expires_ms: Option<i64>,
    pub(super) kind: ValueKind,
    /// The number of the type and the value, as `DUMP` begins.
    pub(super) value: Vec<u8>,
    /// The digest of what the value means.
    pub(super) digest: [u8; 32],
}

/// A part of an RDB.
#[derive(Debug)]
pub(super) enum Part {
    /// The version, first of all.
    Version(u16),
    /// A fact about the server.
    Fact(String, String),
    /// A library of functions. They belong to the server and to none of its databases.
    Functions(Vec<u8>),
    /// A key of the wanted database.
    Record(Record),
}

/// Reads an RDB to its end and hands its parts on: of records those of the database `number`.
pub(super) fn read(
    from: impl Read,
    number: u64,
    on_part: &mut dyn FnMut(Part) -> Result<(), RdbWrong>,
) -> Result<(), RdbWrong> {
    let mut reader = RdbReader {
        from,
        crc: 0,
        at: 0,
        kept: None,
    };
    let version = reader.version()?;
    on_part(Part::Version(version))?;
    let mut selected = 0;
    let (mut expires_ms, mut opcode);
    loop {
        expires_ms = None;
        opcode = reader.byte()?;
        // What is said of the next key.
        loop {
            match opcode {
                EXPIRES_MS => expires_ms = Some(i64::from_le_bytes(reader.array()?)),
                EXPIRES_S => {
                    let seconds = i32::from_le_bytes(reader.array()?);
                    expires_ms = Some(i64::from(seconds) * 1000);
                }
                IDLE => drop(reader.length()?),
                FREQUENCY => drop(reader.byte()?),
                _ => break,
            }
            opcode = reader.byte()?;
        }
        match opcode {
            END => return reader.end(),
            SELECT => selected = reader.length()?,
            SIZES => drop((reader.length()?, reader.length()?)),
            SLOT => drop((reader.length()?, reader.length()?, reader.length()?)),
            FACT => {
                let (name, value) = (reader.string()?, reader.string()?);
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                on_part(Part::Fact(text(name), text(value)))?;
            }
            FUNCTIONS => on_part(Part::Functions(reader.string()?))?,
            MODULE => {
                reader.length()?;
                reader.module()?;
            }
            kind => {
                let wanted = selected == number;
                if let Some(record) = reader.record(kind, expires_ms, wanted)? {
                    on_part(Part::Record(record))?;
                }
            }
        }
    }
}

const END: u8 = 255;
const SELECT: u8 = 254;
const EXPIRES_S: u8 = 253;
const EXPIRES_MS: u8 = 252;
const SIZES: u8 = 251;
const FACT: u8 = 250;
const FREQUENCY: u8 = 249;
const IDLE: u8 = 248;
const MODULE: u8 = 247;
const FUNCTIONS: u8 = 245;
const SLOT: u8 = 244;

const MAGIC: &[u8; 5] = b"REDIS";
const MAGIC_OF_VALKEY: &[u8; 6] = b"VALKEY";

struct RdbReader<R> {
    from: R,
    crc: u64,
    at: u64,
    /// What was read since this was begun.
    kept: Option<Vec<u8>>,
}

impl<R: Read> RdbReader<R> {
    fn version(&mut self) -> Result<u16, RdbWrong> {
        let begin: [u8; 9] = self.array()?;
        let digits = match (
            begin.strip_prefix(MAGIC),
            begin.strip_prefix(MAGIC_OF_VALKEY),
        ) {
            (Some(digits), _) | (_, Some(digits)) => digits,
            _ => return Err(self.damaged("it does not begin with REDIS and a version")),
        };
        let version = std::str::from_utf8(digits).ok();
        match version.and_then(|digits| digits.parse().ok()) {
            Some(version @ (9..=12 | 80)) => Ok(version),
            Some(version) => Err(RdbWrong::Unknown(format!(
                "its version {version} is not known; known are 9 to 12 and 80"
            ))),
            None => Err(self.damaged("its version is no number")),
        }
    }

    /// What is after the last record: the checksum, and nothing else.
    fn end(&mut self) -> Result<(), RdbWrong> {
        let expected = self.crc;
        let found = u64::from_le_bytes(self.array()?);
        // 0 says that the server was told to make none.
        match found == expected || found == 0 {
            true => Ok(()),
            false => Err(self.damaged(&format!(
                "its checksum is {found:016x} and should be {expected:016x}"
            ))),
        }
    }

    fn damaged(&self, why: &str) -> RdbWrong {
        RdbWrong::Damaged {
            at: self.at,
            why: why.to_owned(),
        }
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), RdbWrong> {
        if let Err(error) = self.from.read_exact(into) {
            return Err(match error.kind() {
                io::ErrorKind::UnexpectedEof => self.damaged("it ends there"),
                _ => RdbWrong::Io(error),
            });
        }
        self.crc = crc64(self.crc, into);
        self.at += into.len() as u64;
        if let Some(kept) = &mut self.kept {
            if kept.len() + into.len() > REDIS_VALUE_BYTES_MAX {
                return Err(RdbWrong::Unknown(format!(
                    "a value is larger than {REDIS_VALUE_BYTES_MAX} bytes, which no server takes back at once"
                )));
            }
            kept.extend_from_slice(into);
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbWrong> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, RdbWrong> {
        self.array().map(|[byte]| byte)
    }

    /// So many bytes. A length that is wrong does not take memory before there is something to fill it.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, RdbWrong> {
        let length = usize::try_from(length).map_err(|_| self.damaged("a length is too large"))?;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let begin = bytes.len();
            bytes.resize(length.min(begin + CHUNK_BYTES), 0);
            self.fill(&mut bytes[begin..])?;
        }
        Ok(bytes)
    }

    /// A length, or how a string is encoded.
    fn length_or_encoding(&mut self) -> Result<Result<u64, u8>, RdbWrong> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(Ok(match first {
            0x80 => u64::from(u32::from_be_bytes(self.array()?)),
            0x81 => u64::from_be_bytes(self.array()?),
            _ => match first >> 6 {
                0 => u64::from(low),
                1 => u64::from(low) << 8 | u64::from(self.byte()?),
                2 => return Err(self.damaged("a length has an unknown form")),
                _ => return Ok(Err(low)),
            },
        }))
    }

    fn length(&mut self) -> Result<u64, RdbWrong> {
        self.length_or_encoding()?
            .map_err(|_| self.damaged("a string is where a length should be"))
    }

    fn string(&mut self) -> Result<Vec<u8>, RdbWrong> {
        let number = |number: i64| Ok(number.to_string().into_bytes());
        match self.length_or_encoding()? {
            Ok(length) => self.bytes(length),
            Err(0) => number(i8::from_le_bytes(self.array()?).into()),
            Err(1) => number(i16::from_le_bytes(self.array()?).into()),
            Err(2) => number(i32::from_le_bytes(self.array()?).into()),
            Err(3) => {
                let (packed, length) = (self.length()?, self.length()?);
                let packed = self.bytes(packed)?;
                packed::decompressed(&packed, length)
                    .ok_or_else(|| self.damaged("a compressed string cannot be read"))
            }
            Err(_) => Err(self.damaged("a string has an unknown encoding")),
        }
    }

    /// What a module wrote, without understanding it.
    fn module(&mut self) -> Result<(), RdbWrong> {
        loop {
            match self.length()? {
                0 => return Ok(()),
                1 | 2 => drop(self.length()?),
                3 => drop(self.array::<4>()?),
                4 => drop(self.array::<8>()?),
                5 => drop(self.string()?),
                _ => return Err(self.damaged("the data of a module cannot be read")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
