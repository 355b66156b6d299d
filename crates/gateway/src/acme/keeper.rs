//! Keeps a certificate: decides when one is to be ordered, and orders it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{Account, CertificateIdentifier, RenewalInfo};
use portcullis_config::AcmeConfig;
use tokio::sync::watch;

use super::answers::Answers;
use super::authority_client::AuthorityClient;
use super::certificate::Certificate;
use super::due::{backoff_ms, renewal_at_ms};
use super::error::{AcmeError, one_line};
use super::order::Ordering;
use super::store::{Pace, Store};
use crate::bounds::{
    ACME_BACKOFF_MAX_MS, ACME_BACKOFF_MIN_MS, ACME_LOOK_MS, ACME_ORDER_TIMEOUT_MS,
    ACME_QUESTION_PAUSE_MAX_MS, ACME_QUESTION_PAUSE_MIN_MS, ACME_RETRY_AFTER_MAX_MS,
};
use crate::clock;
use crate::worker::Orders;

/// Keeps the certificate of one gateway.
pub(crate) struct Keeper {
    config: AcmeConfig,
    store: Store,
    answers: Arc<Answers>,
    client: AuthorityClient,
    certificate: Option<Certificate>,
    pace: Pace,
}

/// Why a certificate is ordered, and from when on.
struct Wanted {
    at_ms: u64,
    why: &'static str,
}

impl Keeper {
    /// Reads what was kept, and puts the certificate in force. A damaged file is set aside and told.
    ///
    /// # Errors
    /// When a file cannot be read or was written by another version, or the authorities to believe cannot
    /// be used.
    pub(crate) fn open(
        config: AcmeConfig,
        state_file: &Path,
        answers: Arc<Answers>,
    ) -> Result<Keeper, AcmeError> {
        let client = AuthorityClient::new(config.ca_file.as_deref())?;
        let store = Store::beside(state_file);
        // Only looked at, so that damage is told now and not when it is needed.
        store.account(&config)?;
        let certificate = match store.certificate()?.map(Certificate::read) {
            None => None,
            Some(Ok(certificate)) => Some(certificate),
            Some(Err(why)) => {
                store.set_certificate_aside(&why)?;
                None
            }
        };
        if let Some(certificate) = &certificate {
            answers.install(Arc::clone(&certificate.pair));
        }
        let pace = store.pace(&config)?;
        Ok(Keeper {
            config,
            store,
            answers,
            client,
            certificate,
            pace,
        })
    }

