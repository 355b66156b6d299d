//! What was masked: numbers by mask, kind of data and action; never a value.

use super::exposition::{Exposition, Kind};
use crate::masking::MaskingCounters;
use crate::masking::counters::{EDGES_US, Found, MaskingBlock};
use std::sync::atomic::AtomicU64;

/// One mask.
#[derive(Debug)]
pub(crate) struct MaskScrape<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// `enforce`, or `shadow` where everything passes as it is.
    pub(crate) mode: &'static str,
    /// What was counted.
    pub(crate) counters: &'a MaskingCounters,
}

/// Writes the families; nothing where nothing is masked.
pub(super) fn masking(text: &mut Exposition, masks: &[MaskScrape<'_>]) {
    if masks.is_empty() {
        return;
    }
    type Value = fn(&MaskingBlock) -> &AtomicU64;
    let families: [(&str, &str, Value); 7] = [
        (
            "portcullis_masking_requests",
            "Requests that were looked into.",
            |block| &block.requests,
        ),
        (
            "portcullis_masking_passed",
            "Requests that passed although nobody could look into them, as the settings say.",
            |block| &block.passed,
        ),
        (
            "portcullis_masking_errors",
            "Requests and answers on which masking could not do its work: what looks for data, the store or the service failed.",
            |block| &block.failed,
        ),
        (
            "portcullis_masking_restored",
            "Placeholders in answers that became their values.",
            |block| &block.restored,
        ),
        (
            "portcullis_masking_look_alikes",
            "Names in answers that look like placeholders and were never given; they pass as they are.",
            |block| &block.look_alikes,
        ),
        (
            "portcullis_masking_unread",
            "Answers and events that passed as they are because they are not what they say, or too long.",
            |block| &block.unread,
        ),
        (
            "portcullis_masking_unbound",
            "Conversations that could not be kept under the id that their answer told.",
            |block| &block.unbound,
        ),
    ];
    for (name, help, value) in families {
        text.family(Kind::Counter, name, help);
        for mask in masks {
            text.whole(&labels(mask), mask.counters.sum(value));
        }
    }
    let help = "Values that were found in requests, by kind and by what was done (in shadow mode: would be).";
    found(text, ("portcullis_masking_values", help), masks, |mask| {
        mask.counters.found()
    });
    let help =
        "Values in answers that the conversation did not hide, by kind and by what was done.";
    found(text, ("portcullis_masking_leaks", help), masks, |mask| {
        mask.counters.leaks()
    });
    let name = "portcullis_masking_refusals";
    let help = "Requests and answers that masking did not let through (in shadow mode: would not), by reason.";
    text.family(Kind::Counter, name, help);
    for mask in masks {
        let [name, mode] = labels(mask);
        for (reason, count) in mask.counters.refusals() {
            text.whole(&[name, mode, ("reason", reason)], count);
        }
    }
    durations(text, masks);
}

fn durations(text: &mut Exposition, masks: &[MaskScrape<'_>]) {
    let name = "portcullis_masking_duration_seconds";
    let help = "How long looking into a request took, with reading and keeping its conversation.";
    text.family(Kind::Histogram, name, help);
    for mask in masks {
        let (counts, sum_us) = mask.counters.durations();
        let edges = EDGES_US.iter().map(|edge_us| *edge_us as f64 / 1e6);
        let below: Vec<(f64, u64)> = edges.zip(counts).collect();
        let above = counts[EDGES_US.len()];
        text.histogram(&labels(mask), &below, above, sum_us as f64 / 1e6);
    }
}

fn found(
    text: &mut Exposition,
    (name, help): (&str, &str),
    masks: &[MaskScrape<'_>],
    counted: impl Fn(&MaskScrape<'_>) -> Found,
) {
    text.family(Kind::Counter, name, help);
    for mask in masks {
        let [name, mode] = labels(mask);
        for (entity, actions) in counted(mask) {
            for (action, count) in actions {
                let labels = [name, mode, ("entity", &entity), ("action", action.name())];
                text.whole(&labels, count);
            }
        }
    }
}

fn labels<'a>(mask: &MaskScrape<'a>) -> [(&'static str, &'a str); 2] {
    [("mask", mask.name), ("mode", mask.mode)]
}
