//! What the gateway's files hold, found out as the gateway itself does: whether each key fits its certificate,
//! and whether each key set has a key that can be used.
//!
//! `check`, `doctor`, a reload and a start ask here, so that each tells the same, with the line of the file.

use std::io::Read;
use std::path::Path;

use portcullis_config::{Config, FileFault, JwksSource, JwtConfig, Problems};
use portcullis_gateway::protect::examine_jwks;
use portcullis_gateway::{TlsError, examine_certificate};

use crate::bounds::KEY_SET_BYTES_MAX;
use crate::command_error::{CommandError, Exit};
use crate::models;

/// Looks into certificates, keys, key sets and the folders of models.
///
/// # Errors
/// All faults, each at the key that names the file.
pub(crate) fn examine(config: &Config) -> Result<(), Problems> {
    let mut faults = certificates(config);
    faults.extend(key_sets(config));
    faults.extend(models::examine(config));
    config.tell_faults(faults)
}

/// Looks into what keeps a gateway from starting: certificates and keys. Without a key set it starts, and turns
/// away who shows a token.
///
/// # Errors
/// As [`examine`].
pub(crate) fn examine_for_start(config: &Config) -> Result<(), Problems> {
    config.tell_faults(certificates(config))
}

fn certificates(config: &Config) -> Vec<FileFault> {
    let gateway = &config.gateway;
    let own = gateway.tls.iter().flat_map(|tls| &tls.certificates);
    let own = own.enumerate().map(|(index, pair)| {
        let table = format!("gateway.tls.certificate[{index}]");
        (table, &pair.chain_file, &pair.key_file)
    });
    let upstreams = gateway.upstreams.iter().enumerate();
    let shown = upstreams.filter_map(|(index, upstream)| {
        let (chain, key) = upstream.tls.as_ref()?.client.as_ref()?;
        Some((format!("gateway.upstream[{index}].tls"), chain, key))
    });
    own.chain(shown)
        .filter_map(|(table, chain, key)| certificate(&table, chain, key))
        .collect()
}

fn certificate(table: &str, chain: &Path, key: &Path) -> Option<FileFault> {
    let error = examine_certificate(chain, key).err()?;
    let (name, hint) = match &error {
        TlsError::File { path, .. } | TlsError::Empty { path } if path == chain => {
            ("chain", "save the certificate with its chain there, as PEM")
        }
        TlsError::File { .. } => ("key", "save the certificate's private key there, as PEM"),
        _ => (
            "key",
            "name the key that the certificate was asked for with; the first certificate of the chain is the \
             gateway's own",
        ),
    };
    Some(FileFault {
        key: format!("{table}.{name}"),
        message: CommandError::of(Exit::Usage, &error).sentence(),
        hint: hint.to_owned(),
    })
}

fn key_sets(config: &Config) -> Vec<FileFault> {
    let policies = config.gateway.access.iter().enumerate();
    let faults = policies.filter_map(|(index, policy)| {
        let jwt = policy.jwt.as_ref()?;
        let JwksSource::File(path) = &jwt.keys else {
            return None;
        };
        Some(FileFault {
            key: format!("gateway.access[{index}].jwt.jwks_file"),
            message: key_set(path, jwt)?,
            hint: "save the public keys of whoever issues the tokens there: RSA of 2048 bits or more (RS256), \
                   P-256 (ES256) or Ed25519 (EdDSA), as far as `algorithms` has them"
                .to_owned(),
        })
    });
    faults.collect()
}

/// What is wrong with a key set.
fn key_set(path: &Path, jwt: &JwtConfig) -> Option<String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(KEY_SET_BYTES_MAX).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Some(format!("`{shown}` cannot be read: {error}"));
    }
    match examine_jwks(&bytes, &jwt.algorithms) {
        Ok(0) => Some(format!(
            "`{shown}` has no key for one of this policy's `algorithms`, so no token could be believed"
        )),
        Ok(_) => None,
        Err(error) => {
            let why = CommandError::of(Exit::Usage, &error).sentence();
            Some(format!(
                "`{shown}` cannot be used, so no token could be believed: {why}"
            ))
        }
    }
}
