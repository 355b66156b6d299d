//! Which parts of the configuration differ from what is in force, and when each takes effect.

use portcullis_config::{Config, TlsConfig};

/// When a changed part takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as the gateway is told to reload.
    Reload,
    /// When the next process starts, also one that takes over.
    Upgrade,
    /// When the next process starts and opens its own sockets.
    Restart,
}

/// A part of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Its key, as the file has it.
    pub(super) key: &'static str,
    /// Whether it is not as it is in force.
    pub(super) differs: bool,
    /// When it takes effect.
    pub(super) when: When,
    /// Whether the gateway is what reads it.
    pub(super) is_gateways: bool,
}

impl When {
    /// For the end of a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            When::Reload => "with `portcullis gateway reload` or SIGHUP",
            When::Upgrade => "after a restart or an upgrade (SIGUSR2) of `portcullis serve`",
            When::Restart => "after a restart of `portcullis serve`",
        }
    }
}

/// Every part that is not read anew for each plan.
pub(super) fn parts(in_force: &Config, config: &Config) -> Vec<Part> {
    let (old, new) = (&in_force.gateway, &config.gateway);
    let mut parts = Vec::new();
    let mut add = |when, is_gateways, found: &[(&'static str, bool)]| {
        parts.extend(found.iter().map(|(key, differs)| Part {
            key,
            differs: *differs,
            when,
            is_gateways,
        }));
    };
    let changeable = [
        ("gateway.sticky", old.sticky != new.sticky),
        ("gateway.force_header", old.force_header != new.force_header),
        ("gateway.canary_users", old.canary_users != new.canary_users),
        ("gateway.shadow", old.shadow_percent != new.shadow_percent),
        ("gateway.unknown", old.unknown != new.unknown),
        ("[gateway.health]", old.health != new.health),
        ("[gateway.clients]", old.clients != new.clients),
        ("[[gateway.upstream]]", old.upstreams != new.upstreams),
        ("[[gateway.route]]", old.routes != new.routes),
        ("[[gateway.limit]]", old.limits != new.limits),
        ("[[gateway.access]]", old.access != new.access),
        ("[[gateway.mask]]", old.masks != new.masks),
        ("gateway.default_mask", old.default_mask != new.default_mask),
    ];
    add(When::Reload, true, &changeable);
    let tls = tls(old.tls.as_ref(), new.tls.as_ref());
    let handshakes = [
        ("[[gateway.tls.certificate]]", tls.certificates),
        ("gateway.tls.version_min", tls.version_min),
        ("gateway.tls.clients", tls.clients),
    ];
    add(When::Reload, true, &handshakes);
    let kept = [
        ("gateway.tls.redirect", tls.redirect),
        ("[gateway.tls.acme]", tls.acme),
        ("[gateway.log]", old.log != new.log),
        ("[gateway.metrics]", old.metrics != new.metrics),
        ("[gateway.traces]", old.traces != new.traces),
        ("[gateway.shared]", old.shared != new.shared),
    ];
    add(When::Upgrade, true, &kept);
    engines(&mut add, in_force, config);
    parts
}

/// The parts that sockets and the engine are made of.
fn engines(
    add: &mut impl FnMut(When, bool, &[(&'static str, bool)]),
    in_force: &Config,
    config: &Config,
) {
    let (old, new) = (&in_force.gateway, &config.gateway);
    let (before, service) = (&in_force.service, &config.service);
    let sockets = [
        ("gateway.listen", old.listen != new.listen),
        (
            "[gateway.tls]",
            tls(old.tls.as_ref(), new.tls.as_ref()).door,
        ),
        ("gateway.admin", old.admin != new.admin),
        ("state.folder", in_force.state.folder != config.state.folder),
        ("service.name", before.name != service.name),
    ];
    add(When::Restart, true, &sockets);
    let other = [
        ("server.listen", in_force.server != config.server),
        (
            "state.journal",
            in_force.state.journal != config.state.journal,
        ),
        ("state.vault", in_force.state.vault != config.state.vault),
        (
            "[backup.encryption]",
            in_force.backup.encryption != config.backup.encryption,
        ),
        (
            "[[backup.copy]]",
            in_force.backup.copies != config.backup.copies,
        ),
        (
            "state.lease",
            in_force.state.lease_ttl_ms != config.state.lease_ttl_ms,
        ),
    ];
    add(When::Restart, false, &other);
    let protocol = before.protocol != service.protocol;
    add(When::Upgrade, true, &[("service.protocol", protocol)]);
    let environment = before.environment != service.environment;
    add(
        When::Upgrade,
        false,
        &[("service.environment", environment)],
    );
}

/// What differs of TLS.
#[derive(Default)]
struct TlsChanges {
    /// Whether it is spoken at all, and where.
    door: bool,
    certificates: bool,
    version_min: bool,
    clients: bool,
    redirect: bool,
    acme: bool,
}

fn tls(old: Option<&TlsConfig>, new: Option<&TlsConfig>) -> TlsChanges {
    match (old, new) {
        (None, None) => TlsChanges::default(),
        (Some(old), Some(new)) => TlsChanges {
            door: old.listen != new.listen,
            certificates: old.certificates != new.certificates,
            version_min: old.version_min != new.version_min,
            clients: old.clients != new.clients,
            redirect: old.redirect != new.redirect,
            acme: old.acme != new.acme,
        },
        _ => TlsChanges {
            door: true,
            ..TlsChanges::default()
        },
    }
}

#[cfg(test)]
mod tests;
