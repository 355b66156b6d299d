//! One worker in front of one arm that speaks TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_api::gateway::Arm;
use portcullis_config::UpstreamProtocol;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::super::UpstreamTlsClient;
use crate::arm::ArmState;
use crate::doors::Door;
use crate::endpoint::Endpoint;
use crate::settings::TimeoutSettings;
use crate::table::Table;
use crate::worker::{Orders, Worker};

pub(crate) struct Rig {
    pub(crate) listen: SocketAddr,
    client: reqwest::Client,
    thread: Option<std::thread::JoinHandle<()>>,
    orders: Option<watch::Sender<Orders>>,
}

impl Rig {
    /// A worker on a thread of its own; connections to the arm may take `connect_ms`.
    pub(crate) fn start(
        address: &str,
        protocol: UpstreamProtocol,
        tls: &Arc<UpstreamTlsClient>,
        connect_ms: u64,
    ) -> Rig {
        let arm = Arm {
            release: "1.0".to_owned(),
            address: address.to_owned(),
        };
        let mut stable = ArmState::new(arm, protocol, 1).expect("arm");
        let endpoint = Endpoint::new(address, protocol, Some(Arc::clone(tls)));
        stable.endpoint = Arc::new(endpoint.expect("endpoint"));
        let timeouts = TimeoutSettings {
            connect_ms,
            ..TimeoutSettings::default()
        };
        let table = Table::of_one_arm(Arc::new(stable), timeouts);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
        listener.set_nonblocking(true).expect("nonblocking");
        let listen = listener.local_addr().expect("address");
        let (orders, received) = watch::channel(Orders::default());
        let thread = std::thread::spawn(move || {
            let table = Arc::new(ArcSwap::from_pointee(table));
            let worker = Worker::new((0, 1), table, None, Arc::default());
            let worker = std::rc::Rc::new(worker);
            let door = Door {
                listener,
                is_secure: false,
            };
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().expect("runtime");
            let run = worker.run(vec![door], received);
            LocalSet::new().block_on(&runtime, run).expect("worker");
        });
        Rig {
            listen,
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("client"),
            thread: Some(thread),
            orders: Some(orders),
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

impl Drop for Rig {
    fn drop(&mut self) {
        // Without anyone to give orders the worker stops.
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
