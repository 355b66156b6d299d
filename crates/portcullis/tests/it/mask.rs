//! Hiding data in texts on the command line, and putting it back.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn run(folder: &Path, args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output, code: i32) -> String {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_text_is_masked_and_put_back_by_its_map() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "Write to jo@example.com or mai@example.com;\njo@example.com is faster. EMAIL_1 is mine.\n";
    let masked = out(&run(folder.path(), &["mask", "--map", "map.json"], text));
    assert!(
        masked.starts_with("Write to EMAIL_1 or EMAIL_2;\nEMAIL_1 is faster."),
        "{masked}"
    );
    assert!(
        !masked.ends_with("EMAIL_1 is mine.\n"),
        "what looks like a placeholder is hidden too"
    );
    let mode = std::fs::metadata(folder.path().join("map.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let back = out(&run(
        folder.path(),
        &["unmask", "--map", "map.json"],
        &masked,
    ));
    assert_eq!(back, text);
    // A later text goes on with the same placeholders, and a model's spelling is understood.
    let later = out(&run(
        folder.path(),
        &["mask", "--map", "map.json"],
        "mai@example.com, new@example.com",
    ));
    assert_eq!(later, "EMAIL_2, EMAIL_3");
    let answer = "Ask **email\\_2** and EMAIL_3's boss, not EMAIL_30.";
    let told = run(folder.path(), &["unmask", "--map", "map.json"], answer);
    assert_eq!(
        out(&told),
        "Ask **mai@example.com** and new@example.com's boss, not EMAIL_30."
    );
}

#[test]
fn json_tells_where_what_was_found_in_code_points() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Chị Ánh 👩🏽: jo@example.com\nnothing here\nvà 192.168.1.100\n";
    let lines = out(&run(folder.path(), &["mask", "--lines", "--json"], text));
    let told: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), 3);
    let span = &told[0]["spans"][0];
    let points: Vec<char> = told[0]["text"].as_str().unwrap().chars().collect();
    let (start, end) = (
        span["start"].as_u64().unwrap() as usize,
        span["end"].as_u64().unwrap() as usize,
    );
    assert_eq!(
        points[start..end].iter().collect::<String>(),
        "jo@example.com"
    );
    assert_eq!(span["entity"], "EMAIL_ADDRESS");
    assert!(span["score"].as_f64().unwrap() > 0.9);
    assert_eq!(told[1]["spans"], serde_json::json!([]));
    assert_eq!(told[2]["spans"][0]["label"], "IP_PRIVATE");
    assert_eq!(told[2]["masked"], "và IP_PRIVATE_1");
    let whole = out(&run(folder.path(), &["mask", "--json"], text));
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["spans"].as_array().unwrap().len(), 2);
    assert_eq!(whole["text"], text);
}

#[test]
fn lines_keep_their_endings_and_the_last_one_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let text = "a\r\n\r\njo@example.com\n\nb";
    assert_eq!(
        out(&run(folder.path(), &["mask", "--lines"], text)),
        "a\r\n\r\nEMAIL_1\n\nb"
    );
    assert_eq!(
        out(&run(folder.path(), &["mask"], text)),
        "a\r\n\r\nEMAIL_1\n\nb"
    );
    assert_eq!(out(&run(folder.path(), &["mask"], "")), "");
}

#[test]
fn files_are_read_in_order_and_what_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one"), "jo@example.com ").unwrap();
    std::fs::write(folder.path().join("latin"), b"caf\xe9").unwrap();
    let both = out(&run(
        folder.path(),
        &["mask", "one", "-"],
        "x jo@example.com",
    ));
    assert_eq!(both, "EMAIL_1 x EMAIL_1");
    let missing = err(&run(folder.path(), &["mask", "two"], ""), 1);
    assert!(missing.contains("two cannot be read"), "{missing}");
    let latin = err(&run(folder.path(), &["mask", "latin"], ""), 2);
    assert!(latin.contains("latin is not UTF-8 at byte 3"), "{latin}");
    let no_map = err(
        &run(folder.path(), &["unmask", "--map", "none.json"], ""),
        1,
    );
    assert!(no_map.contains("there is no map none.json"), "{no_map}");
    std::fs::write(
        folder.path().join("bad.json"),
        "{\"version\": \"secret-value\"}",
    )
    .unwrap();
    let bad = err(&run(folder.path(), &["unmask", "--map", "bad.json"], ""), 2);
    assert!(
        bad.contains("bad.json is no map") && !bad.contains("secret-value"),
        "{bad}"
    );
}

