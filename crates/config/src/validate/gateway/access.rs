//! Who may use a route.

use std::path::PathBuf;

use super::{Context, header_names};
use crate::Code;
use crate::config::{AccessConfig, ApiKeysConfig, JwksSource, JwtAlgorithm, JwtConfig};
use crate::origin::Content;
use crate::raw::{RawAccess, RawJwt, RawKeys, value_or_default};
use crate::report::{Report, Wrong};

/// The policies, in the order of the file.
pub(super) fn policies(raw: &[RawAccess], context: &mut Context<'_>) -> Vec<AccessConfig> {
    raw.iter()
        .map(|policy| self::policy(policy, context))
        .collect()
}

fn policy(raw: &RawAccess, context: &mut Context<'_>) -> AccessConfig {
    asks_for_something(raw, context.report);
    admits_somebody(raw, context.report);
    for net in &raw.deny {
        if raw.allow.iter().any(|allowed| allowed.value == net.value) {
            let message = format!("{} is in `allow` too, and `deny` wins", net.value);
            let wrong = Wrong::new(Code::Contradiction, message);
            context
                .report
                .add(&net.spot, wrong.hint("remove one of them"));
        }
    }
    let scopes = value_or_default(raw.scopes.clone()).into_iter();
    AccessConfig {
        name: value_or_default(raw.name.clone()).into(),
        allow: raw.allow.iter().map(|at| at.value).collect(),
        deny: raw.deny.iter().map(|at| at.value).collect(),
        keys: raw.keys.as_ref().map(|keys| self::keys(keys, context)),
        jwt: raw.jwt.as_ref().map(|jwt| self::jwt(jwt, context)),
        scopes: scopes.map(|at| at.value).collect(),
    }
}

/// A policy that admits everybody would be taken for one that does not.
fn asks_for_something(raw: &RawAccess, report: &Report<'_>) {
    if !raw.asks && !raw.names_addresses {
        let message = "this policy admits everybody";
        let hint = "add `allow`, `deny`, `keys` or `jwt`";
        report.add(&raw.spot, Wrong::new(Code::MissingKey, message).hint(hint));
    }
    if let Some(scopes) = raw.scopes.as_ref().filter(|at| !at.value.is_empty())
        && !raw.asks
    {
        let message = "only keys and tokens have scopes, and this policy asks for neither";
        let hint = "add `keys` or `jwt`, or remove `scopes`";
        report.add(
            &scopes.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

/// `deny` wins over `allow`, so one that has all addresses leaves nobody.
fn admits_somebody(raw: &RawAccess, report: &Report<'_>) {
    for net in raw.deny.iter().filter(|net| net.value.prefix_len() == 0) {
        let message = format!(
            "`deny` wins over `allow`, so {} turns away every {} address",
            net.value,
            if net.value.network().is_ipv4() {
                "IPv4"
            } else {
                "IPv6"
            }
        );
        let hint = "remove it: whoever is not in `allow` is turned away anyway; to take no requests at all, \
                    remove the route";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&net.spot, wrong);
    }
}

fn keys(raw: &RawKeys, context: &mut Context<'_>) -> ApiKeysConfig {
    header_names::check(raw.header.as_ref(), context.report);
    ApiKeysConfig {
        file: context.file(raw.file.as_ref(), Content::ApiKeys),
        header: value_or_default(raw.header.clone()),
        hide: raw.hide,
    }
}

fn jwt(raw: &RawJwt, context: &mut Context<'_>) -> JwtConfig {
    let wrong = match raw.given {
        [true, true] => Some(Wrong::new(
            Code::Contradiction,
            "the key set is either a file or at a URL, not both",
        )),
        [false, false] => Some(Wrong::new(
            Code::MissingKey,
            "expected `jwks_file` or `jwks_url`",
        )),
        _ => None,
    };
    if let Some(wrong) = wrong {
        context.report.add(&raw.spot, wrong);
    }
    let keys = match (&raw.url, &raw.file) {
        (_, Some(file)) => JwksSource::File(context.file(Some(file), Content::KeySet)),
        (Some(url), None) => JwksSource::Url(url.value.clone()),
        (None, None) => JwksSource::File(PathBuf::new()),
    };
    let algorithms = raw.algorithms.iter();
    JwtConfig {
        keys,
        algorithms: algorithms
            .map(|word| match word.as_str() {
                "ES256" => JwtAlgorithm::Es256,
                "EdDSA" => JwtAlgorithm::EdDsa,
                _ => JwtAlgorithm::Rs256,
            })
            .collect(),
        issuer: raw.issuer.clone(),
        audiences: raw.audiences.clone(),
        skew_s: raw.skew_s,
    }
}
