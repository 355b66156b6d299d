//! Writing the RDB of one database.

use std::io::{self, Write};

use super::{EXPIRES_MS, FACT, FUNCTIONS, MAGIC, MAGIC_OF_VALKEY, Part, Record, SELECT};
use crate::redis::crc64::crc64;

/// Facts that are of use to whoever loads it. The others are of the server that wrote it, and of its replication.
const FACTS: [&str; 4] = ["redis-ver", "valkey-ver", "redis-bits", "ctime"];
/// The first version of Valkey's own.
const OF_VALKEY: u16 = 80;

/// Writes parts of an RDB as another one that has nothing but one database. Servers load it.
pub(in crate::redis) struct RdbWriter<W> {
    into: W,
    crc: u64,
    number: u64,
    selected: bool,
}

impl<W: Write> RdbWriter<W> {
    pub(in crate::redis) fn new(into: W, number: u64) -> Self {
        Self {
            into,
            crc: 0,
            number,
            selected: false,
        }
    }

    pub(in crate::redis) fn part(&mut self, part: &Part) -> io::Result<()> {
        match part {
            Part::Version(version @ OF_VALKEY..) => {
                let magic = String::from_utf8_lossy(MAGIC_OF_VALKEY);
                self.put(format!("{magic}{version:03}").as_bytes())
            }
            Part::Version(version) => {
                self.put(MAGIC)?;
                self.put(format!("{version:04}").as_bytes())
            }
            Part::Fact(name, value) if FACTS.contains(&name.as_str()) => {
                self.put(&[FACT])?;
                self.string(name.as_bytes())?;
                self.string(value.as_bytes())
            }
            Part::Fact(..) => Ok(()),
            Part::Functions(code) => {
                self.put(&[FUNCTIONS])?;
                self.string(code)
            }
            Part::Record(record) => self.record(record),
        }
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        if !self.selected {
            self.selected = true;
            self.put(&[SELECT])?;
            self.length(self.number)?;
        }
        if let Some(at) = record.expires_ms {
            self.put(&[EXPIRES_MS])?;
            self.put(&at.to_le_bytes())?;
        }
        let Some((number, value)) = record.value.split_first() else {
            return Err(io::Error::other("a value is empty"));
        };
        self.put(&[*number])?;
        self.string(&record.name)?;
        self.put(value)
    }

    /// Writes the end, and returns where it was written to.
    pub(in crate::redis) fn end(mut self) -> io::Result<W> {
        self.put(&[super::END])?;
        let crc = self.crc;
        self.put(&crc.to_le_bytes())?;
        Ok(self.into)
    }

    fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length(bytes.len() as u64)?;
        self.put(bytes)
    }

    fn length(&mut self, length: u64) -> io::Result<()> {
        let bytes = length.to_be_bytes();
        match length {
            0..64 => self.put(&bytes[7..]),
            64..16_384 => self.put(&[bytes[6] | 0x40, bytes[7]]),
            16_384..=0xffff_ffff => {
                self.put(&[0x80])?;
                self.put(&bytes[4..])
            }
            _ => {
                self.put(&[0x81])?;
                self.put(&bytes)
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc = crc64(self.crc, bytes);
        self.into.write_all(bytes)
    }
}
