//! How connections come in.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::Worker;
use crate::bounds::{ACCEPT_RETRY_MS, LISTEN_BACKLOG};
use crate::client_addresses::Counted;
use crate::clock;
use crate::connection::ConnectionState;
use crate::doors::Door;

/// A client's connection, where it is from, and whether it came in where TLS is spoken.
pub(super) type Accepted = (TcpStream, SocketAddr, bool);

/// Takes a connection off the worker's list, however its task ends.
struct Closed {
    worker: Rc<Worker>,
    id: u64,
    _counted: Counted,
}

impl Drop for Closed {
    fn drop(&mut self) {
        let state = self.worker.connections.borrow_mut().remove(&self.id);
        let block = self.worker.observers.block();
        block.connections_open.fetch_sub(1, Relaxed);
        // A tunnel that never began knows the connection, which knows the tunnel.
        drop(state.and_then(|state| state.take_tunnel()));
        self.worker.changed.notify_waiters();
    }
}

impl Worker {
    /// Serves the connections that the system has accepted already; closing the listener would reset
    /// them. The system is asked itself: tokio may not know yet that connections wait, and hides some of
    /// them once a task has had its share of time.
    pub(super) fn open_waiting(self: &Rc<Self>, listener: &std::net::TcpListener, is_secure: bool) {
        // New ones may come as fast as these are taken; those that waited fit into the queue.
        for _ in 0..=LISTEN_BACKLOG {
            let accepted = listener.accept().and_then(|(stream, peer)| {
                stream.set_nonblocking(true)?;
                Ok((TcpStream::from_std(stream)?, peer, is_secure))
            });
            match accepted {
                Ok(accepted) => self.open(accepted),
                // One client was gone already; the next may not be.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept the connections that wait");
                    return;
                }
            }
        }
    }

    /// Waits for a connection for which there is room.
    pub(super) async fn accept(&self, doors: &[Door<TcpListener>]) -> Accepted {
        loop {
            let changed = self.changed.notified();
            if self.connections.borrow().len() >= self.connections_max() {
                changed.await;
                continue;
            }
            match std::future::poll_fn(|cx| poll_accept(doors, cx)).await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
                }
            }
        }
    }

    /// This worker's share of all connections.
    fn connections_max(&self) -> usize {
        let max = self.with_table(|table| table.routing.clients.connections_max);
        (max as usize).div_ceil(self.workers)
    }

    /// Serves a connection.
    pub(super) fn open(self: &Rc<Self>, (stream, peer, is_secure): Accepted) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a client was gone before it was served");
            return;
        }
        self.now_ms.set(clock::monotonic_ms());
        let clients = self.with_table(|table| Arc::clone(&table.routing.clients));
        let max = clients.connections_per_address_max;
        let Some(counted) = self.addresses.count(peer.ip(), max) else {
            tracing::debug!("a client has too many connections: another one is closed");
            return;
        };
        let now_ms = Rc::clone(&self.now_ms);
        let state = Rc::new(ConnectionState::new(peer.ip(), is_secure, clients, now_ms));
        state.enter_idle();
        let block = self.observers.block();
        block.connections.fetch_add(1, Relaxed);
        block.connections_open.fetch_add(1, Relaxed);
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.connections.borrow_mut().insert(id, Rc::clone(&state));
        self.changed.notify_waiters();
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let closed = Closed {
                worker: Rc::clone(&worker),
                id,
                _counted: counted,
            };
            match worker.tls.clone().filter(|_| is_secure) {
                Some(tls) => worker.serve_secure(tls, stream, state).await,
                None => worker.serve(stream, state).await,
            }
            drop(closed);
        });
    }
}

/// The next connection of any of the listeners.
fn poll_accept(
    doors: &[Door<TcpListener>],
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<Accepted>> {
    for door in doors {
        if let Poll::Ready(accepted) = door.listener.poll_accept(cx) {
            let accepted = accepted.map(|(stream, peer)| (stream, peer, door.is_secure));
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}
