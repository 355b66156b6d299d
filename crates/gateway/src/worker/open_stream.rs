//! One stream of an HTTP/2 connection, from its request to the end of its answer.

use std::rc::Rc;

use super::Worker;
use crate::connection::ConnectionState;

/// A stream under way.
pub(crate) struct OpenStream {
    worker: Rc<Worker>,
    connection: Rc<ConnectionState>,
    state: Rc<ConnectionState>,
    id: u64,
}

impl OpenStream {
    /// The stream's own state.
    pub(crate) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.worker.streams.borrow_mut().remove(&self.id);
        self.connection.stream_ended();
    }
}

impl Worker {
    /// Begins a stream on an HTTP/2 connection; it is under way until the result is dropped.
    pub(crate) fn open_stream(self: &Rc<Self>, connection: Rc<ConnectionState>) -> OpenStream {
        let state = Rc::new(connection.stream());
        let id = self.next_stream.get();
        self.next_stream.set(id + 1);
        self.streams.borrow_mut().insert(id, Rc::clone(&state));
        connection.stream_began();
        OpenStream {
            worker: Rc::clone(self),
            connection,
            state,
            id,
        }
    }
}
