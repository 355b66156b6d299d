//! Names by a model: with the feature `model` on the command line and in the gateway, and what is told without it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::rig::Rig;

/// A small model with its words.
fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mask-model/fixture/bert")
}

fn mask(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args([&["mask"], args].concat())
        .arg("--model")
        .arg(model())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

/// A configuration whose gateway refuses requests with names of people.
fn with_model(rig: &Rig, folder: &Path) {
    rig.edit("[gateway]\n", "[gateway]\ndefault_mask = \"names\"\n");
    let mask = format!(
        "[[gateway.mask]]\nname = \"names\"\napplication = \"json\"\nfields = [\"/**\"]\nunknown = \"pass\"\n\
         model = \"{}\"\nactions = {{ PERSON = \"block\" }}\n\n[timeouts]",
        folder.display()
    );
    rig.edit("[timeouts]", &mask);
}

#[cfg(not(feature = "model"))]
#[test]
fn a_model_is_refused_where_the_program_has_none() {
    let output = mask(&[], "Anna Kowalski");
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("built without the feature `model`"), "{told}");
    assert!(told.contains("--features model"), "{told}");

    let rig = Rig::new("none");
    with_model(&rig, &model());
    let output = rig.run(&["check"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("[[gateway.mask]] model: this portcullis was built without"),
        "{told}"
    );
    assert!(told.contains("portcullis.toml:"), "{told}");
}

#[cfg(feature = "model")]
mod built {
    use std::io::Read;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn names_are_hidden_told_and_explained() {
        let text = "My name is Anna Kowalski. Please call John Smith, jo@example.com.";
        let masked = said(&mask(&[], text));
        assert_eq!(
            masked,
            "My name is PERSON_1. Please call PERSON_2, EMAIL_1."
        );
        let kept = said(&mask(
            &["--allow", "john smith", "--without", "EMAIL"],
            text,
        ));
        assert_eq!(
            kept,
            "My name is PERSON_1. Please call John Smith, jo@example.com."
        );
        let explained = said(&mask(&["explain"], text));
        assert!(
            explained.contains("\"Anna Kowalski\" as PERSON (person_by_model): found"),
            "{explained}"
        );
    }

    #[test]
    fn a_folder_that_is_no_model_is_told_by_check_and_never_put_in_force() {
        let mut rig = Rig::new("none");
        let folder = rig.path("names");
        std::fs::create_dir(&folder).unwrap();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            std::fs::copy(model().join(name), folder.join(name)).unwrap();
        }
        with_model(&rig, Path::new("names"));
        rig.ok(&["init"]);
        rig.ok(&["check"]);
        rig.start();
        let refused = ask(&rig, "My name is Anna Kowalski.");
        assert!(refused.starts_with("HTTP/1.1 422 "), "{refused}");
        assert!(refused.contains("PERSON"), "{refused}");
        let other = ask(&rig, "Please summarise the following text for me.");
        assert!(!other.starts_with("HTTP/1.1 422 "), "{other}");

        let config = folder.join("config.json");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace("\"bert\"", "\"gpt2\"")).unwrap();
        for args in [&["check"][..], &["gateway", "reload"]] {
            let output = rig.run(args);
            let told = said(&output);
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains("[[gateway.mask]] model: `"), "{told}");
            assert!(
                told.contains("config.json`: `model_type` is \"gpt2\"; expected bert"),
                "{told}"
            );
        }
        let refused = ask(&rig, "My name is Anna Kowalski.");
        assert!(
            refused.starts_with("HTTP/1.1 422 "),
            "the old model stays in force: {refused}"
        );
    }

    /// Posts a text as JSON to the gateway, and gives the answer.
    fn ask(rig: &Rig, text: &str) -> String {
        let body = serde_json::json!({ "text": text }).to_string();
        let mut stream = TcpStream::connect(rig.gateway()).unwrap();
        let request = format!(
            "POST /ask HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}
