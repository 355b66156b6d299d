//! What programs say: its beginning or its end is kept, within a bound.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The beginning of what is read, to its end.
pub(crate) async fn beginning(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    pump(from, |chunk| {
        let room = limit.saturating_sub(kept.len()).min(chunk.len());
        kept.extend_from_slice(&chunk[..room]);
    })
    .await;
    kept
}

/// The end of what is read.
pub(crate) async fn end(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::new();
    pump(from, |chunk| {
        kept.extend_from_slice(chunk);
        let over = kept.len().saturating_sub(limit);
        kept.drain(..over);
    })
    .await;
    kept
}

/// Reads to the end. A failed read is an end too: how the program ended tells more.
async fn pump(from: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&[u8])) {
    let Some(mut from) = from else { return };
    let mut chunk = vec![0; 8192];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        take(&chunk[..read]);
    }
}
