//! The keys of TLS towards clients.

use super::NONE;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static TLS: Section = Section {
    header: "[gateway.tls]",
    about: "TLS towards clients, with certificates from files, from an authority \
            (`[gateway.tls.acme]`) or both.",
    keys: &[
        key(
            "listen",
            Kind::Address,
            Preset::Required,
            "Where clients connect with TLS, besides `gateway.listen` for plain text.",
        ),
        key(
            "certificate",
            Kind::Tables(&CERTIFICATE),
            NONE,
            "Certificates in files.",
        ),
        key(
            "acme",
            Kind::Table(&ACME),
            NONE,
            "Certificates that are fetched.",
        ),
        key(
            "version_min",
            Kind::Choice(&["1.2", "1.3"]),
            Preset::Value("\"1.2\""),
            "The oldest version that is spoken.",
        ),
        key(
            "clients",
            Kind::Choice(&["off", "optional", "required"]),
            Preset::Value("\"off\""),
            "Whether clients are asked for a certificate: not at all, and let in without one, or \
             not let in without one. That is for TLS alone: `required` needs `redirect`, or a \
             `gateway.listen` on loopback, which stays open to users of this machine.",
        ),
        key(
            "client_ca",
            Kind::Path,
            Preset::Absent("must be given unless `clients` is `off`"),
            "The authorities that clients' certificates are from, a PEM file.",
        ),
        key(
            "redirect",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether requests at `gateway.listen` are answered with a redirect (308) to `https`, at \
             the port of `listen`. All of them are, gRPC and WebSocket too, whose clients do not \
             follow it; only an authority's challenge is answered.",
        ),
    ],
};

static CERTIFICATE: Section = Section {
    header: "[[gateway.tls.certificate]]",
    about: "A certificate. Which one a client gets is decided by the name that it asks for; the \
            first one is for those that ask for none. The files are read again when they change. \
            Repeat the table for each.",
    keys: &[
        key(
            "chain",
            Kind::Path,
            Preset::Required,
            "The certificate and those that lead to its authority, a PEM file.",
        ),
        key(
            "key",
            Kind::Path,
            Preset::Required,
            "The private key, a PEM file.",
        ),
    ],
};

static ACME: Section = Section {
    header: "[gateway.tls.acme]",
    about: "An authority that gives certificates by ACME (RFC 8555). Whoever names one agrees to \
            its terms of service. The account and the certificate are kept in the folder `acme` \
            beside the gateway's state, readable by its owner only. A certificate is ordered when \
            there is none, when `hosts` or `directory` change, and when less than a third of its \
            life is left or the authority asks for it (RFC 9773). After a failure the next order \
            begins 5 minutes later, then twice as long each time, up to 6 hours, or when the \
            authority allows it: at most 4 orders in an hour. That is kept over a restart; \
            remove `acme/pace.json` and restart to try at once. Until the first certificate is \
            there clients get those of `[[gateway.tls.certificate]]`, or are refused.",
    keys: &[
        key(
            "directory",
            Kind::Form(TextForm::SecureUrl),
            Preset::Value("\"https://acme-v02.api.letsencrypt.org/directory\""),
            "The URL of its directory.",
        ),
        key(
            "ca",
            Kind::Path,
            Preset::Absent("the authorities of the system"),
            "The authorities to believe when it is asked, a PEM file.",
        ),
        key(
            "contact",
            Kind::Form(TextForm::Contact),
            NONE,
            "Whom it may write to.",
        ),
        key(
            "hosts",
            Kind::List(&Kind::Form(TextForm::CertificateHost), 1),
            Preset::Required,
            "The names that the certificate is for. There are none with `*`: neither challenge \
             can show those.",
        ),
        key(
            "challenge",
            Kind::Choice(&["http-01", "tls-alpn-01"]),
            Preset::Value("\"http-01\""),
            "How it is shown that the names are yours: a file at port 80 of them, or a \
             certificate at port 443. The authority must reach `gateway.listen` or \
             `gateway.tls.listen` there.",
        ),
    ],
};
