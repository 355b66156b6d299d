//! The gateway's settings as a table of the file.

use toml::{Table, Value};

use super::{duration, listen, path, protocol, table};
use crate::config::{
    AccessConfig, AccessLogPlace, AcmeChallenge, AcmeConfig, ApiKeysConfig, ClientCertificates,
    ClientsConfig, GatewayConfig, HealthConfig, JwksSource, JwtAlgorithm, JwtConfig, LimitConfig,
    LimitKey, LoggedPaths, StickyConfig, TlsConfig, TlsVersion, UnknownRequest, UpstreamChoice,
    UpstreamConfig, UpstreamTls,
};
use crate::units::{bytes_text, rate_text};

mod mask;
mod route;

/// The table `[gateway]`. What is not there has no default that could be written.
pub(super) fn gateway(gateway: &GatewayConfig) -> Table {
    let unknown = match gateway.unknown {
        UnknownRequest::Service => "service",
        UnknownRequest::Refuse => "refuse",
    };
    let mut out = table([
        ("listen", gateway.listen.to_string().into()),
        ("admin", listen(&gateway.admin)),
        ("force_header", gateway.force_header.into()),
        ("health", health(&gateway.health).into()),
        ("canary_users", strings(&gateway.canary_users)),
        ("shadow", percent(gateway.shadow_percent)),
        ("unknown", unknown.into()),
        ("clients", clients(&gateway.clients).into()),
        ("upstream", tables(&gateway.upstreams, upstream)),
        ("route", tables(&gateway.routes, route::route)),
        ("limit", tables(&gateway.limits, limit)),
        ("access", tables(&gateway.access, access)),
        ("mask", tables(&gateway.masks, mask::mask)),
    ]);
    let (sticky, name) = match &gateway.sticky {
        StickyConfig::Cookie { name } => ("cookie", Some(name)),
        StickyConfig::Header { name } => ("header", Some(name)),
        StickyConfig::Address => ("address", None),
    };
    put(&mut out, "sticky", Some(sticky));
    put(&mut out, "sticky_name", name.map(String::as_str));
    put(&mut out, "default_mask", gateway.default_mask.as_deref());
    // Without a mask nothing is kept, and the file has nothing to say about it.
    let conversations =
        (!gateway.masks.is_empty()).then(|| mask::conversations(&gateway.conversations));
    put(&mut out, "conversations", conversations);
    put(&mut out, "tls", gateway.tls.as_ref().map(tls));
    observation(gateway, &mut out);
    out
}

fn observation(gateway: &GatewayConfig, out: &mut Table) {
    let to = match &gateway.log.to {
        AccessLogPlace::Off => "off".into(),
        AccessLogPlace::Log => "log".into(),
        AccessLogPlace::File(file) => path(file),
    };
    let paths = match gateway.log.paths {
        LoggedPaths::Masked => "masked",
        LoggedPaths::Whole => "whole",
        LoggedPaths::Off => "off",
    };
    let log = table([
        ("to", to),
        ("sample", count(gateway.log.sample)),
        ("paths", paths.into()),
    ]);
    put(out, "log", Some(log));
    let metrics = gateway.metrics.listen;
    put(
        out,
        "metrics",
        metrics.map(|listen| table([("listen", listen.to_string().into())])),
    );
    let traces = gateway.traces.as_ref().map(|traces| {
        table([
            ("endpoint", traces.endpoint.as_str().into()),
            ("sample", count(traces.sample)),
        ])
    });
    put(out, "traces", traces);
    let shared = gateway.shared.as_ref().map(|shared| {
        table([
            ("redis", shared.redis.expose().into()),
            ("prefix", shared.prefix.as_str().into()),
            ("timeout", duration(shared.timeout_ms)),
        ])
    });
    put(out, "shared", shared);
}

fn clients(clients: &ClientsConfig) -> Table {
    table([
        ("trusted_proxies", strings(&clients.trusted_proxies)),
        ("forwarded", clients.forwarded.into()),
        ("connections_max", count(clients.connections_max)),
        (
            "connections_per_address_max",
            count(clients.connections_per_address_max),
        ),
        ("head_timeout", duration(clients.head_timeout_ms)),
        ("body_rate_min", bytes(clients.body_bytes_per_second_min)),
        ("stall_timeout", duration(clients.stall_timeout_ms)),
        ("idle_timeout", duration(clients.idle_timeout_ms)),
        ("headers_max", count(clients.headers_max)),
        ("head_max", bytes(clients.head_bytes_max.into())),
        ("streams_max", count(clients.streams_max)),
    ])
}

fn tls(tls: &TlsConfig) -> Table {
    let version = match tls.version_min {
        TlsVersion::V12 => "1.2",
        TlsVersion::V13 => "1.3",
    };
    let (clients, client_ca) = match &tls.clients {
        ClientCertificates::Off => ("off", None),
        ClientCertificates::Optional { ca_file } => ("optional", Some(ca_file)),
        ClientCertificates::Required { ca_file } => ("required", Some(ca_file)),
    };
    let certificates = tables(&tls.certificates, |certificate| {
        table([
            ("chain", path(&certificate.chain_file)),
            ("key", path(&certificate.key_file)),
        ])
    });
    let mut out = table([
        ("listen", tls.listen.to_string().into()),
        ("version_min", version.into()),
        ("clients", clients.into()),
        ("redirect", tls.redirect.into()),
    ]);
    put(
        &mut out,
        "certificate",
        (!tls.certificates.is_empty()).then_some(certificates),
    );
    put(&mut out, "client_ca", client_ca.map(|file| path(file)));
    put(&mut out, "acme", tls.acme.as_ref().map(acme));
    out
}

