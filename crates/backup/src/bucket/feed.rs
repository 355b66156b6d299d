//! Reading the objects of a store: several requests at a time, handed on in order, a bounded amount in memory.
//!
//! An object is read under the ETag that the list has of it. One that is another one by then is left to the next round:
//! the bucket is listed again, and what is new or was passed over is read. An object that changes between its pieces
//! spoils the attempt, since its beginning may be in the archive already; one of a single piece never does.
//!
//! S3 says of most objects what their MD5 is (their ETag). What was read and has another one is read again: if both
//! times the same came, the ETag is none; if not, the way there damages what passes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use md5::{Digest, Md5};
use tokio::sync::mpsc::Sender;

use super::address::Keys;
use super::s3::{Failure, Got, Listed, S3};
use super::{BucketProblem, ObjectAttributes};
use crate::bounds::{BUCKET_PIECE_BYTES, BUCKET_REQUESTS_AT_ONCE, BUCKET_ROUNDS_MAX};

/// What is handed on.
pub(super) enum Part {
    /// The objects that come next, some of which may be passed over.
    Round(Vec<Listed>),
    /// An object of the round, by its place in it.
    Begin(usize, ObjectAttributes, Option<String>),
    /// The next bytes of it.
    Bytes(Bytes),
    /// Its end.
    End,
    /// Everything was read. Whether it is all of one moment, as far as lists tell.
    Done { is_steady: bool },
}

/// Why reading ended early.
pub(super) enum Unread {
    /// This object changed while it was read.
    Changed(PathBuf),
    /// It failed.
    Failed(BucketProblem),
    /// Whoever takes the parts does not any more.
    NobodyTakes,
}

impl From<BucketProblem> for Unread {
    fn from(problem: BucketProblem) -> Self {
        Self::Failed(problem)
    }
}

/// Which objects are read.
pub(super) type Choice<'c> = &'c (dyn Fn(&Listed) -> bool + Sync);

/// What reads.
pub(super) struct Feed<'f> {
    pub(super) s3: &'f S3,
    pub(super) keys: &'f Keys,
    pub(super) choice: Choice<'f>,
    pub(super) to: Sender<Part>,
}

/// What became of a piece.
enum Piece {
    Read(Got),
    /// The object is gone, or another one.
    Another,
}

