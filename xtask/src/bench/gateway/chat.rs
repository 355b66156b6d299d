//! Questions to a chat model and its answers, with and without masking.
//!
//! The question is 1 KiB of text with an e-mail address, a telephone number, a payment card and an address
//! of a server in it; the answer uses the placeholders that masking has put in their places.

use serde_json::json;

use super::case::Case;
use super::events::EVENTS;

/// Where chat completions are asked for.
pub const PATH: &str = "/v1/chat/completions";
/// Values in the question, and what masking makes of them.
const VALUES: [(&str, &str); 4] = [
    ("EMAIL_1", "ann.miller@example.com"),
    ("PHONE_1", "+1 415 867 5309"),
    ("CARD_1", "4111 1111 1111 1111"),
    ("IP_PRIVATE_1", "192.168.14.7"),
];
/// The length of the question's text.
const QUESTION_BYTES: usize = 1024;

/// The head and the body of one question.
pub fn request(case: Case) -> String {
    let (host, stream) = (host(case), stream_header(case));
    let body = question();
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: {host}\r\n{stream}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The script with which wrk asks; `None` for other cases.
pub fn script(case: Case) -> Option<String> {
    if !matches!(
        case,
        Case::Chat | Case::ChatMasked | Case::ChatEvents | Case::ChatEventsMasked
    ) {
        return None;
    }
    let stream = match stream_header(case) {
        "" => "",
        _ => "wrk.headers[\"X-Stream\"] = \"1\"\n",
    };
    Some(format!(
        "wrk.method = \"POST\"\nwrk.headers[\"Host\"] = \"{}\"\n{stream}wrk.headers[\"Content-Type\"] = \
         \"application/json\"\nwrk.body = [==[{}]==]\n",
        host(case),
        question()
    ))
}

/// The answer in one piece, as the model gives it.
pub fn answer() -> String {
    let text = "I wrote to EMAIL_1 and called PHONE_1 about the card CARD_1. The server IP_PRIVATE_1 is up. ";
    let message = json!({ "role": "assistant", "content": text.repeat(10) });
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500 },
    })
    .to_string()
}

/// One event of the streamed answer, as the model gives it: a tenth of them has a placeholder.
pub fn event(number: usize) -> String {
    let text = match number % 10 {
        3 => " EMAIL_1",
        _ => " a few more words",
    };
    let end = if number + 1 == EVENTS {
        "data: [DONE]\n\n"
    } else {
        ""
    };
    let finish = if number + 1 == EVENTS {
        json!("stop")
    } else {
        json!(null)
    };
    let chunk = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": finish }],
    });
    format!("data: {chunk}\n\n{end}")
}

/// The whole streamed answer, as the model gives it.
pub fn events() -> String {
    (0..EVENTS).map(event).collect()
}

/// The text of a streamed answer.
pub fn text(events: &str) -> String {
    let chunks = events.lines().filter_map(|line| {
        let chunk: serde_json::Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        let text = chunk.pointer("/choices/0/delta/content")?;
        Some(text.as_str()?.to_owned())
    });
    chunks.collect()
}

/// The answer as the client gets it through masking.
pub fn restored(answer: &str) -> String {
    let values = VALUES.iter();
    values.fold(answer.to_owned(), |text, (placeholder, value)| {
        text.replace(placeholder, value)
    })
}

fn question() -> String {
    let mut text = String::from("Please help me with a customer of ours. ");
    for (_, value) in VALUES {
        text.push_str(&format!("We have this for her: {value}. "));
    }
    let more = "She says that the last order did not arrive and would like to know when it will. ";
    while text.len() + more.len() <= QUESTION_BYTES {
        text.push_str(more);
    }
    json!({ "model": "m", "messages": [{ "role": "user", "content": text }] }).to_string()
}

fn host(case: Case) -> &'static str {
    match case {
        Case::ChatMasked | Case::ChatEventsMasked => "masked.bench",
        _ => "open.bench",
    }
}

fn stream_header(case: Case) -> &'static str {
    match case {
        Case::ChatEvents | Case::ChatEventsMasked => "X-Stream: 1\r\n",
        _ => "",
    }
}
