//! Requests to S3, and to whatever speaks its language.
//!
//! object_store keeps copies of backups, whose names are ours. The keys of a store are not: object_store refuses those
//! with an empty part, `.` or `..`, and takes `a/` for `a`; and it knows nothing of versions. So these requests are our
//! own, through the connection, with the addresses and the credentials that object_store finds.

mod answer;
mod retention;
mod signature;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Request};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use object_store::client::HttpRequestBody;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use crate::bounds::{COPY_BACKOFF_MS, COPY_BACKOFF_MS_MAX, COPY_RETRIES};
use crate::bucket::ObjectAttributes;
use crate::clock::{Stopwatch, signed_at};
use crate::cloud::{Answer, S3Access};

pub(crate) use answer::Failure;
pub(crate) use retention::{Retention, RetentionMode};

use answer::{Begun, Page, Versioning, VersionsPage, header, is_done, parsed, time as time_of};
use signature::{Key, Signed, authorization, encoded, time_text};

/// A bucket, open.
pub(crate) struct S3 {
    access: S3Access,
    /// As it stands in the header.
    host: String,
    /// What paths begin with on this server.
    path: String,
    scheme: String,
}

/// An object as a list has it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The whole key.
    pub(super) key: String,
    pub(super) size: u64,
    /// With its quotes.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Whether it was written so shortly before, by the server's clock, that another write may have the same time.
    pub(super) recent: bool,
}

/// How long after a write another one may have the same time: servers count in seconds.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(2);

/// The same object with the same content, as far as a list tells; when it was listed is no part of it.
impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        let of = |listed: &Self| (listed.size, listed.modified);
        self.key == other.key && self.etag == other.etag && of(self) == of(other)
    }
}

/// A version of an object, or the note that it was removed.
#[derive(Clone, Debug)]
pub(super) struct ListedVersion {
    pub(super) key: String,
    pub(super) version: String,
}

/// What was read of an object.
pub(super) struct Got {
    pub(super) bytes: Bytes,
    pub(super) attributes: ObjectAttributes,
    pub(super) version: Option<String>,
}

/// A request.
struct Ask<'a> {
    method: Method,
    key: &'a str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl<'a> Ask<'a> {
    fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn attributes(mut self, attributes: &ObjectAttributes) -> Self {
        self.headers.extend(attributes.to_headers());
        self
    }
}

