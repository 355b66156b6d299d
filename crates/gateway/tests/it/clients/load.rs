//! h2load and wrk: thousands of requests while the split moves, and every one is answered.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::tls::Authority;

/// Two releases behind a gateway with TLS.
struct Scene {
    rig: Rig,
    old: Service,
    new: Service,
    _authority: Authority,
}

impl Scene {
    async fn start() -> Scene {
        let (old, new) = (Service::start("same"), Service::start("same"));
        let authority = Authority::new();
        let pair = authority.sign("shop", "localhost");
        let tls = authority.settings(vec![pair]);
        let rig = Rig::start_with(|settings| settings.tls = Some(tls));
        rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 0)
            .await;
        Scene {
            rig,
            old,
            new,
            _authority: authority,
        }
    }

    fn plain(&self) -> String {
        format!("http://{}/who", self.rig.listen)
    }

    fn secure(&self) -> String {
        let address = self.rig.gateway.as_ref().unwrap().tls_address().unwrap();
        format!("https://localhost:{}/who", address.port())
    }

    /// Runs a program that makes load, and moves all traffic back and forth until it ends.
    async fn under_flips(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments);
        let done = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&done);
        let load = tokio::task::spawn_blocking(move || {
            let output = command.output();
            ended.store(true, SeqCst);
            output
        });
        let mut flips = 0;
        while !done.load(SeqCst) {
            let percent = if flips % 2 == 0 { 100 } else { 0 };
            let (old, new) = (arm("1.0", &self.old), arm("1.1", &self.new));
            self.rig.split(&old, Some(&new), percent).await;
            flips += 1;
        }
        let output: Output = load.await.unwrap().unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); `cargo xtask setup` installs it")
        });
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program}: {text}");
        assert!(flips >= 1, "the load was over before the split changed");
        text
    }

    /// Asserts that `asked` requests were answered, by both releases, without an error of an arm.
    async fn settle(&self, asked: u64) {
        let mut served = 0;
        for release in ["1.0", "1.1"] {
            let status = self.rig.arm_when(release, |arm| arm.in_flight == 0).await;
            assert_eq!(status.errors, 0, "{status:?}");
            assert!(status.requests > 0, "{release} got no request");
            served += status.requests;
        }
        assert!(served >= asked, "{served} of {asked}");
    }
}

/// h2load counts every kind of failure; all must be 0.
fn all_succeeded(text: &str, requests: u64) {
    let wanted = format!(
        "requests: {requests} total, {requests} started, {requests} done, {requests} succeeded, \
         0 failed, 0 errored, 0 timeout"
    );
    assert!(text.contains(&wanted), "{text}");
    let wanted = format!("status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx");
    assert!(text.contains(&wanted), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2load_loses_no_request_over_either_protocol() {
    let scene = Scene::start().await;
    let (plain, secure) = (scene.plain(), scene.secure());
    let load = [
        "--requests=4000",
        "--clients=8",
        "--max-concurrent-streams=10",
    ];
    for more in [
        &[plain.as_str()][..],
        &[&secure],
        &["--h1", &plain],
        &["--h1", &secure],
    ] {
        let text = scene.under_flips("h2load", &[&load, more].concat()).await;
        all_succeeded(&text, 4_000);
    }
    // Each connection ends after a few requests.
    let load = ["--requests=400", "--clients=200", &plain];
    all_succeeded(&scene.under_flips("h2load", &load).await, 400);
    scene.settle(16_400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrk_loses_no_request_on_kept_and_on_new_connections() {
    let scene = Scene::start().await;
    let (plain, secure) = (scene.plain(), scene.secure());
    let load = ["--threads=1", "--connections=16", "--duration=1s"];
    let close = "--header=Connection: close";
    let mut asked = 0;
    for more in [
        &[plain.as_str()][..],
        &[&secure],
        &[close, &plain],
        &[close, &secure],
    ] {
        let text = scene.under_flips("wrk", &[&load, more].concat()).await;
        for failure in ["Socket errors", "Non-2xx"] {
            assert!(!text.contains(failure), "{text}");
        }
        let line = text.lines().find(|line| line.contains(" requests in "));
        let count = line.and_then(|line| line.split_whitespace().next());
        let count: u64 = count.and_then(|count| count.parse().ok()).unwrap();
        assert!(count > 100, "{text}");
        asked += count;
    }
    scene.settle(asked).await;
}
