//! Values: where they end, and a digest of what they mean.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::packed::{intset, listpack, ziplist};
use super::{RdbReader, RdbWrong, Record, ValueKind};
use crate::row_set::RowSet;

/// How the values of a type are written.
#[derive(Clone, Copy)]
enum Form {
    /// One element after the other, each a string.
    Strings,
    /// All elements in one string.
    Packed(fn(&[u8]) -> Option<Vec<Vec<u8>>>),
    /// Several of those.
    Nodes,
    /// Several of those, or large elements by themselves.
    NodesOrElements,
    /// Members with their score as a text.
    ScoresAsText,
    /// Members with their score in eight bytes.
    ScoresAsBytes,
    /// Streams, of this version.
    Stream(u8),
}

/// What the types of an RDB are. The others are refused: 6 and 7 are of modules, 9 was written before Redis 2.6, and 22
/// to 25 have fields that expire.
fn known(number: u8) -> Option<(ValueKind, Form)> {
    use ValueKind::{Hash, List, Set, SortedSet, Stream, String};
    Some(match number {
        0 => (String, Form::Strings),
        1 => (List, Form::Strings),
        2 => (Set, Form::Strings),
        3 => (SortedSet, Form::ScoresAsText),
        4 => (Hash, Form::Strings),
        5 => (SortedSet, Form::ScoresAsBytes),
        10 => (List, Form::Packed(ziplist)),
        11 => (Set, Form::Packed(intset)),
        12 => (SortedSet, Form::Packed(ziplist)),
        13 => (Hash, Form::Packed(ziplist)),
        14 => (List, Form::Nodes),
        15 => (Stream, Form::Stream(1)),
        16 => (Hash, Form::Packed(listpack)),
        17 => (SortedSet, Form::Packed(listpack)),
        18 => (List, Form::NodesOrElements),
        19 => (Stream, Form::Stream(2)),
        20 => (Set, Form::Packed(listpack)),
        21 => (Stream, Form::Stream(3)),
        _ => return None,
    })
}

impl<R: Read> RdbReader<R> {
    /// A key with its value. One of another database is passed over.
    pub(super) fn record(
        &mut self,
        number: u8,
        expires_ms: Option<i64>,
        wanted: bool,
    ) -> Result<Option<Record>, RdbWrong> {
        let name = self.string()?;
        if !wanted {
            self.pass_over(number, &name)?;
            return Ok(None);
        }
        let Some((kind, form)) = known(number) else {
            return Err(self.unknown(number, &name));
        };
        self.kept = Some(vec![number]);
        let read = match (kind, form) {
            (_, Form::Stream(version)) => self.stream(version),
            (ValueKind::String, _) => self.string().map(|text| {
                let mut digest = Sha256::new();
                field(&mut digest, &text);
                digest
            }),
            _ => self.elements(kind, form),
        };
        let value = self.kept.take().unwrap_or_default();
        let digest = read.map_err(|wrong| named(wrong, &name))?;
        Ok(Some(Record {
            name,
            expires_ms,
            kind,
            value,
            digest: digest.finalize().into(),
        }))
    }

    fn pass_over(&mut self, number: u8, name: &[u8]) -> Result<(), RdbWrong> {
        match (number, known(number)) {
            (_, Some((_, Form::Stream(version)))) => self.stream(version).map(drop),
            (0, _) => self.string().map(drop),
            (_, Some((kind, form))) => self.elements(kind, form).map(drop),
            (7, None) => {
                self.length()?;
                self.module()
            }
            _ => Err(self.unknown(number, name)),
        }
    }

    fn unknown(&mut self, number: u8, name: &[u8]) -> RdbWrong {
        let name = String::from_utf8_lossy(name).into_owned();
        let what = match number {
            6 | 7 => match self.length() {
                Ok(id) => format!("is of the module {}", module_name(id)),
                Err(wrong) => return wrong,
            },
            22..=25 => "is a hash whose fields expire".to_owned(),
            _ => format!("has the type {number}, which is not known"),
        };
        RdbWrong::Unknown(format!(
            "the key {name:?} {what}; only strings, lists, sets, sorted sets, hashes and streams are backed up"
        ))
    }

