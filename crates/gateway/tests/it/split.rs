//! Which arm a user meets, and what a change of the split must satisfy.

use std::sync::atomic::Ordering::SeqCst;

use portcullis_api::gateway::SplitChange;
use portcullis_gateway::Sticky;
use reqwest::StatusCode;

use crate::rig::{Rig, TOKEN, arm, closed_address, release, split};
use crate::service::Service;

#[tokio::test]
async fn share_is_sticky_and_only_grows() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, None, 0).await;
    let mut moved = vec![false; 600];
    for weight in [0, 10, 50, 100] {
        rig.split(&stable, Some(&canary), weight).await;
        for (user, moved) in moved.iter_mut().enumerate() {
            let now = rig.get_as(&format!("user-{user}")).await == "1.1";
            assert!(now || !*moved, "user {user} fell back at {weight} %");
            *moved = now;
        }
        let share = moved.iter().filter(|moved| **moved).count() as f64 / 6.0;
        // Four standard deviations of a binomial share of 600 users.
        let tolerance = 4.0 * (f64::from(weight) * f64::from(100 - weight) / 600.0).sqrt();
        assert!(
            (share - f64::from(weight)).abs() <= tolerance,
            "{share} % at weight {weight}"
        );
        assert_eq!(
            rig.get_as("user-7").await == "1.1",
            moved[7],
            "the same user, the same arm"
        );
    }
    let (first, second) = (rig.arm("1.0").await, rig.arm("1.1").await);
    assert_eq!(first.requests + second.requests, 4 * 600 + 4);
    assert_eq!(second.latency.count(), second.requests);
    assert_eq!(second.by_class, [0, second.requests, 0, 0, 0]);
    assert_eq!((first.errors, second.errors), (0, 0));
    assert!(second.last_sent_at_ms <= rig.status().await.now_ms && second.last_sent_at_ms > 0);
}

/// Nothing is shared between them: the assignment is a function of user, service and weight.
#[tokio::test]
async fn two_gateways_send_the_same_users_to_the_same_arms() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let (one, other) = (Rig::start(), Rig::start());
    let by_cookie = Sticky::Cookie {
        name: "seat".to_owned(),
    };
    let issuing = Rig::start_with(|s| s.services[0].sticky = by_cookie.clone());
    let taking = Rig::start_with(|s| s.services[0].sticky = by_cookie);
    for rig in [&one, &other, &issuing, &taking] {
        rig.split(&stable, None, 0).await;
        rig.split(&stable, Some(&canary), 30).await;
    }
    let mut met = std::collections::BTreeMap::new();
    for user in 0..200 {
        let user = format!("user-{user}");
        let here = one.get_as(&user).await;
        assert_eq!(here, other.get_as(&user).await, "{user}");
        *met.entry(here).or_insert(0) += 1;
    }
    assert_eq!(met.len(), 2, "{met:?}");
    met.clear();
    for _ in 0..40 {
        let first = issuing.get("/who").await;
        let cookie = first.headers()["set-cookie"].to_str().unwrap();
        let pair = cookie.split(';').next().unwrap();
        let second = taking.client.get(taking.url("/who")).header("cookie", pair);
        let second = second.send().await.unwrap();
        assert_eq!(release(&first), release(&second), "{pair}");
        assert!(!second.headers().contains_key("set-cookie"));
        *met.entry(release(&first)).or_insert(0) += 1;
    }
    assert_eq!(met.len(), 2, "{met:?}");
}

#[tokio::test]
async fn cookie_is_issued_once_and_keeps_the_user() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start_with(|s| {
        s.services[0].sticky = Sticky::Cookie {
            name: "seat".to_owned(),
        }
    });
    rig.split(&stable, None, 0).await;
    let alone = rig.get("/who").await;
    assert!(
        !alone.headers().contains_key("set-cookie"),
        "nothing to choose, nothing to remember"
    );
    rig.split(&stable, Some(&canary), 50).await;
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let first = rig.get("/who").await;
        let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(
            cookie.ends_with("; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().unwrap().to_owned();
        assert!(pair.starts_with("seat=") && pair.len() == "seat=".len() + 32);
        let again = rig
            .client
            .get(rig.url("/who"))
            .header("cookie", format!("a=b; {pair}"));
        let again = again.send().await.unwrap();
        assert!(!again.headers().contains_key("set-cookie"));
        assert_eq!(release(&first), release(&again));
        met.insert(release(&first));
    }
    assert_eq!(met.len(), 2, "both arms get users");
}

