//! `dify-client` from PyPI, with Dify played by the test.

use serde_json::{Value, json};

use super::super::program::{Program, stage};
use super::{dify, masked};
use crate::masking::application::Application;

#[tokio::test]
async fn difys_client_hears_its_values_again_in_this_turn_the_next_and_the_history() {
    let application = Application::start().await;
    application.go_on();
    let rig = masked(&application.address.to_string(), dify());
    let program = Program::start("dify_sdk_client").await;
    let act = async |wish: &Value| match wish["do"].as_str().unwrap() {
        "seen" => json!(application.seen()),
        other => panic!("{other}"),
    };
    program.play(stage(&rig), act).await;
}
