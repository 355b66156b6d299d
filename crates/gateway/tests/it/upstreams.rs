//! Servers of an upstream: which one is chosen, and which are left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use portcullis_config::{HealthConfig, ServerWeight, UpstreamChoice};
use reqwest::StatusCode;

use crate::raw::{RawServer, ok};
use crate::rig::{Rig, until};
use crate::service::Service;
use crate::ways::{patient_way_to, upstream, way_to, with_upstream};

#[tokio::test]
async fn servers_are_chosen_in_turn_by_weight_and_the_spare_only_without_others() {
    let servers = ["one", "two", "spare"].map(Service::start);
    let mut set = upstream("api", &servers.each_ref().map(|server| server.address));
    set.servers[0].weight = 3;
    set.servers[2].weight = 0;
    let rig = Rig::start_with(with_upstream(way_to("api"), set));
    for _ in 0..40 {
        assert_eq!(rig.get("/who").await.status(), StatusCode::OK);
    }
    let counts = servers.each_ref().map(Service::requests);
    assert_eq!(counts, [30, 10, 0]);
    let [one, two, spare] = servers;
    let gone = [one.address, two.address];
    drop((one, two));
    for address in gone {
        until("it is gone", || {
            std::net::TcpListener::bind(address).is_ok()
        })
        .await;
    }
    // Nobody is left out by the settings, so a way has to be tried.
    let set = {
        let mut set = upstream("api", &[gone[0], gone[1], spare.address]);
        set.servers[2].weight = 0;
        set.eject.failures = 1;
        (set.eject.min_ms, set.eject.max_ms) = (60_000, 60_000);
        set
    };
    let rig = Rig::start_with(with_upstream(patient_way_to("api", 3), set));
    for _ in 0..10 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "spare");
    }
}

#[tokio::test]
async fn the_least_loaded_server_gets_what_comes_while_another_is_busy() {
    let servers = ["busy", "free"].map(Service::start);
    let mut set = upstream("api", &servers.each_ref().map(|server| server.address));
    set.choice = UpstreamChoice::LeastLoaded;
    let rig = Arc::new(Rig::start_with(with_upstream(way_to("api"), set)));
    let slow = {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { rig.get("/slow").await.text().await.unwrap() })
    };
    let under_way = || servers.iter().find(|server| server.requests() == 1);
    until("one is busy", || under_way().is_some()).await;
    let busy = under_way().unwrap();
    for _ in 0..20 {
        rig.get("/who").await;
    }
    assert_eq!(busy.requests(), 1);
    busy.seen.gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), "at last");
    // Nothing is left of it: from now on the two are equals.
    for _ in 0..40 {
        rig.get("/who").await;
    }
    assert!(busy.requests() > 5, "{}", busy.requests());
}

#[tokio::test]
async fn a_client_keeps_its_server_by_the_address_that_a_trusted_proxy_names() {
    let servers = ["one", "two", "three"].map(Service::start);
    let mut set = upstream("api", &servers.each_ref().map(|server| server.address));
    set.choice = UpstreamChoice::ClientHash;
    let rig = Rig::start_with(|settings| {
        with_upstream(way_to("api"), set)(settings);
        settings.clients.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let mut met = std::collections::BTreeSet::new();
    for client in 1..30 {
        let mut of_client = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let request = rig.client.get(rig.url("/who"));
            let request = request.header("x-forwarded-for", format!("203.0.113.{client}"));
            of_client.insert(request.send().await.unwrap().text().await.unwrap());
        }
        assert_eq!(of_client.len(), 1, "{of_client:?}");
        met.extend(of_client);
    }
    assert_eq!(met.len(), 3);
}

/// A server that fails in the way that a test says, until it is told to be good.
async fn moody(bad: &'static str) -> (RawServer, Arc<AtomicBool>) {
    let good = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&good);
    let server = RawServer::start(move |_, mut connection| {
        let good = Arc::clone(&told);
        async move {
            loop {
                connection.head().await?;
                match good.load(SeqCst) {
                    true => connection.send(&ok("moody")).await?,
                    false => {
                        connection.send(bad).await?;
                        return None;
                    }
                }
            }
        }
    })
    .await;
    (server, good)
}

