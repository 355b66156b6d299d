//! The end of the demo: what happened, what users saw, and the proof.

use std::time::Duration;

use portcullis_api::engine::{Detail, Status};
use portcullis_api::gateway::GatewayStatus;
use portcullis_rollout::MomentKind;

use super::configuration::{Fault, Workplace};
use super::tally::{Outcome, Tally};

/// Everything that the report is made from.
pub struct Story {
    pub good_exit: i32,
    pub bad_exit: i32,
    pub good: Detail,
    pub bad: Detail,
    pub good_shown: String,
    pub bad_shown: String,
    pub status: Status,
    pub gateway: GatewayStatus,
    pub library_at_first: String,
    pub library_before: String,
    pub library_after: String,
    pub backups_verified: bool,
    pub journal_verified: bool,
    pub tally: Tally,
}

/// Prints the report. Returns whether everything that was promised was kept.
pub fn print(story: &Story, workplace: &Workplace, fault: Fault) -> bool {
    heading("Release 1.1: re-hashes the library, good");
    println!("{}", story.good_shown.trim_end());
    heading(&format!("Release 1.2: {}", fault.words()));
    println!("{}", story.bad_shown.trim_end());
    heading("What users saw");
    users(story);
    heading("How fast");
    speed(story);
    heading("Proof");
    let kept = proof(story);
    heading("Look further");
    look_further(workplace);
    kept
}

fn heading(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.chars().count()));
}

fn users(story: &Story) {
    let tally = &story.tally;
    println!(
        "{:<10} {:>9} {:>9} {:>9}",
        "release", "served", "failed", "dropped"
    );
    for (release, [served, failed, dropped]) in tally.by_release() {
        println!("{release:<10} {served:>9} {failed:>9} {dropped:>9}");
    }
    let [served, failed, dropped] =
        [Outcome::Served, Outcome::Failed, Outcome::Dropped].map(|outcome| tally.count(outcome));
    println!("{:<10} {served:>9} {failed:>9} {dropped:>9}", "all");
    if let Some((median, p95)) = tally.latency_ms() {
        println!("answers took {median:.1} ms in the median, {p95:.1} ms at the 95th percentile");
    }
}

fn speed(story: &Story) {
    let begun = when(
        &story.bad,
        |kind| matches!(kind, MomentKind::Settled { .. }),
        "shift-10",
    );
    let decided = when(
        &story.bad,
        |kind| matches!(kind, MomentKind::Decided { .. }),
        "gate-",
    );
    let first_failure = story.tally.first_failure("1.2");
    let fault = first_failure.or(begun);
    match (fault, decided) {
        (Some(fault), Some(decided)) => {
            let since = if first_failure.is_some() {
                "the first failed answer of 1.2"
            } else {
                "the first traffic on 1.2 (no user saw a failed answer)"
            };
            let took = seconds(decided.saturating_sub(fault));
            println!("from {since} to the decision: {took}");
        }
        _ => println!("no gate decided on 1.2"),
    }
    let arms = story.gateway.routes.iter().flat_map(|route| &route.arms);
    let last = arms
        .filter(|arm| arm.arm.release == "1.2")
        .map(|arm| arm.last_sent_at_ms)
        .max();
    if let (Some(last), Some(decided)) = (last, decided) {
        let took = seconds(last.saturating_sub(decided));
        println!("from the decision to the last request sent to 1.2: {took}");
    }
    for (release, detail) in [("1.1", &story.good), ("1.2", &story.bad)] {
        let summary = &detail.summary;
        let took = seconds(summary.changed_at_ms.saturating_sub(summary.planned_at_ms));
        println!("release {release} took {took} in all: {}", summary.state);
    }
}

fn proof(story: &Story) -> bool {
    let failed_outside = story
        .tally
        .by_release()
        .into_iter()
        .any(|(release, [_, failed, _])| release != "1.2" && failed > 0);
    let serving = story
        .status
        .serving
        .as_ref()
        .map(|serving| serving.release.as_str());
    let checks = [
        (story.good_exit == 0, "1.1 was promoted".to_owned()),
        (
            story.library_at_first != story.library_before,
            "1.1 changed the library: its SHA-256 differs from the one at the start".to_owned(),
        ),
        (
            story.bad_exit == 3,
            "1.2 was rolled back by a gate".to_owned(),
        ),
        (
            story.library_before == story.library_after,
            format!(
                "the library is as before 1.2: SHA-256 {}",
                story.library_after
            ),
        ),
        (
            serving == Some("1.1"),
            format!("{} serves", serving.unwrap_or("nothing")),
        ),
        (
            story.tally.count(Outcome::Dropped) == 0,
            format!(
                "{} requests were dropped",
                story.tally.count(Outcome::Dropped)
            ),
        ),
        (!failed_outside, "no answer of 1.0 or 1.1 failed".to_owned()),
        (
            story.backups_verified,
            "the newest backup reads back whole".to_owned(),
        ),
        (
            story.journal_verified,
            "the journal's chain is whole and folds".to_owned(),
        ),
    ];
    for (kept, words) in &checks {
        println!("{:<7} {words}", if *kept { "ok" } else { "FAILED" });
    }
    checks.iter().all(|(kept, _)| *kept)
}

fn look_further(workplace: &Workplace) {
    println!("everything is in {}", workplace.folder.display());
    println!("  portcullis.toml       what a user writes");
    println!("  portcullis.log        what `portcullis serve` said");
    println!("  .portcullis/vault     the backups: `sha256sum -c *.sha256` there checks them");
    println!("  .portcullis/logs      what each release printed");
    println!(
        "`portcullis history` and `portcullis show dhash-3` there tell the story again;\n`portcullis serve` starts it again"
    );
}

/// When something first happened to a step whose name begins like this.
fn when(detail: &Detail, is: impl Fn(&MomentKind) -> bool, step: &str) -> Option<u64> {
    let of_step = |name: &Option<String>| name.as_deref().is_some_and(|n| n.starts_with(step));
    let last_first = detail
        .moments
        .iter()
        .filter(|moment| is(&moment.kind) && of_step(&moment.name));
    // A gate that passed is followed by others: the deciding one is the last.
    if step.ends_with('-') {
        last_first.map(|moment| moment.at_ms).max()
    } else {
        last_first.map(|moment| moment.at_ms).min()
    }
}

fn seconds(ms: u64) -> String {
    let duration = Duration::from_millis(ms);
    if ms < 1000 {
        format!("{ms} ms")
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
