//! Python's httpx.

use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};

use super::program::{Program, stage};
use crate::rig::until;
use crate::service::Service;
use crate::tls::Authority;

#[tokio::test]
async fn httpx_uploads_downloads_and_reuses_connections() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "localhost");
    let rig = authority
        .rig(&service, authority.settings(vec![pair]))
        .await;
    let program = Program::start("httpx_client").await;
    let mut stage = stage(&rig);
    stage["authority"] = json!(authority.path("ca.pem"));
    let seen = &service.seen;
    let act = async |wish: &Value| match wish["do"].as_str().unwrap() {
        "permit" => {
            seen.gate.add_permits(1);
            Value::Null
        }
        "swallowed" => {
            let wanted = wish["bytes"].as_u64().unwrap();
            until("the bytes arrived", || {
                seen.swallowed.load(SeqCst) >= wanted
            })
            .await;
            json!(seen.swallowed.load(SeqCst))
        }
        other => panic!("{other}"),
    };
    program.play(stage, act).await;
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!(rig.arm("1.0").await.errors, 0);
}
