//! A drill as a page to print: one file with all that it needs, for people who were not there.

use std::fmt::Write;

use jiff::Timestamp;
use portcullis_engine::{
    DataEntry, DrillFrom, DrillReport, DrillVerdict, PartOutcome, size_words, span_words,
};

const STYLE: &str = include_str!("page.css");

/// The page.
pub(super) fn page(entry: &DataEntry, report: &DrillReport) -> String {
    let title = format!(
        "Restore drill {} of {} ({})",
        entry.drill_id(),
        report.service,
        report.environment
    );
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        title = escaped(&title)
    );
    let class = match report.verdict {
        DrillVerdict::Passed => "passed",
        DrillVerdict::Failed => "failed",
        DrillVerdict::CouldNotRun => "could-not-run",
    };
    let _ = writeln!(
        out,
        "<p class=\"verdict {class}\"><strong>{}</strong> {}</p>",
        escaped(&capital(report.verdict.word())),
        escaped(&report.sentence)
    );
    section(&mut out, "What was tried out", &facts(entry, report));
    targets(&mut out, report);
    parts(&mut out, report);
    if !report.notes.is_empty() {
        out.push_str("<h2>Notes</h2>\n<ul>\n");
        for note in &report.notes {
            let _ = writeln!(out, "<li>{}</li>", escaped(note));
        }
        out.push_str("</ul>\n");
    }
    section(&mut out, "The record", &record(entry, report));
    out.push_str(MEANING);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// What the numbers mean, in the words of docs/guide/drills.md.
const MEANING: &str = "<h2>What the numbers mean</h2>\n<dl class=\"meaning\">\n\
<dt>RTO</dt><dd>Time to recover: fetch, restore, integrity, boot and smoke together, as measured on this machine. \
The time until somebody notices a loss and decides is not in it.</dd>\n\
<dt>RPO</dt><dd>Data that a loss costs: from the moment whose data the newest verified backup has to the beginning of the \
drill, which stands for the moment of the loss. At worst: the longest pause between two backups by the schedule, with its \
jitter and the time that a backup takes. A continuous archive counts in the place of backups while it is whole, not behind and \
was read back lately; then the report says so.</dd>\n\
<dt>Could not run</dt><dd>A part could not be held or a target could not be compared, so nothing is shown. This is never a \
pass.</dd>\n</dl>\n";

fn facts(entry: &DataEntry, report: &DrillReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        (
            "Service",
            format!("{} ({})", report.service, report.environment),
        ),
        ("Held", format!("{} by {}", utc(report.began_ms), entry.by)),
    ];
    if let Some(time_ms) = report.time_ms {
        rows.push(("By schedule", utc(time_ms)));
    }
    rows.push(("Asked for", report.wanted.clone()));
    rows.push(("Restored from", report.from.word().to_owned()));
    for archive in &report.archives {
        let moment = |ms: Option<u64>, none: &str| ms.map_or_else(|| none.to_owned(), utc);
        rows.push(("Archive of the store", archive.store.clone()));
        rows.push(("Copy of the cluster", archive.base.clone()));
        rows.push(("SHA-256 of the copy", archive.base_sha256.clone()));
        rows.push((
            "Moment asked for",
            moment(archive.moment_ms, "everything that was received"),
        ));
        rows.push((
            "Last commit in it",
            moment(archive.last_commit_ms, "none since the copy"),
        ));
        rows.push((
            "Everything is in it until",
            moment(archive.complete_until_ms, "not known"),
        ));
        let replayed = archive.replayed_to.clone();
        rows.push((
            "Log replayed to",
            replayed.unwrap_or_else(|| "not known".to_owned()),
        ));
        let missing = archive.missing.iter().cloned();
        rows.extend(missing.map(|missing| ("Log that is missing", missing)));
    }
    if let (DrillFrom::Archive, Some(release)) = (report.from, &report.release) {
        rows.push(("Release that served", release.clone()));
    }
    match &report.backup {
        None if report.from == DrillFrom::Archive => {}
        None => rows.push(("Backup", "none".to_owned())),
        Some(backup) => {
            let unknown = || "not read".to_owned();
            rows.push(("Backup", backup.name.clone()));
            rows.push(("Data of", utc(backup.created_ms)));
            let release = backup.release.clone();
            rows.push((
                "Release that served",
                release.unwrap_or_else(|| "not known".to_owned()),
            ));
            rows.push(("Stores", backup.stores.join(", ")));
            rows.push(("Archive", size_words(backup.bytes)));
            rows.push((
                "SHA-256 of the archive",
                backup.archive_sha256.clone().unwrap_or_else(unknown),
            ));
            rows.push((
                "SHA-256 of the manifest",
                backup.manifest_sha256.clone().unwrap_or_else(unknown),
            ));
        }
    }
    rows
}

