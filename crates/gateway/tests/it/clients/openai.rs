//! The OpenAI SDK, with a service that streams its answers slowly.

use portcullis_api::gateway::Arm;
use serde_json::{Value, json};

use super::program::{Program, stage};
use crate::rig::Rig;
use crate::tls::Authority;

#[tokio::test]
async fn the_openai_sdk_streams_cancels_and_hears_of_errors() {
    let program = Program::start("openai_client").await;
    let authority = Authority::new();
    let pair = authority.sign("shop", "localhost");
    let rig = Rig::start_with(|settings| settings.tls = Some(authority.settings(vec![pair])));
    let model = Arm {
        release: "1.0".to_owned(),
        address: program.address("model"),
    };
    rig.split(&model, None, 0).await;
    let mut stage = stage(&rig);
    stage["authority"] = json!(authority.path("ca.pem"));
    let act = async |wish: &Value| match wish["do"].as_str().unwrap() {
        "idle" => {
            rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
            Value::Null
        }
        other => panic!("{other}"),
    };
    program.play(stage, act).await;
}
