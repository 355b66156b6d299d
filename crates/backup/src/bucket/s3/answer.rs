//! What S3 answers: lists and states as XML, and failures.

use http::HeaderMap;
use jiff::Timestamp;
use object_store::client::{HttpError, HttpErrorKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bucket::BucketProblem;
use crate::cloud::{Answer, said_of};

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    #[serde(default)]
    pub(super) contents: Vec<Contents>,
    pub(super) next_continuation_token: Option<String>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    encoding_type: Option<String>,
}

/// An object in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Contents {
    pub(super) key: String,
    pub(super) last_modified: String,
    #[serde(rename = "ETag", default)]
    pub(super) etag: String,
    pub(super) size: u64,
}

/// A page of a list of versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionsPage {
    #[serde(default)]
    pub(super) version: Vec<Version>,
    #[serde(default)]
    pub(super) delete_marker: Vec<Version>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_version_id_marker: Option<String>,
    encoding_type: Option<String>,
}

/// A version of an object, or the note that it was removed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub(super) key: String,
    pub(super) version_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Versioning {
    pub(super) status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub(super) upload_id: String,
}

/// A request that was not fulfilled.
#[derive(Debug)]
pub(crate) struct Failure {
    /// None if there was no answer, or none that could be read.
    pub(in crate::bucket) status: Option<u16>,
    /// The word of S3 for it.
    code: String,
    why: String,
    /// Where the bucket is, if it is elsewhere.
    region: Option<String>,
    /// Whether it need not be tried again though there was no answer.
    is_final: bool,
}

impl Page {
    pub(super) fn decode(&mut self) -> Result<(), String> {
        if self.encoding_type.is_some() {
            for object in &mut self.contents {
                object.key = decoded(&object.key)?;
            }
        }
        Ok(())
    }
}

impl VersionsPage {
    pub(super) fn decode(&mut self) -> Result<(), String> {
        if self.encoding_type.is_some() {
            let all = self.version.iter_mut().chain(&mut self.delete_marker);
            for version in all {
                version.key = decoded(&version.key)?;
            }
            if let Some(marker) = &mut self.next_key_marker {
                *marker = decoded(marker)?;
            }
        }
        Ok(())
    }
}

impl Failure {
    /// An answer that says no.
    pub(super) fn of(answer: &Answer, host: &str) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let status = answer.head.status.as_u16();
        let code = within(&text, "Code").unwrap_or_default();
        let region =
            header(&answer.head.headers, "x-amz-bucket-region").or_else(|| within(&text, "Region"));
        let why = match (code.is_empty(), status) {
            (false, _) => said_of(&text),
            (true, 301 | 302 | 307 | 308) => format!("{host} sends us elsewhere ({status})"),
            (true, _) => format!("{host} answers {}", answer.head.status),
        };
        Self {
            status: Some(status),
            code,
            why,
            region,
            is_final: false,
        }
    }

    /// No answer at all.
    pub(super) fn of_transport(error: HttpError) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        Self {
            // What must not be sent is not sent a moment later either.
            is_final: error.kind() == HttpErrorKind::Unknown,
            ..Self::without_answer(cause.unwrap_or_else(|| error.to_string()))
        }
    }

    /// No answer, or none that can be understood.
    pub(super) fn without_answer(why: String) -> Self {
        Self {
            status: None,
            code: String::new(),
            why,
            region: None,
            is_final: false,
        }
    }

    /// Whether the same request may go well a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self.status {
            None => !self.is_final,
            Some(408 | 429 | 500..) => true,
            Some(_) => matches!(self.code.as_str(), "RequestTimeout" | "SlowDown"),
        }
    }

    /// What went wrong, in words.
    pub(crate) fn into_words(self) -> String {
        self.why
    }

    /// Whether the object is gone, or another one than was asked for. A bucket that is gone is something else.
    pub(in crate::bucket) fn is_of_object(&self) -> bool {
        match self.status {
            Some(412) => true,
            Some(404) => self.code != "NoSuchBucket",
            _ => false,
        }
    }

    pub(in crate::bucket) fn problem(self, doing: String, bucket: &str) -> BucketProblem {
        let bucket = bucket.to_owned();
        let Self {
            status,
            code,
            why,
            region,
            is_final: _,
        } = self;
        let elsewhere =
            matches!(status, Some(301 | 302 | 307 | 308)) || code == "AuthorizationHeaderMalformed";
        match (status, region) {
            (_, Some(region)) if elsewhere => BucketProblem::WrongRegion {
                bucket,
                region,
                why,
            },
            _ if code == "NoSuchBucket" => BucketProblem::NoBucket { bucket, why },
            // What is asked of a bucket as a whole is never about an object.
            (Some(404), _) if code.is_empty() && doing.starts_with("list") => {
                BucketProblem::NoBucket { bucket, why }
            }
            (Some(401 | 403), _) => BucketProblem::Refused { doing, why },
            (Some(400), _) if code.starts_with("Authorization") || code.contains("Token") => {
                BucketProblem::Refused { doing, why }
            }
            _ => BucketProblem::Failed { doing, why },
        }
    }
}

/// A failure of what object_store does for us: finding credentials.
impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        let why = crate::cloud::said(&error);
        Self {
            status: Some(401),
            code: String::new(),
            why: format!("there is nothing to show: {why}"),
            region: None,
            is_final: false,
        }
    }
}

/// Reads XML.
pub(super) fn parsed<T: DeserializeOwned>(answer: &Answer) -> Result<T, String> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| odd("it is not text"))?;
    quick_xml::de::from_str(text).map_err(|error| odd(&error.to_string()))
}

/// S3 may say no with status 200, where something takes long.
pub(super) fn is_done(answer: &Answer) -> Result<(), String> {
    let text = String::from_utf8_lossy(&answer.body);
    match text.contains("<Error>") || !text.contains("ETag") {
        true => Err(said_of(&text)),
        false => Ok(()),
    }
}

/// A time in a list.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| odd(&format!("{text:?} is no time")))
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

fn odd(why: &str) -> String {
    format!("the answer cannot be understood: {why}")
}

fn within(text: &str, tag: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(inner.to_owned())
}

/// A key as it stands in a list that was asked for encoded: not every character may stand in XML.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
                bytes.push(byte.ok_or_else(|| odd("a key is not encoded as asked for"))?);
                rest = &rest[2..];
            }
            plain => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes).map_err(|_| odd("a key is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        let body = body.to_owned().into();
        Answer { head, body }
    }

    #[test]
    fn a_bucket_elsewhere_is_told_with_its_region() {
        for (status, headers, body) in [
            (301, &[("x-amz-bucket-region", "eu-north-1")][..], ""),
            (
                400,
                &[],
                "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
                 <Region>eu-north-1</Region></Error>",
            ),
        ] {
            let failure = Failure::of(&answer(status, headers, body), "s3.example");
            let problem = failure.problem("list it".to_owned(), "box");
            let told = problem.to_string();
            assert!(told.contains("region = \"eu-north-1\""), "{told}");
        }
    }

    #[test]
    fn keys_are_decoded_as_they_were_encoded() {
        assert_eq!(decoded("a+b%2Bc%0A%C3%BC").unwrap(), "a b+c\n\u{fc}");
        for bad in ["%", "%1", "%zz", "%ff"] {
            decoded(bad).unwrap_err();
        }
    }
}
