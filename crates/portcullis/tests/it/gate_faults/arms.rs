//! Releases that are worse than the one that serves, and an incident that meets both.

use super::load::{Load, Who};
use super::shop::{COMPARISONS, ERRORS, Shop, USUAL, gate, number, sleep};

/// Answers that take 40 ms in the median and 90 ms at the p95.
const TIMED: &str = "errors = 0.005\nmedian_ms = 40\nspread = 0.5\n";
/// The gate's window: a release that is worse is found long before, on a machine that is busy too.
const LONG: &str = "3m";

#[test]
fn five_percent_of_errors_go_back_by_the_default_comparison() {
    let shop = Shop::serving(&gate(LONG, ""));
    shop.behave("1.1", "errors = 0.05");
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    assert_eq!(
        end.failed_rule(),
        ("error_rate".to_owned(), "not_worse".to_owned())
    );
    let told = &end.sentence;
    assert!(
        told.starts_with("Rolled back to 1.0: error rate "),
        "{told}"
    );
    assert!(
        told.contains(", stable ") && told.contains(", limit "),
        "{told}"
    );
    let shown = shop.rig.ok(&["show", "shop-2", "--gate", "gate-50"]);
    assert!(shown.contains("times as many errors"), "{shown}");
    assert!(
        shown.contains("chance alone does this less than once in"),
        "{shown}"
    );
    assert_eq!(shop.rig.serving_release(), "1.0");
}

#[test]
fn answers_that_take_half_as_long_again_go_back_by_their_latency() {
    let shop = Shop::serving(&gate(LONG, COMPARISONS));
    shop.behave("1.0", TIMED);
    shop.behave("1.1", &format!("{TIMED}slower = 1.5"));
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    assert_eq!(
        end.failed_rule(),
        ("latencies".to_owned(), "not_worse".to_owned())
    );
    assert!(
        end.sentence.contains("Rolled back to 1.0: latency "),
        "{}",
        end.sentence
    );
}

#[test]
fn a_slow_leak_that_begins_without_any_difference_goes_back_by_its_latency() {
    let shop = Shop::serving(&gate(LONG, COMPARISONS));
    shop.behave("1.0", TIMED);
    // Half as slow again after about eight seconds, and on from there.
    shop.behave("1.1", &format!("{TIMED}slower_per_request = 0.001"));
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    assert_eq!(
        end.failed_rule(),
        ("latencies".to_owned(), "not_worse".to_owned())
    );
    let measured_ms = number(&end.judgement, "/measured_ms");
    assert!(
        measured_ms > 2_000.0,
        "found before it was there: {measured_ms} ms"
    );
}

#[test]
fn a_leak_of_memory_goes_back_by_the_figure_that_the_service_reports() {
    let figure = "[[gate.rule]]\nsignal = \"metric\"\nmetric = \"resident_mib\"\nmax = 80\n";
    let shop = Shop::serving(&gate(LONG, &format!("{ERRORS}{figure}")));
    shop.behave("1.1", &format!("{USUAL}leak_kib = 256"));
    let users = Load::start(shop.rig.gateway(), 80.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    assert_eq!(end.failed_rule(), ("metric".to_owned(), "limit".to_owned()));
    assert!(end.sentence.contains("resident_mib "), "{}", end.sentence);
}

#[test]
fn a_crash_loop_goes_back_by_its_errors_or_its_checks() {
    let shop = Shop::serving(&gate(LONG, ""));
    shop.behave("1.1", &format!("{USUAL}exit_after = 30"));
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    let (signal, _) = end.failed_rule();
    assert!(
        ["error_rate", "health_failures"].contains(&signal.as_str()),
        "{}",
        end.sentence
    );
    assert_eq!(shop.rig.serving_release(), "1.0");
}

/// Four seconds in which two of five requests fail and answers take three times as long, at both releases: any
/// threshold, and any test that pools what it saw, would send the new one back.
#[test]
fn an_incident_that_meets_both_releases_sends_nobody_back() {
    // A busy machine is not equally fast for two processes; the default bound allows for that.
    let usual = COMPARISONS.replace("1.1", "1.2").replace("10ms", "20ms");
    let shop = Shop::serving(&gate("12s", &usual));
    shop.behave("1.0", TIMED);
    shop.behave("1.1", TIMED);
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Strangers);
    shop.open_the_gate();
    sleep(2_000);
    let bad = TIMED.replace("0.005", "0.4");
    for release in ["1.0", "1.1"] {
        shop.behave(release, &format!("{bad}slower = 3"));
    }
    sleep(4_000);
    for release in ["1.0", "1.1"] {
        shop.behave(release, TIMED);
    }
    let end = shop.end();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert!(
        ["promoted", "paused"].contains(&end.state.as_str()),
        "{}",
        end.sentence
    );
    // The gate has seen it: the test would be none otherwise.
    let seen = shop.seen();
    for value in ["/evidence/0/observed", "/evidence/0/baseline"] {
        assert!(number(&seen, value) > 0.05, "{seen:#}");
    }
}
