//! Names that a model finds. The model here is made of what it is told; crates/mask-model has a real one.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use portcullis_config::{MaskConfig, ModelConfig};
use portcullis_gateway::{GatewaySettings, MaskModels};
use portcullis_mask::{Entity, Mode, NamedEntities, NamedEntitiesError, NamedSpan, Score};
use reqwest::StatusCode;
use serde_json::Value;

use super::settings::dify;
use super::{EMAIL, get, post, start, turn};

const NAME: &str = "Anna Kowalski";
const CHAT: &str = "/v1/chat-messages";

/// Finds one name; fails at `broken`, panics at `burst`, and waits at `slow` until it may go on.
#[derive(Default)]
struct Model {
    /// Whether somebody waits, and whether they may go on.
    waiting: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Model {
    /// Until a request is being read.
    async fn is_reading(self: &Arc<Model>) {
        let model = Arc::clone(self);
        let reading = move || {
            let waiting = model.waiting.lock().unwrap();
            drop(
                model
                    .changed
                    .wait_while(waiting, |(waits, _)| !*waits)
                    .unwrap(),
            );
        };
        tokio::task::spawn_blocking(reading).await.unwrap();
    }

    fn go_on(&self) {
        self.waiting.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

impl NamedEntities for Model {
    fn find(&self, text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
        if text.contains("broken") {
            let why = "it is broken".to_owned();
            return Err(NamedEntitiesError { why });
        }
        assert!(!text.contains("burst"), "as a mistake in a model would");
        if text.contains("slow") {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.0 = true;
            self.changed.notify_all();
            drop(
                self.changed
                    .wait_while(waiting, |(_, may_go)| !*may_go)
                    .unwrap(),
            );
        }
        let spans = text.match_indices(NAME).map(|(start, name)| NamedSpan {
            start,
            end: start + name.len(),
            entity: Entity::PERSON,
            score: Score::of(99),
        });
        Ok(spans.collect())
    }
}

fn folder() -> PathBuf {
    PathBuf::from("/srv/names")
}

fn with_model() -> MaskConfig {
    let mut config = dify();
    config.search.model = Some(ModelConfig {
        folder: folder(),
        text_bytes_max: 1000,
    });
    config
}

fn loaded(model: &Arc<Model>) -> impl FnOnce(&mut GatewaySettings) + use<> {
    let model: Arc<dyn NamedEntities> = Arc::clone(model) as _;
    move |settings| settings.routing.models = MaskModels::default().with(&folder(), model)
}

#[tokio::test]
async fn names_are_hidden_and_come_back() {
    let model = Arc::new(Model::default());
    let (application, rig) = start(with_model(), loaded(&model)).await;
    let query = format!("{NAME} has the address {EMAIL}");
    let answer = post(&rig, CHAT, &turn(&query, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    assert!(
        application
            .seen()
            .contains("PERSON_1 has the address EMAIL_1")
    );
    application.assert_unseen(&[EMAIL, NAME]);
}

#[tokio::test]
async fn what_the_model_cannot_look_into_is_never_sent() {
    let model = Arc::new(Model::default());
    let (application, rig) = start(with_model(), loaded(&model)).await;
    let long = format!("{NAME} {}", "x ".repeat(500));
    for (query, status, code, word) in [
        (
            format!("broken {NAME}"),
            503,
            "masking_detector",
            "not sent on",
        ),
        (
            format!("burst {NAME}"),
            503,
            "masking_detector",
            "not sent on",
        ),
        (long, 413, "masking_too_long", "model_text_max"),
    ] {
        let answer = post(&rig, CHAT, &turn(&query, "", "blocking")).await;
        assert_eq!(answer.status().as_u16(), status, "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], code, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(word),
            "{problem}"
        );
    }
    application.assert_unseen(&[NAME, "burst"]);
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("reason=\"masking-detector\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_model_that_reads_keeps_nobody_else_waiting() {
    for mode in [Mode::Enforce, Mode::Shadow] {
        let model = Arc::new(Model::default());
        let mut config = with_model();
        config.mode = mode;
        // There is one worker.
        let (_application, rig) = start(config, loaded(&model)).await;
        let query = format!("slow {NAME}");
        let body = turn(&query, "", "blocking");
        let slow = post(&rig, CHAT, &body);
        let others = async {
            model.is_reading().await;
            for _ in 0..10 {
                let answer = get(&rig, "/v1/parameters").await;
                assert_eq!(answer.status(), StatusCode::OK);
            }
            model.go_on();
        };
        let both = async { tokio::join!(slow, others) };
        let (answer, ()) = tokio::time::timeout(Duration::from_secs(20), both)
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_mask_whose_model_was_not_loaded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = crate::rig::settings(folder.path().join("routes.json"));
    settings.routing.masks = vec![with_model()];
    let refused = portcullis_gateway::Gateway::start(settings);
    let told = format!("{:?}", refused.expect_err("refused"));
    assert!(told.contains("/srv/names"), "{told}");
}
