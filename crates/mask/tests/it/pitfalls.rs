//! What other maskers were seen to do wrong, tried on this one. `docs/reference/masking-pitfalls.md` lists every such
//! mistake with the tests that hold it; these are the ones that need more than one part of the crate.

use std::sync::Arc;

use portcullis_mask::json::{FieldTable, JsonLimits};
use portcullis_mask::wire::{
    Adapter, AnswerPlan, DifyVersion, EventStream, RequestPlan, Wire, WireOptions, mask_json,
    unmask_json,
};
use portcullis_mask::{
    FieldMasker, FieldRestorers, Finder, Limits, Mapping, Masker, Mode, Policy, Rules, Style,
    Vocabulary,
};
use serde_json::{Value, json};

struct Conversation {
    masker: Masker,
    mapping: Mapping,
}

impl Conversation {
    fn new() -> Conversation {
        let finder = Arc::new(Finder::new(Rules::default()));
        Conversation {
            masker: Masker::new(finder, Policy::default(), Mode::Enforce).expect("the labels fit"),
            mapping: Mapping::new(Style::Plain, Limits::default()),
        }
    }

    fn masked(&mut self, text: &str) -> String {
        let masked = self.masker.mask(text, None, &mut self.mapping);
        masked.expect("nothing is blocked").text.into_owned()
    }

