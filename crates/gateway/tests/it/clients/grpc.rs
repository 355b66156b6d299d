//! gRPC: its Python implementation as client and as server. The service's releases speak HTTP/2, and so does
//! an upstream that a route leads to.

use std::path::Path;

use portcullis_api::gateway::Arm;
use portcullis_config::{Config, UpstreamProtocol};
use portcullis_gateway::GatewaySettings;
use serde_json::{Value, json};

use super::program::{Program, stage};
use crate::rig::Rig;
use crate::tls::Authority;

const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// A configuration with these tables.
fn config(tables: &str) -> Config {
    let text = format!(
        "[service]\nname = \"shop\"\nprotocol = \"http2\"\nready = {{ path = \"{HEALTH}\" }}\n\
         [[release]]\nversion = \"1.0\"\nartifact = \"shop\"\ncommand = [\"shop\", \"{{port}}\"]\n{tables}"
    );
    let parsed = portcullis_config::parse(&text, Path::new("portcullis.toml"));
    parsed.unwrap_or_else(|problems| panic!("{problems}"))
}

/// As `portcullis serve` would set it up.
fn configure(settings: &mut GatewaySettings, config: &Config) {
    let service = &mut settings.services[0];
    service.protocol = config.service.protocol;
    service.health.path = config.gateway.health.path.clone();
    assert_eq!(service.protocol, UpstreamProtocol::Http2);
    assert_eq!(service.health.path, HEALTH);
    settings.routing.routes = config.gateway.routes.clone();
    settings.routing.upstreams = config.gateway.upstreams.clone();
    settings.routing.limits = config.gateway.limits.clone();
    settings.routing.access = config.gateway.access.clone();
}

#[tokio::test]
async fn grpc_passes_with_its_streams_deadlines_and_statuses() {
    let program = Program::start("grpc_client").await;
    let authority = Authority::new();
    let pair = authority.sign("shop", "localhost");
    let other = program.address("other");
    let config = config(&format!(
        r#"
[[gateway.upstream]]
name = "other"
server = [{{ address = "{other}" }}]
protocol = "http2"
health = {{ path = "{HEALTH}", interval = "100ms" }}
[[gateway.upstream]]
name = "nowhere"
server = [{{ address = "{}" }}]
protocol = "http2"
[[gateway.limit]]
name = "rare"
rate = "1/1h"
burst = 1
key = "route"
[[gateway.route]]
name = "other"
path = "/test.Other"
to = "other"
[[gateway.route]]
name = "nowhere"
path = "/test.Nowhere"
to = "nowhere"
[[gateway.route]]
name = "limited"
path = "/test.Limited"
limits = ["rare"]
[[gateway.route]]
name = "small"
path = "/test.Small"
body_max = "1KiB"
[[gateway.access]]
name = "token"
jwt = {{ jwks_file = "keys.json", audiences = ["shop"] }}
[[gateway.access]]
name = "closed"
deny = ["127.0.0.0/8"]
[[gateway.route]]
name = "guarded"
path = "/test.Guarded"
access = "token"
[[gateway.route]]
name = "closed"
path = "/test.Closed"
access = "closed"
[[gateway.route]]
name = "full"
path = "/test.Full"
capacity = {{ in_flight = 1, queue = 0 }}
"#,
        crate::rig::closed_address()
    ));
    let rig = Rig::start_with(|settings| {
        settings.tls = Some(authority.settings(vec![pair]));
        configure(settings, &config);
    });
    let arm = |release: &str| Arm {
        release: release.to_owned(),
        address: program.address(release),
    };
    let (old, new, deaf) = (arm("old"), arm("new"), arm("deaf"));
    let mut stage = stage(&rig);
    stage["authority"] = json!(authority.path("ca.pem"));
    let act = async |wish: &Value| match wish["do"].as_str().unwrap() {
        "split" => {
            let weight = wish["percent"].as_u64().unwrap();
            rig.split(&old, Some(&new), weight as u8).await;
            Value::Null
        }
        "idle" => {
            rig.arm_when("old", |arm| arm.in_flight == 0).await;
            Value::Null
        }
        "errors" => json!(rig.arm_when("old", |arm| arm.in_flight == 0).await.errors),
        "refused" => {
            let split = crate::rig::split(&deaf, None, 0);
            let (status, problem) = rig.try_split(split).await.unwrap_err();
            json!([status.as_u16(), problem["detail"]])
        }
        other => panic!("{other}"),
    };
    program.play(stage, act).await;
    let metrics = rig.metrics().await;
    for call in [
        "{route=\"other\",code=\"OK\"}",
        "{route=\"shop\",code=\"NOT_FOUND\"}",
    ] {
        let series = format!("portcullis_grpc_calls_total{call}");
        assert!(metrics.contains(&series), "{metrics}");
    }
}