#[tokio::test]
async fn client_address_keeps_the_user() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start_with(|s| s.services[0].sticky = Sticky::ClientAddress);
    rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 50)
        .await;
    let first = release(&rig.get("/who").await);
    for _ in 0..20 {
        assert_eq!(release(&rig.get("/who").await), first);
    }
}

#[tokio::test]
async fn canary_header_forces_the_canary() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    let forced = async |path: &str| {
        let request = rig.client.get(rig.url(path)).header("canary", "true");
        request.send().await.unwrap()
    };
    rig.split(&stable, None, 0).await;
    assert_eq!(
        release(&forced("/who").await),
        "1.0",
        "there is no canary yet"
    );
    rig.split(&stable, Some(&canary), 0).await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    assert_eq!(release(&forced("/who").await), "1.1");
    assert_eq!(release(&rig.get("/who").await), "1.0");
    assert!(
        forced("/headers")
            .await
            .text()
            .await
            .unwrap()
            .contains("canary: true\n")
    );
    new.seen.healthy.store(false, SeqCst);
    rig.arm_when("1.1", |arm| !arm.health.healthy).await;
    assert_eq!(
        release(&forced("/who").await),
        "1.0",
        "an unhealthy canary gets nothing"
    );
}

#[tokio::test]
async fn canary_header_means_nothing_where_it_is_switched_off() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start_with(|s| s.services[0].force_header = false);
    rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 0)
        .await;
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    let answer = rig
        .client
        .get(rig.url("/who"))
        .header("canary", "true")
        .send()
        .await
        .unwrap();
    assert_eq!(release(&answer), "1.0");
}

#[tokio::test]
async fn no_split_is_503_with_retry_after() {
    let rig = Rig::start();
    let answer = rig.get("/who").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let request_id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:portcullis:problem:no-release");
    assert_eq!(problem["status"], 503);
    assert_eq!(
        (problem["request_id"].as_str(), request_id.len()),
        (Some(&*request_id), 32)
    );
    assert_eq!(rig.route().await.unrouted, 1);
}

#[tokio::test]
async fn stale_epoch_is_refused_and_the_same_split_is_accepted_again() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    let change = |weight, epoch| SplitChange {
        split: split(&stable, Some(&canary), weight),
        epoch,
        if_changes: None,
    };
    assert!(rig.put(&change(10, 7)).await.status().is_success());
    let refused = rig.put(&change(50, 6)).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:portcullis:problem:stale-epoch");
    assert_eq!(problem["code"], "stale_epoch");
    assert_eq!(problem["current_epoch"], 7);
    assert!(rig.put(&change(10, 7)).await.status().is_success());
    assert_eq!(
        rig.route().await.changes,
        1,
        "the same split again changes nothing"
    );
    assert!(rig.put(&change(10, 9)).await.status().is_success());
    let route = rig.route().await;
    assert_eq!(
        (route.epoch, route.changes),
        (9, 1),
        "but a newer epoch is remembered"
    );
    assert_eq!(rig.put(&change(10, 8)).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn invalid_splits_are_refused_with_the_reason() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    let mut nowhere = stable.clone();
    nowhere.address = "not an address".to_owned();
    let mut nameless = stable.clone();
    nameless.release = String::new();
    for (split, reason) in [
        (
            split(&stable, Some(&canary), 101),
            "weight_percent is 101; give 0 to 100",
        ),
        (split(&stable, None, 1), "there is no canary"),
        (split(&stable, Some(&stable), 1), "must be two processes"),
        (
            split(&nowhere, None, 0),
            "stable: address `not an address` is not `host:port`",
        ),
        (split(&nameless, None, 0), "stable: release \"\""),
    ] {
        let (status, problem) = rig.try_split(split).await.unwrap_err();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            problem["detail"].as_str().unwrap().contains(reason),
            "{problem}"
        );
    }
    let url = |path: &str| format!("http://{}{path}", rig.admin);
    let garbage = rig
        .client
        .put(url("/v1/routes/shop/split"))
        .bearer_auth(TOKEN)
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(garbage.status(), StatusCode::BAD_REQUEST);
    for path in ["/v1/routes/unknown", "/v2"] {
        let missing = rig
            .client
            .get(url(path))
            .bearer_auth(TOKEN)
            .send()
            .await
            .unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            missing.headers()["content-type"],
            "application/problem+json"
        );
    }
    assert_eq!(rig.route().await.split, None);
}

