//! Who may use a route.

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

/// Who may use a route. Everything that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// Its name, different from all others.
    pub name: Arc<str>,
    /// Addresses that are let in; empty lets in all that `deny` does not name.
    pub allow: Vec<IpNet>,
    /// Addresses that are not let in, also when `allow` names them.
    pub deny: Vec<IpNet>,
    /// API keys; `None` asks for none. With `jwt`, one of the two is enough.
    pub keys: Option<ApiKeysConfig>,
    /// Tokens; `None` asks for none.
    pub jwt: Option<JwtConfig>,
    /// Scopes of which the key or token must have all.
    pub scopes: Vec<String>,
}

/// API keys, kept as hashes in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeysConfig {
    /// The file, absolute; `portcullis gateway key` writes it. It is read again when it changes.
    pub file: PathBuf,
    /// The header with the key (in lower case); `authorization` means `Authorization: Bearer KEY`.
    pub header: String,
    /// Whether the key is taken out of the request before it is sent on.
    pub hide: bool,
}

/// JSON Web Tokens (RFC 7519) in `Authorization: Bearer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// The keys that sign them.
    pub keys: JwksSource,
    /// Signatures that are taken.
    pub algorithms: Vec<JwtAlgorithm>,
    /// Who must have issued it, claim `iss`; `None` takes any.
    pub issuer: Option<String>,
    /// For whom it must be, claim `aud`; at least one.
    pub audiences: Vec<String>,
    /// How far clocks may differ, in seconds.
    pub skew_s: u64,
}

/// Where a JSON Web Key Set (RFC 7517) is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// A file, absolute; read again when it changes.
    File(PathBuf),
    /// A URL; asked again when a key is not known and now and then.
    Url(String),
}

/// A signature. Symmetric ones and `none` are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}
