//! The time after a release, in which the old one is kept warm: faults that begin only then.

mod service;
mod shop;

use std::time::Instant;

use serde_json::json;

use crate::rig::processes_in;
use shop::{RULES, Shop};

/// Checks and a comparison of errors: nothing with a fixed limit on traffic.
const COMPARED: &str = r#"
[[gate.rule]]
signal = "error-rate"
worse_than_stable_by = "1%"
requests_min = 20
[[gate.rule]]
signal = "health"
max = 2
"#;

#[test]
fn errors_that_begin_after_the_promotion_go_back_by_themselves() {
    let shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    // The journal has an entry every ten seconds, and the failure is found long before the next one.
    shop.goes_back(&json!({ "errors": 0.5 }));
    assert_eq!(users.stop(), 0, "requests were dropped");
    let told = shop.sentence();
    assert!(
        told.starts_with("Rolled back to 1.0: error rate ") && told.contains("limit 5.0 %"),
        "{told}"
    );
    // The value told is that of the time in which it was bad, not of all the time.
    let percent: f64 = told["Rolled back to 1.0: error rate ".len()..]
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap();
    assert!(percent > 5.0, "{told}");
    let (entries, last) = shop.replayed();
    assert_eq!(last["recorded"], last["computed"]);
    assert_eq!(last["recorded"]["verdict"], "fail");
    println!("{entries} entries; {told}");
}

#[test]
fn a_release_that_crashes_without_traffic_is_found_by_its_checks() {
    let shop = Shop::serving("60m", RULES);
    let users = shop.users();
    shop.promote();
    assert_eq!(users.stop(), 0, "requests were dropped");
    shop.goes_back_unasked(&json!({ "crash": true }));
    let told = shop.sentence();
    assert!(told.contains("failed checks in a row 3, limit 2"), "{told}");
    assert!(
        shop.replayed().0 < 40,
        "the journal is small: {}",
        shop.replayed().0
    );
}

