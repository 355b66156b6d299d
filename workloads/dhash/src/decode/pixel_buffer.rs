//! The memory that decoders write pixels into, kept from one image to the next.
//!
//! The system clears every fresh page before it hands it out, which costs as much as a quarter of
//! the decoding of a photograph; so each thread keeps its buffer, up to a bound.

use std::cell::Cell;

/// The largest buffer that a thread keeps for its next image.
const KEPT_BYTES_MAX: usize = 96 << 20;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends a buffer of exactly `size` bytes of any content.
pub(super) fn with_buffer<R>(size: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = BUFFER.take();
    if buffer.len() < size {
        // The old one goes first: two at once would be twice the memory. The next power of two
        // leaves room for somewhat larger images without a new buffer.
        drop(buffer);
        let rounded = if size <= KEPT_BYTES_MAX / 2 {
            size.next_power_of_two()
        } else {
            size
        };
        buffer = vec![0; rounded];
    }
    let result = fill(&mut buffer[..size]);
    if buffer.len() <= KEPT_BYTES_MAX {
        BUFFER.set(buffer);
    }
    result
}
