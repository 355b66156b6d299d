//! An application to put behind a masked route: it answers like Dify and like OpenAI with what it was told, and keeps every
//! byte that it got.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// Every byte of every request.
    seen: Mutex<Vec<u8>>,
    /// Queries by conversation, with their messages' ids.
    turns: Mutex<HashMap<String, Vec<(String, String)>>>,
    runs: Mutex<HashMap<String, Value>>,
    /// What was said up to a response.
    responses: Mutex<HashMap<String, String>>,
    next: AtomicU64,
    gate: Gate,
    fails: AtomicBool,
    cuts: AtomicBool,
    encodes: AtomicBool,
    /// What streams say last, in the event that ends them.
    leaks: Mutex<Option<String>>,
    /// Streams that their client left.
    broken: AtomicU64,
}

struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Gate {
        Gate(Semaphore::new(0))
    }
}

struct Asked {
    line: String,
    body: Value,
}

impl Application {
    pub(crate) async fn start() -> Application {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Application {
            address,
            state,
            task,
        }
    }

    /// Everything that came, as text.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.state.seen.lock().unwrap()).into_owned()
    }

    /// The queries of a conversation as they came, in their order.
    pub(crate) fn queries(&self, id: &str) -> Vec<String> {
        let turns = self.state.turns.lock().unwrap();
        let turns = turns.get(id).into_iter().flatten();
        turns.map(|(_, query)| query.clone()).collect()
    }

    /// Everything that came.
    pub(crate) fn seen_bytes(&self) -> Vec<u8> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Whether these bytes came behind so many others.
    pub(crate) fn has_seen(&self, before: usize, bytes: &[u8]) -> bool {
        let seen = self.seen_bytes();
        seen[before..]
            .windows(bytes.len())
            .any(|some| some == bytes)
    }

    /// None of these came, in any spelling of JSON or of a query.
    pub(crate) fn assert_unseen(&self, values: &[&str]) {
        let seen = self.seen();
        for value in values {
            assert!(!seen.contains(value), "{value} in {seen}");
            assert!(
                !seen.contains(&value.replace('@', "%40")),
                "{value} in {seen}"
            );
            let (name, _) = value.split_once('@').unwrap_or((value, ""));
            assert!(!seen.contains(name), "{name} in {seen}");
        }
    }

    /// Lets streams go on behind their ping.
    pub(crate) fn go_on(&self) {
        self.state.gate.0.add_permits(1000);
    }

    /// The next request is answered with 503.
    pub(crate) fn fail_once(&self) {
        self.state.fails.store(true, SeqCst);
    }

    /// Streams end in the middle of a placeholder.
    pub(crate) fn cut_streams(&self) {
        self.state.cuts.store(true, SeqCst);
    }

    /// Streams end with this, which nobody asked for.
    pub(crate) fn leak_at_end(&self, value: &str) {
        *self.state.leaks.lock().unwrap() = Some(value.to_owned());
    }

    /// How many streams were left before their end.
    pub(crate) fn broken(&self) -> u64 {
        self.state.broken.load(SeqCst)
    }

    /// Answers say that they are coded.
    pub(crate) fn encode(&self) {
        self.state.encodes.store(true, SeqCst);
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let asked = read(&mut stream, &state).await?;
    let (method_path, _) = asked.line.rsplit_once(' ')?;
    let (method, target) = method_path.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if state.fails.swap(false, SeqCst) {
        let head =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.ok()?;
        return None;
    }
    let answer = match (method, path) {
        ("POST", "/v1/chat-messages") => {
            let (id, message) = state.turn(&asked.body);
            let query = asked.body["query"].as_str()?;
            let text = format!("You said: {query}");
            if asked.body["response_mode"] == "streaming" {
                return stream_turn(&mut stream, &state, (Some(&id), &message), &text).await;
            }
            json!({
                "event": "message", "task_id": "task", "id": message, "message_id": message,
                "conversation_id": id, "mode": "chat", "answer": text, "metadata": {}, "created_at": 1,
            })
        }
        ("POST", "/v1/completion-messages") => {
            let message = format!("message-{}", state.next.fetch_add(1, SeqCst));
            let text = format!("You said: {}", asked.body["inputs"]["query"].as_str()?);
            if asked.body["response_mode"] == "streaming" {
                return stream_turn(&mut stream, &state, (None, &message), &text).await;
            }
            json!({
                "event": "message", "task_id": "task", "id": message, "message_id": message, "mode": "completion",
                "answer": text, "metadata": {}, "created_at": 1,
            })
        }
        ("POST", path) if path.starts_with("/v1/conversations/") && path.ends_with("/name") => {
            let id = path.split('/').rev().nth(1)?;
            json!({"id": id, "name": asked.body["name"], "inputs": {}, "status": "normal", "introduction": ""})
        }
        ("POST", "/v1/chat/completions") => {
            let text = asked.body["messages"][0]["content"].as_str()?.to_owned();
            return stream_completion(&mut stream, &text).await;
        }
        ("POST", "/v1/responses") => {
            let (id, text) = state.response(&asked.body);
            if asked.body["stream"] == true {
                return stream_response(&mut stream, &id, &text).await;
            }
            response(&id, &text)
        }
        ("GET", path) if path.starts_with("/v1/responses/") => {
            let id = path.rsplit('/').next()?;
            let text = state.responses.lock().unwrap().get(id)?.clone();
            response(id, &text)
        }
        ("POST", "/v1/workflows/run") => {
            let id = format!("run-{}", state.next.fetch_add(1, SeqCst));
            let outputs = json!({"text": asked.body["inputs"]["text"]});
            let runs = &mut *state.runs.lock().unwrap();
            runs.insert(id.clone(), outputs.clone());
            json!({"workflow_run_id": id, "task_id": "task", "data": {
                "id": id, "workflow_id": "w", "status": "succeeded", "outputs": outputs, "error": null,
            }})
        }
        (_, path)
            if path.contains("/annotations/") || path.contains("/document/create-by-text") =>
        {
            asked.body.clone()
        }
        ("GET", path) if path.starts_with("/v1/workflows/run/") => {
            let id = path.rsplit('/').next()?;
            let outputs = state.runs.lock().unwrap().get(id)?.clone();
            json!({"id": id, "workflow_id": "w", "status": "succeeded", "outputs": outputs})
        }
        ("GET", "/v1/messages") => {
            let id = query
                .split('&')
                .find_map(|one| one.strip_prefix("conversation_id="))?;
            let turns = state
                .turns
                .lock()
                .unwrap()
                .get(id)
                .cloned()
                .unwrap_or_default();
            let data = turns.iter().map(|(message, query)| {
                json!({"id": message, "conversation_id": id, "inputs": {}, "query": query, "answer": query})
            });
            json!({"limit": 20, "has_more": false, "data": data.collect::<Vec<_>>()})
        }
        ("GET", "/v1/conversations") => {
            let turns = state.turns.lock().unwrap().clone();
            let data = turns.iter().map(|(id, turns)| {
                json!({"id": id, "name": turns[0].1, "inputs": {}, "status": "normal", "introduction": ""})
            });
            json!({"limit": 20, "has_more": false, "data": data.collect::<Vec<_>>()})
        }
        ("GET", path) if path.ends_with("/suggested") => {
            let id = path.split('/').rev().nth(1)?;
            let turns = state.turns.lock().unwrap().clone();
            let (_, query) = turns
                .values()
                .flatten()
                .find(|(message, _)| message == id)?;
            let name = query.split(' ').find(|word| word.contains("EMAIL_"))?;
            json!({"result": "success", "data": [format!("Who is {name}?")]})
        }
        _ => json!({"result": "success"}),
    };
    let coding = match state.encodes.load(SeqCst) {
        true => "content-encoding: gzip\r\n",
        false => "",
    };
    let text = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{coding}etag: \"of-the-placeholders\"\r\nx-version: 1.7.0\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(text.as_bytes()).await.ok()
}

