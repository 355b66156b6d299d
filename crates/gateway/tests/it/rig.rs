//! A gateway with its admin API, and what tests ask of both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_api::gateway::{Arm, ArmStatus, GatewayStatus, RouteStatus, Split, SplitChange};
use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, RoutingSettings, ServiceSettings,
    Sticky, TimeoutSettings,
};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::service::Service;

pub(crate) struct Rig {
    pub(crate) gateway: Option<Gateway>,
    pub(crate) admin: SocketAddr,
    pub(crate) listen: SocketAddr,
    pub(crate) client: Client,
    epoch: std::sync::atomic::AtomicU64,
    _folder: Option<tempfile::TempDir>,
}

/// The token of every test's gateway.
pub(crate) const TOKEN: &str = "pc_for_tests_only";

pub(crate) fn admin_at(address: SocketAddr) -> AdminListen {
    AdminListen::Tcp {
        address,
        token: TOKEN.into(),
    }
}

pub(crate) fn settings(state_file: PathBuf) -> GatewaySettings {
    GatewaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: admin_at("127.0.0.1:0".parse().unwrap()),
        state_file,
        clients: portcullis_config::ClientsConfig::default(),
        tls: None,
        observe: portcullis_gateway::ObserveSettings::default(),
        workers: 2,
        services: vec![route("shop")],
        routing: RoutingSettings::default(),
        shared: None,
        conversations: portcullis_gateway::ConversationSettings::default(),
    }
}

pub(crate) fn route(service: &str) -> ServiceSettings {
    ServiceSettings {
        service: service.to_owned(),
        sticky: Sticky::Header {
            name: "x-user".to_owned(),
        },
        health: HealthSettings {
            path: "/health".to_owned(),
            interval_ms: 20,
            timeout_ms: 2_000,
            unhealthy_after: 2,
            healthy_after: 2,
        },
        timeouts: TimeoutSettings {
            connect_ms: 2_000,
            first_byte_ms: 20_000,
            idle_ms: 20_000,
        },
        protocol: portcullis_config::UpstreamProtocol::Http1,
        force_header: true,
        canary_users: Vec::new(),
        shadow_percent: 0,
    }
}

impl Rig {
    pub(crate) fn start() -> Rig {
        Rig::start_with(|_| {})
    }

    pub(crate) fn start_with(adjust: impl FnOnce(&mut GatewaySettings)) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path().join("splits.json"));
        adjust(&mut settings);
        let mut rig = Rig::start_settings(settings);
        rig._folder = Some(folder);
        rig
    }

    pub(crate) fn start_settings(settings: GatewaySettings) -> Rig {
        Rig::around(Gateway::start(settings).unwrap())
    }

    pub(crate) fn around(gateway: Gateway) -> Rig {
        Rig {
            admin: gateway.admin_address().unwrap(),
            listen: gateway.listen_address(),
            gateway: Some(gateway),
            client: Client::builder().no_proxy().build().unwrap(),
            epoch: 1.into(),
            _folder: None,
        }
    }

    pub(crate) async fn stop(&mut self, drain: Duration) -> usize {
        self.gateway.take().unwrap().stop(drain).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn get_as(&self, user: &str) -> String {
        let request = self.client.get(self.url("/who")).header("x-user", user);
        release(&request.send().await.unwrap())
    }

    pub(crate) async fn put(&self, change: &SplitChange) -> Response {
        let url = format!("http://{}/v1/routes/shop/split", self.admin);
        self.client
            .put(url)
            .bearer_auth(TOKEN)
            .json(change)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn try_split(&self, split: Split) -> Result<RouteStatus, (StatusCode, Value)> {
        let epoch = self.epoch.load(std::sync::atomic::Ordering::SeqCst);
        let response = self
            .put(&SplitChange {
                split,
                epoch,
                if_changes: None,
            })
            .await;
        let status = response.status();
        match status.is_success() {
            true => Ok(response.json().await.unwrap()),
            false => Err((status, response.json().await.unwrap())),
        }
    }

    pub(crate) async fn split(
        &self,
        stable: &Arm,
        canary: Option<&Arm>,
        weight: u8,
    ) -> RouteStatus {
        self.try_split(split(stable, canary, weight)).await.unwrap()
    }

    pub(crate) async fn route(&self) -> RouteStatus {
        let url = format!("http://{}/v1/routes/shop", self.admin);
        self.client
            .get(url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    pub(crate) async fn status(&self) -> GatewayStatus {
        let url = format!("http://{}/v1/gateway", self.admin);
        self.client
            .get(url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// The text of all metrics.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.admin);
        let answer = self.client.get(url).bearer_auth(TOKEN).send();
        answer.await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn arm(&self, release: &str) -> ArmStatus {
        let arms = self.route().await.arms;
        arms.into_iter()
            .find(|status| status.arm.release == release)
            .unwrap()
    }

    /// Waits until the arm's counters are as wanted: they are final a moment after the answer is
    /// read.
    pub(crate) async fn arm_when(
        &self,
        release: &str,
        wanted: impl Fn(&ArmStatus) -> bool,
    ) -> ArmStatus {
        let mut last = self.arm(release).await;
        for _ in 0..1000 {
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            last = self.arm(release).await;
        }
        panic!("the arm never was as wanted: {last:?}");
    }
}

pub(crate) fn arm(release: &str, service: &Service) -> Arm {
    Arm {
        release: release.to_owned(),
        address: service.address.to_string(),
    }
}

pub(crate) fn split(stable: &Arm, canary: Option<&Arm>, weight_percent: u8) -> Split {
    Split {
        stable: stable.clone(),
        canary: canary.cloned(),
        weight_percent,
        closed: None,
        mirror_only: false,
    }
}

pub(crate) fn release(response: &Response) -> String {
    let header = response.headers().get("x-portcullis-release");
    header
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// Waits for a condition, for at most ten seconds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// An address at which nothing listens.
pub(crate) fn closed_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
