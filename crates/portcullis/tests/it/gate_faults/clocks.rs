//! The wall clock jumps while a gate is open.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::load::{Load, Who};
use super::shop::{ERRORS, ROLLOUT, Shop, gate};
use crate::faults::clocks::{give_a_clock, set_clock};

/// How far the gate's last measurement is from the real time, in hours.
fn hours_off(shop: &Shop) -> Option<i64> {
    let gate = shop.rig.json(&["show", ROLLOUT, "--gate", "gate-50"]);
    let at_ms = gate["verdicts"].as_array()?.last()?["at_ms"].as_i64()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let off_ms = at_ms - now.as_millis() as i64;
    Some((off_ms as f64 / 3_600_000.0).round() as i64)
}

/// An hour forward, then two back: a window of ten seconds takes ten seconds, and a rule that looks at the latest
/// stretch sees the latest stretch.
#[test]
fn an_hour_forward_and_back_changes_no_window() {
    let stretch = "[[gate.rule]]\nsignal = \"error-rate\"\nmax = \"30%\"\nover = \"3s\"\n";
    let mut shop = Shop::prepared(&gate("10s", &format!("{ERRORS}{stretch}")));
    give_a_clock(&mut shop.rig);
    shop.behave("1.0", "");
    shop.behave("1.1", "");
    shop.start();
    let users = Load::start(shop.rig.gateway(), 100.0, Who::Strangers);
    shop.open_the_gate();
    let opened = Instant::now();
    for (offset, hours) in [("+1h", 1), ("-1h", -1)] {
        set_clock(&shop.rig, offset);
        shop.rig.until("the jump is in the journal", |_| {
            hours_off(&shop) == Some(hours)
        });
    }
    let in_gate = || shop.sentence().starts_with("Holding at 50 %");
    assert!(in_gate(), "{}", shop.sentence());
    shop.rig.until("the first gate has decided", |_| !in_gate());
    let took = opened.elapsed();
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(25)).contains(&took),
        "a window of 10 s took {took:?}"
    );
    // What the last stretch looks at has begun after both jumps.
    let seen = shop.seen();
    let last = seen["evidence"].as_array().unwrap().last().unwrap();
    let requests = last["requests"].as_u64().unwrap();
    assert!((60..=300).contains(&requests), "{last:#}");
    let end = shop.end();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(end.state, "promoted", "{}", end.sentence);
}
