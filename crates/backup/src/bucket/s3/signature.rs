//! Signing requests to S3: AWS Signature Version 4, <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
//!
//! object_store signs too, but takes the path through a library that resolves `..` in it, and keys may have that.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What is signed.
pub(super) struct Signed<'r> {
    pub(super) method: &'r str,
    /// Encoded, as it is sent.
    pub(super) path: &'r str,
    /// Encoded and in order, as it is sent.
    pub(super) query: &'r str,
    /// In lower case and in order, `host` among them.
    pub(super) headers: &'r [(String, Vec<u8>)],
    /// The SHA-256 of the body.
    pub(super) body_sha256: &'r str,
}

/// With what it is signed.
pub(super) struct Key<'k> {
    pub(super) id: &'k str,
    pub(super) secret: &'k str,
    pub(super) region: &'k str,
    pub(super) at: Timestamp,
}

/// How S3 writes times in headers.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The time as it stands in `x-amz-date`.
pub(super) fn time_text(at: Timestamp) -> String {
    at.strftime(TIME_FORMAT).to_string()
}

/// The value of `authorization`.
pub(super) fn authorization(signed: &Signed<'_>, key: &Key<'_>) -> String {
    let names: Vec<&str> = signed
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let names = names.join(";");
    let mut canonical = Vec::new();
    for text in [signed.method, signed.path, signed.query] {
        canonical.extend_from_slice(text.as_bytes());
        canonical.push(b'\n');
    }
    for (name, value) in signed.headers {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(&trimmed(value));
        canonical.push(b'\n');
    }
    canonical.extend_from_slice(format!("\n{names}\n{}", signed.body_sha256).as_bytes());
    let day = key.at.strftime("%Y%m%d").to_string();
    let scope = format!("{day}/{}/s3/aws4_request", key.region);
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        time_text(key.at),
        hex::encode(Sha256::digest(&canonical))
    );
    let mut with = format!("AWS4{}", key.secret).into_bytes();
    for part in [&day, key.region, "s3", "aws4_request"] {
        with = mac(&with, part.as_bytes());
    }
    let signature = hex::encode(mac(&with, text.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
        key.id
    )
}

/// A key or a value with everything encoded that is not plain; `/` stays in paths.
pub(super) fn encoded(text: &str, is_path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        match plain || (is_path && byte == b'/') {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Without spaces around it, and with one for several.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| *byte == b' ');
    let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation, "GET Object".
    #[test]
    fn a_request_is_signed_as_amazon_says() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let headers = [
            header("host", "examplebucket.s3.amazonaws.com"),
            header("range", "bytes=0-9"),
            header("x-amz-content-sha256", empty),
            header("x-amz-date", "20130524T000000Z"),
        ];
        let signed = Signed {
            method: "GET",
            path: "/test.txt",
            query: "",
            headers: &headers,
            body_sha256: empty,
        };
        let key = Key {
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            at: "2013-05-24T00:00:00Z".parse().unwrap(),
        };
        let text = authorization(&signed, &key);
        let expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn keys_are_encoded_byte_by_byte() {
        assert_eq!(encoded("a b/ü+%", true), "a%20b/%C3%BC%2B%25");
        assert_eq!(encoded("a/b", false), "a%2Fb");
        assert_eq!(trimmed(b"  a   b "), b"a b");
    }
}
