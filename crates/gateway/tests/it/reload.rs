//! Settings that are replaced while requests, streams and tunnels are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use futures::StreamExt;
use portcullis_config::{HealthConfig, LimitKey, PathPattern, SecurityHeaders, UpstreamChoice};
use portcullis_gateway::{GatewayError, GatewaySettings};
use reqwest::{Client, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http2;
use crate::raw;
use crate::rig::{Rig, arm, until};
use crate::service::Service;
use crate::ways::{limit, named, patient_way_to, upstream, way, way_to};

/// A gateway, and the settings that it was started with.
fn start(adjust: impl FnOnce(&mut GatewaySettings)) -> (Rig, GatewaySettings) {
    let mut settings = None;
    let rig = Rig::start_with(|given| {
        adjust(given);
        settings = Some(given.clone());
    });
    (rig, settings.unwrap())
}

async fn reload(rig: &Rig, settings: &GatewaySettings) -> Result<(), GatewayError> {
    rig.gateway.as_ref().unwrap().reload(settings.clone()).await
}

/// Settings that differ from each other in nearly everything that a reload may change.
fn vary(settings: &mut GatewaySettings, number: usize, servers: &[&Service]) {
    let mut api = patient_way_to("api", 1 + (number % 3) as u32);
    api.path = PathPattern::Prefix("/api".to_owned());
    api.rewrite.prefix = Some("/".to_owned());
    if number.is_multiple_of(2) {
        api.security_headers = SecurityHeaders::Basic;
        api.capacity.in_flight_max = Some(100 + number as u32);
        api.capacity.queue_max = 1_000;
        api.capacity.queue_timeout_ms = 10_000;
    }
    let mut others = way("others");
    others.path = PathPattern::Prefix(format!("/others-{}", number % 5));
    let addresses: Vec<_> = match number % 3 {
        0 => servers.iter().map(|server| server.address).collect(),
        one => vec![servers[one - 1].address],
    };
    let mut set = upstream("api", &addresses);
    if number % 4 == 1 {
        set.choice = UpstreamChoice::LeastLoaded;
        set.health = Some(HealthConfig {
            path: "/health".to_owned(),
            interval_ms: 20,
            timeout_ms: 1_000,
            unhealthy_after: 3,
            healthy_after: 1,
        });
    }
    settings.routing.routes = vec![api, others];
    settings.routing.upstreams = vec![set];
    settings.clients.forwarded = number % 2 == 1;
    settings.services[0].health.interval_ms = 20 + number as u64 % 7;
    settings.services[0].timeouts.first_byte_ms = 20_000 + number as u64;
}

async fn load(rig: Arc<Rig>, path: &'static str, stop: Arc<AtomicBool>) -> usize {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut count = 0;
    while !stop.load(SeqCst) {
        let post = client.post(rig.url(path)).body("kept");
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "kept");
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reloads_under_load_cost_nobody_a_request_a_stream_or_a_tunnel() {
    let (release, one, two) = (
        Service::start("old"),
        Service::start("one"),
        Service::start("two"),
    );
    let (rig, mut settings) = start(|settings| vary(settings, 0, &[&one, &two]));
    let rig = Arc::new(rig);
    rig.split(&arm("1.0", &release), None, 0).await;
    let mut tunnel = raw::connect(&rig).await;
    let upgrade =
        b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    tunnel.write_all(upgrade).await.unwrap();
    raw::read_head(&mut tunnel).await;
    let mut events = rig.get("/sse").await.bytes_stream();
    let first = events.next().await.unwrap().unwrap();
    let mut of_api = rig.get("/api/sse").await.bytes_stream();
    let of_first = of_api.next().await.unwrap().unwrap();
    assert_eq!(
        (&*first, &*of_first),
        (&b"data: 0\n\n"[..], &b"data: 0\n\n"[..])
    );
    let mut streams = http2::Client::connect(&rig).await;
    let slow = streams.get("/sse").await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = ["/api/echo", "/echo", "/api/echo", "/echo"];
    let clients = clients.map(|path| tokio::spawn(load(Arc::clone(&rig), path, Arc::clone(&stop))));
    for number in 1..=50 {
        vary(&mut settings, number, &[&one, &two]);
        reload(&rig, &settings).await.unwrap();
        let before = release.requests();
        until("requests go on", || release.requests() > before).await;
    }
    stop.store(true, SeqCst);
    for client in clients {
        assert!(client.await.unwrap() > 20);
    }
    tunnel.write_all(b"a").await.unwrap();
    assert_eq!(tunnel.read_u8().await.unwrap(), b'A');
    for service in [&release, &one, &two] {
        service.seen.gate.add_permits(10);
    }
    assert_eq!(http2::text(slow).await, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    for events in [events, of_api] {
        let rest: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(rest.concat(), b"data: 1\n\ndata: 2\n\n");
    }
    drop(tunnel);
    let counted = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!(counted.errors, 0);
}

#[tokio::test]
async fn settings_that_cannot_be_carried_out_leave_the_old_ones_in_force() {
    let (release, server) = (Service::start("old"), Service::start("one"));
    let (rig, good) = start(|settings| {
        let mut api = way_to("api");
        api.path = PathPattern::Prefix("/api".to_owned());
        settings.routing.routes = vec![api];
        settings.routing.upstreams = vec![upstream("api", &[server.address])];
    });
    rig.split(&arm("1.0", &release), None, 0).await;
    type Break = fn(&mut GatewaySettings);
    let bad: [(&str, Break); 9] = [
        ("service.protocol", |settings| {
            settings.services[0].protocol = portcullis_config::UpstreamProtocol::Http2;
        }),
        ("shared", |settings| {
            settings.shared = Some(portcullis_gateway::SharedSettings {
                url: "redis://127.0.0.1:1".into(),
                prefix: String::new(),
                timeout_ms: 1,
            });
        }),
        ("nowhere", |settings| {
            settings.routing.routes[0].to =
                portcullis_config::RouteTarget::Upstream("nowhere".into());
        }),
        ("unnamed", |settings| {
            settings.routing.routes[0].limits = named("unnamed")
        }),
        ("unknown", |settings| {
            settings.routing.routes[0].access = Some("unknown".into())
        }),
        ("no address", |settings| {
            settings.routing.upstreams[0].servers[0].address = "no address".to_owned();
        }),
        ("listen", |settings| settings.listen.set_port(1)),
        ("workers", |settings| settings.workers = 7),
        ("service", |settings| {
            settings.services[0].service = "other".to_owned()
        }),
    ];
    for (name, make_bad) in bad {
        let mut settings = good.clone();
        settings.routing.unknown = portcullis_config::UnknownRequest::Refuse;
        settings.routing.routes.insert(0, way("extra"));
        settings.routing.routes.swap(0, 1);
        make_bad(&mut settings);
        let error = reload(&rig, &settings).await.unwrap_err();
        let text = format!("{error}: {:?}", std::error::Error::source(&error));
        assert!(text.contains(name), "{name}: {text}");
        assert_eq!(rig.get("/api").await.text().await.unwrap(), "one");
        assert_eq!(rig.get("/else").await.text().await.unwrap(), "old");
    }
    reload(&rig, &good).await.unwrap();
}

#[tokio::test]
async fn limits_places_and_budgets_go_on_over_a_reload() {
    let release = Service::start("old");
    let (rig, mut settings) = start(|settings| {
        let mut all = way("all");
        all.limits = named("few");
        all.capacity.in_flight_max = Some(1);
        settings.workers = 1;
        settings.routing.routes = vec![all];
        settings.routing.limits = vec![limit("few", 5, 60_000, LimitKey::ClientAddress)];
    });
    rig.split(&arm("1.0", &release), None, 0).await;
    let rig = Arc::new(rig);
    let slow = {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { rig.get("/slow").await.status() })
    };
    until("the place is taken", || release.requests() == 1).await;
    settings.clients.forwarded = true;
    settings.routing.routes[0].timeouts.idle_ms += 1;
    reload(&rig, &settings).await.unwrap();
    assert_eq!(
        rig.get("/who").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    release.seen.gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), StatusCode::OK);
    // Two of five are used. The limit of another rate is another limit.
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(rig.get("/who").await.status().as_u16());
        reload(&rig, &settings).await.unwrap();
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    settings.routing.limits[0].requests = 6;
    settings.routing.limits[0].burst = 6;
    reload(&rig, &settings).await.unwrap();
    assert_eq!(rig.get("/who").await.status(), StatusCode::OK);
}
