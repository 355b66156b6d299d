//! What a token says.

use serde::Deserialize;

use super::{Token, TokenDenied};

/// The claims that are looked at (RFC 7519, 4.1; RFC 8693, 4.2 for `scope`).
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    /// Seconds since the Unix epoch, which may have a fraction. A token without it is refused: it would
    /// be valid for ever.
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    /// Words with spaces between them.
    #[serde(default)]
    scope: Option<Scopes>,
    /// The same as some issuers call it, as a list.
    #[serde(default)]
    scp: Option<Scopes>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scopes {
    Words(String),
    List(Vec<String>),
}

impl Claims {
    /// Whether the token's time has come and is not over, give or take `skew_s`.
    pub(super) fn check_time(&self, wall_ms: u64, skew_s: u64) -> Result<(), TokenDenied> {
        let (now_s, skew_s) = (wall_ms as f64 / 1000.0, skew_s as f64);
        if now_s >= self.exp + skew_s {
            return Err(TokenDenied::Expired);
        }
        if self.nbf.is_some_and(|nbf| now_s + skew_s < nbf) {
            return Err(TokenDenied::NotYet);
        }
        Ok(())
    }

    pub(super) fn into_token(self) -> Token {
        let mut scopes = Vec::new();
        for claim in [self.scope, self.scp].into_iter().flatten() {
            match claim {
                Scopes::Words(words) => scopes.extend(words.split(' ').map(str::to_owned)),
                Scopes::List(list) => scopes.extend(list),
            }
        }
        scopes.retain(|scope| !scope.is_empty());
        Token {
            issuer: self.iss.unwrap_or_default(),
            subject: self.sub.filter(|subject| !subject.is_empty()),
            scopes,
        }
    }
}
