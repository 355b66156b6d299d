//! SDKs and proxies through a masked route: what they hear back is what was said, and the model saw placeholders only.

use portcullis_config::MaskConfig;
use serde_json::Value;

use super::program::{Program, stage};
use crate::masking::settings::{anthropic, dify, openai};
use crate::rig::Rig;
use crate::ways::{upstream, way_to};

mod dify_client;
mod litellm;
mod node;

/// A gateway whose only route leads to a model through a mask.
fn masked(model: &str, mask: MaskConfig) -> Rig {
    Rig::start_with(|settings| {
        let mut way = way_to("model");
        way.mask = Some(mask.name.clone());
        settings.workers = 1;
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![upstream("model", &[model])];
        settings.routing.masks = vec![mask];
    })
}

/// Plays a program that is client and model, with a mask between the two.
pub(super) async fn play(name: &str, mask: MaskConfig) {
    let program = Program::start(name).await;
    let rig = masked(&program.address("model"), mask);
    program.play(stage(&rig), asks_nothing).await;
}

/// For programs that ask the test for nothing.
async fn asks_nothing(wish: &Value) -> Value {
    panic!("{wish}")
}

#[tokio::test]
async fn the_openai_sdk_hears_its_values_again_in_text_streams_and_calls_of_tools() {
    play("masked_client", openai()).await;
}

#[tokio::test]
async fn anthropics_sdk_hears_its_values_again_in_text_streams_and_calls_of_tools() {
    play("anthropic_client", anthropic()).await;
}