impl Feed<'_> {
    /// Reads everything that is chosen.
    pub(super) async fn run(&self) -> Result<(), Unread> {
        let mut known: BTreeMap<String, Listed> = BTreeMap::new();
        let mut passed_over: Vec<String> = Vec::new();
        let mut listed = self.list().await?;
        for _ in 0..BUCKET_ROUNDS_MAX {
            let next = listed
                .iter()
                .filter(|object| !known.contains_key(&object.key));
            let next: Vec<Listed> = next.cloned().collect();
            if next.is_empty() {
                break;
            }
            let read = self.round(&next).await?;
            passed_over.clear();
            for (object, is_read) in next.into_iter().zip(read) {
                match is_read {
                    true => drop(known.insert(object.key.clone(), object)),
                    false => passed_over.push(object.key),
                }
            }
            listed = self.list().await?;
        }
        let is_left = |key: &&String| listed.iter().any(|object| object.key == **key);
        if let Some(key) = passed_over.iter().find(is_left) {
            return Err(Unread::Changed(key.into()));
        }
        let is_steady = listed.len() == known.len()
            && listed
                .iter()
                .all(|object| known.get(&object.key) == Some(object));
        self.hand(Part::Done { is_steady }).await
    }

    async fn list(&self) -> Result<Vec<Listed>, Unread> {
        let mut listed = list(self.s3, self.keys).await?;
        listed.retain(|object| (self.choice)(object));
        Ok(listed)
    }

    /// Reads these objects and says which of them were read.
    async fn round(&self, objects: &[Listed]) -> Result<Vec<bool>, Unread> {
        self.hand(Part::Round(objects.to_vec())).await?;
        let mut read = vec![false; objects.len()];
        let mut md5 = Md5::new();
        let mut pieces = std::pin::pin!(self.pieces(objects));
        while let Some((index, from, piece)) = pieces.next().await {
            let object = &objects[index];
            let to = object.size.min(from + BUCKET_PIECE_BYTES);
            let got = match piece.map_err(|failure| self.failed("read", &object.key, failure))? {
                // Its beginning was passed over, or is now.
                _ if from > 0 && !read[index] => continue,
                Piece::Another if from == 0 => continue,
                Piece::Another => return Err(Unread::Changed(object.key.clone().into())),
                Piece::Read(got) => got,
            };
            let mut bytes = got.bytes;
            if from == 0 {
                md5 = Md5::new();
            }
            md5.update(&bytes);
            if to == object.size && differs(&object.etag, md5.clone()) {
                if from == 0 {
                    bytes = match self.again(object, bytes).await? {
                        Some(bytes) => bytes,
                        None => continue,
                    };
                } else if self.md5(object).await? != md5_text(md5.clone()) {
                    return Err(Unread::Changed(object.key.clone().into()));
                }
            }
            if from == 0 {
                read[index] = true;
                let begin = Part::Begin(index, got.attributes, got.version);
                self.hand(begin).await?;
            }
            self.hand(Part::Bytes(bytes)).await?;
            if to == object.size {
                self.hand(Part::End).await?;
            }
        }
        Ok(read)
    }

    /// The pieces of these objects, in order.
    fn pieces<'o>(
        &'o self,
        objects: &'o [Listed],
    ) -> impl Stream<Item = (usize, u64, Result<Piece, Failure>)> + 'o {
        let all = objects.iter().enumerate().flat_map(|(index, object)| {
            let count = object.size.div_ceil(BUCKET_PIECE_BYTES).max(1);
            (0..count).map(move |number| (index, object, number * BUCKET_PIECE_BYTES))
        });
        stream::iter(all)
            .map(move |(index, object, from)| async move {
                let to = object.size.min(from + BUCKET_PIECE_BYTES);
                (index, from, self.piece(object, (from, to)).await)
            })
            .buffered(BUCKET_REQUESTS_AT_ONCE)
    }

    async fn piece(&self, object: &Listed, range: (u64, u64)) -> Result<Piece, Failure> {
        let Listed {
            key, etag, size, ..
        } = object;
        match self.s3.get(key, etag, range, *size).await {
            Ok(got) => Ok(Piece::Read(got)),
            Err(failure) if failure.is_of_object() => Ok(Piece::Another),
            Err(failure) => Err(failure),
        }
    }

    /// Reads an object of one piece again, whose MD5 is another one than the ETag says, until the same came twice.
    async fn again(&self, object: &Listed, first: Bytes) -> Result<Option<Bytes>, Unread> {
        let mut before = first;
        for _ in 0..BUCKET_ROUNDS_MAX {
            let bytes = match self.piece(object, (0, object.size)).await {
                Ok(Piece::Read(got)) => got.bytes,
                Ok(Piece::Another) => return Ok(None),
                Err(failure) => return Err(self.failed("read", &object.key, failure)),
            };
            let mut md5 = Md5::new();
            md5.update(&bytes);
            if bytes == before || !differs(&object.etag, md5) {
                return Ok(Some(bytes));
            }
            before = bytes;
        }
        Err(Unread::Failed(BucketProblem::Failed {
            doing: format!("read {}", object.key),
            why: "each time other bytes come; look at the network and the disks of the server"
                .to_owned(),
        }))
    }

    /// The MD5 of a large object, read once more.
    async fn md5(&self, object: &Listed) -> Result<String, Unread> {
        let mut md5 = Md5::new();
        let objects = std::slice::from_ref(object);
        let mut pieces = std::pin::pin!(self.pieces(objects));
        while let Some((_, _, piece)) = pieces.next().await {
            match piece {
                Ok(Piece::Read(got)) => md5.update(&got.bytes),
                Ok(Piece::Another) => return Err(Unread::Changed(object.key.clone().into())),
                Err(failure) => return Err(self.failed("read", &object.key, failure)),
            }
        }
        Ok(md5_text(md5))
    }

    async fn hand(&self, part: Part) -> Result<(), Unread> {
        let handed = self.to.send(part).await;
        handed.map_err(|_| Unread::NobodyTakes)
    }

    fn failed(&self, doing: &str, key: &str, failure: Failure) -> Unread {
        let doing = format!("{doing} {key}");
        Unread::Failed(failure.problem(doing, self.s3.bucket()))
    }
}

/// The objects of a store, in order of their keys.
pub(super) async fn list(s3: &S3, keys: &Keys) -> Result<Vec<Listed>, BucketProblem> {
    let listed = s3.list(&keys.store, false).await;
    let mut listed = listed.map_err(|failure| {
        let doing = format!("list s3://{}/{}", s3.bucket(), keys.store);
        failure.problem(doing, s3.bucket())
    })?;
    listed.retain(|object| keys.own(&object.key).is_some());
    listed.sort_by(|one, other| one.key.cmp(&other.key));
    listed.dedup_by(|one, other| one.key == other.key);
    Ok(listed)
}

/// Whether an ETag looks like an MD5 and is another one.
fn differs(etag: &str, md5: Md5) -> bool {
    let etag = etag.trim_matches('"');
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_md5 && !etag.eq_ignore_ascii_case(&md5_text(md5))
}

fn md5_text(md5: Md5) -> String {
    hex::encode(md5.finalize())
}
