use serde_json::{Value, json};

use super::stand_in::{Knower, restored};
use super::streams::{cut, events, joined, rules, stream_of, through, through_every_cut};
use crate::wire::{Adapter, DifyVersion, Encoding, EventStream};

const TEXT: &str = "Ch\u{e0}o EMAIL_1, EMAIL_10 v\u{e0} PERSON_2; EMAIL_ none EMAI EMAIL_1";

fn message(text: &str, message: &str, selector: &[&str]) -> Value {
    json!({"event": "message", "conversation_id": "c-1", "message_id": message, "created_at": 1705398420,
        "task_id": "t-1", "id": message, "answer": text, "from_variable_selector": selector})
}

fn chunk(text: &str, node: &str) -> Value {
    json!({"event": "text_chunk", "workflow_run_id": "w-1", "task_id": "t-1",
        "data": {"text": text, "from_variable_selector": [node, "text"]}})
}

fn dify() -> std::sync::Arc<crate::wire::EventRules> {
    rules(Adapter::Dify(DifyVersion::V1), "/v1/chat-messages")
}

/// A chatflow with two branches side by side, and every kind of event.
fn chatflow(size: usize) -> Vec<Value> {
    let ends = json!({"text": TEXT, "n": 3, "deep": {"EMAIL_1": ["PERSON_2"]}, "file":
        {"transfer_method": "local_file", "url": "https://files/EMAIL_1"}});
    let mut all = vec![
        json!({"event": "workflow_started", "workflow_run_id": "w-1", "task_id": "t-1", "data": {"id": "w-1",
            "inputs": {"sys.query": "ask EMAIL_1"}, "created_at": 1}}),
        json!({"event": "node_started", "workflow_run_id": "w-1", "data": {"node_id": "llm1", "title": "EMAIL_1",
            "inputs": null}}),
        Value::String("event: ping".to_owned()),
    ];
    for piece in cut(TEXT, size) {
        all.push(message(&piece, "m-1", &["llm1", "text"]));
        all.push(message(&piece, "m-1", &["llm2", "text"]));
        all.push(chunk(&piece, "llm3"));
    }
    all.extend([
        json!({"event": "node_finished", "workflow_run_id": "w-1", "data": {"node_id": "llm1",
            "process_data": {"prompts": [{"role": "user", "text": "PERSON_2?"}]}, "outputs": ends, "error": null,
            "execution_metadata": {"total_tokens": 5}}}),
        json!({"event": "iteration_next", "data": {"pre_iteration_output": "EMAIL_1"}}),
        json!({"event": "iteration_completed", "data": {"outputs": {"output": ["EMAIL_1"]}, "inputs": {}}}),
        json!({"event": "loop_next", "data": {"pre_loop_output": {"x": "EMAIL_10"}}}),
        json!({"event": "parallel_branch_finished", "data": {"error": "no EMAIL_1"}}),
        json!({"event": "agent_log", "data": {"label": "EMAIL_1", "data": {"a": ["PERSON_2"]}, "id": "EMAIL_1"}}),
        json!({"event": "tts_message", "audio": "EMAIL_1", "message_id": "m-1"}),
        json!({"event": "message_file", "url": "https://EMAIL_1/", "id": "f"}),
        json!({"event": "workflow_finished", "workflow_run_id": "w-1", "data": {"outputs": ends, "error": "EMAIL_1",
            "created_by": {"name": "EMAIL_1"}, "files": [{"url": "EMAIL_1"}]}}),
        json!({"event": "message_end", "message_id": "m-1", "metadata": {"usage": {"total_tokens": 9},
            "retriever_resources": [{"content": "EMAIL_10", "document_name": "EMAIL_1.txt", "segment_id": "EMAIL_1",
            "doc_metadata": {"author": "PERSON_2"}}]}}),
    ]);
    all
}

#[test]
fn a_chatflow_is_restored_the_same_for_every_cut_of_bytes_and_texts() {
    let rules = dify();
    let whole = restored(Encoding::Text, TEXT);
    for size in 1..=TEXT.chars().count() {
        let stream = stream_of(&chatflow(size));
        let out = if size == 21 {
            through_every_cut(&rules, &stream)
        } else {
            through(&rules, stream.as_bytes().chunks(size))
        };
        let events = events(&out);
        for node in ["llm1", "llm2"] {
            let text = joined(&events, "/answer", |event| {
                event["from_variable_selector"][0] == node
            });
            assert_eq!(text, whole, "{node} in pieces of {size}");
        }
        assert_eq!(
            joined(&events, "/data/text", |event| event["event"]
                == "text_chunk"),
            whole
        );
        let copy = |kind: &str| {
            joined(&events, "/data/outputs/text", |event| {
                event["event"] == kind
            })
        };
        assert_eq!(copy("node_finished"), whole);
        assert_eq!(copy("workflow_finished"), whole);
        assert!(out.is_ascii() && out.contains("event: ping\n\n"));
    }
}

