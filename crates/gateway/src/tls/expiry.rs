//! Until when certificates are valid, for the metrics and for a warning in time.
//!
//! A certificate that is not renewed in time is told once a day, from two weeks before its end on, or from when a fifth
//! of its life is left, if that is later: one that is renewed every few days is no cause for a warning all its life.

use std::collections::HashMap;

use portcullis_config::CertificateConfig;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::chain;
use crate::bounds::{TLS_END_TOLD_MS, TLS_END_WARNING_MS};

/// What stands for the file of a certificate that came by ACME.
const ACME: &str = "acme";

/// Until when a certificate is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Its file; `acme` for the one that came by ACME.
    pub(crate) file: String,
    /// Seconds since the Unix epoch.
    pub(crate) not_after_s: i64,
}

/// The life of a certificate, in seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    file: String,
    not_before_s: i64,
    not_after_s: i64,
}

/// Which certificates were told of, and when.
#[derive(Debug, Default)]
pub(crate) struct EndsTold(HashMap<String, u64>);

/// The certificates of the settings, as their files are now. One that cannot be read is left out.
pub(super) fn lives(files: &[CertificateConfig]) -> Vec<Life> {
    let files = files.iter().map(|pair| &pair.chain_file);
    files
        .filter_map(|file| {
            let chain = chain(file).ok()?;
            Life::of(file.display().to_string(), chain.first()?)
        })
        .collect()
}

impl Life {
    /// The life of the certificate that came by ACME; `None` if it is no certificate.
    pub(super) fn by_acme(certificate: &CertificateDer<'_>) -> Option<Life> {
        Life::of(ACME.to_owned(), certificate)
    }

    fn of(file: String, certificate: &CertificateDer<'_>) -> Option<Life> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        Some(Life {
            file,
            not_before_s: validity.not_before.timestamp(),
            not_after_s: validity.not_after.timestamp(),
        })
    }

    /// Its end, for the metrics.
    pub(super) fn expiry(&self) -> Expiry {
        Expiry {
            file: self.file.clone(),
            not_after_s: self.not_after_s,
        }
    }

    /// Whether somebody should be told that it ends.
    fn is_nearly_over(&self, now_s: i64) -> bool {
        let fifth_s = self.not_after_s.saturating_sub(self.not_before_s) / 5;
        let warning_s = (TLS_END_WARNING_MS / 1_000).cast_signed().min(fifth_s);
        self.not_after_s.saturating_sub(now_s) < warning_s
    }
}

impl EndsTold {
    /// The certificates to tell of now.
    pub(super) fn due<'a>(&mut self, lives: &'a [Life], now_ms: u64) -> Vec<&'a Life> {
        let now_s = (now_ms / 1_000).cast_signed();
        let is_ending = |life: &&Life| life.is_nearly_over(now_s);
        let ending: Vec<&Life> = lives.iter().filter(is_ending).collect();
        self.0
            .retain(|file, _| ending.iter().any(|life| life.file == *file));
        let is_due = |life: &&Life| {
            let told = self.0.get(&life.file);
            // A clock that was set back is no reason to be silent.
            told.is_none_or(|told| now_ms.abs_diff(*told) >= TLS_END_TOLD_MS)
        };
        let due: Vec<&Life> = ending.into_iter().filter(is_due).collect();
        self.0
            .extend(due.iter().map(|life| (life.file.clone(), now_ms)));
        due
    }

    /// Warns of the certificates that are nearly over.
    pub(super) fn tell(&mut self, lives: &[Life], now_ms: u64) {
        for life in self.due(lives, now_ms) {
            let file = &life.file;
            let end = jiff::Timestamp::from_second(life.not_after_s);
            let end = end.map_or_else(|_| "unknown".to_owned(), |end| end.to_string());
            let left_s = life.not_after_s - (now_ms / 1_000).cast_signed();
            match left_s > 0 {
                true => tracing::warn!(
                    file,
                    end,
                    days_left = left_s / 86_400,
                    "a certificate that is shown to clients ends soon: renew it"
                ),
                false => tracing::error!(
                    file,
                    end,
                    "a certificate that is shown to clients has ended: clients refuse it; renew it"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests;