impl State {
    /// A response with all that was said so far.
    fn response(&self, body: &Value) -> (String, String) {
        let id = format!("resp_{}", self.next.fetch_add(1, SeqCst));
        let input = match &body["input"] {
            Value::Array(items) => &items.last().unwrap()["content"],
            input => input,
        };
        let mut text = input.as_str().unwrap_or_default().to_owned();
        let mut responses = self.responses.lock().unwrap();
        let before = body["previous_response_id"]
            .as_str()
            .and_then(|id| responses.get(id));
        if let Some(before) = before {
            text = format!("{before}; {text}");
        }
        responses.insert(id.clone(), text.clone());
        (id, text)
    }

    fn turn(&self, body: &Value) -> (String, String) {
        let number = self.next.fetch_add(1, SeqCst);
        let id = match body["conversation_id"].as_str() {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("conversation-{number}"),
        };
        let message = format!("message-{number}");
        let query = body["query"].as_str().unwrap_or_default().to_owned();
        let mut turns = self.turns.lock().unwrap();
        turns
            .entry(id.clone())
            .or_default()
            .push((message.clone(), query));
        (id, message)
    }
}

async fn read(stream: &mut TcpStream, state: &State) -> Option<Asked> {
    let mut read = Vec::new();
    let (head, mut body) = loop {
        let mut piece = [0; 4096];
        let count = stream
            .read(&mut piece)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        state
            .seen
            .lock()
            .unwrap()
            .extend_from_slice(&piece[..count]);
        read.extend_from_slice(&piece[..count]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            break (String::from_utf8(read).unwrap(), body);
        }
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    while body.len() < length {
        let mut piece = [0; 4096];
        let count = stream
            .read(&mut piece)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        state
            .seen
            .lock()
            .unwrap()
            .extend_from_slice(&piece[..count]);
        body.extend_from_slice(&piece[..count]);
    }
    Some(Asked {
        line: head.lines().next()?.to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// Writes one chunk in pieces of seven bytes.
async fn chunk(stream: &mut TcpStream, text: &str) -> Option<()> {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    for piece in chunk.as_bytes().chunks(7) {
        stream.write_all(piece).await.ok()?;
        tokio::task::yield_now().await;
    }
    Some(())
}

async fn begin(stream: &mut TcpStream) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()
}

/// The pieces of a text, each of so many characters.
fn pieces(text: &str, length: usize) -> Vec<String> {
    let all: Vec<char> = text.chars().collect();
    all.chunks(length)
        .map(|piece| piece.iter().collect())
        .collect()
}

/// Streams a turn. A client that leaves is noticed wherever it does so: at the gate, or by a write that goes nowhere.
async fn stream_turn(
    stream: &mut TcpStream,
    state: &State,
    ids: (Option<&str>, &str),
    text: &str,
) -> Option<()> {
    let told = tell_turn(stream, state, ids, text).await;
    if told.is_none() && !state.cuts.load(SeqCst) {
        state.broken.fetch_add(1, SeqCst);
    }
    told
}

async fn tell_turn(
    stream: &mut TcpStream,
    state: &State,
    (id, message): (Option<&str>, &str),
    text: &str,
) -> Option<()> {
    begin(stream).await?;
    let event = |kind: &str, answer: &str| {
        let mut event = json!({
            "event": kind, "message_id": message, "id": message, "task_id": "task", "answer": answer, "created_at": 1,
        });
        if let Some(id) = id {
            event["conversation_id"] = json!(id);
        }
        format!("data: {event}\n\n")
    };
    if state.cuts.load(SeqCst) {
        let until = text.find("EMAIL").unwrap() + 3;
        chunk(stream, &event("message", &text[..until])).await?;
        return None;
    }
    let pieces = pieces(text, 3);
    let half = pieces.len() / 2;
    for (place, piece) in pieces.iter().enumerate() {
        if place == half {
            chunk(stream, "event: ping\n\n").await?;
            let (mut reader, _) = stream.split();
            let mut more = [0];
            tokio::select! {
                permit = state.gate.0.acquire() => permit.ok()?.forget(),
                _ = reader.read(&mut more) => return None,
            }
        }
        chunk(stream, &event("message", piece)).await?;
    }
    let leak = state.leaks.lock().unwrap().clone();
    if let Some(leak) = leak {
        chunk(stream, &event("message", &leak)).await?;
    }
    chunk(stream, &event("message_end", "")).await?;
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn stream_completion(stream: &mut TcpStream, text: &str) -> Option<()> {
    begin(stream).await?;
    let event = |delta: Value, finish: Value| {
        let event = json!({"id": "c", "object": "chat.completion.chunk", "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish},
        ]});
        format!("data: {event}\n\n")
    };
    for piece in pieces(text, 2) {
        chunk(stream, &event(json!({"content": piece}), Value::Null)).await?;
    }
    let arguments = format!("{{\"to\": \"{}\"}}", text.strip_prefix("mail ")?);
    for piece in pieces(&arguments, 2) {
        let call = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
        chunk(stream, &event(call, Value::Null)).await?;
    }
    chunk(stream, &event(json!({}), json!("tool_calls"))).await?;
    chunk(stream, "data: [DONE]\n\n").await?;
    stream.write_all(b"0\r\n\r\n").await.ok()
}

/// A response of OpenAI's responses API.
fn response(id: &str, text: &str) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    let item = json!({"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": content});
    json!({"id": id, "object": "response", "status": "completed", "model": "m", "output": [item]})
}

async fn stream_response(stream: &mut TcpStream, id: &str, text: &str) -> Option<()> {
    begin(stream).await?;
    let event = |kind: &str, rest: Value| {
        let mut event = json!({"type": kind});
        event
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let mut begun = response(id, "");
    begun["output"] = json!([]);
    chunk(
        stream,
        &event("response.created", json!({"response": begun})),
    )
    .await?;
    for piece in pieces(text, 2) {
        let delta =
            json!({"item_id": "msg", "output_index": 0, "content_index": 0, "delta": piece});
        chunk(stream, &event("response.output_text.delta", delta)).await?;
    }
    let done = json!({"item_id": "msg", "output_index": 0, "content_index": 0, "text": text});
    chunk(stream, &event("response.output_text.done", done)).await?;
    chunk(
        stream,
        &event(
            "response.completed",
            json!({"response": response(id, text)}),
        ),
    )
    .await?;
    stream.write_all(b"0\r\n\r\n").await.ok()
}
