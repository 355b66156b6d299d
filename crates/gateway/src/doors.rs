//! Where clients come in: in plain text, and with TLS where it is spoken.

use std::net::{SocketAddr, TcpListener};

use portcullis_config::TlsConfig;

use crate::error::GatewayError;
use crate::listen::{bind_workers, share_out};
use crate::settings::GatewaySettings;

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Door<L> {
    pub(crate) listener: L,
    /// Whether clients speak TLS there.
    pub(crate) is_secure: bool,
}

/// All of them.
pub(crate) struct Doors {
    /// Where clients connect in plain text.
    pub(crate) listen: SocketAddr,
    /// Where they connect with TLS.
    pub(crate) tls_listen: Option<SocketAddr>,
    /// Copies, to be passed on.
    pub(crate) kept: Vec<TcpListener>,
    /// What each worker listens on.
    pub(crate) shares: Vec<Vec<Door<TcpListener>>>,
}

impl Doors {
    /// Binds what was not opened elsewhere.
    ///
    /// # Errors
    /// When an address cannot be had or a socket cannot be used.
    pub(crate) fn open(
        settings: &GatewaySettings,
        inherited: Vec<TcpListener>,
        workers: usize,
    ) -> Result<Doors, GatewayError> {
        let error = |source| GatewayError::Listen {
            address: settings.listen,
            source,
        };
        let (plain, secure) = apart(inherited, settings.tls.as_ref()).map_err(error)?;
        let (listen, plain) = match plain.first() {
            Some(first) => (first.local_addr().map_err(error)?, plain),
            None => bind_workers(settings.listen, workers)?,
        };
        let secure = match (&settings.tls, secure.first()) {
            (None, _) => None,
            (Some(_), Some(first)) => Some((first.local_addr().map_err(error)?, secure)),
            (Some(tls), None) => Some(bind_workers(tls.listen, workers)?),
        };
        let tls_listen = secure.as_ref().map(|(address, _)| *address);
        let secure = secure.map(|(_, listeners)| listeners).unwrap_or_default();
        let kept = plain.iter().chain(&secure).map(TcpListener::try_clone);
        let kept = kept.collect::<std::io::Result<_>>().map_err(error)?;
        let plain = share_out(plain, workers).map_err(error)?;
        let secure = share_out(secure, workers).map_err(error)?;
        let shares = plain.into_iter().zip(secure).map(|(plain, secure)| {
            let plain = plain.into_iter().map(|listener| (listener, false));
            let all = plain.chain(secure.into_iter().map(|listener| (listener, true)));
            all.map(|(listener, is_secure)| Door {
                listener,
                is_secure,
            })
            .collect()
        });
        Ok(Doors {
            listen,
            tls_listen,
            kept,
            shares: shares.collect(),
        })
    }
}

/// Sockets that were opened elsewhere: for plain text, and for TLS if it is spoken. Those for TLS are on its
/// port; where any port will do, on another one than the first socket, which is for plain text.
fn apart(
    listeners: Vec<TcpListener>,
    tls: Option<&TlsConfig>,
) -> std::io::Result<(Vec<TcpListener>, Vec<TcpListener>)> {
    let (Some(first), Some(tls)) = (listeners.first(), tls) else {
        return Ok((listeners, Vec::new()));
    };
    let (plain, port) = (first.local_addr()?.port(), tls.listen.port());
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for listener in listeners {
        let found = listener.local_addr()?.port();
        if found == port || (port == 0 && found != plain) {
            other.push(listener);
        } else {
            same.push(listener);
        }
    }
    Ok((same, other))
}
