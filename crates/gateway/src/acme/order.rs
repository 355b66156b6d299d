//! One order: the account, the challenges, the certificate.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeStatus, ChallengeType, Error,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use portcullis_config::{AcmeChallenge, AcmeConfig};

use super::answers::{Answers, OpenChallenges};
use super::authority_client::AuthorityClient;
use super::certificate::Certificate;
use super::error::{AcmeError, one_line};
use super::store::{SCHEMA_VERSION, SavedAccount, SavedCertificate, Store};
use crate::bounds::{ACME_POLL_PAUSE_MS, ACME_POLL_TIMEOUT_MS};
use crate::clock;

/// The kind of refusal that means that the authority does not know the account (RFC 8555, 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// What an order needs.
pub(super) struct Ordering<'a> {
    pub(super) config: &'a AcmeConfig,
    pub(super) store: &'a Store,
    pub(super) answers: &'a Answers,
    pub(super) client: &'a AuthorityClient,
    /// The certificate that the new one replaces, if the authority wants to be told (RFC 9773, 5).
    pub(super) replaces: Option<CertificateIdentifier<'static>>,
}

impl Ordering<'_> {
    /// Orders a certificate.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn run(&self) -> Result<Certificate, AcmeError> {
        let account = self.account().await?;
        let mut order = match self.begin(&account).await {
            Ok(order) => order,
            Err(error) if is_of_account(&error) => {
                let why = "the authority does not know the account any more";
                self.store.set_account_aside(&self.config.directory, why)?;
                let account = self.account().await?;
                self.begin(&account).await.map_err(AcmeError::Authority)?
            }
            Err(error) => return Err(AcmeError::Authority(error)),
        };
        let open = OpenChallenges(self.answers);
        self.answer_challenges(&mut order, &open).await?;
        let ready = order.poll_ready(&patience()).await;
        drop(open);
        match ready {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(self.refusal(&mut order, None).await),
            Err(error) => return Err(self.refusal(&mut order, Some(error)).await),
        }
        let key_pem = order.finalize().await.map_err(AcmeError::Authority)?;
        let chain_pem = order.poll_certificate(&patience()).await;
        let chain_pem = chain_pem.map_err(AcmeError::Authority)?;
        let certificate = Certificate::read(SavedCertificate {
            schema_version: SCHEMA_VERSION,
            directory: self.config.directory.clone(),
            hosts: self.config.hosts.clone(),
            ordered_at_ms: clock::wall_ms(),
            chain_pem,
            key_pem,
        });
        certificate.map_err(AcmeError::Unusable)
    }

    /// The account that was kept, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let contact: Vec<&str> = self.config.contact.iter().map(String::as_str).collect();
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let Some(mut saved) = self.store.account(self.config)? else {
            let asked = NewAccount {
                contact: &contact,
                terms_of_service_agreed: true,
                only_return_existing: false,
            };
            let directory = self.config.directory.clone();
            let opened = builder.create(&asked, directory, None).await;
            let (account, credentials) = opened.map_err(AcmeError::Authority)?;
            self.store
                .keep_account(&SavedAccount::new(self.config, credentials))?;
            tracing::info!(
                directory = self.config.directory,
                "an account was opened at the ACME authority"
            );
            return Ok(account);
        };
        let known = saved.contact.clone();
        // The credentials cannot be copied; the file is read again where they are needed.
        let account = builder.from_credentials(saved.credentials).await;
        let account = account.map_err(AcmeError::Authority)?;
        if known != self.config.contact {
            let updated = account.update_contacts(&contact).await;
            match updated {
                Ok(()) => {
                    if let Some(again) = self.store.account(self.config)? {
                        saved = again;
                        saved.contact.clone_from(&self.config.contact);
                        self.store.keep_account(&saved)?;
                    }
                }
                Err(error) if is_of_account(&error) => {}
                Err(error) => return Err(AcmeError::Authority(error)),
            }
        }
        Ok(account)
    }

    /// Begins an order. That it replaces a certificate is told as a favour: where the authority does not like
    /// it, it is left out.
    async fn begin(&self, account: &Account) -> Result<Order, Error> {
        let hosts = self.config.hosts.iter();
        let identifiers: Vec<Identifier> = hosts.cloned().map(Identifier::Dns).collect();
        if let Some(replaces) = &self.replaces {
            let asked = NewOrder::new(&identifiers).replaces(replaces.clone());
            match account.new_order(&asked).await {
                Ok(order) => return Ok(order),
                Err(error) if is_of_account(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the ACME authority does not take a replacement");
                }
            }
        }
        account.new_order(&NewOrder::new(&identifiers)).await
    }

    async fn answer_challenges(
        &self,
        order: &mut Order,
        open: &OpenChallenges<'_>,
    ) -> Result<(), AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(AcmeError::Authority)?;
            let host = authorization.identifier().to_string();
            match authorization.status {
                AuthorizationStatus::Pending => {}
                // Shown before, and still believed.
                AuthorizationStatus::Valid => continue,
                status => {
                    let reason = format!("the authorization is {status:?}");
                    return Err(self.not_shown(host, reason));
                }
            }
            let Some(mut challenge) = authorization.challenge(self.kind()) else {
                let challenge = match self.config.challenge {
                    AcmeChallenge::Http01 => "http-01",
                    AcmeChallenge::TlsAlpn01 => "tls-alpn-01",
                };
                return Err(AcmeError::NoChallenge { host, challenge });
            };
            let proof = challenge.key_authorization();
            match self.config.challenge {
                AcmeChallenge::Http01 => open.answer_http(&challenge.token, proof.as_str()),
                AcmeChallenge::TlsAlpn01 => open.answer_tls(&host, proof.digest().as_ref())?,
            }
            challenge.set_ready().await.map_err(AcmeError::Authority)?;
        }
        Ok(())
    }

    /// Why an order is not ready: the authority says it of the challenge, not of the order.
    async fn refusal(&self, order: &mut Order, error: Option<Error>) -> AcmeError {
        let kind = self.kind();
        // What is known of the authorizations is from before the challenges were set up.
        let _ = order.refresh().await;
        let mut authorizations = order.authorizations();
        while let Some(Ok(authorization)) = authorizations.next().await {
            let failed = authorization.challenges.iter().find(|challenge| {
                challenge.r#type == kind && challenge.status == ChallengeStatus::Invalid
            });
            if let Some(failed) = failed {
                let host = authorization.identifier().to_string();
                return self.not_shown(host, told(failed.error.as_ref()));
            }
        }
        let unknown = Error::Str("a reason why the order became invalid");
        AcmeError::Authority(error.unwrap_or(unknown))
    }

    fn kind(&self) -> ChallengeType {
        match self.config.challenge {
            AcmeChallenge::Http01 => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }

    fn not_shown(&self, host: String, reason: String) -> AcmeError {
        let port = match self.config.challenge {
            AcmeChallenge::Http01 => 80,
            AcmeChallenge::TlsAlpn01 => 443,
        };
        AcmeError::NotShown { host, reason, port }
    }
}

fn patience() -> RetryPolicy {
    RetryPolicy::new()
        .initial_delay(Duration::from_millis(ACME_POLL_PAUSE_MS))
        .backoff(1.5)
        .timeout(Duration::from_millis(ACME_POLL_TIMEOUT_MS))
}

/// Whether a refusal is about the account.
fn is_of_account(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT))
}

/// An authority's reason.
fn told(problem: Option<&Problem>) -> String {
    let detail = problem.and_then(|problem| problem.detail.as_deref());
    let detail = detail.unwrap_or("it gives no reason");
    one_line(detail).trim_end_matches('.').to_owned()
}
