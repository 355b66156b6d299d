//! What must hold for any body of JSON.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::same::{assert_only_fields_changed, read, says_the_same};
use super::texts::{mapping_of_strangers, restored};
use super::{Choices, Room};
use crate::json::{Document, FieldTable, JsonLimits, Treatment};
use crate::wire::{BodyError, Mask, mask_json, unmask_json};
use crate::{FieldMasker, FieldRestorers, Limits, Mapping, MaskError, Style, Vocabulary};

/// Masks fields, and checks of each that it comes back.
struct CheckedMasker<'m>(&'m mut Mapping);

impl Mask for CheckedMasker<'_> {
    type Refusal = MaskError;

    fn mask<'t>(&mut self, text: &'t str, field: &str) -> Result<Cow<'t, str>, MaskError> {
        let masker = Room::All.masker();
        let masked = FieldMasker::new(masker, self.0).mask(text, field)?;
        assert_eq!(restored(masker, self.0, &masked), text);
        Ok(masked)
    }
}

/// Any JSON, of which every string is text.
pub(crate) fn json(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let style = choices.of(&super::texts::styles());
    let body = choices.rest();
    let own = Document::read(body, JsonLimits::default()).is_ok();
    let theirs = std::str::from_utf8(body).ok();
    let theirs = theirs.and_then(|body| serde_json::from_str::<IgnoredAny>(body).ok());
    assert_eq!(own, theirs.is_some());
    request(&FieldTable::everything(), body, style.clone());
    answer(&FieldTable::everything(), body, style);
}

/// A request's body: what is masked comes back, and nothing else changes. Gives the masked body.
pub(crate) fn request(table: &FieldTable, body: &[u8], style: Style) -> Option<Vec<u8>> {
    let mut mapping = Mapping::new(style, Limits::default());
    let mut out = Vec::new();
    let limits = JsonLimits::default();
    match mask_json(
        body,
        table,
        limits,
        &mut CheckedMasker(&mut mapping),
        &mut out,
    ) {
        Ok(0) => assert_eq!(out, body),
        Ok(_) => {}
        Err(BodyError::Refused(error)) => panic!("{error}"),
        Err(_) => return None,
    }
    let before = read(body);
    let hidden = std::str::from_utf8(&out).unwrap();
    assert_only_fields_changed(&before, table, hidden);

    if holds_files(&before, table) {
        return Some(out);
    }
    let mut back = Vec::new();
    unmask_json(&out, table, limits, &restorers(&mapping), &mut back).unwrap();
    assert!(
        says_the_same(before.root(), read(&back).root()),
        "{:?} became {:?} and {:?}",
        before.source(),
        hidden,
        String::from_utf8_lossy(&back)
    );
    Some(out)
}

/// An answer's body: it stays JSON, nothing but texts changes, and without a mapping nothing does.
pub(crate) fn answer(table: &FieldTable, body: &[u8], style: Style) {
    let limits = JsonLimits::default();
    let strangers = mapping_of_strangers(style.clone());
    let mut out = Vec::new();
    let Ok(changed) = unmask_json(body, table, limits, &restorers(&strangers), &mut out) else {
        return;
    };
    let before = read(body);
    let after = read(&out);
    assert_only_fields_changed(&before, table, after.source());
    if changed == 0 {
        assert_eq!(out, body);
    }
    inner_json_holds(&before, table, after.source());

    let nothing = Mapping::new(style, Limits::default());
    let mut out = Vec::new();
    let changed = unmask_json(body, table, limits, &restorers(&nothing), &mut out).unwrap();
    assert_eq!((changed, out.as_slice()), (0, body));
}

/// Whether there is a file, into which nothing is put back.
fn holds_files(document: &Document<'_>, table: &FieldTable) -> bool {
    let visited = table.visit(document, |field| match field.treatment {
        Treatment::File | Treatment::Media | Treatment::Link => Err(()),
        _ => Ok(()),
    });
    visited.is_err()
}

/// What knows the values of a mapping.
pub(crate) fn restorers(mapping: &Mapping) -> FieldRestorers {
    let vocabulary = Vocabulary::of(mapping, Room::All.masker().labels());
    FieldRestorers::new(Arc::new(vocabulary))
}

/// A string that must hold JSON, and did, holds JSON still.
fn inner_json_holds(before: &Document<'_>, table: &FieldTable, after: &str) {
    let after = read(after.as_bytes());
    let pairs = inner_texts(before, table)
        .into_iter()
        .zip(inner_texts(&after, table));
    for ((was, must_be_json), (is, _)) in pairs {
        if must_be_json && Document::read(was.as_bytes(), JsonLimits::default()).is_ok() {
            let read = Document::read(is.as_bytes(), JsonLimits::default());
            assert!(read.is_ok(), "{was:?} became {is:?}");
        }
    }
}

/// The strings that may hold JSON, and whether they are treated so when they do.
fn inner_texts(document: &Document<'_>, table: &FieldTable) -> Vec<(String, bool)> {
    let mut texts = Vec::new();
    let visited: Result<(), Infallible> = table.visit(document, |field| {
        let text = field.value.as_str().unwrap_or_default();
        match field.treatment {
            Treatment::JsonText => texts.push((text.into_owned(), true)),
            Treatment::MaybeJson => {
                let is_one = text.trim_start().starts_with(['{', '[']);
                texts.push((text.into_owned(), is_one));
            }
            _ => {}
        }
        Ok(())
    });
    let Ok(()) = visited;
    texts
}