#[tokio::test]
async fn a_server_that_fails_in_a_row_is_left_out_for_a_while_and_comes_back() {
    for bad in [
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        // The head is good, and the body breaks off every time.
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "",
    ] {
        let (bad, told) = moody(bad).await;
        let good = Service::start("good");
        let mut set = upstream("api", &[bad.address, good.address]);
        set.eject.failures = 3;
        (set.eject.min_ms, set.eject.max_ms) = (300, 300);
        let rig = Rig::start_with(with_upstream(way_to("api"), set));
        let mut answered = 0;
        for _ in 0..20 {
            let whole = async { rig.client.get(rig.url("/who")).send().await?.text().await };
            answered += usize::from(whole.await.is_ok_and(|text| text == "good"));
        }
        assert_eq!(bad.heads(), 3, "then it is left out");
        assert_eq!(answered, 17);
        told.store(true, SeqCst);
        let began = std::time::Instant::now();
        while rig.get("/who").await.text().await.unwrap() != "moody" {
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "it never came back"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn active_checks_take_a_server_out_and_bring_it_back() {
    let servers = ["one", "two"].map(Service::start);
    let mut set = upstream("api", &servers.each_ref().map(|server| server.address));
    set.health = Some(HealthConfig {
        path: "/health".to_owned(),
        interval_ms: 10,
        timeout_ms: 1_000,
        unhealthy_after: 2,
        healthy_after: 2,
    });
    let rig = Rig::start_with(with_upstream(way_to("api"), set));
    servers[0].seen.healthy.store(false, SeqCst);
    let met = |count: usize| {
        let rig = &rig;
        async move {
            let mut met = std::collections::BTreeSet::new();
            for _ in 0..count {
                met.insert(rig.get("/who").await.text().await.unwrap());
            }
            met.into_iter().collect::<Vec<_>>()
        }
    };
    for (healthy, wanted) in [(false, vec!["two"]), (true, vec!["one", "two"])] {
        servers[0].seen.healthy.store(healthy, SeqCst);
        let began = std::time::Instant::now();
        while met(6).await != wanted {
            assert!(began.elapsed() < Duration::from_secs(5), "never {wanted:?}");
        }
    }
    // When the checks are wrong about all, all are used.
    for server in &servers {
        server.seen.healthy.store(false, SeqCst);
    }
    let checks = servers
        .each_ref()
        .map(|server| server.seen.checks.load(SeqCst));
    until("all are out", || {
        let now = servers
            .each_ref()
            .map(|server| server.seen.checks.load(SeqCst));
        now.iter()
            .zip(checks)
            .all(|(now, before)| *now > before + 3)
    })
    .await;
    assert_eq!(met(6).await, ["one", "two"]);
}

#[tokio::test]
async fn servers_come_and_go_by_a_reload_while_their_requests_end() {
    let [one, two] = ["one", "two"].map(Service::start);
    let mut settings = None;
    let rig = Arc::new(Rig::start_with(|given| {
        with_upstream(way_to("api"), upstream("api", &[one.address]))(given);
        settings = Some(given.clone());
    }));
    let mut settings = settings.unwrap();
    let slow = {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { rig.get("/slow").await.text().await.unwrap() })
    };
    until("it is under way", || one.requests() == 1).await;
    settings.routing.upstreams[0].servers = vec![ServerWeight {
        address: two.address.to_string(),
        weight: 1,
    }];
    let gateway = rig.gateway.as_ref().unwrap();
    gateway.reload(settings.clone()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "two");
    }
    one.seen.gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), "at last");
    until("nothing is kept open to a server that went", || {
        one.seen.open_connections.load(SeqCst) == 0
    })
    .await;
    // It comes back like a new one.
    settings.routing.upstreams[0].servers.push(ServerWeight {
        address: one.address.to_string(),
        weight: 1,
    });
    gateway.reload(settings).await.unwrap();
    for _ in 0..4 {
        rig.get("/who").await;
    }
    assert_eq!(one.requests(), 3);
}

#[tokio::test]
async fn settings_that_are_refused_change_nothing_about_servers() {
    let (bad, _) = moody("").await;
    let good = Service::start("good");
    let mut set = upstream("api", &[bad.address, good.address]);
    set.eject.failures = 2;
    (set.eject.min_ms, set.eject.max_ms) = (60_000, 60_000);
    let mut settings = None;
    let rig = Rig::start_with(|given| {
        with_upstream(way_to("api"), set)(given);
        settings = Some(given.clone());
    });
    let mut refused = settings.unwrap();
    refused.routing.upstreams[0].eject.failures = 0;
    refused.routing.routes.push(way_to("nowhere"));
    let gateway = rig.gateway.as_ref().unwrap();
    gateway.reload(refused).await.unwrap_err();
    for _ in 0..10 {
        rig.get("/who").await;
    }
    assert_eq!(bad.heads(), 2, "it is still left out after two failures");
}