fn acme(acme: &AcmeConfig) -> Table {
    let challenge = match acme.challenge {
        AcmeChallenge::Http01 => "http-01",
        AcmeChallenge::TlsAlpn01 => "tls-alpn-01",
    };
    let mut out = table([
        ("directory", acme.directory.as_str().into()),
        ("hosts", strings(&acme.hosts)),
        ("challenge", challenge.into()),
    ]);
    put(&mut out, "ca", acme.ca_file.as_ref().map(|file| path(file)));
    put(&mut out, "contact", acme.contact.as_deref());
    out
}

fn health(health: &HealthConfig) -> Table {
    table([
        ("path", health.path.as_str().into()),
        ("interval", duration(health.interval_ms)),
        ("timeout", duration(health.timeout_ms)),
        ("unhealthy_after", count(health.unhealthy_after)),
        ("healthy_after", count(health.healthy_after)),
    ])
}

fn upstream(upstream: &UpstreamConfig) -> Table {
    let choice = match upstream.choice {
        UpstreamChoice::LeastLoaded => "least-loaded",
        UpstreamChoice::RoundRobin => "round-robin",
        UpstreamChoice::ClientHash => "client-hash",
    };
    let servers = tables(&upstream.servers, |server| {
        table([
            ("address", server.address.as_str().into()),
            ("weight", count(server.weight)),
        ])
    });
    let eject = table([
        ("failures", count(upstream.eject.failures)),
        ("min", duration(upstream.eject.min_ms)),
        ("max", duration(upstream.eject.max_ms)),
        ("share_max", percent(upstream.eject.share_max_percent)),
    ]);
    let mut out = table([
        ("name", upstream.name.as_ref().into()),
        ("server", servers),
        ("choice", choice.into()),
        ("protocol", protocol(upstream.protocol).into()),
        ("eject", eject.into()),
    ]);
    put(&mut out, "tls", upstream.tls.as_ref().map(upstream_tls));
    put(&mut out, "health", upstream.health.as_ref().map(health));
    out
}

fn upstream_tls(tls: &UpstreamTls) -> Table {
    let mut out = Table::new();
    put(&mut out, "server_name", tls.server_name.as_deref());
    put(&mut out, "ca", tls.ca_file.as_ref().map(|file| path(file)));
    if let Some((chain, key)) = &tls.client {
        put(&mut out, "chain", Some(path(chain)));
        put(&mut out, "key", Some(path(key)));
    }
    out
}

fn limit(limit: &LimitConfig) -> Table {
    let (key, header) = match &limit.key {
        LimitKey::ClientAddress => ("address", None),
        LimitKey::Caller => ("caller", None),
        LimitKey::Route => ("route", None),
        LimitKey::Header(name) => ("header", Some(name.as_str())),
    };
    let mut out = table([
        ("name", limit.name.as_ref().into()),
        ("rate", rate_text(limit.requests, limit.per_ms).into()),
        ("burst", count(limit.burst)),
        ("key", key.into()),
    ]);
    put(&mut out, "header", header);
    out
}

fn access(policy: &AccessConfig) -> Table {
    let mut out = table([
        ("name", policy.name.as_ref().into()),
        ("deny", strings(&policy.deny)),
        ("scopes", strings(&policy.scopes)),
    ]);
    put(&mut out, "allow", some(&policy.allow));
    put(&mut out, "keys", policy.keys.as_ref().map(keys));
    put(&mut out, "jwt", policy.jwt.as_ref().map(jwt));
    out
}

fn keys(keys: &ApiKeysConfig) -> Table {
    table([
        ("file", path(&keys.file)),
        ("header", keys.header.as_str().into()),
        ("hide", keys.hide.into()),
    ])
}

fn jwt(jwt: &JwtConfig) -> Table {
    let algorithms: Vec<&str> = jwt
        .algorithms
        .iter()
        .map(|algorithm| match algorithm {
            JwtAlgorithm::Rs256 => "RS256",
            JwtAlgorithm::Es256 => "ES256",
            JwtAlgorithm::EdDsa => "EdDSA",
        })
        .collect();
    let mut out = table([
        ("algorithms", algorithms.into()),
        ("audiences", strings(&jwt.audiences)),
        ("skew", duration(jwt.skew_s * 1_000)),
    ]);
    match &jwt.keys {
        JwksSource::File(file) => put(&mut out, "jwks_file", Some(path(file))),
        JwksSource::Url(url) => put(&mut out, "jwks_url", Some(url.as_str())),
    }
    put(&mut out, "issuer", jwt.issuer.as_deref());
    out
}

fn put(out: &mut Table, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), value.into());
    }
}

fn tables<T>(items: &[T], write: impl Fn(&T) -> Table) -> Value {
    Value::Array(items.iter().map(|item| Value::Table(write(item))).collect())
}

/// A list that is left out when it is empty: it would admit none, and means all.
fn some<T: ToString>(items: &[T]) -> Option<Value> {
    (!items.is_empty()).then(|| strings(items))
}

fn strings<T: ToString>(items: &[T]) -> Value {
    let texts = items.iter().map(|item| Value::String(item.to_string()));
    Value::Array(texts.collect())
}

fn count(number: u32) -> Value {
    i64::from(number).into()
}

fn percent(percent: impl Into<u32>) -> Value {
    format!("{}%", percent.into()).into()
}

fn bytes(size: u64) -> Value {
    bytes_text(size).into()
}
