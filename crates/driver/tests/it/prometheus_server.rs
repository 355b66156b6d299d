//! A real Prometheus for one test. It needs the Debian package `prometheus`, or the program on the PATH.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portcullis_driver::CheckClient;
use portcullis_rollout::{FigureOrder, FigureSource};

use crate::authority::Pair;
use crate::world::free_address;

const INSTALL: &str =
    "Prometheus is not installed; run `cargo xtask setup`, which installs `prometheus`";
/// `s3cret`, hashed by bcrypt with the least cost.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";

pub(crate) struct PrometheusServer {
    address: String,
    scheme: &'static str,
    child: Child,
    _folder: tempfile::TempDir,
}

impl PrometheusServer {
    /// Starts one that reads the metrics of `target` every 200 ms.
    pub(crate) async fn start(target: &str) -> PrometheusServer {
        PrometheusServer::launch(target, "").await
    }

    /// The same for the user `ana` with the password `s3cret` only.
    pub(crate) async fn start_guarded(target: &str) -> PrometheusServer {
        let users = format!("basic_auth_users: {{ana: '{HASH}'}}\n");
        PrometheusServer::launch(target, &users).await
    }

    /// The same over HTTPS.
    pub(crate) async fn start_secure(target: &str, pair: &Pair) -> PrometheusServer {
        let (chain, key) = (pair.chain.display(), pair.key.display());
        let web = format!(
            "tls_server_config: {{cert_file: '{chain}', key_file: '{key}'}}\nbasic_auth_users: {{ana: '{HASH}'}}\n"
        );
        let mut server = PrometheusServer::launch(target, &web).await;
        server.scheme = "https";
        server
    }

    /// `web` is its web configuration; without one everybody is answered over plain HTTP.
    async fn launch(target: &str, web: &str) -> PrometheusServer {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n- job_name: app\n  \
             static_configs: [{{targets: ['{target}']}}]\n"
        );
        std::fs::write(at("prometheus.yml"), config).unwrap();
        let address = free_address();
        let mut program = Command::new("prometheus");
        program
            .arg(format!("--config.file={}", at("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", at("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !web.is_empty() {
            std::fs::write(at("web.yml"), web).unwrap();
            program.arg(format!("--web.config.file={}", at("web.yml").display()));
        }
        PrometheusServer {
            address,
            scheme: "http",
            child: program.spawn().expect(INSTALL),
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Waits until it has read what is asked for.
    pub(crate) async fn until_it_has(&self, source: &FigureSource) {
        let order = FigureOrder {
            name: "figure".to_owned(),
            source: source.clone(),
            timeout_ms: 5_000,
            folder: std::env::temp_dir(),
        };
        let client = CheckClient::new().unwrap();
        let mut last = String::new();
        for _ in 0..300 {
            match client.figure(&order).await {
                Ok(_) => return,
                Err(why) => last = why,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Prometheus has not read it: {last}");
    }

    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        self.end();
    }
}
