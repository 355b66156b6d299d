//! The OpenAI SDK for Node.js.

use serde_json::json;

use super::super::program::{Program, stage};
use super::{asks_nothing, masked, openai};

#[tokio::test]
async fn the_openai_sdk_for_node_hears_its_values_again_in_text_streams_and_calls_of_tools() {
    let model = Program::start("model_alone").await;
    let rig = masked(&model.address("model"), openai());
    let program = Program::start_node("openai_node").await;
    let mut stage = stage(&rig);
    for name in ["direct", "said"] {
        stage[name] = json!(model.address(name));
    }
    program.play(stage, asks_nothing).await;
}
