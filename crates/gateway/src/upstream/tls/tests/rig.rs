//! A gateway in front of one server that speaks TLS.

use std::net::SocketAddr;

use portcullis_config::{
    EjectConfig, RouteTarget, ServerWeight, UpstreamChoice, UpstreamConfig, UpstreamProtocol,
    UpstreamTls,
};

use crate::Gateway;
use crate::settings::{
    AdminListen, GatewaySettings, HealthSettings, RoutingSettings, ServiceSettings, Sticky,
    TimeoutSettings,
};

pub(crate) struct Rig {
    pub(crate) listen: SocketAddr,
    client: reqwest::Client,
    _gateway: Gateway,
    _folder: tempfile::TempDir,
}

/// Servers behind TLS, without checks.
pub(crate) fn upstream(
    address: &str,
    protocol: UpstreamProtocol,
    tls: &UpstreamTls,
) -> UpstreamConfig {
    UpstreamConfig {
        name: "models".into(),
        servers: vec![ServerWeight {
            address: address.to_owned(),
            weight: 1,
        }],
        choice: UpstreamChoice::LeastLoaded,
        protocol,
        tls: Some(tls.clone()),
        health: None,
        eject: EjectConfig {
            failures: 0,
            min_ms: 1,
            max_ms: 1,
            share_max_percent: 100,
        },
    }
}

impl Rig {
    /// A gateway all of whose requests go to the server; connections to it may take `connect_ms`.
    pub(crate) fn start(
        address: &str,
        protocol: UpstreamProtocol,
        tls: &UpstreamTls,
        connect_ms: u64,
    ) -> Rig {
        let folder = tempfile::tempdir().expect("folder");
        let service = ServiceSettings {
            service: "shop".to_owned(),
            sticky: Sticky::ClientAddress,
            health: HealthSettings::default(),
            timeouts: TimeoutSettings {
                connect_ms,
                ..TimeoutSettings::default()
            },
            protocol: UpstreamProtocol::Http1,
            force_header: false,
            canary_users: Vec::new(),
            shadow_percent: 0,
        };
        let mut route = service.plain_route(None);
        route.name = "models".into();
        route.to = RouteTarget::Upstream("models".into());
        let gateway = Gateway::start(GatewaySettings {
            listen: "127.0.0.1:0".parse().expect("address"),
            admin: AdminListen::Unix(folder.path().join("admin")),
            state_file: folder.path().join("splits.json"),
            clients: portcullis_config::ClientsConfig::default(),
            tls: None,
            observe: crate::settings::ObserveSettings::default(),
            workers: 1,
            services: vec![service],
            routing: RoutingSettings {
                routes: vec![route],
                upstreams: vec![upstream(address, protocol, tls)],
                ..RoutingSettings::default()
            },
            shared: None,
            conversations: crate::settings::ConversationSettings::default(),
        });
        let gateway = gateway.expect("gateway");
        Rig {
            listen: gateway.listen_address(),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("client"),
            _gateway: gateway,
            _folder: folder,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.post(path, Vec::new()).await
    }

    /// The text of an answer, if it is whole.
    pub(crate) async fn try_get(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("http://{}{path}", self.listen);
        self.client.get(url).send().await?.text().await
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> (u16, String) {
        let url = format!("http://{}{path}", self.listen);
        let answer = self
            .client
            .post(url)
            .body(body)
            .send()
            .await
            .expect("answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }
}