    /// Keeps the certificate for ever. Nothing is ordered before the gateway accepts connections, for the
    /// authority's would go to its predecessor.
    pub(crate) async fn run(mut self, mut orders: watch::Receiver<Orders>) {
        if orders.wait_for(|orders| !orders.held).await.is_err() {
            return;
        }
        loop {
            let pause_ms = match self.step().await {
                Ok(pause_ms) => pause_ms,
                Err(error) => {
                    tell_failure(&error, "ACME cannot go on; it is tried again in 5 minutes");
                    ACME_BACKOFF_MIN_MS
                }
            };
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// Does what is due, and says how long there is nothing to do, in milliseconds.
    async fn step(&mut self) -> Result<u64, AcmeError> {
        let now_ms = clock::wall_ms();
        if self.question_is_due(now_ms) {
            self.ask_when_to_renew(now_ms).await?;
        }
        let wanted = self.wanted(now_ms);
        let at_ms = wanted.at_ms.max(self.not_before_ms(now_ms));
        if at_ms > now_ms {
            return Ok((at_ms - now_ms).min(ACME_LOOK_MS));
        }
        self.order(now_ms, wanted.why).await?;
        Ok(0)
    }

    /// When a certificate is to be ordered.
    fn wanted(&self, now_ms: u64) -> Wanted {
        let wanted = |at_ms, why| Wanted { at_ms, why };
        let Some(certificate) = &self.certificate else {
            return wanted(0, "there is none");
        };
        if !certificate.is_as_asked(&self.config) {
            return wanted(0, "other names or another authority are asked for");
        }
        let (from_ms, until_ms) = (certificate.from_ms, certificate.until_ms);
        let ordered_at_ms = certificate.saved.ordered_at_ms;
        let at_ms = renewal_at_ms(from_ms, until_ms, ordered_at_ms, now_ms);
        // An authority that asks for a renewal of each new certificate is not followed at its pace.
        let told = self.pace.renew_at_ms;
        let told = told.map(|told| match ordered_at_ms <= now_ms {
            true => told.max(ordered_at_ms + ACME_QUESTION_PAUSE_MIN_MS),
            false => told,
        });
        match told.filter(|told| *told < at_ms) {
            Some(told) => wanted(told, "the authority asks for a renewal"),
            None => wanted(at_ms, "less than a third of its life is left"),
        }
    }

    /// Before when nothing may be ordered. A time beyond every pause comes from a clock that was ahead.
    fn not_before_ms(&self, now_ms: u64) -> u64 {
        let pause_max_ms = ACME_BACKOFF_MAX_MS.max(ACME_RETRY_AFTER_MAX_MS);
        match self.pace.next_order_at_ms {
            at_ms if at_ms > now_ms + pause_max_ms => 0,
            at_ms => at_ms,
        }
    }

    fn question_is_due(&self, now_ms: u64) -> bool {
        let at_ms = self.pace.next_question_at_ms;
        let is_due = at_ms <= now_ms || at_ms > now_ms + ACME_QUESTION_PAUSE_MAX_MS;
        let asked = self.certificate.as_ref();
        is_due && asked.is_some_and(|certificate| certificate.is_as_asked(&self.config))
    }

    /// Asks when the authority would have the certificate renewed (RFC 9773). Many do not say.
    async fn ask_when_to_renew(&mut self, now_ms: u64) -> Result<(), AcmeError> {
        self.pace.next_question_at_ms = now_ms + ACME_QUESTION_PAUSE_MAX_MS;
        self.store.keep_pace(&self.pace)?;
        let Some((info, again)) = self.renewal_info().await? else {
            return Ok(());
        };
        let again_ms = u64::try_from(again.as_millis()).unwrap_or(u64::MAX);
        let pause_ms = again_ms.clamp(ACME_QUESTION_PAUSE_MIN_MS, ACME_QUESTION_PAUSE_MAX_MS);
        let ms = |time: i64| u64::try_from(time).unwrap_or(0).saturating_mul(1_000);
        let begin_ms = ms(info.suggested_window.start.unix_timestamp());
        let end_ms = ms(info.suggested_window.end.unix_timestamp());
        // Somewhere in the window, so that not everybody comes at once. Once chosen it stays, as long as the
        // window does.
        let told = self.pace.renew_at_ms;
        let stays = told.is_some_and(|told| (begin_ms..=end_ms).contains(&told));
        if !stays {
            let at_ms = rand::random_range(begin_ms..=end_ms.max(begin_ms));
            self.pace.renew_at_ms = Some(at_ms);
        }
        self.pace.next_question_at_ms = now_ms + pause_ms;
        self.store.keep_pace(&self.pace)
    }

    /// What the authority says about renewing; `None` when it says nothing, or cannot be asked.
    async fn renewal_info(&self) -> Result<Option<(RenewalInfo, Duration)>, AcmeError> {
        let id = self.identifier();
        let (Some(id), Some(saved)) = (id, self.store.account(&self.config)?) else {
            return Ok(None);
        };
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let asked = async {
            let account = builder.from_credentials(saved.credentials).await?;
            account.renewal_info(&id).await
        };
        match asked.await {
            Ok(told) => Ok(Some(told)),
            Err(error) => {
                tracing::debug!(%error, "the ACME authority does not say when to renew");
                Ok(None)
            }
        }
    }

    /// How an authority names the certificate in force.
    fn identifier(&self) -> Option<CertificateIdentifier<'static>> {
        let end = self.certificate.as_ref()?.end()?;
        let id = CertificateIdentifier::try_from(end).ok()?;
        Some(id.into_owned())
    }

    /// Orders a certificate. The next order is put off before this one begins, so that it is put off even if
    /// the gateway does not see the end of this one.
    async fn order(&mut self, now_ms: u64, why: &str) -> Result<(), AcmeError> {
        self.pace.failures = self.pace.failures.saturating_add(1);
        self.pace.next_order_at_ms = now_ms + backoff_ms(self.pace.failures);
        self.store.keep_pace(&self.pace)?;
        let hosts = self.config.hosts.join(", ");
        let directory = &self.config.directory;
        tracing::info!(hosts, directory, why, "a certificate is ordered by ACME");
        let is_told = self.pace.renew_at_ms.is_some();
        let ordering = Ordering {
            config: &self.config,
            store: &self.store,
            answers: &self.answers,
            client: &self.client,
            replaces: self.identifier().filter(|_| is_told),
        };
        self.client.take_retry_after_ms();
        let limit = Duration::from_millis(ACME_ORDER_TIMEOUT_MS);
        let ordered = tokio::time::timeout(limit, ordering.run()).await;
        let ordered = ordered.unwrap_or(Err(AcmeError::Overdue {
            limit_s: limit.as_secs(),
        }));
        match ordered {
            Ok(certificate) => self.accept(certificate),
            Err(error) => self.put_off(&error),
        }
    }

    /// Puts a new certificate in force, and keeps it. It is used even if it cannot be kept.
    fn accept(&mut self, certificate: Certificate) -> Result<(), AcmeError> {
        self.answers.install(Arc::clone(&certificate.pair));
        let hosts = self.config.hosts.join(", ");
        let until = instant(certificate.until_ms);
        tracing::info!(hosts, until, "a certificate by ACME is in force");
        let kept = self.store.keep_certificate(&certificate.saved);
        self.certificate = Some(certificate);
        // Not before it is kept: what is lost with the process is ordered again, at the pace of failures.
        kept?;
        self.pace = Pace::new(&self.config);
        self.store.keep_pace(&self.pace)
    }

    /// Tells a failure and when it is tried again.
    fn put_off(&mut self, error: &AcmeError) -> Result<(), AcmeError> {
        let told_ms = self.client.take_retry_after_ms();
        let told_ms = told_ms.min(ACME_RETRY_AFTER_MAX_MS);
        let told_at_ms = clock::wall_ms() + told_ms;
        self.pace.next_order_at_ms = self.pace.next_order_at_ms.max(told_at_ms);
        let again = instant(self.pace.next_order_at_ms);
        let file = self.store.pace_path().display().to_string();
        let what = match &self.certificate {
            Some(certificate) if certificate.until_ms <= clock::wall_ms() => {
                "the certificate in force has expired"
            }
            Some(_) => "the certificate in force stays",
            None => "there is none yet",
        };
        let cause = causes(error);
        tracing::warn!(
            %error,
            cause,
            again,
            "no certificate by ACME: {what}; to try at once, remove {file} and restart"
        );
        self.store.keep_pace(&self.pace)
    }
}

/// Tells that something cannot go on.
pub(super) fn tell_failure(error: &AcmeError, text: &str) {
    tracing::error!(%error, cause = causes(error), "{text}");
}

/// What an error is due to.
fn causes(error: &AcmeError) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    one_line(&causes.join(": "))
}

/// A time for the log.
fn instant(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok();
    let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "unknown".to_owned(), |at| at.to_string())
}
