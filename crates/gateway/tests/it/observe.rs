//! What is told about requests: metrics, health and readiness, on the admin API and on an address of their own.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use portcullis_config::{
    AccessLogConfig, AccessLogPlace, CertificateConfig, ClientCertificates, LoggedPaths, TlsConfig,
    TlsVersion, TracesConfig,
};
use portcullis_gateway::Gateway;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::rig::{Rig, TOKEN, arm, closed_address, settings, until};
use crate::service::Service;

const PATHS: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

/// A gateway that answers metrics on an address of their own, too.
fn rig() -> (Rig, SocketAddr) {
    let rig = Rig::start_with(|settings| {
        settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let address = rig.gateway.as_ref().unwrap().metrics_address().unwrap();
    (rig, address)
}

async fn get(rig: &Rig, address: SocketAddr, path: &str) -> Response {
    let url = format!("http://{address}{path}");
    rig.client.get(url).send().await.unwrap()
}

async fn metrics(rig: &Rig, address: SocketAddr) -> String {
    let response = get(rig, address, "/metrics").await;
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

async fn ready(rig: &Rig, address: SocketAddr) -> (StatusCode, Value) {
    let response = get(rig, address, "/readyz").await;
    (response.status(), response.json().await.unwrap())
}

/// The series of a text by name and labels.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap())
        })
        .collect()
}

/// The value of the only series that begins with `name` and has all of `labels`.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let series = series(text);
    let mut found = series.into_iter().filter(|(key, _)| {
        let is_name = key.split('{').next() == Some(name);
        is_name && labels.iter().all(|label| key.contains(label))
    });
    let value = found.next()?.1;
    assert!(found.next().is_none(), "{name} {labels:?} is not one");
    Some(value)
}

#[tokio::test]
async fn the_admin_api_tells_health_to_everybody_and_metrics_to_who_has_the_token() {
    let rig = Rig::start();
    let statuses = |token: Option<&'static str>| {
        let rig = &rig;
        async move {
            let mut statuses = Vec::new();
            for path in PATHS {
                let mut request = rig.client.get(format!("http://{}{path}", rig.admin));
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                statuses.push(request.send().await.unwrap().status().as_u16());
            }
            statuses
        }
    };
    assert_eq!(statuses(None).await, [401, 200, 503]);
    assert_eq!(statuses(Some(TOKEN)).await, [200, 200, 503]);
    assert!(rig.gateway.as_ref().unwrap().metrics_address().is_none());
}

#[tokio::test]
async fn the_address_for_metrics_answers_three_paths_and_nothing_else() {
    let (rig, address) = rig();
    for path in ["/healthz", "/metrics"] {
        let response = get(&rig, address, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    for path in ["/v1/gateway", "/", "/v1/routes/shop/split", "/metrics/"] {
        let response = get(&rig, address, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], "not_found");
    }
    let url = format!("http://{address}/metrics");
    let posted = rig.client.post(&url).body("x").send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers()["allow"], "GET, HEAD");
    let head = rig.client.head(&url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_scraper_chooses_the_format() {
    let (rig, address) = rig();
    for (accept, kind, is_open) in [
        ("", "text/plain; version=0.0.4; charset=utf-8", false),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
    ] {
        let url = format!("http://{address}/metrics");
        let request = rig.client.get(url).header("accept", accept);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], kind);
        let text = response.text().await.unwrap();
        assert_eq!(text.ends_with("# EOF\n"), is_open, "{text}");
    }
}

