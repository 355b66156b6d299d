//! Media types that can be told by the bytes of a file.

use crate::Code;
use crate::report::{At, Report, Wrong};
use crate::similar::nearest;

/// What the gateway tells of texts besides what `infer` knows, and what it calls bytes that it does not know.
const OWN: [&str; 5] = [
    "text/plain",
    "text/html",
    "text/xml",
    "image/svg+xml",
    "application/octet-stream",
];

/// Other names of types, and what the gateway calls them.
const OTHER_NAMES: [(&str, &str); 20] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/svg", "image/svg+xml"),
    ("image/heic", "image/heif"),
    ("image/x-icon", "image/vnd.microsoft.icon"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/wav", "audio/x-wav"),
    ("audio/flac", "audio/x-flac"),
    ("audio/mp4", "audio/m4a"),
    ("video/avi", "video/x-msvideo"),
    ("video/mkv", "video/x-matroska"),
    ("video/mov", "video/quicktime"),
    ("application/x-zip-compressed", "application/zip"),
    ("application/x-gzip", "application/gzip"),
    ("application/gzip-compressed", "application/gzip"),
    ("application/x-pdf", "application/pdf"),
    ("application/xml", "text/xml"),
    ("application/x-rar-compressed", "application/vnd.rar"),
    ("font/woff", "application/font-woff"),
];

/// Types that people upload, for the hint.
const COMMON: [&str; 16] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/tiff",
    "image/bmp",
    "image/svg+xml",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "audio/mpeg",
    "audio/ogg",
    "video/mp4",
    "video/webm",
    "text/plain",
];

/// Reports a type that no file is ever found to have.
pub(super) fn check(at: &At<String>, report: &Report<'_>) {
    let asked = at.value.as_str();
    if OWN.contains(&asked) || infer::is_mime_supported(asked) {
        return;
    }
    let message =
        format!("`{asked}` cannot be told by the bytes of a file, so none would be let in");
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == asked);
    let near = match other {
        Some((_, meant)) => Some(*meant),
        None if is_text(asked) => None,
        None => nearest(asked, COMMON),
    };
    let hint = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if is_text(asked) => {
            "texts of all kinds are \"text/plain\": write that, or leave such files to the release"
                .to_owned()
        }
        None => format!("known are {} and more", COMMON.join(", ")),
    };
    report.add(&at.spot, Wrong::new(Code::BadValue, message).hint(hint));
}

/// Whether files of a type have no binary bytes.
fn is_text(media_type: &str) -> bool {
    let formats = [
        "json",
        "yaml",
        "toml",
        "javascript",
        "csv",
        "sql",
        "x-ndjson",
    ];
    media_type.starts_with("text/")
        || media_type
            .split(['/', '+'])
            .next_back()
            .is_some_and(|format| formats.contains(&format))
}
