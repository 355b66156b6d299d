//! Extended attributes of a file or folder: what people and programs note beside its content.
//!
//! Kept are those that belong to the data and mean the same anywhere: `user.*`, access control lists
//! (`system.posix_acl_access`, `system.posix_acl_default`) and capabilities of a program
//! (`security.capability`). Labels that a system gives by its own policy, such as `security.selinux`, are its own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{XattrFlags, fgetxattr, fgetxattr_query, flistxattr, flistxattr_query, fsetxattr};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::relative_path::{escape, unescape};

/// How the key of an attribute begins in a PAX header, as GNU tar, star and libarchive write it.
const PAX_PREFIX: &[u8] = b"SCHILY.xattr.";
/// How often the attributes are listed anew because they grew meanwhile.
const LISTED_MAX: usize = 4;

/// Extended attributes, each name with its value; both are any bytes, escaped in JSON as a [`crate::RelativePath`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct ExtendedAttributes(BTreeMap<OsString, Vec<u8>>);

impl ExtendedAttributes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_slice()))
    }

    /// Those of an open file or folder. A file system without attributes has none.
    pub(crate) fn of(file: impl AsFd) -> rustix::io::Result<Self> {
        let mut found = BTreeMap::new();
        for name in names(&file)? {
            if is_kept(&name)
                && let Some(value) = value(&file, &name)?
            {
                found.insert(name, value);
            }
        }
        Ok(Self(found))
    }

    /// Gives them to an open file or folder. Gives how many could not be, because this process or the file system may not.
    pub(crate) fn set_on(&self, file: impl AsFd) -> rustix::io::Result<u64> {
        let mut refused = 0;
        for (name, value) in self.iter() {
            match fsetxattr(&file, name, value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::PERM | Errno::NOTSUP) => refused += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// As records of a PAX header. In a key `=` and `%` are written as GNU tar does.
    pub(crate) fn to_pax(&self) -> Vec<(String, Vec<u8>)> {
        let records = self.iter().filter_map(|(name, value)| {
            let name = name.to_str()?.replace('%', "%25").replace('=', "%3D");
            let prefix = std::str::from_utf8(PAX_PREFIX).ok()?;
            Some((format!("{prefix}{name}"), value.to_vec()))
        });
        records.collect()
    }

    /// Adds the record of a PAX header if it is one of an attribute.
    pub(crate) fn read_pax(&mut self, key: &[u8], value: &[u8]) {
        if let Some(name) = key.strip_prefix(PAX_PREFIX) {
            let text = String::from_utf8_lossy(name);
            let name = text.replace("%3D", "=").replace("%25", "%");
            self.0.insert(OsString::from(name), value.to_vec());
        }
    }

    /// In words, for a message: the names alone, for values may be long and secret.
    pub(crate) fn words(&self) -> String {
        let names: Vec<String> = self.0.keys().map(|name| escape(name)).collect();
        match names.is_empty() {
            true => "no extended attributes".to_owned(),
            false => format!("extended attributes {}", names.join(", ")),
        }
    }
}

/// Whether an attribute belongs to the data. One whose name is no text cannot be written into a PAX header.
fn is_kept(name: &OsStr) -> bool {
    let exact: [&[u8]; 3] = [
        b"system.posix_acl_access",
        b"system.posix_acl_default",
        b"security.capability",
    ];
    let bytes = name.as_bytes();
    name.to_str().is_some() && (bytes.starts_with(b"user.") || exact.contains(&bytes))
}

fn names(file: &impl AsFd) -> rustix::io::Result<Vec<OsString>> {
    for _ in 0..LISTED_MAX {
        let mut list = match flistxattr_query(file) {
            Ok(0) | Err(Errno::NOTSUP) => return Ok(Vec::new()),
            Ok(length) => vec![0; length],
            Err(error) => return Err(error),
        };
        match flistxattr(file, &mut list[..]) {
            Ok(length) => {
                let names = list[..length].split(|byte| *byte == 0);
                let names = names.filter(|name| !name.is_empty());
                return Ok(names
                    .map(|name| OsString::from_vec(name.to_vec()))
                    .collect());
            }
            Err(Errno::RANGE) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::RANGE)
}

/// The value; nothing if the attribute was removed meanwhile.
fn value(file: &impl AsFd, name: &OsStr) -> rustix::io::Result<Option<Vec<u8>>> {
    for _ in 0..LISTED_MAX {
        let mut value = match fgetxattr_query(file, name) {
            Ok(0) => return Ok(Some(Vec::new())),
            Ok(length) => vec![0; length],
            Err(Errno::NODATA) => return Ok(None),
            Err(error) => return Err(error),
        };
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                return Ok(Some(value));
            }
            Err(Errno::RANGE) => {}
            Err(Errno::NODATA) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::RANGE)
}

impl TryFrom<BTreeMap<String, String>> for ExtendedAttributes {
    type Error = String;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, String> {
        let read = |text: &String| {
            unescape(text).ok_or_else(|| format!("{text:?} is not escaped as documented"))
        };
        let mut all = BTreeMap::new();
        for (name, value) in &texts {
            let name = read(name)?;
            if !is_kept(&name) {
                return Err(format!("{name:?} is no extended attribute that is kept"));
            }
            all.insert(name, read(value)?.into_vec());
        }
        Ok(Self(all))
    }
}

impl From<ExtendedAttributes> for BTreeMap<String, String> {
    fn from(attributes: ExtendedAttributes) -> Self {
        let texts = attributes.iter();
        texts
            .map(|(name, value)| (escape(name), escape(OsStr::from_bytes(value))))
            .collect()
    }
}
