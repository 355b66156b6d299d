//! TLS towards clients.

use std::net::SocketAddr;

use crate::raw::value_or_default;
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units;

/// `[gateway.tls]` as written.
#[derive(Debug)]
pub(crate) struct RawTls {
    pub(crate) listen: Option<At<SocketAddr>>,
    pub(crate) certificates: Vec<RawCertificate>,
    pub(crate) acme: Option<RawAcme>,
    pub(crate) version_min: Option<At<String>>,
    pub(crate) clients: Option<At<String>>,
    pub(crate) client_ca: Option<At<String>>,
    pub(crate) redirect: bool,
    /// Whether the file gives certificates of any kind, rightly or not.
    pub(crate) certificates_given: bool,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// A `[[gateway.tls.certificate]]` as written.
#[derive(Debug)]
pub(crate) struct RawCertificate {
    pub(crate) chain: Option<At<String>>,
    pub(crate) key: Option<At<String>>,
}

/// `[gateway.tls.acme]` as written.
#[derive(Debug)]
pub(crate) struct RawAcme {
    pub(crate) directory: String,
    pub(crate) ca: Option<At<String>>,
    pub(crate) contact: Option<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) challenge: Option<At<String>>,
}

impl RawTls {
    pub(super) fn read(table: Table<'_>) -> RawTls {
        let certificates = table.tables("certificate", RawCertificate::read);
        RawTls {
            listen: table.read("listen", units::address),
            certificates_given: table.has("acme")
                || (table.has("certificate") && !table.is_empty_list("certificate")),
            certificates,
            acme: table.optional_table("acme", RawAcme::read),
            version_min: table.text("version_min"),
            clients: table.text("clients"),
            client_ca: table.text("client_ca"),
            redirect: value_or_default(table.boolean("redirect")),
            spot: table.spot.clone(),
        }
    }
}

impl RawCertificate {
    fn read(table: Table<'_>) -> RawCertificate {
        RawCertificate {
            chain: table.text("chain"),
            key: table.text("key"),
        }
    }
}

impl RawAcme {
    fn read(table: Table<'_>) -> RawAcme {
        RawAcme {
            directory: value_or_default(table.text("directory")),
            ca: table.text("ca"),
            contact: table.text("contact").map(|at| at.value),
            hosts: table.plain_texts("hosts"),
            challenge: table.text("challenge"),
        }
    }
}
