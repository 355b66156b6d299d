//! Who the client is behind proxies, and what a release is told about it.

use reqwest::StatusCode;

use crate::rig::{Rig, arm};
use crate::service::Service;
use portcullis_gateway::{GatewaySettings, Sticky};

fn trusting(settings: &mut GatewaySettings) {
    settings.clients.trusted_proxies = vec![
        "127.0.0.0/8".parse().unwrap(),
        "10.0.0.0/8".parse().unwrap(),
    ];
    settings.clients.forwarded = true;
}

async fn seen(rig: &Rig, fields: &[(&str, &str)]) -> String {
    let mut request = rig.client.get(rig.url("/headers"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

fn lines<'a>(seen: &'a str, name: &str) -> Vec<&'a str> {
    let lines = seen.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(n, _)| *n == name).map(|(_, v)| v).collect()
}

#[tokio::test]
async fn nobody_who_is_not_a_trusted_proxy_is_believed() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let spoofed = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=203.0.113.9;proto=https"),
        ("x-real-ip", "203.0.113.9"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/evil"),
    ];
    let seen = seen(&rig, &spoofed).await;
    assert_eq!(lines(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(lines(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(lines(&seen, "x-forwarded-host"), [rig.listen.to_string()]);
    for name in [
        "forwarded",
        "x-real-ip",
        "x-forwarded-port",
        "x-forwarded-prefix",
    ] {
        assert!(lines(&seen, name).is_empty(), "{name}: {seen}");
    }
    assert!(
        !seen.contains("203.0.113.9") && !seen.contains("evil"),
        "{seen}"
    );
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_kept_and_added_to() {
    let service = Service::start("old");
    let rig = Rig::start_with(trusting);
    rig.split(&arm("1.0", &service), None, 0).await;
    let said = [
        ("x-forwarded-for", "192.0.2.7, 203.0.113.9, 10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
    ];
    let seen = seen(&rig, &said).await;
    let list = "192.0.2.7, 203.0.113.9, 10.0.0.1, 127.0.0.1";
    assert_eq!(lines(&seen, "x-forwarded-for"), [list]);
    assert_eq!(lines(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(lines(&seen, "x-forwarded-host"), ["shop.example"]);
    let forwarded = lines(&seen, "forwarded");
    assert_eq!(forwarded.len(), 1);
    assert!(forwarded[0].contains("203.0.113.9"), "{forwarded:?}");
}

#[tokio::test]
async fn a_client_that_only_forwarded_names_is_the_first_in_x_forwarded_for() {
    let service = Service::start("old");
    let rig = Rig::start_with(trusting);
    rig.split(&arm("1.0", &service), None, 0).await;
    for (said, list) in [
        ("for=203.0.113.9;proto=https", "203.0.113.9, 127.0.0.1"),
        (
            "for=192.0.2.7, for=203.0.113.9, for=10.0.0.1",
            "203.0.113.9, 127.0.0.1",
        ),
        ("for=\"[2001:db8::1]:4711\"", "2001:db8::1, 127.0.0.1"),
        ("for=unknown", "127.0.0.1"),
        ("proto=https", "127.0.0.1"),
    ] {
        let seen = seen(&rig, &[("forwarded", said)]).await;
        assert_eq!(lines(&seen, "x-forwarded-for"), [list], "{said}");
    }
}

#[tokio::test]
async fn forwarding_that_cannot_be_read_is_refused_and_the_connection_goes_on() {
    let service = Service::start("old");
    let rig = Rig::start_with(trusting);
    rig.split(&arm("1.0", &service), None, 0).await;
    for value in ["nonsense", "203.0.113.9, ;"] {
        let request = rig
            .client
            .get(rig.url("/who"))
            .header("x-forwarded-for", value);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{value}");
    }
    assert_eq!(rig.get("/who").await.status(), StatusCode::OK);
    assert_eq!(service.requests(), 1);
}

#[tokio::test]
async fn users_are_tied_by_the_address_behind_the_proxy() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start_with(|settings| {
        trusting(settings);
        settings.services[0].sticky = Sticky::ClientAddress;
        settings.services[0].canary_users = vec!["203.0.113.200".to_owned()];
    });
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    rig.split(&stable, None, 0).await;
    rig.split(&stable, Some(&canary), 50).await;
    let mut of_canary = 0;
    for client in 0..100 {
        let client = format!("203.0.113.{client}");
        let mut met = Vec::new();
        for spoofed in ["", "192.0.2.1, ", "198.51.100.2, 192.0.2.1, "] {
            let list = format!("{spoofed}{client}");
            let request = rig
                .client
                .get(rig.url("/who"))
                .header("x-forwarded-for", list);
            met.push(request.send().await.unwrap().text().await.unwrap());
        }
        met.dedup();
        assert_eq!(met.len(), 1, "{client} met {met:?}");
        of_canary += usize::from(met[0] == "new");
    }
    assert!((25..=75).contains(&of_canary), "{of_canary}");
    rig.split(&stable, Some(&canary), 0).await;
    for (client, wanted) in [("203.0.113.200", "new"), ("203.0.113.201", "old")] {
        let request = rig
            .client
            .get(rig.url("/who"))
            .header("x-forwarded-for", client);
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn named_users_and_the_header_get_the_canary_whatever_the_weight() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    for forcing in [true, false] {
        let rig = Rig::start_with(|settings| {
            settings.services[0].force_header = forcing;
            settings.services[0].canary_users = vec!["tester".to_owned()];
        });
        let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
        rig.split(&stable, None, 0).await;
        assert_eq!(rig.get_as("tester").await, "1.0", "there is no canary");
        rig.split(&stable, Some(&canary), 0).await;
        rig.arm_when("1.1", |arm| arm.health.healthy).await;
        assert_eq!(rig.get_as("tester").await, "1.1");
        assert_eq!(rig.get_as("other").await, "1.0");
        let asked = rig.client.get(rig.url("/who")).header("canary", "TRUE");
        let wanted = if forcing { "new" } else { "old" };
        assert_eq!(asked.send().await.unwrap().text().await.unwrap(), wanted);
        let asked = rig.client.get(rig.url("/who")).header("canary", "yes");
        assert_eq!(asked.send().await.unwrap().text().await.unwrap(), "old");
    }
}

#[tokio::test]
async fn a_request_has_names_that_the_client_the_release_and_problems_share() {
    let service = Service::start("old");
    let rig = Rig::start();
    let named = |rig: &Rig| {
        let request = rig.client.get(rig.url("/headers"));
        request.header("x-request-id", "order-7").header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
    };
    let refused = named(&rig).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["x-request-id"], "order-7");
    assert!(refused.text().await.unwrap().contains("\"order-7\""));
    rig.split(&arm("1.0", &service), None, 0).await;
    let answer = named(&rig).send().await.unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(answer.headers()["x-request-id"], "order-7");
    assert_eq!(answer.headers()["x-trace-id"], trace);
    let seen = answer.text().await.unwrap();
    assert_eq!(lines(&seen, "x-request-id"), ["order-7"]);
    assert!(lines(&seen, "traceparent")[0].starts_with(&format!("00-{trace}-")));
    // Names that cannot be kept are replaced by new ones, every time others.
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let request = rig
            .client
            .get(rig.url("/headers"))
            .header("x-request-id", "a b\tc");
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(lines(&answer.text().await.unwrap(), "x-request-id"), [&id]);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 3);
}
