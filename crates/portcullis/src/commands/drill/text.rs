//! A drill as text.

use portcullis_engine::{DataEntry, DrillFrom, DrillReport, span_words};

use crate::clock::local;

/// One line of the list.
pub(super) fn row(entry: &DataEntry, report: &DrillReport) -> String {
    format!(
        "{:10}  {}  {:13}  RTO {:>10}  RPO {:>12}  {}",
        entry.drill_id(),
        local(report.began_ms).strftime("%Y-%m-%d %H:%M"),
        report.verdict.word(),
        measured(report.rto.measured_ms),
        measured(report.rpo.measured_ms),
        restored(report),
    )
}

/// Which way it went: from a backup, or from continuous archives.
fn restored(report: &DrillReport) -> String {
    let backup = report.backup.as_ref().map(|backup| backup.name.as_str());
    let archives = report.archives.iter().map(|one| one.store.as_str());
    let archives: Vec<&str> = archives.collect();
    match (report.from, backup) {
        (DrillFrom::Backup, backup) => backup.unwrap_or("no backup").to_owned(),
        (DrillFrom::Archive, _) if archives.is_empty() => "no archive".to_owned(),
        (DrillFrom::Archive, None) => format!("archive of {}", archives.join(", ")),
        (DrillFrom::Archive, Some(backup)) => {
            format!("archive of {}, and {backup}", archives.join(", "))
        }
    }
}

/// All of it.
pub(super) fn report(entry: &DataEntry, report: &DrillReport) -> String {
    let mut lines = vec![
        format!("{}: {}", entry.drill_id(), report.verdict.word()),
        report.sentence.clone(),
    ];
    let began = local(report.began_ms).strftime("%Y-%m-%d %H:%M:%S");
    lines.push(format!(
        "held      {began} by {}, on {}",
        entry.by, report.wanted
    ));
    let from = match (report.from, report.archives.is_empty()) {
        (DrillFrom::Archive, true) => "nothing was recovered".to_owned(),
        _ => restored(report),
    };
    lines.push(format!("from      {}: {from}", report.from.word()));
    for part in &report.parts {
        let took = span_words(part.took_ms);
        let evidence = part.evidence.iter();
        let shown: Vec<String> = evidence
            .map(|fact| format!("{} {}", fact.name, fact.value))
            .collect();
        let rest = part.why.clone().unwrap_or_else(|| shown.join(", "));
        let (name, outcome) = (part.name.word(), part.outcome.word());
        lines.push(
            format!("{name:9} {outcome:13} {took:>10}  {rest}")
                .trim_end()
                .to_owned(),
        );
    }
    lines.push(format!(
        "RTO       {} measured{}",
        measured(report.rto.measured_ms),
        target(report.rto.target_ms, report.rto.met)
    ));
    lines.push(format!(
        "RPO       {} measured{}{}",
        measured(report.rpo.measured_ms),
        target(report.rpo.target_ms, report.rpo.met),
        by(report)
    ));
    lines.push(match report.rpo.worst_ms {
        Some(ms) => format!(
            "          at worst {} by the schedule of backups",
            span_words(ms)
        ),
        None => "          no bound: there is no schedule of backups".to_owned(),
    });
    lines.extend(report.notes.iter().map(|note| format!("note      {note}")));
    lines.push(format!("journal   entry {}, {}", entry.seq, entry.hash));
    lines.join("\n")
}

fn by(report: &DrillReport) -> String {
    let by = report.rpo.by.as_ref();
    by.map_or_else(String::new, |by| format!(", by {by}"))
}

fn measured(ms: Option<u64>) -> String {
    ms.map_or_else(|| "not".to_owned(), span_words)
}

fn target(target_ms: Option<u64>, met: Option<bool>) -> String {
    let Some(target_ms) = target_ms else {
        return ", no target".to_owned();
    };
    let word = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not compared",
    };
    format!(", target {}: {word}", span_words(target_ms))
}
