//! The log of requests: one line for every way in which a request can end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_config::{AccessLogPlace, LimitKey};
use portcullis_gateway::GatewaySettings;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http2;
use crate::raw::{self, RawServer};
use crate::rig::{Rig, arm, closed_address, until};
use crate::service::Service;
use crate::ways::{limit, named, patient_way_to, upstream, way};

struct Logged {
    rig: Rig,
    path: PathBuf,
    _folder: tempfile::TempDir,
    seen: std::cell::Cell<usize>,
}

impl Logged {
    async fn start(adjust: impl FnOnce(&mut GatewaySettings), service: &Service) -> Logged {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.log");
        let rig = Rig::start_with(|settings| {
            settings.observe.log.to = AccessLogPlace::File(path.clone());
            adjust(settings);
        });
        rig.split(&arm("1.0", service), None, 0).await;
        Logged {
            rig,
            path,
            _folder: folder,
            seen: std::cell::Cell::new(0),
        }
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The next line, and no other.
    async fn line(&self) -> Value {
        let seen = self.seen.get();
        until("the line is written", || self.lines().len() > seen).await;
        let lines = self.lines();
        assert_eq!(lines.len(), seen + 1, "{lines:#?}");
        self.seen.set(seen + 1);
        lines[seen].clone()
    }
}

/// What the program's own log has.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn has(line: &Value, wanted: &[(&str, Value)]) {
    for (name, value) in wanted {
        assert_eq!(line[name], *value, "{name} in {line}");
    }
}

#[tokio::test]
async fn answers_and_refusals_have_a_line_without_query_and_secrets() {
    let service = Service::start("old");
    let adjust = |settings: &mut GatewaySettings| {
        let mut few = way("few");
        few.path = portcullis_config::PathPattern::Prefix("/few".to_owned());
        few.limits = named("few");
        few.body_bytes_max = 10;
        let mut gone = patient_way_to("gone", 2);
        gone.path = portcullis_config::PathPattern::Prefix("/gone".to_owned());
        settings.routing.routes = vec![few, gone];
        settings.routing.upstreams = vec![upstream("gone", &[closed_address()])];
        settings.routing.limits = vec![limit("few", 2, 60_000, LimitKey::Route)];
    };
    let logged = Logged::start(adjust, &service).await;
    let rig = &logged.rig;
    let request = rig.client.post(rig.url("/echo?token=secret-query"));
    let request = request.header("authorization", "Bearer secret-token");
    let request = request.header("cookie", "id=secret-cookie");
    let answer = request.body("secret-body").send().await.unwrap();
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    answer.bytes().await.unwrap();
    let line = logged.line().await;
    let server = service.address.to_string();
    has(
        &line,
        &[
            ("request_id", id.into()),
            ("client", "127.0.0.0".into()),
            ("method", "POST".into()),
            ("path", "/echo".into()),
            ("route", "shop".into()),
            ("release", "1.0".into()),
            ("version", "1.0".into()),
            ("masking_time", Value::Null),
            ("server", server.into()),
            ("status", 200.into()),
            ("bytes_in", 11.into()),
            ("bytes_out", 11.into()),
            ("cut", Value::Null),
            ("refusal", Value::Null),
        ],
    );
    rig.get("/few").await;
    has(
        &logged.line().await,
        &[("route", "few".into()), ("status", 200.into())],
    );
    let long = rig
        .client
        .post(rig.url("/few"))
        .body("longer than ten")
        .send();
    assert_eq!(long.await.unwrap().status(), 413);
    let wanted = [("status", 413.into()), ("refusal", "body-too-large".into())];
    has(&logged.line().await, &wanted);
    rig.get("/few").await;
    let line = logged.line().await;
    has(&line, &[("status", 429.into()), ("release", Value::Null)]);
    rig.get("/gone").await;
    let wanted = [("status", 502.into()), ("refusal", "unreachable".into())];
    has(&logged.line().await, &wanted);
    let text = std::fs::read_to_string(&logged.path).unwrap();
    assert!(
        !text.contains("secret") && !text.contains("token="),
        "{text}"
    );
    assert!(!text.contains("127.0.0.1\""), "{text}");
}

