//! LiteLLM's proxy, behind the gateway and in front of it.

use std::time::Duration;

use portcullis_config::PathPattern;
use serde_json::json;

use super::super::program::{Program, made, stage};
use super::{anthropic, asks_nothing, masked, openai};
use crate::rig::Rig;
use crate::ways::{upstream, way_to};

/// LiteLLM needs some ten seconds of a processor until it listens, which is long on a machine that does much else.
const START: Duration = Duration::from_secs(240);

#[tokio::test]
async fn litellms_proxy_sees_placeholders_behind_the_gateway_and_hears_values_in_front_of_it() {
    let python = made("python-litellm/bin/python");
    let program = Program::start_slow("litellm_client", START).await;
    let before = masked(&program.address("litellm"), openai());
    let model = program.address("model");
    let behind = Rig::start_with(|settings| {
        let mut claude = way_to("model");
        claude.name = "claude".into();
        claude.path = PathPattern::Exact("/v1/messages".into());
        claude.mask = Some("anthropic".into());
        let mut rest = way_to("model");
        rest.mask = Some("openai".into());
        settings.workers = 1;
        settings.routing.routes = vec![claude, rest];
        settings.routing.upstreams = vec![upstream("model", &[model])];
        settings.routing.masks = vec![anthropic(), openai()];
    });
    let mut stage = stage(&behind);
    stage["before"] = json!(before.listen.to_string());
    stage["python"] = json!(python);
    program.play(stage, asks_nothing).await;
}