#[test]
fn a_figure_that_passes_its_limit_goes_back() {
    let shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    shop.goes_back(&json!({ "memory": 60 }));
    assert!(
        shop.sentence().contains("memory 110, limit 100"),
        "{}",
        shop.sentence()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_latency_that_leaks_is_warned_of_before_it_breaks_its_limit() {
    let shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    // Far beyond what 1.0 took, and far below the fixed limit.
    shop.breaks("1.1", &json!({ "slower_ms": 800 }));
    shop.rig.until("people are warned", |_| {
        let warned = |told: &String| {
            told.contains("worse than before, which an incident can bring about too")
        };
        shop.notices().iter().any(warned)
    });
    assert_eq!(
        shop.rig.state_of("shop-2"),
        "watching",
        "a warning does not go back"
    );
    shop.goes_back(&json!({ "slower_ms": 3000 }));
    assert!(
        shop.sentence().contains("p95 latency "),
        "{}",
        shop.sentence()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_comparison_with_the_time_before_only_warns_and_says_how_to_go_back() {
    let shop = Shop::serving("10m", COMPARED);
    let checked = shop.rig.json(&["check"]);
    let note = checked["notes"][0].as_str().unwrap_or_default();
    assert!(
        note.contains("only failed checks go back by themselves"),
        "{checked}"
    );
    let plan = shop.rig.ok(&["plan", "--release", "1.1"]);
    assert!(
        plan.contains("only a fixed limit on failed checks in a row goes back to 1.0 by itself")
            && plan.contains("is compared with what 1.0 showed in the gates, and warns"),
        "{plan}"
    );
    let users = shop.users();
    shop.promote();
    shop.breaks("1.1", &json!({ "errors": 0.4 }));
    let warning = "this does not go back by itself, `portcullis rollback` does";
    shop.rig
        .until("the sentence warns", |_| shop.sentence().contains(warning));
    let told = shop.sentence();
    assert!(told.contains("the release before 0.0 %"), "{told}");
    shop.rig.until("people were told", |_| {
        shop.notices().iter().any(|notice| notice.contains(warning))
    });
    assert_eq!(shop.rig.state_of("shop-2"), "watching");
    assert_eq!(shop.rig.exit(&["rollback", "--wait"]), 0);
    assert_eq!(shop.rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_night_without_traffic_ends_and_the_old_release_is_gone() {
    let shop = Shop::serving("4s", RULES);
    let users = shop.users();
    shop.promote();
    assert_eq!(users.stop(), 0, "requests were dropped");
    let old = shop.rig.json(&["show", "shop-2"])["plan"]["previous"]["target"]["address"].clone();
    assert_eq!(shop.rig.exit(&["watch", "shop-2"]), 0);
    assert_eq!(shop.rig.state_of("shop-2"), "promoted");
    assert_eq!(shop.rig.serving_release(), "1.1");
    let running = processes_in(shop.rig.folder.path())
        .into_iter()
        .filter(|id| {
            let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains("SHOP_RELEASE=1.0")
        });
    assert_eq!(running.count(), 0, "1.0 at {old} still runs");
    assert!(
        std::net::TcpStream::connect(old.as_str().unwrap_or_default()).is_err(),
        "{old} still listens"
    );
}

#[test]
fn nothing_goes_back_to_a_release_that_does_not_answer_until_it_does() {
    let shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    shop.behaves(&json!({ "1.0": { "unwell": true } }));
    let warning = "1.0 does not answer as it should, so nothing goes back to it by itself";
    shop.rig.until("people are warned", |_| {
        shop.notices().iter().any(|notice| notice.contains(warning))
    });
    shop.behaves(&json!({ "1.0": { "unwell": true }, "1.1": { "errors": 0.5 } }));
    shop.rig.until("the failure is told", |_| {
        let told =
            |notice: &String| notice.contains("error rate") && notice.contains("less than once in");
        shop.notices().iter().any(told)
    });
    assert_eq!(shop.rig.state_of("shop-2"), "watching");
    assert_eq!(shop.rig.serving_release(), "1.1");
    shop.goes_back(&json!({ "errors": 0.5 }));
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_restart_in_the_middle_goes_on_watching() {
    let mut shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    shop.rig.until("something is recorded", |_| {
        shop.sentence().contains("error rate")
    });
    shop.rig.kill();
    shop.rig.start();
    assert_eq!(shop.rig.state_of("shop-2"), "watching");
    assert_eq!(shop.rig.serving_release(), "1.1");
    shop.goes_back(&json!({ "errors": 0.5 }));
    users.stop();
    shop.rig.ok(&["journal", "verify"]);
}

#[test]
fn traffic_goes_back_at_once_and_a_person_is_asked_about_lost_writes() {
    let shop = Shop::serving("10m", RULES);
    shop.rig.edit(
        "[gate]\n",
        "[[store]]\nname = \"orders\"\nkind = \"file\"\npath = \"data/orders.json\"\n\n\
         [data]\ncompatible = true\nrollback = \"restore\"\nwritten_by = \"service\"\n\n[gate]\n",
    );
    let file = shop.rig.path("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let at = text.find("[[release]]\nversion = \"1.2\"").unwrap();
    // The `{{` and `}}` of a command are braces.
    let migration = "[release.migrate]\n\
        command = [\"sh\", \"-c\", \"echo '{{\\\"schema\\\": 2}}' > {store.orders}\"]\n\
        proof = { file = \"{store.orders}\", pointer = \"/schema\", equals = 2 }\n\n";
    std::fs::write(&file, format!("{}{migration}{}", &text[..at], &text[at..])).unwrap();
    let orders = || std::fs::read_to_string(shop.rig.path("data/orders.json")).unwrap();
    let before = orders();

    let users = shop.users();
    shop.promote();
    assert_ne!(orders(), before);
    let watching = shop.rig.spawn(&["watch", "shop-2"]);
    let broken = Instant::now();
    shop.breaks("1.1", &json!({ "errors": 0.5 }));
    assert_eq!(watching.join().unwrap().code(), Some(4), "it asks");
    println!("asked after {:.1} s", broken.elapsed().as_secs_f64());
    let told = shop.sentence();
    assert!(told.contains("would lose the writes taken since"), "{told}");
    // The question is about the data only: users are back at 1.0 already, and nothing of the data was touched.
    assert!(shop.rig.get("/", "user-1").contains(r#""release": "1.0""#));
    assert_ne!(orders(), before);
    shop.rig.ok(&["retry", "--accept-loss"]);
    shop.rig.until("it is rolled back", |shop| {
        shop.state_of("shop-2") == "rolled back"
    });
    assert_eq!(orders(), before, "the backup was put back");
    assert!(
        shop.sentence().contains("error rate"),
        "{}",
        shop.sentence()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn the_time_after_a_release_is_told_in_plain_words() {
    let shop = Shop::serving("60m", RULES);
    shop.rig.edit(
        "keep_warm = \"60m\"",
        "keep_warm = \"60m\"\n\
         keep_warm_cadence = [{ interval = \"30s\" }, { after = \"5m\", interval = \"2m\" }]",
    );
    let plan = shop.rig.ok(&["plan", "--release", "1.1"]);
    let pace = "measured every 30 s, after 5 min every 2 min";
    assert!(plan.contains(pace), "{plan}");
    let told = shop.rig.ok(&["gate", "explain", "keep-warm"]);
    assert!(told.contains("from the promotion on, for 1 h"), "{told}");
    assert!(told.contains(pace) && told.contains("only warns"), "{told}");
    let checked = shop.rig.run(&["check"]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.contains("no problems"), "{checked}");

    let users = shop.users();
    shop.promote();
    assert_eq!(users.stop(), 0, "requests were dropped");
    let status = shop.rig.ok(&["status"]);
    let line = status
        .lines()
        .find(|line| line.starts_with("kept warm 1.0 at "));
    let line = line.unwrap_or_else(|| panic!("{status}"));
    assert!(
        line.contains("measured every 30 s; goes back by itself for error rate, p95 latency, failed checks in a row, memory")
            && line.ends_with("; only warns of p95 latency"),
        "{line}"
    );

    // It is refused where it makes no sense.
    shop.rig.edit("keep_warm = \"60m\"", "keep_warm = \"4m\"");
    let refused = shop.rig.run(&["check"]);
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.contains("keep_warm_cadence") && refused.contains("never begins"),
        "{refused}"
    );
}

#[test]
fn the_next_release_ends_the_time_of_the_one_before() {
    let shop = Shop::serving("10m", RULES);
    let users = shop.users();
    shop.promote();
    shop.rig.ok(&["deploy", "--release", "1.2", "--wait"]);
    assert_eq!(shop.rig.state_of("shop-2"), "promoted");
    assert_eq!(shop.rig.serving_release(), "1.2");
    assert_eq!(users.stop(), 0, "requests were dropped");
}