#[tokio::test]
async fn clients_that_go_away_and_answers_that_break_off_are_told() {
    let service = Service::start("old");
    let adjust = |settings: &mut GatewaySettings| settings.services[0].timeouts.idle_ms = 100;
    let logged = Logged::start(adjust, &service).await;
    let rig = &logged.rig;
    let cut = ("cut", Value::Bool(true));
    // Before there is an answer.
    let mut stream = raw::connect(rig).await;
    let head = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(head).await.unwrap();
    until("it is there", || service.requests() == 1).await;
    drop(stream);
    has(
        &logged.line().await,
        &[("status", Value::Null), cut.clone()],
    );
    // In the middle of one.
    let mut stream = raw::connect(rig).await;
    stream
        .write_all(b"GET /sse HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    raw::read_head(&mut stream).await;
    drop(stream);
    let went_away = [
        ("status", 200.into()),
        cut.clone(),
        ("cut_cause", Value::Null),
    ];
    has(&logged.line().await, &went_away);
    // The release breaks off, or is silent for too long.
    let answer = rig.get("/break").await;
    service.seen.gate.add_permits(1);
    answer.bytes().await.unwrap_err();
    has(
        &logged.line().await,
        &[("status", 200.into()), ("bytes_out", 4.into()), cut.clone()],
    );
    rig.get("/break").await.bytes().await.unwrap_err();
    has(&logged.line().await, &[("status", 200.into()), cut.clone()]);
    // A body that is not finished.
    let mut stream = raw::connect(rig).await;
    let half = b"POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf";
    stream.write_all(half).await.unwrap();
    until("it is there", || service.requests() == 5).await;
    drop(stream);
    let wanted = [("status", 400.into()), ("refusal", "client-broke".into())];
    has(
        &logged.line().await,
        &[
            wanted,
            [
                ("bytes_in", 4.into()),
                ("server", service.address.to_string().into()),
            ],
        ]
        .concat(),
    );
    // Streams of HTTP/2, one of which is reset.
    let mut client = http2::Client::connect(rig).await;
    let answer = client.get("/who").await;
    assert_eq!(http2::text(answer).await, "old");
    has(
        &logged.line().await,
        &[("status", 200.into()), ("host", "shop.example".into())],
    );
    let given_up = tokio::time::timeout(Duration::from_millis(30), client.get("/slow")).await;
    assert!(given_up.is_err());
    has(
        &logged.line().await,
        &[("status", Value::Null), ("cut", true.into())],
    );
}

#[tokio::test]
async fn a_connection_that_changes_its_protocol_has_a_line_and_so_has_what_failed_before() {
    let service = Service::start("old");
    let flaky = RawServer::start(|number, mut connection| async move {
        connection.head().await?;
        match number {
            0 => None,
            _ => connection.send(&raw::ok("good")).await,
        }
    })
    .await;
    let adjust = |settings: &mut GatewaySettings| {
        let mut api = patient_way_to("api", 2);
        api.path = portcullis_config::PathPattern::Prefix("/api".to_owned());
        settings.routing.routes = vec![api];
        settings.routing.upstreams = vec![upstream("api", &[flaky.address])];
    };
    let logged = Logged::start(adjust, &service).await;
    let mut stream = raw::connect(&logged.rig).await;
    let upgrade =
        b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    stream.write_all(upgrade).await.unwrap();
    raw::read_head(&mut stream).await;
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'A');
    let open_ms = 300;
    tokio::time::sleep(Duration::from_millis(open_ms)).await;
    stream.write_all(b"bc").await.unwrap();
    let mut read = [0; 2];
    stream.read_exact(&mut read).await.unwrap();
    assert!(logged.lines().is_empty(), "it is under way");
    drop(stream);
    let line = logged.line().await;
    assert!(line["whole_ms"].as_u64() >= Some(open_ms), "{line}");
    has(
        &line,
        &[
            ("status", 101.into()),
            ("release", "1.0".into()),
            ("bytes_in", 3.into()),
            ("bytes_out", 3.into()),
            ("cut", Value::Null),
        ],
    );
    logged.rig.get("/api").await;
    let wanted = [
        ("status", 200.into()),
        ("retries", 1.into()),
        ("refusal", Value::Null),
    ];
    has(&logged.line().await, &wanted);
}

#[tokio::test]
async fn a_call_that_is_refused_has_the_status_that_it_stands_for() {
    let service = Service::start("old");
    let adjust = |settings: &mut GatewaySettings| {
        let mut few = way("few");
        few.limits = named("few");
        settings.routing.routes = vec![few];
        settings.routing.limits = vec![limit("few", 1, 3_600_000, LimitKey::Route)];
    };
    let logged = Logged::start(adjust, &service).await;
    let rig = &logged.rig;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge();
    let client = client.build().unwrap();
    let ask = async |client: &reqwest::Client, kind: &str| {
        let request = client.post(rig.url("/test.Shop/Buy"));
        let request = request.header("content-type", kind).body("abc");
        request.send().await.unwrap()
    };
    ask(&client, "application/grpc").await;
    logged.line().await;
    let answer = ask(&client, "application/grpc+proto").await;
    assert_eq!(answer.status(), 200);
    let field = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(field("content-type"), "application/grpc");
    assert_eq!(field("grpc-status"), "8");
    assert!(field("grpc-message").starts_with("more requests came"));
    assert!(field("retry-after").parse::<u64>().unwrap() > 0);
    assert!(!field("x-request-id").is_empty());
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
    let refused = [("status", 429.into()), ("refusal", "rate-limited".into())];
    has(&logged.line().await, &refused);
    // Nobody else is spoken to in gRPC.
    for (client, kind) in [
        (&client, "application/grpc-web"),
        (&rig.client, "application/grpc"),
    ] {
        let answer = ask(client, kind).await;
        assert_eq!(answer.status(), 429, "{kind}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(!answer.headers().contains_key("grpc-status"));
        has(&logged.line().await, &refused);
    }
}

#[tokio::test]
async fn a_tunnel_that_is_cut_off_by_a_stop_has_its_line() {
    let service = Service::start("old");
    let mut logged = Logged::start(|_| {}, &service).await;
    let mut stream = raw::connect(&logged.rig).await;
    let upgrade =
        b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    stream.write_all(upgrade).await.unwrap();
    raw::read_head(&mut stream).await;
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'A');
    let stopped = logged.rig.stop(Duration::from_millis(500));
    let stopped = tokio::time::timeout(Duration::from_secs(5), stopped).await;
    assert_eq!(stopped.expect("the stop hangs"), 1);
    let wanted = [("status", 101.into()), ("bytes_in", 1.into())];
    has(
        &logged.line().await,
        &[&wanted[..], &[("cut", true.into())]].concat(),
    );
}