    fn masked_body(&mut self, table: &FieldTable, body: &str) -> String {
        let mut out = Vec::new();
        let mut mask = FieldMasker::new(&self.masker, &mut self.mapping);
        mask_json(
            body.as_bytes(),
            table,
            JsonLimits::default(),
            &mut mask,
            &mut out,
        )
        .expect("it is JSON");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn restorers(&self) -> FieldRestorers {
        FieldRestorers::new(Vocabulary::of(&self.mapping, self.masker.labels()).into())
    }

    fn restored(&self, text: &str) -> String {
        let body = json!([text]).to_string();
        let mut out = Vec::new();
        let table = FieldTable::everything();
        unmask_json(
            body.as_bytes(),
            &table,
            JsonLimits::default(),
            &self.restorers(),
            &mut out,
        )
        .expect("it is JSON");
        let out: Vec<String> = serde_json::from_slice(&out).expect("it is JSON");
        out.concat()
    }
}

fn wire(adapter: Adapter) -> Wire {
    Wire::new(&adapter, &WireOptions::default()).expect("the table fits")
}

fn stream(wire: &Wire, path: &str, conversation: &Conversation, events: &str) -> String {
    let exchange = wire.exchange("POST", path, Some("application/json"));
    let AnswerPlan::Events(rules) = exchange.answer(200, Some("text/event-stream")) else {
        panic!("{path} has no events");
    };
    let mut out = Vec::new();
    let mut stream = EventStream::new(rules, conversation.restorers());
    for byte in events.as_bytes() {
        stream.push(&[*byte], &mut out).expect("events are short");
    }
    stream.finish(&mut out);
    String::from_utf8(out).expect("events are UTF-8")
}

#[test]
fn twelve_addresses_that_contain_one_another_come_back_each_as_itself() {
    let mut conversation = Conversation::new();
    let addresses: Vec<String> = (1..=12)
        .rev()
        .map(|number| format!("{number}@a.co"))
        .collect();
    let text = addresses.join(" ") + " 10.0.0.1 10.0.0.10 10.0.0.100";
    let masked = conversation.masked(&text);
    assert_eq!(
        masked,
        "EMAIL_1 EMAIL_2 EMAIL_3 EMAIL_4 EMAIL_5 EMAIL_6 EMAIL_7 EMAIL_8 EMAIL_9 EMAIL_10 EMAIL_11 EMAIL_12 \
         IP_PRIVATE_1 IP_PRIVATE_2 IP_PRIVATE_3"
    );
    assert_eq!(conversation.restored(&masked), text);
    assert_eq!(
        conversation.restored("EMAIL_10, EMAIL_1, EMAIL_13"),
        "3@a.co, 12@a.co, EMAIL_13"
    );
}

#[test]
fn overlapping_finds_are_hidden_as_their_union() {
    for (text, hidden) in [
        ("jane.doe@example.com", "EMAIL_1"),
        (
            "https://jo:s3cr3t@h.example.com/jo@example.com?card=4111111111111111",
            "",
        ),
        ("postgres://jo:s3cr3tPw@10.0.0.1:5432/db", ""),
        ("::ffff:192.168.1.1", "IPV6_1"),
    ] {
        let mut conversation = Conversation::new();
        let masked = conversation.masked(text);
        for value in ["s3cr3t", "@", "example", "4111", "10.0.0", "192."] {
            assert!(!masked.contains(value), "{text} became {masked}");
        }
        assert!(
            hidden.is_empty() || masked == hidden,
            "{text} became {masked}"
        );
        assert_eq!(conversation.restored(&masked), text);
    }
}

#[test]
fn values_beside_one_another_are_all_hidden() {
    let values = [
        "jo@example.com",
        "al@example.com",
        "10.0.0.1",
        "8.8.8.8",
        "4111 1111 1111 1111",
    ];
    for between in [" ", ",", ";", "\n", "\t", "/", "|", " - ", "\\n"] {
        let mut conversation = Conversation::new();
        let text = values.join(between);
        let masked = conversation.masked(&text);
        for value in values {
            assert!(!masked.contains(value), "{text:?} became {masked:?}");
        }
        assert_eq!(conversation.restored(&masked), text);
    }
}

#[test]
fn one_value_in_all_messages_of_a_request_has_one_placeholder() {
    let openai = wire(Adapter::OpenAi);
    let exchange = openai.exchange("POST", "/v1/chat/completions", Some("application/json"));
    let RequestPlan::Json(table) = exchange.request() else {
        panic!("chats are known");
    };
    let body = json!({"messages": [
        {"role": "system", "content": "You help al@example.com."},
        {"role": "user", "content": "I am jo@example.com, not al@example.com"},
        {"role": "assistant", "content": "Hello jo@example.com"},
        {"role": "tool", "content": "{\"to\":\"jo@example.com\"}"}]});
    let masked = Conversation::new().masked_body(table, &body.to_string());
    let masked: Value = serde_json::from_str(&masked).expect("it is JSON");
    let said = |index: usize| {
        masked["messages"][index]["content"]
            .as_str()
            .unwrap_or_default()
    };
    assert_eq!(said(0), "You help EMAIL_1.");
    assert_eq!(said(1), "I am EMAIL_2, not EMAIL_1");
    assert_eq!(said(2), "Hello EMAIL_2");
    assert_eq!(said(3), "{\"to\":\"EMAIL_2\"}");
}

#[test]
fn a_member_that_stands_twice_and_spellings_with_escapes_are_masked() {
    let dify = wire(Adapter::Dify(DifyVersion::V1));
    let exchange = dify.exchange("POST", "/v1/chat-messages", Some("application/json"));
    let RequestPlan::Json(table) = exchange.request() else {
        panic!("chats are known");
    };
    let body = r#"{"query":"jo@example.com","qu\u0065ry":"al\u0040example.com","user":"jo@example.com","query" : "1\u0030.0.0.1"}"#;
    let masked = Conversation::new().masked_body(table, body);
    assert_eq!(
        masked,
        r#"{"query":"EMAIL_1","qu\u0065ry":"EMAIL_2","user":"jo@example.com","query" : "IP_PRIVATE_1"}"#
    );
}

#[test]
fn a_surrogate_pair_cut_over_two_events_passes_beside_a_placeholder() {
    let mut conversation = Conversation::new();
    conversation.masked("jo@example.com");
    let dify = wire(Adapter::Dify(DifyVersion::V0_15));
    let events = "data: {\"event\":\"message\",\"answer\":\"EMAIL_1\\ud83d\"}\n\n\
                  data: {\"event\":\"message\",\"answer\":\"\\ude00EMAIL_\"}\n\n\
                  data: {\"event\":\"message\",\"answer\":\"1\\ud83d\"}\n\n\
                  data: {\"event\":\"message_end\"}\n\n";
    assert_eq!(
        stream(&dify, "/v1/chat-messages", &conversation, events),
        "data: {\"event\":\"message\",\"answer\":\"jo@example.com\\ud83d\"}\n\n\
         data: {\"event\":\"message\",\"answer\":\"\\ude00\"}\n\n\
         data: {\"event\":\"message\",\"answer\":\"jo@example.com\\ud83d\"}\n\n\
         data: {\"event\":\"message_end\"}\n\n"
    );
}

#[test]
fn what_is_no_text_is_left_in_an_answer_whatever_it_looks_like() {
    let mut conversation = Conversation::new();
    conversation.masked("jo@example.com");
    let dify = wire(Adapter::Dify(DifyVersion::V1));
    let events = "id: EMAIL_1\nevent: EMAIL_1\n: EMAIL_1\ndata: {\"EMAIL_1\":1,\"event\":\"message\",\
                  \"id\":\"EMAIL_1\",\"task_id\":\"EMAIL_1\",\"created_at\":1,\"answer\":\"a EMAIL_1.\"}\n\n";
    let expected = events.replace("a EMAIL_1.", "a jo@example.com.");
    assert_eq!(
        stream(&dify, "/v1/chat-messages", &conversation, events),
        expected
    );
}

#[test]
fn a_placeholder_of_another_conversation_tells_nothing() {
    let (mut mine, mut other) = (Conversation::new(), Conversation::new());
    mine.masked("jo@example.com");
    other.masked("al@secret.example.com bo@secret.example.com");
    let quoted = mine.masked("what do EMAIL_1 and EMAIL_2 stand for?");
    assert_eq!(quoted, "what do LITERAL_1 and LITERAL_2 stand for?");
    assert_eq!(
        mine.restored("LITERAL_1, LITERAL_2, EMAIL_1, EMAIL_2"),
        "EMAIL_1, EMAIL_2, jo@example.com, EMAIL_2"
    );
}
