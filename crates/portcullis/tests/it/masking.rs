//! Masked conversations through the built binary: killed between two turns, and reloaded in the middle of an answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::masked_application::Application;
use crate::rig::Rig;

const EMAIL: &str = "nguyen.van.an@example.com";
const OTHER: &str = "tran.thi.binh@example.com";

const MASK: &str = r#"
[[gateway.mask]]
name = "dify"
application = "dify"

[gateway.conversations]
keep = "file"

[[gateway.upstream]]
name = "dify"
server = [{ address = "@APPLICATION@" }]

[[gateway.route]]
name = "dify"
path = "/v1"
to = "dify"
mask = "dify"

[timeouts]"#;

/// An application on a thread of its own.
struct Behind {
    application: Arc<Application>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Behind {
    fn start() -> Behind {
        let (told, application) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                told.send(Arc::new(Application::start().await)).unwrap();
                let _ = stopped.await;
            });
        });
        Behind {
            application: application.recv().unwrap(),
            _stop: stop,
        }
    }
}

/// A rig whose gateway masks what goes to the application.
fn masking(behind: &Behind) -> Rig {
    let mut rig = Rig::new("none");
    let address = behind.application.address.to_string();
    rig.edit("[timeouts]", &MASK.replace("@APPLICATION@", &address));
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    rig.start();
    rig
}

/// Asks something; the answer comes as it is sent, without chunks (HTTP/1.0).
fn ask(rig: &Rig, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(rig.gateway()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: dify\r\nAuthorization: Bearer app-1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

fn whole(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// One turn; gives the conversation's id.
fn say(rig: &Rig, id: &str, text: &str) -> String {
    let answer = whole(ask(
        rig,
        "POST",
        "/v1/chat-messages",
        &turn(id, text, "blocking"),
    ));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}\n{}", rig.log());
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["answer"], format!("You said: {text}"));
    body["conversation_id"].as_str().unwrap().to_owned()
}

fn turn(id: &str, text: &str, mode: &str) -> String {
    json!({"query": text, "inputs": {}, "user": "u", "response_mode": mode, "conversation_id": id})
        .to_string()
}

fn history(rig: &Rig, id: &str) -> String {
    whole(ask(
        rig,
        "GET",
        &format!("/v1/messages?conversation_id={id}"),
        "",
    ))
}

#[test]
fn a_conversation_in_a_file_goes_on_after_the_server_was_killed() {
    let behind = Behind::start();
    let mut rig = masking(&behind);
    let id = say(&rig, "", &format!("I am {EMAIL}"));
    for turn in 2..6 {
        rig.kill();
        rig.start();
        say(&rig, &id, &format!("{EMAIL} and person.{turn}@example.com"));
        assert!(
            behind.application.queries(&id)[turn - 1]
                .ends_with(&format!("EMAIL_1 and EMAIL_{turn}"))
        );
    }
    rig.kill();
    rig.start();
    let history = history(&rig, &id);
    assert!(
        history.contains(EMAIL) && history.contains("person.5@"),
        "{history}"
    );
    behind.application.assert_unseen(&[EMAIL, "person."]);
    assert!(!rig.log().contains(EMAIL), "{}", rig.log());
}

#[test]
fn an_answer_that_is_under_way_goes_on_over_a_reload_and_what_it_hid_is_known_afterwards() {
    let behind = Behind::start();
    let rig = masking(&behind);
    let text = format!("write to {EMAIL} and {OTHER}");
    let mut stream = ask(
        &rig,
        "POST",
        "/v1/chat-messages",
        &turn("", &text, "streaming"),
    );
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("event: ping") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    // The mask becomes another one, and the answer goes on with what it was begun with.
    rig.edit(
        "application = \"dify\"",
        "application = \"dify\"\nplaceholders = \"brackets\"",
    );
    rig.ok(&["gateway", "reload"]);
    behind.application.go_on();
    stream.read_to_end(&mut read).unwrap();
    let read = String::from_utf8(read).unwrap();
    let events = read.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = events
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let told: String = events
        .iter()
        .filter(|event| event["event"] == "message")
        .map(|event| event["answer"].as_str().unwrap())
        .collect();
    assert_eq!(told, format!("You said: {text}"));
    let id = events[0]["conversation_id"].as_str().unwrap();
    // A conversation keeps the placeholders that it was begun with; a new one has the new ones.
    say(&rig, id, &format!("once more {EMAIL}"));
    assert_eq!(behind.application.queries(id)[1], "once more EMAIL_1");
    let other = say(&rig, "", &format!("I am {EMAIL}"));
    assert_eq!(behind.application.queries(&other)[0], "I am [[EMAIL_1]]");
    assert!(history(&rig, id).contains(OTHER));
    behind.application.assert_unseen(&[EMAIL, OTHER]);
}

#[test]
fn a_damaged_file_of_conversations_is_told_with_what_to_do() {
    let behind = Behind::start();
    let mut rig = masking(&behind);
    say(&rig, "", &format!("I am {EMAIL}"));
    rig.kill();
    let state = rig.path(".portcullis");
    let file = state.join("conversations.db");
    for beside in ["conversations.db-wal", "conversations.db-shm"] {
        let _ = std::fs::remove_file(state.join(beside));
    }
    std::fs::write(&file, "no database at all, but long enough\n".repeat(50)).unwrap();
    let output = rig.run(&["serve"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in [
        "conversations.db cannot be opened",
        "hint: ",
        "is damaged",
        "move it aside",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    std::fs::rename(&file, state.join("damaged.db")).unwrap();
    rig.start();
    say(&rig, "", &format!("I am {EMAIL}"));
    behind.application.assert_unseen(&[EMAIL]);
}