#[test]
fn what_is_looked_for_can_be_chosen_and_mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "jo@example.com 192.168.1.1 Google";
    let masked = |args: &[&str]| out(&run(folder.path(), args, text));
    assert_eq!(masked(&["mask"]), "EMAIL_1 IP_PRIVATE_1 Google");
    assert_eq!(
        masked(&["mask", "--only", "EMAIL"]),
        "EMAIL_1 192.168.1.1 Google"
    );
    assert_eq!(
        masked(&["mask", "--without", "IP_ADDRESS"]),
        "EMAIL_1 192.168.1.1 Google"
    );
    assert_eq!(
        masked(&["mask", "--allow", "Jo@Example.com"]),
        "jo@example.com IP_PRIVATE_1 Google"
    );
    assert_eq!(
        masked(&["mask", "--dictionary", "organizations"]),
        "EMAIL_1 IP_PRIVATE_1 ORG_1"
    );
    assert_eq!(
        masked(&["mask", "--style", "brackets"]),
        "[[EMAIL_1]] [[IP_PRIVATE_1]] Google"
    );
    let wrong = err(
        &run(folder.path(), &["mask", "--without", "EMIAL"], text),
        2,
    );
    assert!(
        wrong.contains("there is no entity or recognizer \"EMIAL\"; did you mean EMAIL?"),
        "{wrong}"
    );
    let score = err(&run(folder.path(), &["mask", "--threshold", "50"], text), 2);
    assert!(score.contains("expected a number from 0 to 1"), "{score}");
}

#[test]
fn explain_says_why_something_counts_or_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let told = out(&run(
        folder.path(),
        &["mask", "explain"],
        "card 4111 1111 1111 1112\nmail jo@example.com",
    ));
    let lines: Vec<&str> = told.lines().collect();
    let card = lines
        .iter()
        .find(|line| line.contains("CREDIT_CARD"))
        .unwrap();
    assert!(
        card.starts_with("1:6: \"4111 1111 1111 1112\" as CREDIT_CARD") && card.contains("invalid"),
        "{told}"
    );
    let mail = lines
        .iter()
        .find(|line| line.contains("EMAIL_ADDRESS"))
        .unwrap();
    assert!(
        mail.starts_with("2:6: \"jo@example.com\"") && mail.contains("found, score 1.00"),
        "{told}"
    );
    let nothing = out(&run(folder.path(), &["mask", "explain"], "hello"));
    assert_eq!(nothing, "standard input: nothing in it looks like data\n");
}

#[test]
fn explain_says_of_several_texts_which_one_it_speaks_of() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "to jo@example.com").unwrap();
    std::fs::write(folder.path().join("b.txt"), "\nto mai@example.com").unwrap();
    let files = ["mask", "explain", "a.txt", "-", "b.txt"];
    let told = out(&run(folder.path(), &files, "hello"));
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| !line.contains("DOMAIN"))
        .collect();
    assert!(
        lines[0].starts_with("a.txt:1:4: \"jo@example.com\""),
        "{told}"
    );
    assert_eq!(lines[1], "standard input: nothing in it looks like data");
    assert!(
        lines[2].starts_with("b.txt:2:4: \"mai@example.com\""),
        "{told}"
    );
    let files = ["--json", "mask", "explain", "a.txt", "b.txt"];
    let told = out(&run(folder.path(), &files, ""));
    let told: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.first().unwrap()["file"], "a.txt");
    assert_eq!(told.last().unwrap()["file"], "b.txt");
}

#[test]
fn everything_that_can_be_recognized_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let json: Value = serde_json::from_str(&out(&run(
        folder.path(),
        &["mask", "entities", "--json"],
        "",
    )))
    .unwrap();
    let all = json["entities"].as_array().unwrap();
    let labels: Vec<&str> = all.iter().filter_map(|one| one["label"].as_str()).collect();
    for label in [
        "EMAIL",
        "IP_PRIVATE",
        "IBAN",
        "CARD",
        "PHONE",
        "VN_CCCD",
        "US_SSN",
        "JWT",
    ] {
        assert!(labels.contains(&label), "{label}");
    }
    let text = out(&run(folder.path(), &["mask", "entities"], ""));
    assert!(
        text.lines()
            .any(|line| line.starts_with("EMAIL_ADDRESS") && line.contains("An e-mail address.")),
        "{text}"
    );
}

const MASKS: &str = r#"
[gateway]
default_mask = "chat"

[[gateway.mask]]
name = "chat"
application = "dify"
mode = "shadow"
placeholders = "brackets"
actions = { IP_PRIVATE = "redact", US_SSN = "block" }
allow = ["support@example.com"]
phone_regions = ["VN"]

[[gateway.mask.recognizer]]
name = "employee"
entity = "EMPLOYEE_ID"
patterns = ['\bE-\d{6}\b']

