//! What stands before an entry of an archive and is about it: a name or a target that its header has no room for, and extended
//! attributes.
//!
//! The library reads PAX records up to the next line feed, and a value may have one: they are read here by the length that each
//! begins with, as POSIX says.

use std::io::{self, Read};

use tar::EntryType;

use crate::ExtendedAttributes;
use crate::bounds::AHEAD_BYTES_MAX;

/// What is known of the next entry before its header comes.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Its path, if that is too long for its header.
    pub(super) path: Option<Vec<u8>>,
    /// Its target, if that is too long for its header.
    pub(super) target: Option<Vec<u8>>,
    pub(super) attributes: ExtendedAttributes,
}

impl Ahead {
    /// Takes an entry in if it is one that is about the next one, and says whether it was.
    pub(super) fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
        match entry.header().entry_type() {
            EntryType::GNULongName => self.path = Some(text(content(entry)?)),
            EntryType::GNULongLink => self.target = Some(text(content(entry)?)),
            EntryType::XHeader => read_records(&content(entry)?, &mut self.attributes)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn content(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = entry.take(AHEAD_BYTES_MAX + 1).read_to_end(&mut bytes)? as u64;
    match read > AHEAD_BYTES_MAX {
        true => Err(malformed("a name or attribute is too long")),
        false => Ok(bytes),
    }
}

/// Without the NUL at its end.
fn text(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

/// Records of a PAX header, each `LENGTH KEY=VALUE` and a line feed; the length counts all of that.
fn read_records(mut rest: &[u8], attributes: &mut ExtendedAttributes) -> io::Result<()> {
    let bad = || malformed("a PAX header cannot be read");
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
        let length = std::str::from_utf8(&rest[..space])
            .ok()
            .and_then(|text| text.parse().ok());
        let length: usize = length
            .filter(|length| *length > space + 1)
            .ok_or_else(bad)?;
        let (record, more) = rest.split_at_checked(length).ok_or_else(bad)?;
        let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(bad)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(bad)?;
        attributes.read_pax(&record[..equals], &record[equals + 1..]);
        rest = more;
    }
    Ok(())
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_have_line_feeds_and_records_in_them() {
        let mut found = ExtendedAttributes::default();
        let one = b"36 SCHILY.xattr.user.a=x\n11 size=9\n\n";
        assert_eq!(one.len(), 36);
        read_records(one, &mut found).unwrap();
        let read: Vec<_> = found.iter().collect();
        assert_eq!(
            read,
            [(std::ffi::OsStr::new("user.a"), b"x\n11 size=9\n".as_slice())]
        );
        for bad in [
            b"".as_slice(),
            b"x",
            b"9 a=b\n",
            b"6 a=b\n\n",
            b"5 a=b\n",
            b"6 a b\n",
            b"99999999999999999999 a=b\n",
            b"0 a=b\n",
            b"1 ",
        ] {
            let outcome = read_records(bad, &mut ExtendedAttributes::default());
            assert_eq!(outcome.is_ok(), bad.is_empty(), "{bad:?}");
        }
        read_records(b"6 a=b\n", &mut found).unwrap();
        assert_eq!(found.len(), 1);
    }
}
