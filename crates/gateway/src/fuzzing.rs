//! What the fuzz targets in `fuzz/` call: every parser of the data path, with what must hold for any bytes.
//!
//! One function per target. Each takes bytes that nobody has looked at and panics when something that its
//! parser promises does not hold; "does not crash" alone would let most mistakes pass. The tests run the
//! same functions over the corpora that are kept in `fuzz/corpus`.
//!
//! Inputs are lines of text where the parser reads text, so that a finding can be read and a seed can be
//! written by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a finding is a panic, and nothing of this is in the product"
)]

mod addresses;
mod configuration;
mod credentials;
mod heads;
mod redirects;
mod routes;
mod uploads;

pub use addresses::{address, client, trace};
pub use configuration::config;
pub use credentials::{api_key, jwt};
pub use heads::{answer, cookie, head_tap};
pub use redirects::redirect;
pub use routes::{request_host, request_path, route_find};
pub use uploads::upload;

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is the name of its corpus too.
pub const TARGETS: [(&str, Target); 14] = [
    ("address", address),
    ("answer", answer),
    ("api_key", api_key),
    ("client", client),
    ("config", config),
    ("cookie", cookie),
    ("head_tap", head_tap),
    ("jwt", jwt),
    ("redirect", redirect),
    ("request_host", request_host),
    ("request_path", request_path),
    ("route_find", route_find),
    ("trace", trace),
    ("upload", upload),
];

/// Choices made by the bytes of an input; when they are used up, the first of each.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes.iter())
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % count.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

/// The lines of an input, as header values where they can be some.
fn values(bytes: &[u8]) -> impl Iterator<Item = http::HeaderValue> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| http::HeaderValue::from_bytes(line).ok())
}

/// The pieces that an input is cut into; `seed` decides where.
fn pieces(mut bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed).wrapping_mul(2_654_435_761) | 1;
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (state >> 16) as usize % (1 + usize::from(seed) * 2);
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[cfg(test)]
mod tests;
