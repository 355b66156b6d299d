//! Who may use a route: addresses, API keys and tokens together.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode};
use portcullis_config::AccessConfig;

use super::{
    AddressRules, ApiKey, ApiKeyError, ApiKeys, Caller, Denial, KeyDenied, Token, TokenCheck,
    TokenDenied,
};

/// One policy, ready to be asked. Everything that it names must hold; of a key and a token, where both
/// are named, one is enough.
#[derive(Debug)]
pub struct Access {
    addresses: AddressRules,
    keys: Option<ApiKeys>,
    tokens: Option<TokenCheck>,
    scopes: Vec<String>,
}

/// By what a request was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// By its address alone.
    Address,
    /// By an API key.
    Key(ApiKey),
    /// By a token.
    Token(Token),
}

impl Access {
    /// The policy of these settings. Until [`ApiKeys::refresh`] and what loads the keys of tokens were
    /// called, no key and no token is good.
    ///
    /// # Errors
    ///
    /// The name of the header for keys is none.
    pub fn new(config: &AccessConfig) -> Result<Access, ApiKeyError> {
        Ok(Access {
            addresses: AddressRules::new(config),
            keys: config.keys.as_ref().map(ApiKeys::new).transpose()?,
            tokens: config.jwt.as_ref().map(TokenCheck::new),
            scopes: config.scopes.clone(),
        })
    }

    /// Whether a request of `client` is let in. `wall_ms` is the time since the Unix epoch.
    ///
    /// # Errors
    ///
    /// What to answer to one that is not.
    pub fn check(
        &self,
        client: IpAddr,
        headers: &HeaderMap,
        wall_ms: u64,
    ) -> Result<Admitted, Denial> {
        self.check_address(client)?;
        self.identify(headers, wall_ms)
    }

    /// Whether requests of `client` are let in as far as addresses go. It costs next to nothing.
    ///
    /// # Errors
    ///
    /// What to answer to one that is not.
    pub fn check_address(&self, client: IpAddr) -> Result<(), Denial> {
        self.addresses.check(client)
    }

    /// Whether a request from an address that is let in has the key or token that is asked for. To check a token's
    /// signature is the most expensive of all checks, whoever wrote it: limits come before.
    ///
    /// # Errors
    ///
    /// What to answer to one that has not.
    pub fn identify(&self, headers: &HeaderMap, wall_ms: u64) -> Result<Admitted, Denial> {
        let key = self
            .keys
            .as_ref()
            .map(|keys| (keys, keys.check(headers, &self.scopes, wall_ms)));
        let key_denied = match key {
            Some((_, Ok(key))) => return Ok(Admitted::Key(key)),
            Some((keys, Err(denied))) => Some((keys, denied)),
            None => None,
        };
        let token = self.tokens.as_ref();
        let token = token.map(|tokens| tokens.check(headers, &self.scopes, wall_ms));
        let token_denied = match token {
            Some(Ok(token)) => return Ok(Admitted::Token(token)),
            Some(Err(denied)) => Some(denied),
            None => None,
        };
        match (key_denied, token_denied) {
            (None, None) if self.scopes.is_empty() => Ok(Admitted::Address),
            (None, None) => Err(nobody()),
            (None, Some(token)) => Err(token.denial()),
            (Some((keys, key)), None) => Err(keys.denial(key)),
            // What is no key at all is meant as a token.
            (Some((_, KeyDenied::Missing | KeyDenied::Malformed)), Some(token))
                if token != TokenDenied::Missing =>
            {
                Err(token.denial())
            }
            (Some((keys, key)), Some(_)) => Err(keys.denial(key)),
        }
    }

    /// Takes the API key out of a request that is sent on, if the settings say so: also one that is not
    /// good beside a good token. A token in the header that keys may be in stays.
    pub fn hide(&self, admitted: &Admitted, headers: &mut HeaderMap) {
        let Some(keys) = &self.keys else {
            return;
        };
        let by_token = matches!(admitted, Admitted::Token(_));
        if !(by_token && keys.is_in_authorization()) {
            keys.hide(headers);
        }
    }

    /// Takes over the keys of a policy with other rules, where they come from the same place.
    pub(crate) fn take_over(&self, before: &Access) {
        if let (Some(keys), Some(known)) = (&self.keys, &before.keys) {
            keys.take_over(known);
        }
        if let (Some(tokens), Some(known)) = (&self.tokens, &before.tokens) {
            tokens.take_over(known);
        }
    }

    /// Reads the files with keys, if they changed. It blocks while it reads.
    pub(crate) fn read_keys(&self) {
        if let Some(keys) = &self.keys {
            let _ = keys.refresh();
        }
        if let Some(tokens) = &self.tokens {
            let _ = tokens.refresh_from_file();
        }
    }

    /// The API keys, to be read again when their file changes.
    #[must_use]
    pub fn keys(&self) -> Option<&ApiKeys> {
        self.keys.as_ref()
    }

    /// The check of tokens, whose keys are to be read or fetched again.
    #[must_use]
    pub fn tokens(&self) -> Option<&TokenCheck> {
        self.tokens.as_ref()
    }
}

impl Admitted {
    /// Whom limits count the request for.
    #[must_use]
    pub fn caller(&self) -> Option<Caller<'_>> {
        match self {
            Admitted::Address => None,
            Admitted::Key(key) => Some(Caller::Key(&key.id)),
            Admitted::Token(token) => token.subject.as_deref().map(|subject| Caller::Subject {
                issuer: &token.issuer,
                subject,
            }),
        }
    }
}

/// Scopes are asked for, and nothing that has scopes is taken: nobody is let in.
fn nobody() -> Denial {
    Denial {
        status: StatusCode::FORBIDDEN,
        kind: "urn:portcullis:problem:scope-missing",
        title: "This route cannot be reached",
        detail: "this route asks for scopes that no request can have",
        cause: "scope-impossible",
        headers: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
