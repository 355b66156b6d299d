//! Answers that list several conversations, messages or runs: each entry is restored with its own mapping.

use bytes::Bytes;
use portcullis_mask::json::{Document, FieldTable, JsonLimits, Value};
use portcullis_mask::wire::unmask_json;
use portcullis_mask::{FieldRestorers, RestoreCounts};

use super::record::PlaceKind;
use super::{MaskingRefusal, Session};
use crate::bounds::{MASKING_LISTED_MAX, MASKING_RESTORED_BYTES_MAX};

/// What stands before and after an entry so that the table of the whole answer fits it.
const AROUND: (&[u8], &[u8]) = (b"{\"data\":[", b"]}");

/// Restores the entries of a list; `None` if the answer of this operation is no list, or nothing changes. What was
/// restored is added to `counts`.
///
/// # Errors
/// It would be too long.
pub(crate) async fn restore_list(
    session: &Session,
    operation: &str,
    (text, table): (&Bytes, &FieldTable),
    counts: &mut RestoreCounts,
) -> Result<Option<Bytes>, MaskingRefusal> {
    let Some((kind, path)) = entries_of(operation) else {
        return Ok(None);
    };
    let Ok(document) = Document::read(text, JsonLimits::default()) else {
        return Ok(None);
    };
    let data = document.root().get("data");
    let entries = data.into_iter().flat_map(Value::elements);
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut copied = 0;
    for entry in entries.take(MASKING_LISTED_MAX) {
        let id = path
            .iter()
            .try_fold(entry, |value, name| value.get(name))
            .and_then(Value::as_str);
        let Some(id) = id else { continue };
        let Some(vocabulary) = session.vocabulary_at(kind, &id).await else {
            continue;
        };
        let restorers = FieldRestorers::new(vocabulary).minding_json();
        restorers.make_room(MASKING_RESTORED_BYTES_MAX.saturating_sub(out.len()));
        let alone = [AROUND.0, &text[entry.range()], AROUND.1].concat();
        let mut restored = Vec::with_capacity(alone.len() + alone.len() / 8);
        let limits = JsonLimits::default();
        let changed = unmask_json(&alone, table, limits, &restorers, &mut restored);
        counts.add(restorers.counts());
        if restorers.is_out_of_room() {
            return Err(MaskingRefusal::AnswerTooLong);
        }
        // Only texts within the entry have changed.
        let within = restored.strip_prefix(AROUND.0);
        let within = within.and_then(|rest| rest.strip_suffix(AROUND.1));
        if let (Ok(1..), Some(within)) = (changed, within) {
            out.extend_from_slice(&text[copied..entry.range().start]);
            out.extend_from_slice(within);
            copied = entry.range().end;
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    out.extend_from_slice(&text[copied..]);
    Ok(Some(out.into()))
}

/// What the entries of a list are, and where in each its id is.
fn entries_of(operation: &str) -> Option<(PlaceKind, &'static [&'static str])> {
    Some(match operation {
        "/conversations" => (PlaceKind::Conversation, &["id"]),
        "/saved-messages" => (PlaceKind::Message, &["id"]),
        "/app/feedbacks" => (PlaceKind::Conversation, &["conversation_id"]),
        "/workflows/logs" => (PlaceKind::Run, &["workflow_run", "id"]),
        _ => return None,
    })
}
