//! `serve` as a system service: a new binary takes over without a dropped request, the service manager is
//! told how things stand, sockets are taken over, and the configuration is watched.

mod load;
mod notify_socket;
mod service;

use std::time::Duration;

use load::Load;
use notify_socket::NotifySocket;
use service::SystemService;

#[test]
fn upgrades_under_load_lose_no_request_and_a_live_rollout_goes_on() {
    let mut service = SystemService::serving();
    let load = Load::start(service.gateway());
    let upload = load::Upload::start(service.gateway(), &service.picture());
    service.rig.ok(&["deploy", "--release", "1.1"]);
    service.rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let first = service.pid();
    service.upgrade();
    assert!(
        service::lives(first),
        "it waits for the upload that is under way"
    );
    upload.send(2);
    assert!(
        upload.finish().starts_with("HTTP/1.1 200 OK\r\n"),
        "an upload that spans an upgrade is answered"
    );
    service
        .rig
        .until("the predecessor is gone", |_| !service::lives(first));
    for _ in 0..3 {
        service.upgrade_and_wait();
    }
    service.rig.until("the rollout is over", |rig| {
        rig.state_of("dhash-2") == "promoted"
    });
    assert_eq!(service.rig.serving_release(), "1.1");
    let shown = service.rig.ok(&["show", "dhash-2"]);
    assert_eq!(shown.matches("migrate    done").count(), 1, "{shown}");
    service.rig.ok(&["journal", "verify"]);
    let seen = load.stop();
    assert!(seen.requests > 2_000, "{seen:?}");
    assert_eq!(seen.failed, Vec::<String>::new(), "{seen:?}");
    assert_eq!(
        service.rig.json(&["status"])["epoch"],
        5,
        "each process acts under an epoch of its own"
    );
}

#[test]
fn a_broken_new_binary_changes_nothing() {
    let service = SystemService::serving();
    let pid = service.pid();
    service.replace_binary("echo this is not for this machine >&2; exit 3");
    service.signal("USR2");
    service.until_log("cannot take over: `check` ended with exit status: 3");
    service.until_log("this is not for this machine");
    assert_eq!(service.pid(), pid);
    assert_eq!(
        service.rig.json(&["status"])["epoch"],
        1,
        "the engine was not touched"
    );
}

#[test]
fn a_successor_that_dies_is_replaced_by_its_predecessor() {
    let service = SystemService::serving();
    let load = Load::start(service.gateway());
    service.replace_binary("case \"$*\" in *check) exit 0;; esac; exit 3");
    service.signal("USR2");
    service.until_log("this process acts again");
    service.rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(service.rig.serving_release(), "1.1");
    assert_eq!(load.stop().failed, Vec::<String>::new());
}

#[test]
fn a_successor_that_hangs_is_killed_and_its_predecessor_acts_again() {
    let service = SystemService::serving();
    let load = Load::start(service.gateway());
    let pid = service.pid();
    service.replace_binary("case \"$*\" in *check) exit 0;; esac; exec sleep 600");
    service.signal("USR2");
    service.until_log("it was not ready within 30 s");
    service.until_acting();
    assert_eq!(service.pid(), pid);
    let seen = load.stop();
    assert!(seen.requests > 2_000, "{seen:?}");
    assert_eq!(seen.failed, Vec::<String>::new());
    // The way stays open: with a good binary the next try succeeds.
    service.restore_binary();
    let mut service = service;
    service.upgrade_and_wait();
    assert_ne!(service.pid(), pid);
}

#[test]
fn the_service_manager_is_told_ready_alive_reloading_succeeded_and_stopping() {
    let manager = NotifySocket::new();
    let mut service = SystemService::prepared();
    service.launch(&manager.environment(Duration::from_secs(2)));
    manager.until("READY=1");
    manager.until("STATUS=Nothing was released yet");
    manager.until("WATCHDOG=1");
    service.until_acting();
    service.rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    manager.until("STATUS=Releasing dhash 1.0: done, 1.0 serves");
    service.signal("HUP");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    service.upgrade();
    manager.until(&format!("MAINPID={}", service.pid()));
    manager.until("STATUS=Releasing dhash 1.0: done, 1.0 serves");
    manager.until("WATCHDOG=1");
    service.signal("TERM");
    manager.until("STOPPING=1");
}