#[tokio::test]
async fn whoever_saw_an_older_split_does_not_overwrite_the_newer_one() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    let seen = rig.split(&stable, Some(&canary), 10).await;
    rig.split(&stable, Some(&canary), 20).await;
    let change = |if_changes| SplitChange {
        split: split(&stable, Some(&canary), 50),
        epoch: seen.epoch,
        if_changes: Some(if_changes),
    };
    let refused = rig.put(&change(seen.changes)).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "overtaken");
    let route = rig.route().await;
    assert_eq!(route.split.unwrap().weight_percent, 20);
    let done = rig.put(&change(route.changes)).await;
    assert_eq!(done.status(), StatusCode::OK);
    // The engine's next change has the same epoch, asks for nothing, and is not locked out.
    assert_eq!(rig.route().await.split.unwrap().weight_percent, 50);
    rig.split(&stable, None, 0).await;
}

#[tokio::test]
async fn an_unhealthy_arm_is_refused_and_never_gets_traffic() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, None, 0).await;
    new.seen.healthy.store(false, SeqCst);
    let (status, problem) = rig
        .try_split(split(&stable, Some(&canary), 50))
        .await
        .unwrap_err();
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "urn:portcullis:problem:unhealthy-arm");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("GET /health answered 503"),
        "{problem}"
    );
    let mut gone = canary.clone();
    gone.address = closed_address();
    let (status, problem) = rig.try_split(split(&gone, None, 0)).await.unwrap_err();
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "a stable arm that never was up is refused too"
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no connection"),
        "{problem}"
    );
    rig.split(&stable, Some(&canary), 0).await;
    for user in 0..50 {
        assert_eq!(rig.get_as(&user.to_string()).await, "1.0");
    }
    assert_eq!(new.requests(), 0);
    assert_eq!(rig.arm("1.1").await.requests, 0);
    new.seen.healthy.store(true, SeqCst);
    rig.split(&stable, Some(&canary), 100).await;
    assert_eq!(rig.get_as("anyone").await, "1.1");
}

#[tokio::test]
async fn users_of_a_canary_that_falls_ill_are_served_and_the_canary_is_charged() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, Some(&canary), 100).await;
    assert_eq!(rig.get_as("anyone").await, "1.1");
    new.seen.healthy.store(false, SeqCst);
    rig.arm_when("1.1", |arm| !arm.health.healthy).await;
    let before = new.requests();
    for _ in 0..10 {
        assert_eq!(rig.get_as("anyone").await, "1.0");
    }
    assert_eq!(new.requests(), before);
    let status = rig.arm("1.1").await;
    assert_eq!(
        (status.requests, status.errors, status.failed_over),
        (11, 10, 10)
    );
    assert!(status.health.last_failure.unwrap().contains("503"));
    // Less weight is always accepted, more is not.
    rig.split(&stable, Some(&canary), 50).await;
    assert!(
        rig.try_split(split(&stable, Some(&canary), 60))
            .await
            .is_err()
    );
    rig.split(&stable, None, 0).await;
}

#[tokio::test]
async fn the_way_back_to_a_known_stable_arm_is_open_even_when_it_is_ill() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, Some(&canary), 100).await;
    old.seen.healthy.store(false, SeqCst);
    rig.arm_when("1.0", |arm| !arm.health.healthy).await;
    rig.split(&stable, None, 0).await;
    assert_eq!(
        rig.get_as("anyone").await,
        "1.0",
        "it is all there is, so it is tried"
    );
}

/// An arm that takes connections and never answers: a check of it lasts until its time-out.
async fn silent_arm() -> (
    portcullis_api::gateway::Arm,
    tokio::sync::oneshot::Receiver<()>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, asked) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let first = listener.accept().await.unwrap();
        sender.send(()).unwrap();
        let second = listener.accept().await;
        drop((first, second));
    });
    (
        portcullis_api::gateway::Arm {
            release: "1.2".to_owned(),
            address,
        },
        asked,
    )
}

