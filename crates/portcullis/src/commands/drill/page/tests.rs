use portcullis_engine::{DataRecord, DrillPart, DrilledCopy, PartName, Rpo, Rto};

use super::*;

fn report(why: &str) -> DrillReport {
    DrillReport {
        service: "notes".to_owned(),
        environment: "production".to_owned(),
        verdict: DrillVerdict::Failed,
        sentence: format!("The drill failed at boot: {why}."),
        began_ms: 1_774_000_000_000,
        took_ms: 5_000,
        time_ms: Some(1_774_000_000_000),
        from: DrillFrom::Backup,
        release: Some("1.0".to_owned()),
        archives: Vec::new(),
        wanted: "the latest".to_owned(),
        backup: Some(DrilledCopy {
            name: "notes_production_20260320T021500Z".to_owned(),
            created_ms: 1_773_972_900_000,
            release: Some("1.0".to_owned()),
            bytes: 12_345,
            archive_sha256: Some("ab".repeat(32)),
            manifest_sha256: Some("cd".repeat(32)),
            stores: vec!["library".to_owned()],
        }),
        parts: vec![DrillPart {
            name: PartName::Boot,
            outcome: PartOutcome::Failed,
            took_ms: 30_000,
            why: Some(why.to_owned()),
            evidence: Vec::new(),
        }],
        rto: Rto {
            target_ms: Some(1_800_000),
            ..Rto::default()
        },
        rpo: Rpo {
            measured_ms: Some(27_100_000),
            target_ms: Some(86_400_000),
            met: Some(true),
            ..Rpo::default()
        },
        notes: vec![why.to_owned()],
        portcullis_version: "0.1.0".to_owned(),
    }
}

fn entry(report: &DrillReport, by: &str) -> DataEntry {
    DataEntry {
        seq: 3,
        at_ms: 1_774_000_006_000,
        by: by.to_owned(),
        hash: "ef".repeat(32),
        record: DataRecord::Drilled(Box::new(report.clone())),
    }
}

#[test]
fn nothing_in_a_report_becomes_markup() {
    let evil = "<script>alert('x')</script> & \"quotes\" \u{7}\u{1b}[31m";
    let report = report(evil);
    let page = page(&entry(&report, evil), &report);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains(['\u{7}', '\u{1b}']), "{page}");
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot;";
    // In the sentence, as the reason, as a note and as the name of whoever held it.
    assert_eq!(page.matches(escaped).count(), 4, "{page}");
}

#[test]
fn the_page_needs_nothing_else_and_says_everything() {
    let report = report("the release ended");
    let page = page(&entry(&report, "a person"), &report);
    for foreign in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let said = [
        "Restore drill drill-3 of notes (production)",
        "Failed.",
        "2026-03-20 09:46:40 UTC by a person",
        "notes_production_20260320T021500Z",
        &"ab".repeat(32),
        &"ef".repeat(32),
        "30 min",
        "not measured",
        "7 h 31 min",
        "@media print",
        "This is never a pass.",
    ];
    for text in said {
        assert!(page.contains(text), "{text}\n{page}");
    }
}