#[test]
fn no_sign_of_life_is_given_while_the_gateway_does_not_answer() {
    let manager = NotifySocket::new();
    let mut service = SystemService::prepared();
    service.launch(&manager.environment(Duration::from_secs(2)));
    manager.until("WATCHDOG=1");
    service.until_acting();
    let socket = service.rig.folder.path().join(".portcullis/gateway.sock");
    let aside = socket.with_extension("aside");
    std::fs::rename(&socket, &aside).unwrap();
    service.until_log("no sign of life is given");
    manager.forget();
    let heard = manager.hear_for(Duration::from_secs(3));
    assert!(!heard.contains("WATCHDOG=1"), "{heard}");
    std::fs::rename(&aside, &socket).unwrap();
    manager.until("WATCHDOG=1");
}

#[test]
fn a_passed_socket_is_served_and_a_restart_on_it_loses_no_request() {
    let mut service = SystemService::prepared();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    service.pass(&socket);
    service.launch(&[]);
    service.until_acting();
    service.rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    service.until_log("the passed socket wins over gateway.listen");
    let load = Load::start(&socket.local_addr().unwrap().to_string());
    for _ in 0..3 {
        service.rig.until("some requests were answered", {
            let before = load.requests();
            let load = &load;
            move |_| load.requests() > before + 200
        });
        service.signal("TERM");
        service.until_gone();
        service.launch(&[]);
        service.until_acting();
    }
    let seen = load.stop();
    assert_eq!(seen.failed, Vec::<String>::new(), "{seen:?}");
}

#[test]
fn a_configuration_that_breaks_while_running_is_shown_until_it_is_mended() {
    let service = SystemService::serving();
    service
        .rig
        .edit("strategy = \"canary\"", "strategy = \"carnival\"");
    // Without a signal: the file is looked at now and then.
    service.until_log("the configuration is broken (1 to mend)");
    assert_eq!(service.rig.exit(&["deploy", "--release", "1.1"]), 2);
    let told = service.rig.ok(&["status"]);
    assert!(told.contains("configuration: broken since "), "{told}");
    assert!(
        told.contains(", 1 problem; the last good one is used"),
        "{told}"
    );
    let standing = service.rig.json(&["status"])["configuration"].clone();
    assert_eq!(standing["standing"], "broken");
    assert_eq!(standing["problems"], 1);
    service
        .rig
        .edit("strategy = \"carnival\"", "strategy = \"canary\"");
    service.signal("HUP");
    service.until_log("the configuration is valid again");
    let standing = service.rig.json(&["status"])["configuration"].clone();
    assert_eq!(standing["standing"], "valid");
    service
        .rig
        .edit("unhealthy_after = 2", "unhealthy_after = 3");
    service.until_log(
        "[gateway.health] has changed: it takes effect with `portcullis gateway reload`",
    );
    service.signal("HUP");
    service.until_log("the gateway's configuration was reloaded");
}

#[test]
fn the_log_has_priorities_when_it_goes_to_the_journal() {
    let mut service = SystemService::prepared();
    service.launch_for_journal();
    service.until_acting();
    service.signal("HUP");
    service.until_log("<6>the configuration was read again");
    let log = service.rig.log();
    assert!(!log.contains('\u{1b}'), "no colours: {log}");
}

#[test]
fn an_upgrade_that_would_need_other_sockets_is_refused_and_nothing_is_touched() {
    let mut service = SystemService::serving();
    let (pid, address) = (service.pid(), service.gateway().to_owned());
    let free = crate::rig::Ports::take();
    let other = format!("127.0.0.1:{}", free.gateway());
    service.rig.edit(&address, &other);
    service.signal("USR2");
    service.until_log("an upgrade cannot change gateway.listen");
    service.until_log("this process goes on as before");
    assert_eq!(service.pid(), pid);
    assert_eq!(
        service.rig.json(&["status"])["epoch"],
        1,
        "the engine was not touched"
    );
    service.rig.edit(&other, &address);
    service.upgrade_and_wait();
    assert_ne!(service.pid(), pid);
}