fn record(entry: &DataEntry, report: &DrillReport) -> Vec<(&'static str, String)> {
    vec![
        ("Recorded", utc(entry.at_ms)),
        ("Journal entry", entry.seq.to_string()),
        ("Hash of the entry and all before it", entry.hash.clone()),
        ("Portcullis", report.portcullis_version.clone()),
    ]
}

fn section(out: &mut String, title: &str, rows: &[(&str, String)]) {
    let _ = writeln!(out, "<h2>{title}</h2>\n<table class=\"facts\">");
    for (name, value) in rows {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            escaped(name),
            escaped(value)
        );
    }
    out.push_str("</table>\n");
}

fn targets(out: &mut String, report: &DrillReport) {
    let words = |ms: Option<u64>, none: &str| ms.map_or_else(|| none.to_owned(), span_words);
    let met = |met: Option<bool>| match met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "not compared",
    };
    let worst = words(report.rpo.worst_ms, "no bound: no schedule");
    let rows = [
        (
            "RTO, time to recover",
            &report.rto.measured_ms,
            String::new(),
            &report.rto.target_ms,
            report.rto.met,
        ),
        (
            "RPO, data that a loss costs",
            &report.rpo.measured_ms,
            worst,
            &report.rpo.target_ms,
            report.rpo.met,
        ),
    ];
    out.push_str(
        "<h2>Targets</h2>\n<table class=\"targets\">\n<thead><tr><th scope=\"col\">Figure</th><th scope=\"col\">Measured</th>\
         <th scope=\"col\">At worst</th><th scope=\"col\">Target</th><th scope=\"col\">Result</th></tr></thead>\n<tbody>\n",
    );
    for (name, measured, worst, target, result) in rows {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td data-label=\"Measured\">{}</td>{}<td data-label=\"Target\">{}</td>\
             <td data-label=\"Result\">{}</td></tr>",
            escaped(name),
            escaped(&words(*measured, "not measured")),
            cell("At worst", &worst),
            escaped(&words(*target, "none")),
            met(result)
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

/// A cell that says what it is where the heads of columns are not shown; one that holds nothing says nothing.
fn cell(label: &str, text: &str) -> String {
    match text {
        "" => "<td></td>".to_owned(),
        text => format!("<td data-label=\"{label}\">{}</td>", escaped(text)),
    }
}

fn parts(out: &mut String, report: &DrillReport) {
    out.push_str(
        "<h2>Parts</h2>\n<table class=\"parts\">\n<thead><tr><th scope=\"col\">Part</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Took</th><th scope=\"col\">Evidence</th></tr></thead>\n<tbody>\n",
    );
    for part in &report.parts {
        let mut evidence: Vec<String> = part.why.iter().map(|why| escaped(why)).collect();
        let facts = part.evidence.iter();
        evidence
            .extend(facts.map(|fact| format!("{}: {}", escaped(&fact.name), escaped(&fact.value))));
        let class = match part.outcome {
            PartOutcome::Passed => "passed",
            PartOutcome::Failed => "failed",
            PartOutcome::CouldNotRun => "could-not-run",
        };
        let _ = writeln!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}</th><td data-label=\"Outcome\">{}</td>\
             <td data-label=\"Took\">{}</td><td>{}</td></tr>",
            part.name.word(),
            part.outcome.word(),
            escaped(&span_words(part.took_ms)),
            evidence.join("<br>")
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn utc(ms: u64) -> String {
    let moment = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(
        || format!("{ms} ms"),
        |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A text as HTML shows it, within an element or an attribute in quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Whoever put it there did not mean to be read.
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests;