/// Invariant 9: an epoch fences older ones off from the moment it is seen, not only once its
/// change is in force.
#[tokio::test]
async fn a_change_that_waits_for_a_check_fences_and_can_be_overtaken() {
    let old = Service::start("old");
    let stable = arm("1.0", &old);
    let rig = Rig::start();
    rig.split(&stable, None, 0).await;
    let (silent, asked) = silent_arm().await;
    let waiting = SplitChange {
        split: split(&stable, Some(&silent), 10),
        epoch: 5,
        if_changes: None,
    };
    let older = SplitChange {
        split: split(&stable, Some(&silent), 0),
        epoch: 4,
        if_changes: None,
    };
    let newer = SplitChange {
        split: split(&stable, Some(&silent), 0),
        epoch: 5,
        if_changes: None,
    };
    let (waited, ()) = tokio::join!(rig.put(&waiting), async {
        asked.await.unwrap();
        assert_eq!(rig.put(&older).await.status(), StatusCode::CONFLICT);
        assert_eq!(rig.route().await.epoch, 5);
        assert_eq!(
            rig.get("/who").await.text().await.unwrap(),
            "old",
            "traffic goes on"
        );
        assert!(rig.put(&newer).await.status().is_success());
    });
    assert_eq!(waited.status(), StatusCode::CONFLICT);
    assert_eq!(rig.route().await.split.unwrap().weight_percent, 0);
}

/// What was known of an arm's health when it left the split does not let it back in.
#[tokio::test]
async fn an_arm_that_comes_back_is_checked_again() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Rig::start();
    rig.split(&stable, Some(&canary), 100).await;
    rig.split(&stable, None, 0).await;
    new.seen.healthy.store(false, SeqCst);
    assert!(!rig.arm("1.1").await.health.healthy);
    let (status, _) = rig
        .try_split(split(&stable, Some(&canary), 1))
        .await
        .unwrap_err();
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn removed_arms_are_forgotten_oldest_first() {
    let services: Vec<Service> = (0..20).map(|_| Service::start("any")).collect();
    let rig = Rig::start();
    for (number, service) in services.iter().enumerate() {
        rig.split(&arm(&format!("1.{number}"), service), None, 0)
            .await;
    }
    let releases: Vec<String> = rig
        .route()
        .await
        .arms
        .into_iter()
        .map(|status| status.arm.release)
        .collect();
    // The one in the split and the sixteen before it.
    let expected: Vec<String> = (3..20).map(|number| format!("1.{number}")).collect();
    assert_eq!(releases, expected);
}

#[tokio::test]
async fn several_services_are_told_apart_by_host() {
    let (first, second) = (Service::start("first"), Service::start("second"));
    let rig = Rig::start_with(|s| s.services.push(crate::rig::route("cafe")));
    rig.split(&arm("1.0", &first), None, 0).await;
    let change = SplitChange {
        split: split(&arm("2.0", &second), None, 0),
        epoch: 1,
        if_changes: None,
    };
    let url = format!("http://{}/v1/routes/cafe/split", rig.admin);
    assert!(
        rig.client
            .put(url)
            .bearer_auth(TOKEN)
            .json(&change)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    for (host, status, release_met) in [
        ("shop", 200, "1.0"),
        ("shop:8080", 200, "1.0"),
        ("CAFE.example.org", 200, "2.0"),
        ("shopping", 421, ""),
    ] {
        let answer = rig
            .client
            .get(rig.url("/who"))
            .header("host", host)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), release(&answer).as_str()),
            (status, release_met)
        );
    }
}

#[tokio::test]
async fn the_cookie_of_a_user_who_came_by_tls_is_for_tls_only() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    for (trusted, is_secure) in [(true, true), (false, false)] {
        let rig = Rig::start_with(|s| {
            s.services[0].sticky = Sticky::Cookie {
                name: "seat".to_owned(),
            };
            if trusted {
                s.clients.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
            }
        });
        rig.split(&stable, None, 0).await;
        rig.split(&stable, Some(&canary), 50).await;
        let request = rig.client.get(rig.url("/who"));
        let answer = request.header("x-forwarded-proto", "https").send().await;
        let answer = answer.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{cookie}");
    }
}
