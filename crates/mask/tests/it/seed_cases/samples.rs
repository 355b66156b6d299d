//! The plugin's sample requests, retold: bodies without an endpoint, of which every string is text.

use std::fmt::Write as _;

use portcullis_mask::json::{FieldTable, JsonLimits};
use portcullis_mask::wire::mask_json;
use portcullis_mask::{FieldMasker, Limits, Mapping, Style};

use super::bodies::body;
use super::{Case, mapping, masker, restored};

const GROUP: &str = "Sample requests";
const ERRORS: &str = "Sample errors";
const LOAD: &str = "Sample loads";

const CLOSED: &str = "What cannot be looked into is not forwarded.";

pub(super) fn cases() -> Vec<Case> {
    let same = |given, both| case(given, both, both, "");
    vec![
        same(
            r#"{"user":{"name":"John Doe","email":"john.doe@example.com","company":"Google"},"server":{"ip":"192.168.1.100"}}"#,
            r#"{"user":{"name":"John Doe","email":"EMAIL_1","company":"ORG_1"},"server":{"ip":"IP_PRIVATE_1"}}"#,
        ),
        same(
            r#"{"users":[{"id":1,"profile":{"email":"alice@microsoft.com","work_email":"alice.smith@company.org"},"employer":"Microsoft"},{"id":2,"contact":{"email":"bob@amazon.com"},"organization":"Amazon"}],"client":{"ip":"10.0.0.1","address":"172.16.0.1"}}"#,
            r#"{"users":[{"id":1,"profile":{"email":"EMAIL_1","work_email":"EMAIL_2"},"employer":"ORG_1"},{"id":2,"contact":{"email":"EMAIL_3"},"organization":"ORG_2"}],"client":{"ip":"IP_PRIVATE_1","address":"IP_PRIVATE_2"}}"#,
        ),
        same(
            r#"{"message":"Ask support@netflix.com or admin@apple.com. Server IP is 8.8.8.8 and backup is 1.1.1.1. From a Google datacenter.","metadata":{"source_ip":"203.0.113.1","company":"Tesla","contact_email":"help@tesla.com"}}"#,
            r#"{"message":"Ask EMAIL_1 or EMAIL_2. Server IP is IP_PUBLIC_1 and backup is IP_PUBLIC_2. From a ORG_1 datacenter.","metadata":{"source_ip":"IP_PUBLIC_3","company":"ORG_2","contact_email":"EMAIL_3"}}"#,
        ),
        same(
            r#"{"user":{"email":"","name":null,"company":"Facebook"},"server":{"ip":null,"backup_ip":"127.0.0.1"}}"#,
            r#"{"user":{"email":"","name":null,"company":"ORG_1"},"server":{"ip":null,"backup_ip":"IP_PRIVATE_1"}}"#,
        ),
        same(
            r#"{"contacts":["invalid-email","user@","@domain.com","user@domain","valid@example.com"],"company":"Oracle"}"#,
            r#"{"contacts":["invalid-email","user@","@domain.com","user@domain","EMAIL_1"],"company":"ORG_1"}"#,
        ),
        case(
            r#"{"servers":["256.256.256.256","192.168.1","192.168.1.1.1","192.168.1.1"],"organization":"IBM"}"#,
            r#"{"servers":["256.256.256.256","192.168.1","IP_PRIVATE_1.1","IP_PRIVATE_1"],"organization":"ORG_1"}"#,
            r#"{"servers":["256.256.256.256","192.168.1","192.168.1.1.1","IP_PRIVATE_1"],"organization":"ORG_1"}"#,
            "Five numbers are no address.",
        ),
        same(
            r#"{"description":"Mail user1@example.com, user2@test.org; IPs 192.168.1.1, 10.0.0.1; companies Google, Microsoft.","data":{"emails":["test1@domain1.com","test4@domain4.co.uk","test5@domain5.edu"],"servers":["192.168.0.1","10.1.1.1"],"companies":["Google","Amazon"]}}"#,
            r#"{"description":"Mail EMAIL_1, EMAIL_2; IPs IP_PRIVATE_1, IP_PRIVATE_2; companies ORG_1, ORG_2.","data":{"emails":["EMAIL_3","EMAIL_4","EMAIL_5"],"servers":["IP_PRIVATE_3","IP_PRIVATE_4"],"companies":["ORG_1","ORG_3"]}}"#,
        ),
        same(
            r#"{"message":"This is a simple message without any sensitive information","data":{"numbers":[1,2,3],"text":"Just some regular text content"}}"#,
            r#"{"message":"This is a simple message without any sensitive information","data":{"numbers":[1,2,3],"text":"Just some regular text content"}}"#,
        ),
        error(
            "{invalid json content}",
            "{invalid json content}",
            "refused: the body is not acceptable as JSON at byte 1: a value, a comma or a bracket was expected",
            CLOSED,
        ),
        error(
            "This is plain text content",
            "This is plain text content",
            "refused: the body is not acceptable as JSON at byte 0: a value, a comma or a bracket was expected",
            CLOSED,
        ),
        error(
            "",
            "",
            "refused: the body is not acceptable as JSON at byte 0: the text ends too early",
            "A JSON request without a body is no JSON.",
        ),
        error("null", "null", "null", ""),
        Case {
            group: LOAD,
            given: "1 MB of JSON, every line with an address and a private IP",
            theirs: "masked",
            ours: "masked, and every line comes back",
            why: "The plugin's own figures are of its pattern matcher; here the content is checked, and `portcullis mask bench` measures.",
            run: megabyte,
        },
        Case {
            group: LOAD,
            given: "1000 requests of 1 KB, each a conversation",
            theirs: "masked",
            ours: "masked, and every one begins with EMAIL_1",
            why: "The plugin counts on in one table for all users.",
            run: thousand,
        },
    ]
}

