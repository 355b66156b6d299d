//! The configuration is changed while everything runs: the gateway takes its part of it as a whole, or nothing.

use std::process::{Command, Output};

use rcgen::{CertificateParams, KeyPair};

use crate::rig::{Ports, Rig, signal};

/// A route that answers with a redirect, put before `[timeouts]`.
fn redirect(location: &str) -> String {
    format!(
        "[[gateway.route]]\nname = \"moved\"\nexact = \"/moved\"\n\
         redirect = {{ location = \"{location}\", status = 307 }}\n\n[timeouts]"
    )
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn a_route_is_added_and_changed_under_load_by_command_and_by_signal() {
    let rig = Rig::serving("none");
    let users = rig.users();
    assert!(rig.get("/moved", "me").starts_with("HTTP/1.1 404"));
    rig.edit("[timeouts]", &redirect("/first"));
    let told = rig.ok(&["gateway", "reload"]);
    assert_eq!(told, "reloaded: [[gateway.route]] changed and in force\n");
    assert!(rig.get("/moved", "me").contains("location: /first\r\n"));
    let told = rig.ok(&["gateway", "reload"]);
    assert_eq!(
        told,
        "reloaded: nothing of the gateway differed from what runs\n"
    );
    for number in 0..20 {
        let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
        let from = text.split("location = \"").nth(1).unwrap();
        let from = from.split('"').next().unwrap();
        rig.edit(from, &format!("/signal/{number}"));
        signal("-HUP", rig.serve_id());
        let line = format!("location: /signal/{number}\r\n");
        rig.until("the signal took effect", |rig| {
            rig.get("/moved", "me").contains(&line)
        });
    }
    assert_eq!(users.stop(), 0, "requests without an answer");
    let log = rig.log();
    assert!(
        log.contains(
            "the gateway's configuration was reloaded by=\"tester\" changed=\"[[gateway.route]]\""
        ),
        "{log}"
    );
    assert!(log.contains("by=\"SIGHUP\""), "{log}");
}

#[test]
fn a_broken_file_leaves_the_old_one_in_force_and_is_told_as_check_tells_it() {
    let rig = Rig::serving("none");
    rig.edit("[timeouts]", &redirect("/good"));
    rig.ok(&["gateway", "reload"]);
    rig.edit("name = \"moved\"", "name = \"moved\"\nprefx = \"/\"");
    rig.edit("/good", "/bad");
    let (checked, reloaded) = (rig.run(&["check"]), rig.run(&["gateway", "reload"]));
    assert_eq!(reloaded.status.code(), Some(2));
    assert_eq!(said(&reloaded), said(&checked));
    assert!(said(&reloaded).contains("prefx"), "{}", said(&reloaded));
    assert!(rig.get("/moved", "me").contains("location: /good\r\n"));
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&rig.run(args).stdout).unwrap()
    };
    let reloaded = json(&["gateway", "reload", "--json"]);
    assert_eq!(reloaded, json(&["check", "--json"]));
    assert!(reloaded["details"][0]["line"].as_u64().unwrap() > 40);
    signal("-HUP", rig.serve_id());
    rig.until("the log says who asked and what is wrong", |rig| {
        let log = rig.log();
        log.contains("was not reloaded, the old one stays in force")
            && log.contains("by=\"SIGHUP\"")
    });
    assert!(rig.log().contains("prefx"), "{}", rig.log());
    assert!(rig.get("/moved", "me").contains("location: /good\r\n"));
    rig.edit("\nprefx = \"/\"", "");
    rig.ok(&["gateway", "reload"]);
    assert!(rig.get("/moved", "me").contains("location: /bad\r\n"));
}

