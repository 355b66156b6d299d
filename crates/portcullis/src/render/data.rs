//! How a service's data is looked after.

use portcullis_api::data::{DataStanding, Loss};
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
    lines.extend(data.now.iter().map(|now| format!("now       {now}")));
    let troubles = data.troubles.iter();
    lines.extend(troubles.map(|trouble| format!("TROUBLE   {trouble}")));
    lines
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