fn case(given: &'static str, theirs: &'static str, ours: &'static str, why: &'static str) -> Case {
    Case {
        group: GROUP,
        given,
        theirs,
        ours,
        why,
        run: body,
    }
}

fn error(given: &'static str, theirs: &'static str, ours: &'static str, why: &'static str) -> Case {
    Case {
        group: ERRORS,
        ..case(given, theirs, ours, why)
    }
}

/// Masks a body in a conversation.
fn masked(body: &str, mapping: &mut Mapping) -> String {
    let mut out = Vec::new();
    let mut mask = FieldMasker::new(masker(), mapping);
    let table = FieldTable::everything();
    mask_json(
        body.as_bytes(),
        &table,
        JsonLimits::default(),
        &mut mask,
        &mut out,
    )
    .expect("nothing is refused");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn megabyte(_: &str) -> String {
    let mut body = String::from("[");
    let mut number = 0;
    while body.len() < 1_000_000 {
        let _ = write!(
            body,
            "\"user{number}@example.com at 10.{}.{}.{}\",",
            number % 256,
            number / 256 % 256,
            number % 250 + 1
        );
        number += 1;
    }
    body.push_str("\"\"]");
    let mut mapping = Mapping::new(
        Style::Plain,
        Limits {
            entries_max: 100_000,
            ..Limits::default()
        },
    );
    let hidden = masked(&body, &mut mapping);
    assert!(!hidden.contains("@example.com") && !hidden.contains(" 10."));
    assert_eq!(restored(&mapping, &hidden), body);
    "masked, and every line comes back".to_owned()
}

fn thousand(_: &str) -> String {
    for number in 0..1000 {
        let text = format!("user{number}@example.com {}", "and so on. ".repeat(90));
        let body = format!("{{\"message\":\"{text}\"}}");
        let mut mapping = mapping();
        let hidden = masked(&body, &mut mapping);
        assert!(hidden.starts_with("{\"message\":\"EMAIL_1 and"));
        assert_eq!(restored(&mapping, &hidden), body);
    }
    "masked, and every one begins with EMAIL_1".to_owned()
}
