//! Values in JSON that a model writes as the text of its answer.

use serde_json::{Value, json};

use super::leaks::{CHAT, Says, ask, behind, delta, said};
use super::settings::openai;

/// A password that JSON escapes.
const PASSWORD: &str = "ab\\cd12E!x";
/// What a model makes of it.
const WRITTEN: &str = "{\"password\": \"PASSWORD_1\", \"of\": [\"PASSWORD_1\"]}";

fn question() -> Value {
    let text = format!("My password: {PASSWORD} Say it as JSON.");
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn json_that_a_model_writes_stays_json() {
    let answer = json!({"choices": [{"message": {"content": WRITTEN}}]}).to_string();
    let says = Says::new(200, Some("application/json"), answer.as_bytes());
    let (_server, rig) = behind(openai(), says).await;
    let answer: Value = ask(&rig, CHAT, &question()).await.json().await.unwrap();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let read: Value = serde_json::from_str(text).unwrap();
    assert_eq!(read, json!({"password": PASSWORD, "of": [PASSWORD]}));
}

#[tokio::test]
async fn json_that_a_model_streams_stays_json() {
    let events: Vec<String> = WRITTEN.chars().map(|one| delta(&one.to_string())).collect();
    let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
    events.push("data: [DONE]\n\n");
    let (_server, rig) = behind(openai(), Says::events(&events)).await;
    let mut asked = question();
    asked["stream"] = json!(true);
    let stream = ask(&rig, CHAT, &asked).await.text().await.unwrap();
    let read: Value = serde_json::from_str(&said(&stream)).unwrap();
    assert_eq!(read, json!({"password": PASSWORD, "of": [PASSWORD]}));
}
