//! The digest of a library: SHA-256 over its canonical form, fed piece by piece.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The digest of a document; a `digest` at its top level is left out.
pub(crate) fn digest_of(document: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(&mut hasher, document, true);
    hex::encode(hasher.finalize())
}

fn feed(hasher: &mut Sha256, value: &Value, top: bool) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields
                .iter()
                .filter(|(key, _)| !(top && *key == "digest"))
                .collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            feed_list(hasher, b"{", b"}", sorted, |hasher, (key, value)| {
                hasher.update(Value::String(key.clone()).to_string());
                hasher.update(b":");
                feed(hasher, value, false);
            });
        }
        Value::Array(items) => {
            feed_list(hasher, b"[", b"]", items, |hasher, item| {
                feed(hasher, item, false)
            });
        }
        simple => hasher.update(simple.to_string()),
    }
}

fn feed_list<T>(
    hasher: &mut Sha256,
    open: &[u8],
    close: &[u8],
    items: impl IntoIterator<Item = T>,
    mut feed_item: impl FnMut(&mut Sha256, T),
) {
    hasher.update(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            hasher.update(b",");
        }
        feed_item(hasher, item);
    }
    hasher.update(close);
}