#[tokio::test]
async fn a_flood_of_refusals_and_failures_has_few_lines_in_the_programs_log_and_is_counted_whole() {
    const FLOOD: usize = 400;
    let log = Written::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true);
    let writer = log.clone();
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let lines = |message: &str, route: &str| -> Vec<Value> {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let is_wanted = |line: &Value| line["message"] == message && line["route"] == route;
        lines.filter(is_wanted).collect()
    };
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| {
        let mut few = way("flooded");
        few.path = portcullis_config::PathPattern::Prefix("/few".to_owned());
        few.body_bytes_max = 10;
        let mut gone = patient_way_to("failing", 1);
        gone.path = portcullis_config::PathPattern::Prefix("/gone".to_owned());
        settings.routing.routes = vec![few, gone];
        settings.routing.upstreams = vec![upstream("failing", &[closed_address()])];
    });
    rig.split(&arm("1.0", &service), None, 0).await;
    for _ in 0..FLOOD {
        let long = rig.client.post(rig.url("/few")).body("longer than ten");
        assert_eq!(long.send().await.unwrap().status(), 413);
        assert_eq!(rig.get("/gone").await.status(), 502);
    }
    let left_out = |route: &str| -> u64 {
        let told = lines("more lines like this were left out", route);
        told.iter()
            .map(|line| line["lines"].as_u64().unwrap())
            .sum()
    };
    let told = [
        ("a request was refused", "flooded"),
        ("no answer from a server", "failing"),
    ];
    for (message, route) in told {
        let all = || lines(message, route).len() as u64 + left_out(route);
        until("the rest is told as a number", || all() == FLOOD as u64).await;
        let written = lines(message, route).len();
        assert!(written < FLOOD / 2, "{written} lines of {FLOOD} requests");
        assert!(lines(message, route)[0]["request_id"].is_string());
    }
    assert_eq!(lines(told[0].0, "flooded")[0]["upstream"], "service");
    assert_eq!(lines(told[0].0, "flooded")[0]["refused"], "body-too-large");
    let metrics = rig.metrics().await;
    for code in ["body-too-large", "unreachable"] {
        let counted = format!("portcullis_refusals_total{{code=\"{code}\"}} {FLOOD}");
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

/// Who ended an answer too early: the same word in both logs.
#[tokio::test]
async fn an_answer_that_was_cut_says_why() {
    // Nothing goes wrong before the client has the half that came.
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    let broken = RawServer::start(move |_, mut connection| {
        let opened = Arc::clone(&opened);
        async move {
            let head = connection.head().await?;
            let chunk = "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
            let framed = match head.split(' ').nth(1)? {
                "/chunk" => chunk,
                _ => "Content-Length: 9\r\n\r\nhalf",
            };
            connection.send("HTTP/1.1 200 OK\r\n").await?;
            connection.send(framed).await?;
            opened.notified().await;
            match head.split(' ').nth(1)? {
                "/closed" => {}
                "/reset" => connection.reset(),
                "/chunk" => connection.send("none\r\n").await?,
                _ => drop(connection.rest().await),
            }
            None
        }
    })
    .await;
    let service = Service::start("old");
    let adjust = |settings: &mut GatewaySettings| {
        let limited = |name: &str, idle_ms, whole_ms| {
            let mut way = patient_way_to("broken", 1);
            way.name = name.into();
            way.path = portcullis_config::PathPattern::Prefix(format!("/{name}"));
            way.timeouts.idle_ms = idle_ms;
            way.timeouts.whole_ms = whole_ms;
            way
        };
        settings.routing.routes = vec![
            limited("closed", 20_000, None),
            limited("reset", 20_000, None),
            limited("chunk", 20_000, None),
            limited("idle", 200, Some(20_000)),
            limited("whole", 20_000, Some(200)),
        ];
        settings.routing.upstreams = vec![upstream("broken", &[broken.address])];
    };
    let logged = Logged::start(adjust, &service).await;
    for cause in ["closed", "reset", "chunk", "idle", "whole"] {
        let mut answer = logged.rig.get(&format!("/{cause}")).await;
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "half");
        gate.notify_one();
        answer.bytes().await.unwrap_err();
        let wanted = [
            ("status", 200.into()),
            ("cut", true.into()),
            ("cut_cause", cause.into()),
        ];
        has(&logged.line().await, &wanted);
    }
}
