//! How a service's data is looked after.

use portcullis_api::data::{ContinuousStanding, DataStanding, Loss};
use portcullis_engine::span_words;

use crate::clock::local;

/// The lines of the status.
pub(super) fn lines(data: &DataStanding, now_ms: u64) -> Vec<String> {
    let at = |ms: u64| local(ms).strftime("%Y-%m-%d %H:%M").to_string();
    let ago = |ms: u64| match now_ms.saturating_sub(ms) {
        ..60_000 => "less than a minute".to_owned(),
        age_ms => span_words(age_ms / 60_000 * 60_000),
    };
    let next = |ms: Option<u64>| ms.map_or_else(String::new, |ms| format!("; next {}", at(ms)));
    let mut lines = Vec::new();
    let backup = match &data.verified {
        Some(verified) => format!(
            "{}, verified, {} old",
            verified.name,
            ago(verified.created_ms)
        ),
        None => "none is verified; `portcullis backup create` makes one".to_owned(),
    };
    lines.push(format!("backup    {backup}{}", next(data.next_backup_ms)));
    if data.drill.is_some() || data.next_drill_ms.is_some() {
        let drill = match &data.drill {
            Some(drill) => format!(
                "{} {}, {} ago",
                drill.id,
                drill.verdict.replace('_', " "),
                ago(drill.began_ms)
            ),
            None => "none was held".to_owned(),
        };
        lines.push(format!("drill     {drill}{}", next(data.next_drill_ms)));
    }
    let by_archive = data
        .recovery_point
        .as_ref()
        .filter(|point| point.from == "archive");
    lines.extend(by_archive.map(|point| {
        format!(
            "counts    {}, {} old, in the place of the backup",
            point.by,
            ago(point.time_ms)
        )
    }));
    for archive in &data.continuous {
        lines.push(format!("archive   {}", continuous(archive, now_ms)));
    }
    lines.extend(data.now.iter().map(|now| format!("now       {now}")));
    lines.extend(
        data.not_counted
            .iter()
            .map(|why| format!("note      {why}")),
    );
    let of_archives = data.continuous.iter().flat_map(|archive| &archive.troubles);
    let troubles = data.troubles.iter().chain(of_archives);
    lines.extend(troubles.map(|trouble| format!("TROUBLE   {trouble}")));
    lines
}

/// An archive in one line: what can be recovered to, and how far it is behind.
fn continuous(archive: &ContinuousStanding, now_ms: u64) -> String {
    let at = |ms: u64| local(ms).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let window = archive
        .recoverable
        .iter()
        .map(|range| format!("{} to {}", at(range.from_ms), at(range.to_ms)));
    let window: Vec<String> = window.collect();
    let window = match window.is_empty() {
        true => "nothing can be recovered to yet".to_owned(),
        false => format!("any moment from {}", window.join(" and from ")),
    };
    let behind = match archive.received_until_ms {
        Some(until_ms) => {
            let behind_ms = now_ms.saturating_sub(until_ms) / 1000 * 1000;
            format!("{} behind", span_words(behind_ms.max(1000)))
        }
        None => "nothing was received".to_owned(),
    };
    let state = if archive.receiving {
        ""
    } else {
        ", NOT receiving"
    };
    format!("{}: {window}, {behind}{state}", archive.store)
}

/// What going back would lose: one line for each store.
pub(super) fn loss_lines(loss: &Loss) -> Vec<String> {
    let stores = loss.stores.iter();
    stores
        .map(|store| format!("lost then {}: {}", store.store, store.words))
        .collect()
}

/// The same in one line.
pub(crate) fn loss_words(loss: &Loss) -> String {
    let stores = loss.stores.iter();
    let stores = stores.map(|store| format!("{}: {}", store.store, store.words));
    stores.collect::<Vec<String>>().join("; ")
}
