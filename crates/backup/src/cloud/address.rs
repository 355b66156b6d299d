//! Where objects are kept, and what is shown there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use age::secrecy::{ExposeSecret, SecretString};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::transport::Transport;
use crate::bounds::{COPY_BACKOFF_MS, COPY_BACKOFF_MS_MAX, COPY_RETRIES};

/// Where objects are kept: copies of backups, or the data of a store.
#[derive(Debug, Clone)]
pub struct CloudAddress {
    /// How the copy or the store is called in the configuration.
    pub name: String,
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// Another server than the provider's own. Over `http://` only one on this machine.
    pub endpoint: Option<String>,
    /// The region, for S3.
    pub region: Option<String>,
    /// A PEM file with the authorities that are trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// What is shown there.
    pub credentials: CloudCredentials,
    /// For how long a request that fails is tried again.
    pub patience: Duration,
}

/// What is shown to whoever keeps objects.
#[derive(Debug, Clone)]
pub enum CloudCredentials {
    /// What the provider's own variables, files and machine roles say.
    Environment,
    /// The key of an S3 account.
    S3 {
        /// The key's ID.
        access_key: String,
        /// The secret key.
        secret: SecretString,
    },
    /// The JSON of a Google service account.
    Gcs {
        /// The file's text.
        service_account: SecretString,
    },
    /// An Azure storage account.
    Azure {
        /// Its name.
        account: String,
        /// Its key; or a shared access signature, which has `sig=` in it. `None` asks the environment.
        secret: Option<SecretString>,
    },
}

/// Everything that is asked of a bucket.
pub(crate) trait Store: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Store for T {}

/// What requests of our own to S3 need.
pub(crate) struct S3Access {
    pub(crate) transport: Transport,
    /// The server, without a `/` at its end.
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    /// Without a `/` at its end; empty for the whole bucket.
    pub(crate) prefix: String,
    pub(crate) credentials: AwsCredentialProvider,
    /// For how long a request that fails is tried again.
    pub(crate) patience: Duration,
}

/// Where S3 is asked when nobody says where.
const DEFAULT_REGION: &str = "us-east-1";

/// The parts of an address.
pub(crate) struct Place {
    scheme: Scheme,
    pub(crate) bucket: String,
    pub(crate) prefix: Path,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    S3,
    Gcs,
    Azure,
}

impl PartialEq for CloudAddress {
    fn eq(&self, other: &Self) -> bool {
        let public = |of: &Self| {
            (
                of.name.clone(),
                of.url.clone(),
                of.endpoint.clone(),
                of.region.clone(),
                of.ca.clone(),
                of.patience,
            )
        };
        public(self) == public(other) && self.credentials == other.credentials
    }
}

impl Eq for CloudAddress {}

impl PartialEq for CloudCredentials {
    fn eq(&self, other: &Self) -> bool {
        let secret = |of: &SecretString| of.expose_secret().to_owned();
        match (self, other) {
            (Self::Environment, Self::Environment) => true,
            (
                Self::S3 {
                    access_key,
                    secret: one,
                },
                Self::S3 {
                    access_key: key,
                    secret: two,
                },
            ) => access_key == key && secret(one) == secret(two),
            (
                Self::Gcs {
                    service_account: one,
                },
                Self::Gcs {
                    service_account: two,
                },
            ) => secret(one) == secret(two),
            (
                Self::Azure {
                    account,
                    secret: one,
                },
                Self::Azure {
                    account: of,
                    secret: two,
                },
            ) => account == of && one.as_ref().map(secret) == two.as_ref().map(secret),
            _ => false,
        }
    }
}

impl Eq for CloudCredentials {}

impl CloudAddress {
    /// Looks whether the address can be one, without asking anybody.
    ///
    /// # Errors
    /// What is wrong with it and what was expected, without a secret.
    pub fn check(&self) -> Result<(), String> {
        self.place()?;
        self.check_endpoint()?;
        let fits = match (&self.credentials, self.place()?.scheme) {
            (CloudCredentials::Environment, _)
            | (CloudCredentials::S3 { .. }, Scheme::S3)
            | (CloudCredentials::Gcs { .. }, Scheme::Gcs)
            | (CloudCredentials::Azure { .. }, Scheme::Azure) => true,
            (_, _) => false,
        };
        match fits {
            true => Ok(()),
            false => Err(format!("what is shown there does not fit {}", self.url)),
        }
    }

