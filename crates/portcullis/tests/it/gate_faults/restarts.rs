//! Portcullis is killed in the middle of a gate: what was seen stays seen, and the time without it does not count.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::load::{Load, Who};
use super::shop::{ERRORS, ROLLOUT, Shop, gate, number, sleep};

const WORSE: &str = "/evidence/0/proof/log_worse";
const REQUESTS: &str = "/evidence/0/requests";
/// How long nobody runs.
const DOWN: Duration = Duration::from_secs(3);

/// How much of a gate's time was measured, once more was than `before_ms`.
fn measured_after(shop: &Shop, before_ms: f64) -> f64 {
    shop.rig.until("the gate goes on", |_| {
        number(&shop.seen(), "/measured_ms") > before_ms
    });
    number(&shop.seen(), "/measured_ms")
}

#[test]
fn evidence_outlives_a_kill_and_the_time_without_portcullis_is_none_of_the_window() {
    let mut shop = Shop::serving(&gate("3m", ERRORS));
    shop.behave("1.1", "errors = 0.06");
    shop.open_the_gate();
    let users = Load::start(shop.rig.gateway(), 100.0, Who::Strangers);
    shop.rig.until("there is some evidence", |_| {
        let seen = shop.seen();
        seen.is_object() && number(&seen, WORSE) >= 1.2
    });
    // The canary behaves for a while, so that it does not fail before it is time.
    shop.behave("1.1", "");
    users.stop();
    let requests = || number(&shop.seen(), REQUESTS);
    let mut counted = requests();
    loop {
        sleep(700);
        let now = requests();
        if now == counted {
            break;
        }
        counted = now;
    }
    let before = shop.seen();
    assert_eq!(shop.rig.state_of("shop-2"), "watching", "{before:#}");
    let measured_ms = number(&before, "/measured_ms");
    shop.rig.kill();
    let killed = Instant::now();
    std::thread::sleep(DOWN);
    let begun = Instant::now();
    shop.rig.start();
    let later_ms = measured_after(&shop, measured_ms);
    let up = begun.elapsed();
    let after = shop.seen();
    // Between the look and the kill one measurement may have been recorded.
    let may_have_ms = up.as_secs_f64() * 1000.0 + 1_000.0;
    assert!(
        later_ms - measured_ms <= may_have_ms,
        "{measured_ms} ms, then {later_ms} ms after {:?} of which {up:?} with a server",
        killed.elapsed()
    );
    assert!(
        number(&after, WORSE) >= number(&before, WORSE),
        "{before:#}\n{after:#}"
    );
    assert!(number(&after, REQUESTS) >= number(&before, REQUESTS));

    shop.behave("1.1", "errors = 0.06");
    let users = Load::start(shop.rig.gateway(), 100.0, Who::Strangers);
    let end = shop.end();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(end.state, "rolled back", "{}", end.sentence);
    assert_eq!(end.failed_rule().0, "error_rate");
    assert!(number(&end.judgement, REQUESTS) > number(&before, REQUESTS));
}

/// Ten users have a broken session, nine of them at the canary: that is not yet proof. The same ten after a restart are
/// no more than that; a gateway that forgot them would count them again.
#[test]
fn broken_sessions_that_were_counted_are_not_counted_again_after_a_kill() {
    let mut shop = Shop::serving(&gate("3m", ERRORS));
    shop.behave("1.0", "");
    shop.behave("1.1", "");
    shop.open_the_gate();
    let mut broken = shop.users_of("1.1", 9);
    broken.extend(shop.users_of("1.0", 1));
    for release in ["1.0", "1.1"] {
        shop.behave(release, &format!("broken_users = {broken:?}"));
    }
    let errors = |shop: &Shop| {
        let seen = shop.seen();
        let share = seen.pointer("/evidence/0/observed");
        share.and_then(Value::as_f64).unwrap_or(0.0) * number(&seen, REQUESTS)
    };
    shop.rig
        .until("the gate measures", |_| shop.seen().is_object());
    // Among others, who have no errors.
    let all_ask = |shop: &Shop| {
        let wanted = errors(shop) + 8.5;
        let others = Load::start(shop.rig.gateway(), 40.0, Who::Strangers);
        sleep(1_000);
        for user in &broken {
            let answer = shop.rig.get("/", user);
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        }
        shop.rig.until("their errors are counted", |rig| {
            errors(shop) > wanted || rig.state_of(ROLLOUT) != "watching"
        });
        others.stop();
    };
    all_ask(&shop);
    let before = shop.seen();
    assert!(number(&before, WORSE) > 0.5, "{before:#}");
    shop.rig.kill();
    shop.rig.start();
    all_ask(&shop);
    let after = shop.seen();
    assert_eq!(
        number(&after, WORSE),
        number(&before, WORSE),
        "{before:#}\n{after:#}"
    );
    assert_eq!(first_errors(&shop), 0);
    assert_eq!(shop.rig.state_of(ROLLOUT), "watching");

    // So it would be without the file.
    shop.rig.kill();
    let kept = shop.rig.path(".portcullis/gateway.first-errors.json");
    std::fs::remove_file(kept).unwrap();
    shop.rig.start();
    all_ask(&shop);
    assert_eq!(first_errors(&shop), 10);
}

/// How many first errors the gateway has counted since it was started.
fn first_errors(shop: &Shop) -> u64 {
    let mut stream = UnixStream::connect(shop.rig.path(".portcullis/gateway.sock")).unwrap();
    let request = "GET /v1/routes/shop HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let route: Value = serde_json::from_str(body).unwrap();
    let arms = route["arms"].as_array().unwrap();
    let counts = arms.iter().map(|arm| arm["first_errors"].as_u64().unwrap());
    counts.sum()
}
