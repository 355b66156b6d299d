//! What concerns browsers: other origins, protective headers, uploads.

/// Which pages of other origins may use a route (the Fetch standard's CORS protocol).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsConfig {
    /// Origins such as `https://app.example.org`; `*` alone admits all, then without credentials.
    pub origins: Vec<String>,
    /// Methods that they may use, in capitals.
    pub methods: Vec<String>,
    /// Request headers that they may set, in lower case.
    pub headers: Vec<String>,
    /// Answer headers that they may read, in lower case.
    pub expose: Vec<String>,
    /// Whether cookies and authorisation go along.
    pub credentials: bool,
    /// For how long a browser may remember the answer to a preflight, in seconds.
    pub max_age_s: u64,
}

/// Headers of answers for the protection of browsers. A header that the release sets itself stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityHeaders {
    /// None.
    Off,
    /// `X-Content-Type-Options: nosniff`, `X-Frame-Options: SAMEORIGIN`,
    /// `Referrer-Policy: strict-origin-when-cross-origin`, and with TLS
    /// `Strict-Transport-Security: max-age=31536000`.
    Basic,
    /// As basic with `X-Frame-Options: DENY`, `Referrer-Policy: no-referrer`,
    /// `Permissions-Policy` without camera, microphone and place, `Content-Security-Policy:
    /// default-src 'self'; frame-ancestors 'none'`, `Cross-Origin-Opener-Policy: same-origin`, and with TLS
    /// `Strict-Transport-Security: max-age=63072000; includeSubDomains`.
    Strict,
}

/// What may be uploaded. Types are told by the bytes, not by the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadConfig {
    /// Media types such as `image/png`; `text/plain` is what has no binary bytes in it.
    pub types: Vec<String>,
    /// The largest file, in bytes.
    pub bytes_max: u64,
}