    pub(crate) fn place(&self) -> Result<Place, String> {
        let refused = || {
            format!(
                "{:?} is no address of a bucket: expected s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or \
                 az://CONTAINER/PREFIX",
                self.url
            )
        };
        let (scheme, rest) = self.url.split_once("://").ok_or_else(refused)?;
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gcs,
            "az" => Scheme::Azure,
            _ => return Err(refused()),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(refused());
        }
        if prefix.starts_with('/') {
            return Err(refused());
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|_| refused())?;
        Ok(Place {
            scheme,
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    /// Nothing that is copied, and no signature, goes over a network in the clear.
    fn check_endpoint(&self) -> Result<(), String> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        let shown = || format!("the endpoint {endpoint:?}");
        let uri: http::Uri = endpoint
            .parse()
            .map_err(|_| format!("{} is no URL", shown()))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        match uri.scheme_str() {
            _ if uri
                .authority()
                .is_some_and(|all| all.as_str().contains('@')) =>
            {
                Err("the endpoint has a user or a password in it".to_owned())
            }
            Some("https") if !host.is_empty() => Ok(()),
            Some("http") if loopback => Ok(()),
            Some("http") => Err(format!(
                "{} is not encrypted and not on this machine; use https://",
                shown()
            )),
            _ => Err(format!(
                "{} begins with neither https:// nor http://",
                shown()
            )),
        }
    }

    /// Opens it; nobody is asked yet.
    pub(crate) fn open(&self) -> Result<Arc<dyn Store>, String> {
        self.check()?;
        let place = self.place()?;
        let transport = Transport::new(self.ca.as_deref())?;
        let told = |error: object_store::Error| super::said(&error);
        Ok(match place.scheme {
            Scheme::S3 => Arc::new(self.s3(&place, transport).build().map_err(told)?),
            Scheme::Gcs => Arc::new(self.gcs(&place, transport).build().map_err(told)?),
            Scheme::Azure => Arc::new(self.azure(&place, transport).build().map_err(told)?),
        })
    }

    /// What requests of our own to S3 need; nobody is asked yet.
    pub(crate) fn s3_access(&self) -> Result<S3Access, String> {
        self.check()?;
        let place = self.place()?;
        if place.scheme != Scheme::S3 {
            return Err(format!(
                "{} is no address of a bucket of S3: expected s3://BUCKET/PREFIX",
                self.url
            ));
        }
        let transport = Transport::new(self.ca.as_deref())?;
        let builder = self.s3(&place, transport.clone());
        let region = builder
            .get_config_value(&AmazonS3ConfigKey::Region)
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let endpoint = builder
            .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint))
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let built = builder.build();
        let built = built.map_err(|error| super::said(&error))?;
        Ok(S3Access {
            transport,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region,
            bucket: place.bucket,
            prefix: place.prefix.to_string(),
            credentials: built.credentials().clone(),
            patience: self.patience,
        })
    }

    fn s3(&self, place: &Place, transport: Transport) -> AmazonS3Builder {
        let builder = match &self.credentials {
            CloudCredentials::S3 { access_key, secret } => AmazonS3Builder::new()
                .with_access_key_id(access_key)
                .with_secret_access_key(secret.expose_secret()),
            _ => AmazonS3Builder::from_env(),
        };
        let mut builder = builder
            .with_bucket_name(&place.bucket)
            // The service compares each part with it, and buckets with object lock ask for one.
            .with_checksum_algorithm(Checksum::SHA256)
            .with_client_options(options())
            .with_retry(self.retry())
            .with_http_connector(transport);
        if let Some(endpoint) = &self.endpoint {
            // The variable AWS_ENDPOINT_URL_S3 would go before it otherwise.
            builder = builder
                .with_endpoint(endpoint)
                .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        builder
    }

    fn gcs(&self, place: &Place, transport: Transport) -> GoogleCloudStorageBuilder {
        let builder = match &self.credentials {
            CloudCredentials::Gcs { service_account } => GoogleCloudStorageBuilder::new()
                .with_service_account_key(service_account.expose_secret()),
            _ => GoogleCloudStorageBuilder::from_env(),
        };
        let mut builder = builder
            .with_bucket_name(&place.bucket)
            .with_client_options(options())
            .with_retry(self.retry())
            .with_http_connector(transport);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        builder
    }

    fn azure(&self, place: &Place, transport: Transport) -> MicrosoftAzureBuilder {
        let builder = match &self.credentials {
            CloudCredentials::Azure { account, secret } => {
                let builder = match secret {
                    None => MicrosoftAzureBuilder::from_env(),
                    Some(_) => MicrosoftAzureBuilder::new(),
                };
                let builder = builder.with_account(account);
                match secret.as_ref().map(ExposeSecret::expose_secret) {
                    None => builder,
                    Some(sas) if sas.contains("sig=") => {
                        builder.with_config(AzureConfigKey::SasKey, sas)
                    }
                    Some(key) => builder.with_access_key(key),
                }
            }
            _ => MicrosoftAzureBuilder::from_env(),
        };
        let mut builder = builder
            .with_container_name(&place.bucket)
            .with_client_options(options())
            .with_retry(self.retry())
            .with_http_connector(transport);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        builder
    }

    fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(COPY_BACKOFF_MS),
                max_backoff: Duration::from_millis(COPY_BACKOFF_MS_MAX),
                base: 2.0,
            },
            max_retries: COPY_RETRIES,
            retry_timeout: self.patience,
        }
    }
}

/// What may go over HTTP is decided by [`Transport`] and not by variables of the environment.
fn options() -> ClientOptions {
    ClientOptions::new().with_allow_http(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, endpoint: Option<&str>) -> CloudAddress {
        CloudAddress {
            name: "elsewhere".to_owned(),
            url: url.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: None,
            ca: None,
            credentials: CloudCredentials::Environment,
            patience: Duration::from_secs(1),
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        for (url, bucket, prefix) in [
            ("s3://backups", "backups", ""),
            ("gs://backups/shop/", "backups", "shop"),
            ("az://box/a/b", "box", "a/b"),
        ] {
            let place = address(url, None).place().unwrap();
            assert_eq!(
                (place.bucket.as_str(), place.prefix.as_ref()),
                (bucket, prefix)
            );
        }
        for url in [
            "",
            "s3:/x",
            "s3://",
            "ftp://x",
            "s3://a b",
            "s3://x//y",
            "s3://x/../y",
        ] {
            let error = address(url, None).check().unwrap_err();
            assert!(error.contains("expected s3://BUCKET"), "{url}: {error}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for good in [
            "http://127.0.0.1:5000",
            "http://localhost:1",
            "http://[::1]:9",
            "https://s3.example",
        ] {
            address("s3://b", Some(good)).check().unwrap();
        }
        for bad in [
            "http://s3.example",
            "http://10.0.0.1:5000",
            "http://127.0.0.1.example",
            "ftp://x",
            "s3.example",
        ] {
            address("s3://b", Some(bad)).check().unwrap_err();
        }
        let error = address("s3://b", Some("https://user:secret@s3.example"))
            .check()
            .unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
