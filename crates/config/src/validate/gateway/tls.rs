//! TLS towards clients.

use std::net::SocketAddr;

use super::{Context, address, text};
use crate::Code;
use crate::config::{
    AcmeChallenge, AcmeConfig, CertificateConfig, ClientCertificates, TlsConfig, TlsVersion,
};
use crate::origin::Content;
use crate::raw::{RawAcme, RawCertificate, RawTls};
use crate::report::{At, Report, Wrong};

/// TLS towards clients.
pub(super) fn tls(
    raw: &RawTls,
    plain: Option<&At<SocketAddr>>,
    context: &mut Context<'_>,
) -> TlsConfig {
    plain_is_closed(raw, plain, context.report);
    if !raw.certificates_given {
        let message = "TLS needs a certificate";
        let hint =
            "add a [[gateway.tls.certificate]] with `chain` and `key`, or [gateway.tls.acme]";
        let wrong = Wrong::new(Code::MissingKey, message).hint(hint);
        context.report.add(&raw.spot, wrong);
    }
    let certificates = raw.certificates.iter();
    TlsConfig {
        listen: address(raw.listen.as_ref()),
        certificates: certificates
            .map(|certificate| self::certificate(certificate, context))
            .collect(),
        acme: raw.acme.as_ref().map(|acme| self::acme(acme, context)),
        version_min: match text(raw.version_min.as_ref()) {
            Some("1.3") => TlsVersion::V13,
            _ => TlsVersion::V12,
        },
        clients: clients(raw, context),
        redirect: raw.redirect,
    }
}

fn certificate(raw: &RawCertificate, context: &mut Context<'_>) -> CertificateConfig {
    CertificateConfig {
        chain_file: context.file(raw.chain.as_ref(), Content::Certificates),
        key_file: context.file(raw.key.as_ref(), Content::PrivateKey),
    }
}

fn acme(raw: &RawAcme, context: &mut Context<'_>) -> AcmeConfig {
    let ca = raw.ca.as_ref();
    AcmeConfig {
        directory: raw.directory.clone(),
        ca_file: ca.map(|ca| context.file(Some(ca), Content::Certificates)),
        contact: raw.contact.clone(),
        hosts: raw.hosts.clone(),
        challenge: match text(raw.challenge.as_ref()) {
            Some("tls-alpn-01") => AcmeChallenge::TlsAlpn01,
            _ => AcmeChallenge::Http01,
        },
    }
}

/// Where clients must show certificates, nobody from another machine comes in without TLS.
fn plain_is_closed(raw: &RawTls, plain: Option<&At<SocketAddr>>, report: &Report<'_>) {
    if let (Some(clients), Some(plain)) = (&raw.clients, plain)
        && clients.value == "required"
        && !raw.redirect
        && !plain.value.ip().to_canonical().is_loopback()
    {
        let message = format!(
            "clients = \"required\" is for TLS alone, and gateway.listen ({}) lets everybody in without it",
            plain.value
        );
        let hint = format!(
            "add redirect = true, which sends those to TLS, or set gateway.listen to \"127.0.0.1:{}\", which \
             only this machine reaches",
            plain.value.port()
        );
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&clients.spot, wrong);
    }
}

/// Clients are asked for a certificate exactly when it is said whose are believed.
fn clients(raw: &RawTls, context: &mut Context<'_>) -> ClientCertificates {
    let clients = text(raw.clients.as_ref());
    let asked = matches!(clients, Some("optional" | "required"));
    match (&raw.client_ca, &raw.clients) {
        (None, Some(clients)) if asked => {
            let message = format!("clients = \"{}\" needs client_ca", clients.value);
            let hint =
                "add client_ca, a PEM file with the authorities of the clients' certificates";
            let wrong = Wrong::new(Code::MissingKey, message).hint(hint);
            context.report.add(&clients.spot, wrong);
        }
        (Some(ca), Some(_)) if !asked => {
            let message =
                "clients are not asked for a certificate, so nothing is compared with this";
            let hint = "set clients = \"required\" or \"optional\", or remove client_ca";
            let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
            context.report.add(&ca.spot, wrong);
        }
        _ => {}
    }
    let ca = raw.client_ca.as_ref();
    let ca_file = context.file(ca.filter(|_| asked), Content::Certificates);
    match clients {
        Some("optional") => ClientCertificates::Optional { ca_file },
        Some("required") => ClientCertificates::Required { ca_file },
        _ => ClientCertificates::Off,
    }
}