impl S3 {
    pub(crate) fn open(access: S3Access) -> Result<Self, String> {
        let endpoint = &access.endpoint;
        let uri: http::Uri = endpoint
            .parse()
            .map_err(|_| format!("the endpoint {endpoint:?} is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("the endpoint {endpoint:?} is no URL"));
        };
        let usual = matches!(
            (scheme, authority.port_u16()),
            ("http", Some(80)) | ("https", Some(443))
        );
        let host = match usual {
            true => authority.host().to_owned(),
            false => authority.to_string(),
        };
        let path = format!("{}/{}", uri.path().trim_end_matches('/'), access.bucket);
        Ok(Self {
            host,
            path,
            scheme: scheme.to_owned(),
            access,
        })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.access.bucket
    }

    /// Every object whose key begins with `prefix`, in order of the server; of those beyond a `/` after it nothing,
    /// with `flat`.
    pub(super) async fn list(&self, prefix: &str, flat: bool) -> Result<Vec<Listed>, Failure> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut ask = Ask::new(Method::GET, "")
                .query("encoding-type", "url")
                .query("list-type", "2")
                .query("prefix", prefix);
            if flat {
                ask = ask.query("delimiter", "/");
            }
            if let Some(token) = &token {
                ask = ask.query("continuation-token", token);
            }
            let read = |answer: &Answer| {
                let mut page: Page = parsed(answer)?;
                page.decode()?;
                let date = header(&answer.head.headers, "date");
                let now = date.and_then(|date| rfc2822::parse(&date).ok());
                let now = now.map(|now| now.timestamp());
                let objects = page.contents.drain(..).map(|object| {
                    let modified = time_of(&object.last_modified)?;
                    Ok(Listed {
                        modified,
                        recent: now.is_none_or(|now| now.duration_since(modified) < SAME_TIME),
                        key: object.key,
                        size: object.size,
                        etag: object.etag,
                    })
                });
                let objects = objects.collect::<Result<Vec<_>, String>>()?;
                Ok((objects, page.next_continuation_token, page.is_truncated))
            };
            let (objects, next, more) = self.ask(&ask, read).await?;
            all.extend(objects);
            match next {
                Some(next) if more && Some(&next) != token.as_ref() => token = Some(next),
                None | Some(_) if !more => return Ok(all),
                _ => {
                    let why = "a list says that it goes on, and not where".to_owned();
                    return Err(Failure::without_answer(why));
                }
            }
        }
    }

    /// Every version of the objects whose keys begin with `prefix`.
    pub(super) async fn list_versions(&self, prefix: &str) -> Result<Vec<ListedVersion>, Failure> {
        let mut all = Vec::new();
        let mut marker: Option<(String, String)> = None;
        loop {
            let mut ask = Ask::new(Method::GET, "")
                .query("encoding-type", "url")
                .query("prefix", prefix)
                .query("versions", "");
            if let Some((key, version)) = &marker {
                ask = ask
                    .query("key-marker", key)
                    .query("version-id-marker", version);
            }
            let read = |answer: &Answer| {
                let mut page: VersionsPage = parsed(answer)?;
                page.decode()?;
                Ok(page)
            };
            let page = self.ask(&ask, read).await?;
            let versions = page.version.into_iter().chain(page.delete_marker);
            all.extend(versions.map(|version| ListedVersion {
                key: version.key,
                version: version.version_id,
            }));
            if !page.is_truncated {
                return Ok(all);
            }
            let next = page.next_key_marker.map(|key| {
                let version = page.next_version_id_marker.unwrap_or_default();
                (key, version)
            });
            if next.is_none() || next == marker {
                let why = "a list says that it goes on, and not where".to_owned();
                return Err(Failure::without_answer(why));
            }
            marker = next;
        }
    }

    /// Whether the bucket keeps older versions of everything from now on, and whether it ever did.
    pub(super) async fn versioning(&self) -> Result<(bool, bool), Failure> {
        let ask = Ask::new(Method::GET, "").query("versioning", "");
        let state: Versioning = self.ask(&ask, parsed).await?;
        let status = state.status.as_deref();
        Ok((status == Some("Enabled"), status.is_some()))
    }

    /// Reads an object of `size` bytes, or the piece from the one byte to the other; only if it is still the one with
    /// this ETag.
    pub(super) async fn get(
        &self,
        key: &str,
        etag: &str,
        (from, to): (u64, u64),
        size: u64,
    ) -> Result<Got, Failure> {
        let mut ask = Ask::new(Method::GET, key);
        if !etag.is_empty() {
            ask = ask.header("if-match", etag);
        }
        if (from, to) != (0, size) {
            ask = ask.header("range", format!("bytes={from}-{}", to.saturating_sub(1)));
        }
        let wanted = to - from;
        let read = |answer: &Answer| match answer.body.len() as u64 == wanted {
            true => Ok(Got {
                bytes: answer.body.clone(),
                attributes: ObjectAttributes::of(&answer.head.headers),
                version: version_of(answer),
            }),
            false => Err(format!(
                "{} bytes came instead of {wanted}",
                answer.body.len()
            )),
        };
        self.ask(&ask, read).await
    }

    /// A small object of any size, if there is one.
    pub(super) async fn text(&self, key: &str) -> Result<Option<Bytes>, Failure> {
        let ask = Ask::new(Method::GET, key);
        match self.ask(&ask, |answer| Ok(answer.body.clone())).await {
            Err(failure) if failure.is_of_object() => Ok(None),
            other => other.map(Some),
        }
    }

    /// How large an object is, and which version it has.
    pub(super) async fn head(&self, key: &str) -> Result<Option<(u64, Option<String>)>, Failure> {
        let ask = Ask::new(Method::HEAD, key);
        let read = |answer: &Answer| {
            let length = header(&answer.head.headers, "content-length");
            let length = length.and_then(|length| length.parse().ok());
            let length = length.ok_or("the answer has no length")?;
            Ok((length, version_of(answer)))
        };
        match self.ask(&ask, read).await {
            Err(failure) if failure.is_of_object() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Writes an object in one request.
    pub(super) async fn put(
        &self,
        key: &str,
        attributes: &ObjectAttributes,
        bytes: Bytes,
    ) -> Result<(), Failure> {
        let mut ask = Ask::new(Method::PUT, key).attributes(attributes);
        ask.body = bytes;
        self.ask(&ask, |_| Ok(())).await
    }

    /// Copies an object within the bucket, if it is still the one with this ETag.
    pub(super) async fn copy(&self, from: &str, etag: &str, to: &str) -> Result<(), Failure> {
        let source = format!("/{}/{}", self.access.bucket, encoded(from, true));
        let mut ask = Ask::new(Method::PUT, to).header("x-amz-copy-source", source);
        if !etag.is_empty() {
            ask = ask.header("x-amz-copy-source-if-match", etag);
        }
        self.ask(&ask, is_done).await
    }

    /// Removes an object, or one of its versions for good. One that is not there is no failure.
    pub(super) async fn delete(&self, key: &str, version: Option<&str>) -> Result<(), Failure> {
        let mut ask = Ask::new(Method::DELETE, key);
        if let Some(version) = version {
            ask = ask.query("versionId", version);
        }
        match self.ask(&ask, |_| Ok(())).await {
            Err(failure) if failure.is_of_object() => Ok(()),
            other => other,
        }
    }

    /// Begins to write an object in parts.
    pub(super) async fn begin(
        &self,
        key: &str,
        attributes: &ObjectAttributes,
    ) -> Result<String, Failure> {
        let ask = Ask::new(Method::POST, key)
            .query("uploads", "")
            .attributes(attributes);
        let begun: Begun = self.ask(&ask, parsed).await?;
        Ok(begun.upload_id)
    }

    /// Writes a part, counted from 1, and gives its ETag.
    pub(super) async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        bytes: Bytes,
    ) -> Result<String, Failure> {
        let mut ask = Ask::new(Method::PUT, key)
            .query("partNumber", number.to_string())
            .query("uploadId", upload);
        ask.body = bytes;
        let read = |answer: &Answer| {
            let etag = header(&answer.head.headers, "etag");
            etag.ok_or_else(|| "the answer has no ETag".to_owned())
        };
        self.ask(&ask, read).await
    }

    /// Puts the parts together.
    pub(super) async fn complete(
        &self,
        key: &str,
        upload: &str,
        etags: &[String],
    ) -> Result<(), Failure> {
        let mut body = String::from("<CompleteMultipartUpload>");
        for (index, etag) in etags.iter().enumerate() {
            let etag = etag.replace('&', "&amp;").replace('<', "&lt;");
            let number = index + 1;
            body.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            ));
        }
        body.push_str("</CompleteMultipartUpload>");
        let mut ask = Ask::new(Method::POST, key).query("uploadId", upload);
        ask.body = body.into();
        self.ask(&ask, is_done).await
    }

    /// Gives an upload in parts up.
    pub(super) async fn give_up(&self, key: &str, upload: &str) -> Result<(), Failure> {
        let ask = Ask::new(Method::DELETE, key).query("uploadId", upload);
        self.ask(&ask, |_| Ok(())).await
    }

    /// Sends a request, again if that may help, until its answer can be read.
    async fn ask<T>(
        &self,
        ask: &Ask<'_>,
        read: impl Fn(&Answer) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let watch = Stopwatch::start();
        let mut pause = COPY_BACKOFF_MS;
        for attempt in 0.. {
            let failure = match self.once(ask).await {
                Ok(answer) => match read(&answer) {
                    Ok(value) => return Ok(value),
                    Err(why) => Failure::without_answer(why),
                },
                Err(failure) => failure,
            };
            let over = attempt >= COPY_RETRIES || watch.elapsed() >= self.access.patience;
            if over || !failure.is_passing() {
                return Err(failure);
            }
            sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(COPY_BACKOFF_MS_MAX);
        }
        Err(Failure::without_answer("it was not asked".to_owned()))
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let request = self.request(ask).await?;
        let answer = self.access.transport.whole(request).await;
        let answer = answer.map_err(Failure::of_transport)?;
        match answer.head.status.is_success() {
            true => Ok(answer),
            false => Err(Failure::of(&answer, &self.host)),
        }
    }

    /// The request, signed.
    async fn request(&self, ask: &Ask<'_>) -> Result<Request<HttpRequestBody>, Failure> {
        let credential = self.access.credentials.get_credential().await?;
        let at = signed_at();
        let body_sha256 = hex::encode(Sha256::digest(&ask.body));
        let path = match ask.key.is_empty() {
            true => self.path.clone(),
            false => format!("{}/{}", self.path, encoded(ask.key, true)),
        };
        let pairs = ask.query.iter();
        let mut query: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={}", encoded(value, false)))
            .collect();
        query.sort();
        let query = query.join("&");
        let mut headers: BTreeMap<String, Vec<u8>> = ask.headers.iter().cloned().collect();
        headers.insert(HOST.as_str().to_owned(), self.host.clone().into());
        headers.insert(
            "x-amz-content-sha256".to_owned(),
            body_sha256.clone().into(),
        );
        headers.insert("x-amz-date".to_owned(), time_text(at).into());
        if let Some(token) = &credential.token {
            headers.insert("x-amz-security-token".to_owned(), token.clone().into());
        }
        let headers: Vec<_> = headers.into_iter().collect();
        let signed = Signed {
            method: ask.method.as_str(),
            path: &path,
            query: &query,
            headers: &headers,
            body_sha256: &body_sha256,
        };
        let key = Key {
            id: &credential.key_id,
            secret: &credential.secret_key,
            region: &self.access.region,
            at,
        };
        let signature = authorization(&signed, &key);
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!("{}://{}{path}{mark}{query}", self.scheme, self.host);
        let impossible = |what: &str| Failure::without_answer(format!("{what} cannot be sent"));
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(uri)
            .header("authorization", signature);
        for (name, value) in headers {
            let header = HeaderName::try_from(&name).map_err(|_| impossible(&name))?;
            let value = HeaderValue::from_bytes(&value).map_err(|_| impossible(&name))?;
            request = request.header(header, value);
        }
        let request = request.body(HttpRequestBody::from(ask.body.clone()));
        request.map_err(|_| impossible("the key"))
    }
}

fn version_of(answer: &Answer) -> Option<String> {
    let version = header(&answer.head.headers, "x-amz-version-id")?;
    // That of an object from before there were versions.
    (version != "null").then_some(version)
}
