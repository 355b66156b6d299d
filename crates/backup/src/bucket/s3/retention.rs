//! For how long an object of S3 can be neither removed nor changed: Object Lock.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::answer::{header, time as time_of};
use super::{Ask, Failure, S3};
use crate::cloud::Answer;

/// How an object is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) mode: RetentionMode,
    /// Until then, in whole seconds.
    pub(crate) until: Timestamp,
}

/// Who may bypass a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetentionMode {
    /// Whoever has the right to.
    Governance,
    /// Nobody.
    Compliance,
}

impl RetentionMode {
    fn word(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

impl Retention {
    /// Whether it locks at least as well and as long as another one.
    pub(crate) fn covers(&self, other: &Retention) -> bool {
        let as_well =
            self.mode == RetentionMode::Compliance || other.mode == RetentionMode::Governance;
        as_well && self.until.as_second() >= other.until.as_second()
    }
}

impl S3 {
    /// How an object is locked, if it is. The server tells it to whoever has the right to know.
    pub(crate) async fn retention(&self, key: &str) -> Result<Option<Retention>, Failure> {
        let ask = Ask::new(Method::HEAD, key);
        let read = |answer: &Answer| {
            let told = |name| header(&answer.head.headers, name);
            let mode = match told("x-amz-object-lock-mode").as_deref() {
                Some("GOVERNANCE") => RetentionMode::Governance,
                Some("COMPLIANCE") => RetentionMode::Compliance,
                _ => return Ok(None),
            };
            let Some(until) = told("x-amz-object-lock-retain-until-date") else {
                return Ok(None);
            };
            let until = time_of(&until)?;
            Ok(Some(Retention { mode, until }))
        };
        self.ask(&ask, read).await
    }

    /// Locks an object. One that is locked for longer stays so: the server refuses to shorten it.
    pub(crate) async fn retain(&self, key: &str, retention: &Retention) -> Result<(), Failure> {
        let until = retention.until.strftime("%Y-%m-%dT%H:%M:%SZ");
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{}</Mode>\
             <RetainUntilDate>{until}</RetainUntilDate></Retention>",
            retention.mode.word()
        );
        // The service asks for a checksum of this request.
        let sum = STANDARD.encode(Sha256::digest(body.as_bytes()));
        let mut ask = Ask::new(Method::PUT, key)
            .query("retention", "")
            .header("x-amz-checksum-sha256", sum);
        ask.body = body.into();
        self.ask(&ask, |_| Ok(())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_covers_what_is_not_stronger_and_not_longer() {
        let at = |mode, second| Retention {
            mode,
            until: Timestamp::from_second(second).unwrap(),
        };
        use RetentionMode::{Compliance, Governance};
        assert!(at(Governance, 9).covers(&at(Governance, 9)));
        assert!(at(Compliance, 9).covers(&at(Governance, 8)));
        assert!(!at(Governance, 9).covers(&at(Compliance, 9)));
        assert!(!at(Compliance, 8).covers(&at(Compliance, 9)));
    }
}
