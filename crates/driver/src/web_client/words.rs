//! Why a server gave no answer, in plain words. The address may have a password in it, so it is left out.

use std::error::Error;
use std::path::Path;

use http_body_util::LengthLimitError;
use hyper_util::client::legacy;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

pub(super) fn no_answer(error: &legacy::Error, host: &str, ca: Option<&Path>) -> String {
    if let Some(tls) = tls_fault(error) {
        return tls_words(tls, host, ca);
    }
    let what = match error.is_connect() {
        true => "could not connect",
        false => "got no answer",
    };
    format!("{what}: {}", innermost(error))
}

pub(super) fn broken_body(error: &(dyn Error + Send + Sync + 'static), bytes_max: usize) -> String {
    match error.is::<LengthLimitError>() {
        true => format!("the answer is longer than {bytes_max} bytes; ask for less"),
        false => format!("the answer broke off: {}", innermost(error)),
    }
}

/// The innermost cause: the outer ones only say that there is one.
fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause_of(cause) {
        cause = inner;
    }
    cause
}

fn cause_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    // An error of the system that holds another one names that one's cause as its own.
    let held = error.downcast_ref::<std::io::Error>();
    match held.and_then(std::io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn tls_fault(error: &legacy::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if let Some(tls) = one.downcast_ref() {
            return Some(tls);
        }
        cause = cause_of(one);
    }
    None
}

fn tls_words(error: &rustls::Error, host: &str, ca: Option<&Path>) -> String {
    match error {
        rustls::Error::InvalidCertificate(fault) => certificate_words(fault, host, ca),
        rustls::Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS there; is it an http:// URL?")
        }
        rustls::Error::AlertReceived(alert) => {
            format!("{host} refused the TLS connection: {alert:?}")
        }
        other => format!("no TLS connection to {host}: {other}"),
    }
}

fn certificate_words(fault: &CertificateError, host: &str, ca: Option<&Path>) -> String {
    match fault {
        CertificateError::UnknownIssuer => match ca {
            Some(file) => format!(
                "the certificate of {host} is of an unknown authority: none of {} has signed it",
                file.display()
            ),
            None => format!(
                "the certificate of {host} is of an unknown authority: this system trusts none that has \
                 signed it; name the authority's certificate (PEM) with `ca`"
            ),
        },
        // An authority of that name is trusted, and another one with the same name has signed it.
        CertificateError::BadSignature => match ca {
            Some(file) => format!(
                "the certificate of {host} was not signed by the authority in {}, only by one of the same name",
                file.display()
            ),
            None => format!(
                "the certificate of {host} was not signed by the authority that this system trusts, only by one \
                 of the same name"
            ),
        },
        CertificateError::NotValidForName => {
            format!("the certificate of the server has another name than {host}")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            format!(
                "the certificate of the server is for {} and not for {host}",
                match names.is_empty() {
                    true => "nobody".to_owned(),
                    false => names.join(", "),
                }
            )
        }
        CertificateError::Expired => format!("the certificate of {host} has expired"),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!(
                "the certificate of {host} has expired{}",
                moment(" on ", not_after)
            )
        }
        CertificateError::NotValidYet => {
            format!("the certificate of {host} is not valid yet; is this machine's clock right?")
        }
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the certificate of {host} is not valid yet{}; is this machine's clock right?",
            moment(", but from ", not_before)
        ),
        other => format!("the certificate of {host} is not accepted: {other}"),
    }
}

/// `IpAddress(127.0.0.1)` and `DnsName("a.example")` as people write them.
fn plain_name(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

fn moment(before: &str, at: &UnixTime) -> String {
    let second = i64::try_from(at.as_secs()).ok();
    let moment = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
    moment.map_or_else(String::new, |moment| format!("{before}{moment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates_are_told_as_people_write_them() {
        for (name, expected) in [
            ("DnsName(\"a.example\")", "a.example"),
            ("IpAddress(127.0.0.1)", "127.0.0.1"),
            ("a.example", "a.example"),
        ] {
            assert_eq!(plain_name(name), expected);
        }
    }
}
