use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_api::gateway::Arm;
use portcullis_config::{ClientsConfig, UpstreamProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinHandle;

use super::*;
use crate::arm::ArmState;
use crate::bounds::PARK_AFTER_MS;
use crate::observe::{Observers, WorkerObservers};
use crate::settings::TimeoutSettings;
use crate::table::Table;
use crate::worker::Share;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n";

/// A client, its connection, and the clock by which the connection is parked.
struct Rig {
    client: TcpStream,
    state: Rc<ConnectionState>,
    now_ms: Rc<Cell<u64>>,
    served: JoinHandle<()>,
}

impl Rig {
    async fn start() -> Rig {
        let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let worker = worker(service.local_addr().unwrap());
        tokio::task::spawn_local(serve_arm(service));
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = door.accept().await.unwrap();
        let now_ms = Rc::new(Cell::new(1_000_000));
        let clients = Arc::new(ClientsConfig::default());
        let state = ConnectionState::new(peer.ip(), false, clients, Rc::clone(&now_ms));
        let state = Rc::new(state);
        state.enter_idle();
        let serving = serve(worker, stream, Rc::clone(&state));
        let served = tokio::task::spawn_local(async move {
            let _ = serving.await;
        });
        Rig {
            client,
            state,
            now_ms,
            served,
        }
    }

    async fn ask(&mut self, request: &[u8]) {
        self.client.write_all(request).await.unwrap();
        self.answer().await;
    }

    /// Reads one answer of the arm.
    async fn answer(&mut self) {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            assert!(self.client.read_buf(&mut answer).await.unwrap() > 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }

    /// Lets time pass and the connection's task run.
    async fn pass(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.state.wake();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the connection's task has seen what the client did.
    async fn until(&self, step: Step) {
        while self.state.step() != step {
            tokio::task::yield_now().await;
        }
    }

    async fn ended(self) {
        self.served.await.unwrap();
    }
}

fn worker(arm: SocketAddr) -> Rc<Worker> {
    let arm = Arm {
        release: "1.0".to_owned(),
        address: arm.to_string(),
    };
    let stable = Arc::new(ArmState::new(arm, UpstreamProtocol::Http1, 1).unwrap());
    let table = Table::of_one_arm(stable, TimeoutSettings::default());
    let table = Arc::new(ArcSwap::from_pointee(table));
    let share = Share {
        table,
        tls: None,
        addresses: Arc::default(),
        server: None,
        vault: Arc::new(crate::masking::Vault::none()),
    };
    let observers = WorkerObservers::new(Arc::new(Observers::none()), 0);
    Rc::new(Worker::new((0, 1), share, observers))
}

/// Answers each request once it is there as a whole; what has a body ends with `0\r\n\r\n`. What a request
/// to `/early` has is not waited for.
async fn serve_arm(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::task::spawn_local(async move {
            let mut request = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut request).await {
                let text = String::from_utf8_lossy(&request);
                let is_whole = match text.starts_with("POST /early") {
                    true => text.contains("\r\n\r\n"),
                    false if text.starts_with("POST") => text.ends_with("0\r\n\r\n"),
                    false => text.ends_with("\r\n\r\n"),
                };
                if is_whole {
                    request.clear();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            }
        });
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .unwrap();
    let limit = std::time::Duration::from_secs(20);
    let limited = async { tokio::time::timeout(limit, test).await };
    runtime.block_on(limited).expect("the test took too long");
}

#[test]
fn an_idle_connection_is_parked_and_goes_on() {
    run(async {
        let mut rig = Rig::start().await;
        for _ in 0..3 {
            rig.ask(GET).await;
            rig.until(Step::Idle).await;
            rig.pass(PARK_AFTER_MS - 1).await;
            assert_eq!(rig.state.step(), Step::Idle);
            rig.pass(1).await;
            assert_eq!(rig.state.step(), Step::Parked);
            rig.pass(PARK_AFTER_MS * 10).await;
            assert_eq!(rig.state.step(), Step::Parked);
        }
    });
}

#[test]
fn bodies_that_were_read_do_not_keep_a_connection_from_being_parked() {
    run(async {
        let mut rig = Rig::start().await;
        for request in [
            b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n0\r\n\r\n".as_slice(),
            b"POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n\
              3\r\nabc\r\n0\r\n\r\n",
        ] {
            rig.ask(request).await;
            rig.until(Step::Idle).await;
            rig.pass(PARK_AFTER_MS).await;
            assert_eq!(rig.state.step(), Step::Parked);
        }
    });
}

#[test]
fn a_body_that_nobody_reads_to_its_end_keeps_its_connection() {
    run(async {
        let mut rig = Rig::start().await;
        rig.ask(b"POST /early HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000000\r\n\r\nabc")
            .await;
        for _ in 0..3 {
            rig.pass(PARK_AFTER_MS).await;
            assert_ne!(rig.state.step(), Step::Parked);
        }
    });
}

#[test]
fn half_a_head_has_the_time_of_a_head_and_is_not_parked() {
    run(async {
        let mut rig = Rig::start().await;
        rig.ask(GET).await;
        rig.until(Step::Idle).await;
        rig.client.write_all(&GET[..GET.len() / 2]).await.unwrap();
        rig.until(Step::Head).await;
        rig.pass(PARK_AFTER_MS).await;
        assert_eq!(rig.state.step(), Step::Head);
        rig.pass(ClientsConfig::default().head_timeout_ms).await;
        rig.ended().await;
    });
}

#[test]
fn half_a_head_has_the_time_of_a_head_on_a_parked_connection_too() {
    run(async {
        let mut rig = Rig::start().await;
        rig.ask(GET).await;
        rig.until(Step::Idle).await;
        rig.pass(PARK_AFTER_MS).await;
        assert_eq!(rig.state.step(), Step::Parked);
        rig.client.write_all(&GET[..GET.len() / 2]).await.unwrap();
        rig.until(Step::Head).await;
        rig.client.write_all(&GET[GET.len() / 2..]).await.unwrap();
        rig.answer().await;
        rig.until(Step::Idle).await;
        rig.pass(PARK_AFTER_MS).await;
        rig.client.write_all(&GET[..1]).await.unwrap();
        rig.until(Step::Head).await;
        rig.pass(ClientsConfig::default().head_timeout_ms).await;
        rig.ended().await;
    });
}

/// What comes in one piece with a body's end is the beginning of a head, and has its deadline.
#[test]
fn what_comes_in_one_piece_with_a_body_is_not_lost() {
    run(async {
        let mut rig = Rig::start().await;
        let post = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
        for cut in [1, 10, GET.len() - 1] {
            rig.ask(&[post, &GET[..cut]].concat()).await;
            rig.until(Step::Head).await;
            rig.pass(PARK_AFTER_MS).await;
            assert_eq!(rig.state.step(), Step::Head, "{cut}");
            rig.client.write_all(&GET[cut..]).await.unwrap();
            rig.answer().await;
            rig.until(Step::Idle).await;
            rig.pass(PARK_AFTER_MS).await;
            assert_eq!(rig.state.step(), Step::Parked);
        }
    });
}

#[test]
fn the_idle_timeout_counts_from_the_last_answer() {
    run(async {
        let mut rig = Rig::start().await;
        rig.ask(GET).await;
        rig.until(Step::Idle).await;
        rig.pass(PARK_AFTER_MS).await;
        let rest_ms = ClientsConfig::default().idle_timeout_ms - PARK_AFTER_MS;
        rig.pass(rest_ms - 1).await;
        assert_eq!(rig.state.step(), Step::Parked);
        rig.pass(1).await;
        assert_eq!(rig.client.read(&mut [0; 8]).await.unwrap(), 0);
        rig.ended().await;
    });
}

#[test]
fn a_client_that_leaves_frees_a_parked_connection_at_once() {
    run(async {
        let mut rig = Rig::start().await;
        rig.ask(GET).await;
        rig.until(Step::Idle).await;
        rig.pass(PARK_AFTER_MS).await;
        assert_eq!(rig.state.step(), Step::Parked);
        rig.client.shutdown().await.unwrap();
        rig.ended().await;
    });
}

#[test]
fn a_parked_task_is_small() {
    run(async {
        let rig = Rig::start().await;
        let serving = serve(
            worker("127.0.0.1:9".parse().unwrap()),
            rig.client,
            Rc::clone(&rig.state),
        );
        let bytes = size_of_val(&serving);
        assert!(bytes <= 320, "{bytes} bytes");
    });
}