#[tokio::test]
async fn ready_means_that_a_release_serves_and_is_healthy_and_that_nothing_drains() {
    let service = Service::start("stable");
    let (mut rig, address) = rig();
    let (status, told) = ready(&rig, address).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["not_ready"][0]["route"], "shop");
    rig.split(&arm("1.0", &service), None, 0).await;
    let (status, told) = ready(&rig, address).await;
    assert_eq!((status, &told["status"]), (StatusCode::OK, &"ready".into()));

    service.seen.healthy.store(false, SeqCst);
    rig.arm_when("1.0", |arm| !arm.health.healthy).await;
    let (status, told) = ready(&rig, address).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["not_ready"][0]["reason"], "no server is healthy");
    service.seen.healthy.store(true, SeqCst);
    rig.arm_when("1.0", |arm| arm.health.healthy).await;
    assert_eq!(ready(&rig, address).await.0, StatusCode::OK);

    let gateway = rig.gateway.as_mut().unwrap();
    gateway.retire(Duration::from_secs(60), Duration::from_secs(60));
    let (status, told) = ready(&rig, address).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["draining"], true);
    assert_eq!(
        get(&rig, address, "/healthz").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn metrics_tell_of_arms_of_the_split_and_of_the_share_that_was_really_sent() {
    let (stable, canary) = (Service::start("stable"), Service::start("canary"));
    let (rig, address) = rig();
    let (stable, canary) = (arm("1.0", &stable), arm("1.1", &canary));
    rig.split(&stable, None, 0).await;
    for user in 0..20 {
        rig.get_as(&format!("early-{user}")).await;
    }
    rig.arm_when("1.0", |arm| arm.requests == 20).await;
    let text = metrics(&rig, address).await;
    let one = value(&text, "portcullis_split_weight_ratio", &["1.0"]);
    assert_eq!(one, Some(1.0));

    rig.split(&stable, Some(&canary), 50).await;
    let told = metrics(&rig, address).await;
    let sent = value(&told, "portcullis_split_sent_ratio", &["1.1"]);
    assert_eq!(sent, None, "nothing was sent since the split changed");
    for user in 0..40 {
        rig.get_as(&format!("user-{user}")).await;
    }
    let of_canary = rig.arm("1.1").await.requests;
    rig.arm_when("1.0", |arm| arm.requests == 60 - of_canary)
        .await;
    rig.arm_when("1.1", |arm| arm.requests == of_canary).await;
    let text = metrics(&rig, address).await;
    let canary_sent = value(&text, "portcullis_split_sent_ratio", &["1.1"]).unwrap();
    let stable_sent = value(&text, "portcullis_split_sent_ratio", &["1.0"]).unwrap();
    assert_eq!(canary_sent, of_canary as f64 / 40.0);
    assert_eq!(stable_sent, 1.0 - canary_sent);
    let answered = value(&text, "portcullis_arm_requests_total", &["1.0", "2xx"]);
    assert_eq!(answered, Some((60 - of_canary) as f64));
    let name = "portcullis_arm_request_duration_seconds_count";
    assert_eq!(value(&text, name, &["1.1"]), Some(of_canary as f64));
    assert_eq!(value(&text, "portcullis_arm_healthy", &["1.1"]), Some(1.0));
    assert!(value(&text, "portcullis_connections_total", &[]).unwrap() >= 1.0);
    assert!(value(&text, "portcullis_connections_open", &[]).unwrap() >= 1.0);
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(value(&text, "portcullis_build_info", &[version]), Some(1.0));
}

#[tokio::test]
async fn metrics_tell_of_handshakes_and_of_the_end_of_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["shop.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let pair = CertificateConfig {
        chain_file: folder.path().join("shop.pem"),
        key_file: folder.path().join("shop.key"),
    };
    let signed = params.self_signed(&key).unwrap();
    std::fs::write(&pair.chain_file, signed.pem()).unwrap();
    std::fs::write(&pair.key_file, key.serialize_pem()).unwrap();
    let file = format!("file=\"{}\"", pair.chain_file.display());
    let rig = Rig::start_with(|settings| {
        settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
        settings.tls = Some(TlsConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificates: vec![pair],
            acme: None,
            version_min: TlsVersion::V12,
            clients: ClientCertificates::Off,
            redirect: false,
        });
    });
    let gateway = rig.gateway.as_ref().unwrap();
    let (tls, address) = (gateway.tls_address(), gateway.metrics_address().unwrap());
    let url = format!("https://{}/", tls.unwrap());
    let asked = tokio::task::spawn_blocking(move || {
        let arguments = ["--silent", "--insecure", "--max-time", "20", &url];
        Command::new("curl").args(arguments).output().unwrap()
    });
    assert!(asked.await.unwrap().status.success());
    let mut stranger = std::net::TcpStream::connect(tls.unwrap()).unwrap();
    stranger
        .write_all(b"this is not TLS, whatever else\r\n")
        .unwrap();
    let name = "portcullis_tls_handshakes_total";
    let mut text = metrics(&rig, address).await;
    for _ in 0..1000 {
        if value(&text, name, &["failed"]) == Some(1.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        text = metrics(&rig, address).await;
    }
    assert_eq!(value(&text, name, &["failed"]), Some(1.0));
    assert_eq!(value(&text, name, &["done"]), Some(1.0));
    let name = "portcullis_tls_certificate_expiry_seconds";
    // 2040-01-01.
    assert_eq!(value(&text, name, &[&file]), Some(2_208_988_800.0));
}