#[test]
fn the_tail_of_a_branch_goes_out_before_its_node_is_finished() {
    let stream = stream_of(&[
        message("Hi EMAIL_1", "m-1", &["a", "text"]),
        message("EMAIL_1", "m-1", &["b", "text"]),
        json!({"event": "node_finished", "data": {"node_id": "a"}}),
        message(" and", "m-1", &[]),
        json!({"event": "message_end", "message_id": "m-1"}),
    ]);
    let out = events(&through_every_cut(&dify(), &stream));
    let seen: Vec<String> = out
        .iter()
        .map(|event| {
            format!(
                "{}:{}",
                event["event"].as_str().unwrap(),
                event["answer"].as_str().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "message:Hi ",
            "message:",
            "message:jane@example.org",
            "node_finished:-",
            "message: and",
            "message:jane@example.org",
            "message_end:-"
        ]
    );
    assert_eq!(out[2]["task_id"], "t-1");
    assert_eq!(out[2]["from_variable_selector"][0], "a");
    assert_eq!(out[5]["from_variable_selector"][0], "b");
}

#[test]
fn whole_texts_of_every_event_are_restored_and_the_rest_stays() {
    let out = events(&through(&dify(), [stream_of(&chatflow(7)).as_bytes()]));
    let find = |kind: &str| out.iter().find(|event| event["event"] == kind).unwrap();
    let (jane, bob, an) = (
        "jane@example.org",
        "bob@example.net",
        super::stand_in::SECRETS[2].0,
    );
    assert_eq!(
        find("workflow_started")["data"]["inputs"]["sys.query"],
        format!("ask {jane}")
    );
    assert_eq!(find("node_started")["data"]["title"], "EMAIL_1");
    let finished = &find("node_finished")["data"];
    assert_eq!(
        finished["process_data"]["prompts"][0]["text"],
        format!("{an}?")
    );
    assert_eq!(finished["outputs"]["deep"][jane][0], an);
    assert_eq!(finished["outputs"]["file"]["url"], "https://files/EMAIL_1");
    assert_eq!(find("iteration_next")["data"]["pre_iteration_output"], jane);
    assert_eq!(
        find("iteration_completed")["data"]["outputs"]["output"][0],
        jane
    );
    assert_eq!(find("loop_next")["data"]["pre_loop_output"]["x"], bob);
    assert_eq!(
        find("parallel_branch_finished")["data"]["error"],
        format!("no {jane}")
    );
    assert_eq!(find("agent_log")["data"]["label"], jane);
    assert_eq!(find("agent_log")["data"]["data"]["a"][0], an);
    assert_eq!(find("agent_log")["data"]["id"], "EMAIL_1");
    assert_eq!(find("tts_message")["audio"], "EMAIL_1");
    assert_eq!(find("message_file")["url"], "https://EMAIL_1/");
    let end = &find("workflow_finished")["data"];
    assert_eq!(end["error"], jane);
    assert_eq!(end["created_by"]["name"], "EMAIL_1");
    let resource = &find("message_end")["metadata"]["retriever_resources"][0];
    assert_eq!(resource["content"], bob);
    assert_eq!(resource["document_name"], format!("{jane}.txt"));
    assert_eq!(resource["segment_id"], "EMAIL_1");
    assert_eq!(resource["doc_metadata"]["author"], an);
}

#[test]
fn an_agent_s_thoughts_and_tools_are_restored_with_json_escaped_twice() {
    let stream = stream_of(&[
        json!({"event": "agent_message", "message_id": "m", "answer": "I ask PERSON"}),
        json!({"event": "agent_message", "message_id": "m", "answer": "_2"}),
        json!({"event": "agent_thought", "message_id": "m", "thought": "I ask PERSON_2", "observation":
            "{\"mail\": \"EMAIL_1\"}", "tool": "EMAIL_1", "tool_input": "{\"mail\": {\"to\": \"PERSON_2\"}}"}),
        json!({"event": "error", "message": "EMAIL_1 failed", "status": 400, "code": "x"}),
    ]);
    let out = events(&through_every_cut(&dify(), &stream));
    let an = super::stand_in::SECRETS[2].0;
    assert_eq!(joined(&out, "/answer", |_| true), format!("I ask {an}"));
    let thought = out
        .iter()
        .find(|event| event["event"] == "agent_thought")
        .unwrap();
    assert_eq!(thought["thought"], format!("I ask {an}"));
    assert_eq!(thought["tool"], "EMAIL_1");
    let input: Value = serde_json::from_str(thought["tool_input"].as_str().unwrap()).unwrap();
    assert_eq!(input["mail"]["to"], an);
    let observation: Value =
        serde_json::from_str(thought["observation"].as_str().unwrap()).unwrap();
    assert_eq!(observation["mail"], "jane@example.org");
    assert_eq!(out.last().unwrap()["message"], "jane@example.org failed");
}

#[test]
fn a_replaced_text_drops_what_was_held_back() {
    for (kind, delta) in [
        ("message_replace", message("Hi EMAIL_1", "m", &[])),
        ("text_replace", chunk("Hi EMAIL_1", "n")),
    ] {
        let stream = stream_of(&[
            delta.clone(),
            json!({"event": kind, "message_id": "m", "workflow_run_id": "w-1", "answer": "No EMAIL_1.",
                "reason": "x", "data": {"text": "No EMAIL_1."}}),
            delta,
            json!({"event": "error", "message": "stop"}),
        ]);
        let out = events(&through_every_cut(&dify(), &stream));
        let texts: Vec<&str> = out
            .iter()
            .map(|event| {
                let text = event.pointer("/answer").or(event.pointer("/data/text"));
                text.and_then(Value::as_str).unwrap_or("-")
            })
            .collect();
        assert_eq!(
            texts,
            [
                "Hi ",
                "No jane@example.org.",
                "Hi ",
                "jane@example.org",
                "-"
            ]
        );
    }
}

#[test]
fn what_is_left_goes_out_when_the_stream_ends_without_an_end() {
    let stream = stream_of(&[message("Hi EMAIL_1", "m", &[])]);
    let out = events(&through_every_cut(&dify(), &stream));
    assert_eq!(joined(&out, "/answer", |_| true), "Hi jane@example.org");
    // The connection broke within the next event, or before its empty line.
    let broken = format!("{stream}data: {{\"event\":\"mess");
    let out = through_every_cut(&dify(), &broken);
    assert!(out.contains("jane@example.org\""), "{out}");
    assert!(out.ends_with("\n\ndata: {\"event\":\"mess"));
    let unended = stream.trim_end();
    let out = events(&through_every_cut(&dify(), unended));
    assert_eq!(joined(&out, "/answer", |_| true), "Hi jane@example.org");
}

#[test]
fn a_stream_without_placeholders_passes_byte_for_byte() {
    let text = "X\u{e0}o EMAI L \"q\" \u{1f600}";
    let all = [
        message(text, "m", &["a"]),
        json!({"event": "message_end", "message_id": "m", "z": 1.50}),
    ];
    let stream = format!(
        ": hello\n{}data: not json\n\nevent: ping\n\n",
        stream_of(&all)
    );
    assert_eq!(through_every_cut(&dify(), &stream), stream);
    let mut counted = EventStream::new(&dify(), Knower);
    let mut out = Vec::new();
    counted.push(stream.as_bytes(), &mut out).unwrap();
    let counts = counted.counts();
    assert_eq!(
        (counts.events, counts.changed, counts.added, counts.unread),
        (4, 0, 0, 1)
    );
    assert_eq!(
        counted.identifiers().conversation_id.as_deref(),
        Some("c-1")
    );
    assert_eq!(counted.identifiers().message_id.as_deref(), Some("m"));
    assert_eq!(counted.identifiers().task_id.as_deref(), Some("t-1"));
}

#[test]
fn an_event_that_is_held_wholly_goes_out_empty_and_at_once() {
    let mut stream = EventStream::new(&dify(), Knower);
    let mut out = Vec::new();
    let event = |text: &str| stream_of(&[message(text, "m", &[])]);
    stream.push(event("EMAIL").as_bytes(), &mut out).unwrap();
    assert_eq!(
        events(&String::from_utf8(out.clone()).unwrap())[0]["answer"],
        ""
    );
    out.clear();
    stream.push(b"event: ping\n\n", &mut out).unwrap();
    assert_eq!(out, b"event: ping\n\n");
    out.clear();
    stream
        .push(event("s are fine").as_bytes(), &mut out)
        .unwrap();
    assert_eq!(
        events(&String::from_utf8(out).unwrap())[0]["answer"],
        "EMAILs are fine"
    );
}
