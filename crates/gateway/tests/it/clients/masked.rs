//! The OpenAI SDK through a masked route: what it hears back is what was said, and the model saw placeholders only.

use serde_json::Value;

use super::program::{Program, stage};
use crate::masking::settings::openai;
use crate::rig::Rig;
use crate::ways::{upstream, way_to};

#[tokio::test]
async fn the_openai_sdk_hears_its_values_again_in_text_streams_and_calls_of_tools() {
    let program = Program::start("masked_client").await;
    let model = program.address("model");
    let rig = Rig::start_with(|settings| {
        let mut way = way_to("model");
        way.mask = Some("openai".into());
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![upstream("model", &[model])];
        settings.routing.masks = vec![openai()];
    });
    let act = async |wish: &Value| panic!("{wish}");
    program.play(stage(&rig), act).await;
}