[[gateway.mask]]
name = "other"
application = "openai"
only = ["EMAIL"]

[[gateway.route]]
name = "second"
path = "/second"
mask = "other"
"#;

/// A folder with a configuration whose gateway has masks.
fn with_masks(masks: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let service = "[service]\nname = \"notes\"\nready = { path = \"/\" }\n[[release]]\nversion = \"1.0\"\n\
                   artifact = \"notes\"\ncommand = [\"{artifact}\", \"{port}\"]\n";
    let program = folder.path().join("notes");
    std::fs::write(&program, "").unwrap();
    std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(
        folder.path().join("portcullis.toml"),
        format!("{service}{masks}"),
    )
    .unwrap();
    folder
}

#[test]
fn the_rules_of_a_mask_of_the_gateway_are_tried_on_a_text() {
    let folder = with_masks(MASKS);
    out(&run(folder.path(), &["check"], ""));
    let text =
        "jo@example.com support@example.com E-123456 10.0.0.1 (415) 555-2671 or 0912 345 678";
    let masked = |args: &[&str]| out(&run(folder.path(), args, text));
    assert_eq!(
        masked(&["mask", "--rules", "chat"]),
        "[[EMAIL_1]] support@example.com [[EMPLOYEE_ID_1]] [IP_PRIVATE] (415) 555-2671 or [[PHONE_1]]"
    );
    // What it hides comes back.
    let masked_with_map = masked(&["mask", "--rules", "chat", "--map", "m", "--style", "plain"]);
    assert!(
        masked_with_map.contains(" EMPLOYEE_ID_1 "),
        "{masked_with_map}"
    );
    let back = run(folder.path(), &["unmask", "--map", "m"], &masked_with_map);
    assert_eq!(out(&back), text.replace("10.0.0.1", "[IP_PRIVATE]"));
    assert_eq!(
        masked(&["mask", "--rules", "other"]),
        "EMAIL_1 EMAIL_2 E-123456 10.0.0.1 (415) 555-2671 or 0912 345 678"
    );
    let why = masked(&["mask", "explain", "--rules", "chat"]);
    assert!(
        why.contains("\"E-123456\" as EMPLOYEE_ID (employee): found"),
        "{why}"
    );
    assert!(
        why.contains("\"support@example.com\" as EMAIL_ADDRESS") && why.contains("allowed"),
        "{why}"
    );
    let bench = ["mask", "bench", "--rules", "other", "--seconds", "1", "-"];
    assert!(masked(&bench).contains("2 found"));
    let blocked = run(
        folder.path(),
        &["mask", "--rules", "chat"],
        "My SSN is 536-22-8145",
    );
    let blocked = err(&blocked, 1);
    assert!(
        blocked.contains("US_SSN") && !blocked.contains("536-22"),
        "{blocked}"
    );
}

#[test]
fn a_mask_that_is_not_there_is_told_with_those_that_are() {
    let folder = with_masks(MASKS);
    let args = ["mask", "--rules", "chats"];
    let told = err(&run(folder.path(), &args, "text"), 2);
    assert!(
        told.contains("there is no [[gateway.mask]] named `chats`")
            && told.contains("has chat, other"),
        "{told}"
    );
    let folder = with_masks("");
    let told = err(&run(folder.path(), &args, "text"), 2);
    assert!(told.contains("has no [[gateway.mask]]"), "{told}");
    let both = ["mask", "--rules", "chat", "--only", "EMAIL"];
    let told = err(&run(folder.path(), &both, "text"), 2);
    assert!(told.contains("cannot be used with"), "{told}");
    // Another file, and none at all.
    let told = err(
        &run(
            folder.path(),
            &["mask", "--rules", "chat", "-f", "no.toml"],
            "",
        ),
        2,
    );
    assert!(told.contains("no.toml"), "{told}");
}

#[test]
fn telephone_numbers_of_chosen_regions_are_found_and_an_unknown_region_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "(415) 555-2671 or 0912 345 678 or +49 30 901820";
    let masked = |args: &[&str]| out(&run(folder.path(), args, text));
    assert_eq!(masked(&["mask"]), "PHONE_1 or PHONE_2 or PHONE_3");
    assert_eq!(
        masked(&["mask", "--phone-region", "vn"]),
        "(415) 555-2671 or PHONE_1 or PHONE_2"
    );
    assert_eq!(
        masked(&["mask", "--phone-region", "VN", "--phone-region", "US"]),
        "PHONE_1 or PHONE_2 or PHONE_3"
    );
    let told = err(
        &run(folder.path(), &["mask", "--phone-region", "XX"], text),
        2,
    );
    assert!(
        told.contains("\"XX\"") && told.contains("US, CA, GB, VN"),
        "{told}"
    );
}