#[test]
fn a_setting_that_needs_a_restart_is_named_and_nothing_takes_effect() {
    let rig = Rig::serving("none");
    let address = rig.gateway().to_owned();
    let other = format!("127.0.0.1:{}", Ports::take().gateway());
    rig.edit("[timeouts]", &redirect("/later"));
    rig.edit(&address, &other);
    rig.edit("[timeouts]", "[gateway.log]\nto = \"log\"\n\n[timeouts]");
    let refused = rig.run(&["gateway", "reload"]);
    assert_eq!(refused.status.code(), Some(1));
    insta::assert_snapshot!(said(&refused));
    assert!(rig.get("/moved", "me").starts_with("HTTP/1.1 404"));
    rig.edit(&other, &address);
    let server = format!("[server]\nlisten = \"{other}\"\n");
    rig.edit("[gateway.log]\nto = \"log\"\n", &server);
    let done = rig.run(&["gateway", "reload"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(said(&done).contains("server.listen"), "{}", said(&done));
    assert!(rig.get("/moved", "me").contains("location: /later\r\n"));
    // The engine's API is still where it was.
    rig.edit(&server, "");
    rig.ok(&["status"]);
}

#[test]
fn a_reload_works_while_the_engine_does_not_act_and_says_when_nothing_runs() {
    let mut rig = Rig::serving("none");
    rig.stop();
    std::fs::remove_file(rig.path(".portcullis/journal.db")).unwrap();
    rig.launch();
    rig.until("the gateway serves", |rig| {
        rig.log().contains("the engine does not act")
    });
    rig.edit("[timeouts]", &redirect("/without"));
    rig.ok(&["gateway", "reload"]);
    assert!(rig.get("/moved", "me").contains("location: /without\r\n"));
    rig.stop();
    assert_eq!(rig.exit(&["gateway", "reload"]), 8);
}

#[test]
fn a_log_of_requests_that_was_renamed_is_opened_anew() {
    let mut rig = Rig::new("none");
    rig.edit(
        "[timeouts]",
        "[gateway.log]\nto = \"./requests.log\"\n\n[timeouts]",
    );
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let holds = |name: &'static str, words: &'static str| {
        move |rig: &Rig| {
            let text = std::fs::read_to_string(rig.path(name)).unwrap_or_default();
            text.contains(words)
        }
    };
    rig.get("/before", "me");
    rig.until("it is logged", holds("requests.log", "/before"));
    std::fs::rename(rig.path("requests.log"), rig.path("requests.log.1")).unwrap();
    signal("-HUP", rig.serve_id());
    rig.until("the file is there", |rig| rig.path("requests.log").exists());
    rig.get("/after", "me");
    rig.until("it is logged anew", holds("requests.log", "/after"));
    assert!(!holds("requests.log.1", "/after")(&rig));
}

#[test]
fn certificates_and_what_is_asked_of_clients_change_without_a_restart() {
    let mut rig = Rig::new("none");
    let ports = Ports::take();
    for name in ["first", "second"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([format!("{name}.example")]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(rig.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(rig.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let tls = format!(
        "[gateway.tls]\nlisten = \"127.0.0.1:{}\"\n[[gateway.tls.certificate]]\n\
         chain = \"first.pem\"\nkey = \"first.key\"\n\n[timeouts]",
        ports.gateway()
    );
    rig.edit("[timeouts]", &tls);
    rig.ok(&["init"]);
    rig.start();
    let ask = |name: &str| {
        let to = format!("::127.0.0.1:{}", ports.gateway());
        let asked = Command::new("curl")
            .current_dir(rig.folder.path())
            .args(["--silent", "--connect-to", &to])
            .args(["--cacert", &format!("{name}.pem")])
            .arg(format!("https://{name}.example/health"))
            .output();
        asked.unwrap().status.success()
    };
    assert!(ask("first") && !ask("second"));
    rig.edit("first.pem", "second.pem");
    // A key that is not the certificate's: the pair from before stays.
    let refused = rig.run(&["gateway", "reload"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("do not fit"), "{}", said(&refused));
    assert!(ask("first"));
    rig.edit("first.key", "second.key");
    let told = rig.ok(&["gateway", "reload"]);
    assert_eq!(
        told,
        "reloaded: [[gateway.tls.certificate]] changed and in force\n"
    );
    assert!(ask("second") && !ask("first"));
    rig.edit(
        "[[gateway.tls.certificate]]",
        "clients = \"required\"\nclient_ca = \"first.pem\"\n[[gateway.tls.certificate]]",
    );
    let told = rig.ok(&["gateway", "reload"]);
    assert_eq!(told, "reloaded: gateway.tls.clients changed and in force\n");
    assert!(!ask("second"), "a client without a certificate is refused");
}

#[test]
fn a_signal_that_cannot_be_followed_is_answered_by_one_message() {
    let rig = Rig::serving("none");
    let (address, free) = (rig.gateway().to_owned(), Ports::take());
    rig.edit(&address, &format!("127.0.0.1:{}", free.gateway()));
    signal("-HUP", rig.serve_id());
    rig.until("it is refused", |rig| {
        rig.log().contains("was not reloaded, the old one stays in force: a running gateway cannot change gateway.listen")
    });
    let log = rig.log();
    let (before, _) = log.split_once("was not reloaded").unwrap();
    // The file may have been looked at by itself before; that is not this signal's.
    let by_signal = before.lines().last().unwrap();
    assert!(by_signal.contains("ERROR"), "{log}");
    assert!(!log.contains("was reloaded"), "{log}");
}
