//! Python's websockets, as client and as service.

use portcullis_api::gateway::Arm;
use serde_json::{Value, json};

use super::program::{Program, stage};
use crate::rig::Rig;
use crate::tls::Authority;

#[tokio::test]
async fn websockets_pass_with_their_pings_fragments_closes_and_compression() {
    let program = Program::start("websockets_client").await;
    let authority = Authority::new();
    let pair = authority.sign("shop", "localhost");
    let rig = Rig::start_with(|settings| {
        settings.tls = Some(authority.settings(vec![pair]));
        // Nothing in the program is silent for so long but what is meant to be.
        settings.services[0].timeouts.idle_ms = 2_000;
    });
    let arm = |release: &str| Arm {
        release: release.to_owned(),
        address: program.address(release),
    };
    let (old, new) = (arm("old"), arm("new"));
    rig.split(&old, Some(&new), 0).await;
    let mut stage = stage(&rig);
    stage["authority"] = json!(authority.path("ca.pem"));
    let act = async |wish: &Value| match wish["do"].as_str().unwrap() {
        "weight" => {
            let weight = wish["percent"].as_u64().unwrap();
            rig.split(&old, Some(&new), weight as u8).await;
            Value::Null
        }
        "promote" => {
            rig.split(&new, None, 0).await;
            Value::Null
        }
        "in_flight" => {
            let arms = rig.route().await.arms;
            json!(arms.iter().map(|arm| arm.in_flight).sum::<u64>())
        }
        other => panic!("{other}"),
    };
    program.play(stage, act).await;
}