    /// All elements of a value that is no string and no stream.
    fn elements(&mut self, kind: ValueKind, form: Form) -> Result<Sha256, RdbWrong> {
        let mut meaning = Meaning::of(kind);
        let scored = |score: Option<f64>, reader: &Self| {
            score.ok_or_else(|| reader.damaged("a score is no number"))
        };
        match form {
            Form::Packed(unpacked) => {
                let packed = self.string()?;
                let all = unpacked(&packed)
                    .ok_or_else(|| self.damaged("a packed value cannot be read"))?;
                for element in &all {
                    self.element(&mut meaning, element)?;
                }
                return meaning.end(self);
            }
            Form::Stream(_) => {
                return Err(self.damaged("a stream is where another value should be"));
            }
            _ => {}
        }
        let count = self.length()?;
        for _ in 0..count {
            match form {
                Form::Strings => {
                    let element = self.string()?;
                    self.element(&mut meaning, &element)?;
                    if kind == ValueKind::Hash {
                        let element = self.string()?;
                        self.element(&mut meaning, &element)?;
                    }
                }
                Form::ScoresAsBytes => {
                    let member = self.string()?;
                    let score = f64::from_le_bytes(self.array()?);
                    meaning.scored(&member, score);
                }
                Form::ScoresAsText => {
                    let member = self.string()?;
                    let score = match self.byte()? {
                        253 => Some(f64::NAN),
                        254 => Some(f64::INFINITY),
                        255 => Some(f64::NEG_INFINITY),
                        length => number(&self.bytes(length.into())?),
                    };
                    meaning.scored(&member, scored(score, self)?);
                }
                Form::NodesOrElements if self.length()? == 1 => {
                    let element = self.string()?;
                    self.element(&mut meaning, &element)?;
                }
                _ => {
                    let packed = self.string()?;
                    let all = match form {
                        Form::NodesOrElements => listpack(&packed),
                        _ => ziplist(&packed),
                    };
                    let all = all.ok_or_else(|| self.damaged("a part of a list cannot be read"))?;
                    for element in &all {
                        self.element(&mut meaning, element)?;
                    }
                }
            }
        }
        meaning.end(self)
    }

    fn element(&self, meaning: &mut Meaning, element: &[u8]) -> Result<(), RdbWrong> {
        meaning
            .element(element)
            .ok_or_else(|| self.damaged("a score is no number"))
    }
}

/// What the elements of a value mean together.
struct Meaning {
    kind: ValueKind,
    ordered: Sha256,
    unordered: RowSet,
    count: u64,
    /// The first of two elements that belong together.
    first: Option<Vec<u8>>,
}

impl Meaning {
    fn of(kind: ValueKind) -> Self {
        Self {
            kind,
            ordered: Sha256::new(),
            unordered: RowSet::default(),
            count: 0,
            first: None,
        }
    }

    fn element(&mut self, element: &[u8]) -> Option<()> {
        match (self.kind, self.first.take()) {
            (ValueKind::Hash | ValueKind::SortedSet, None) => self.first = Some(element.to_vec()),
            (ValueKind::Hash, Some(name)) => self.pair(&name, element),
            (ValueKind::SortedSet, Some(member)) => self.scored(&member, number(element)?),
            (ValueKind::List, _) => {
                field(&mut self.ordered, element);
                self.count += 1;
            }
            _ => self.unordered.add(Sha256::new().chain_update(element)),
        }
        Some(())
    }

    fn pair(&mut self, name: &[u8], value: &[u8]) {
        let mut row = Sha256::new();
        field(&mut row, name);
        field(&mut row, value);
        self.unordered.add(row);
    }

    fn scored(&mut self, member: &[u8], score: f64) {
        // Adding 0 makes 0 of the other zero: they are the same score.
        self.pair(member, &(score + 0.0).to_bits().to_le_bytes());
    }

    fn end<R: Read>(self, reader: &RdbReader<R>) -> Result<Sha256, RdbWrong> {
        if self.first.is_some() {
            return Err(reader.damaged("a value has a field without a value"));
        }
        let mut all = self.ordered;
        all.update(self.count.to_le_bytes());
        all.update(self.unordered.entry(String::new()).digest);
        Ok(all)
    }
}

/// A part of something, so that no two parts can look like two others.
pub(super) fn field(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
}

fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The name of a module, nine letters of six bits each.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |place: u32| {
        let index = (id >> (10 + 6 * (8 - place))) & 0x3f;
        char::from(LETTERS[usize::try_from(index).unwrap_or(0)])
    };
    (0..9).map(letter).collect()
}

fn named(wrong: RdbWrong, name: &[u8]) -> RdbWrong {
    let name = String::from_utf8_lossy(name);
    match wrong {
        RdbWrong::Damaged { at, why } => RdbWrong::Damaged {
            at,
            why: format!("{why} (the key {name:?})"),
        },
        RdbWrong::Unknown(why) => RdbWrong::Unknown(format!("{why} (the key {name:?})")),
        other => other,
    }
}