#[tokio::test]
async fn prometheus_own_checker_has_nothing_to_say() {
    let (stable, canary) = (Service::start("stable"), Service::start("canary"));
    let (rig, address) = rig();
    rig.split(&arm("1.0", &stable), Some(&arm("1.1", &canary)), 10)
        .await;
    rig.get_as("somebody").await;
    let text = metrics(&rig, address).await;
    let checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut checker = checker.expect("promtool; `cargo xtask setup` installs it");
    let mut input = checker.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = checker.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[tokio::test]
async fn a_successor_may_have_the_address_for_metrics_and_it_is_taken_back() {
    let (mut rig, address) = rig();
    let gateway = rig.gateway.take().unwrap();
    gateway.release_control().await;
    let listener = std::net::TcpListener::bind(address).unwrap();
    let error = gateway.reclaim_control().await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()), "{error}");
    drop(listener);
    gateway.reclaim_control().await.unwrap();
    assert_eq!(
        get(&rig, address, "/healthz").await.status(),
        StatusCode::OK
    );
    gateway.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn an_address_for_metrics_that_is_taken_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(folder.path().join("splits.json"));
    settings.observe.metrics.listen = Some(taken.local_addr().unwrap());
    let error = Gateway::start(settings).unwrap_err().to_string();
    assert!(
        error.contains("metrics") && error.contains("127.0.0.1"),
        "{error}"
    );
}

#[tokio::test]
async fn the_log_is_opened_anew_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.log");
    let log = AccessLogConfig {
        to: AccessLogPlace::File(path.clone()),
        sample: 1,
        paths: LoggedPaths::Masked,
    };
    let rig = Rig::start_with(|settings| settings.observe.log = log);
    std::fs::rename(&path, folder.path().join("requests.log.1")).unwrap();
    rig.gateway.as_ref().unwrap().reopen_log();
    until("the log is there again", || path.exists()).await;
}

#[tokio::test]
async fn a_log_or_a_collector_that_cannot_be_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |adjust: &dyn Fn(&mut portcullis_gateway::GatewaySettings)| {
        let mut settings = settings(folder.path().join("splits.json"));
        adjust(&mut settings);
        let error = Gateway::start(settings).unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    let text = refused(&|settings| {
        settings.observe.log.to = AccessLogPlace::File("/nowhere/requests.log".into());
    });
    assert!(text.contains("/nowhere/requests.log"), "{text}");
    let text = refused(&|settings| {
        settings.observe.traces = Some(TracesConfig {
            endpoint: "collector".to_owned(),
            sample: 1,
        });
    });
    assert!(text.contains("`collector`"), "{text}");
}

#[tokio::test]
async fn a_collector_that_is_away_does_not_keep_the_gateway_from_stopping() {
    let mut rig = Rig::start_with(|settings| {
        settings.observe.traces = Some(TracesConfig {
            endpoint: format!("http://{}", closed_address()),
            sample: 1,
        });
    });
    let address = rig.admin;
    let request = rig.client.get(format!("http://{address}/metrics"));
    let text = request.bearer_auth(TOKEN).send().await.unwrap();
    let text = text.text().await.unwrap();
    assert_eq!(value(&text, "portcullis_spans_sent_total", &[]), Some(0.0));
    assert_eq!(
        value(&text, "portcullis_spans_dropped_total", &[]),
        Some(0.0)
    );
    let stopped = tokio::time::timeout(Duration::from_secs(20), rig.stop(Duration::ZERO));
    assert_eq!(stopped.await.unwrap(), 0);
}

/// Also right behind a change, and whoever answered in place of the canary is the one to whom it was sent.
#[tokio::test]
async fn the_share_that_was_sent_is_exact() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start_with(|settings| {
        settings.services[0].health.interval_ms = 3_600_000;
        settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let address = rig.gateway.as_ref().unwrap().metrics_address().unwrap();
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let shares = async || {
        let told = metrics(&rig, address).await;
        ["1.0", "1.1"].map(|release| value(&told, "portcullis_split_sent_ratio", &[release]))
    };
    let ask = async || {
        let request = rig.client.get(rig.url("/who")).header("canary", "true");
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    for change in 0..20 {
        rig.split(&stable, Some(&canary), 50 + change).await;
        ask().await;
        assert_eq!(
            shares().await,
            [Some(0.0), Some(1.0)],
            "after change {change}"
        );
    }
    let place = new.address;
    drop(new);
    until("the canary is gone", || {
        std::net::TcpListener::bind(place).is_ok()
    })
    .await;
    for _ in 0..3 {
        ask().await;
    }
    let done = |arm: &portcullis_api::gateway::ArmStatus| arm.failed_over == 3;
    rig.arm_when("1.1", done).await;
    assert_eq!(shares().await, [Some(0.75), Some(0.25)]);
}
