use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;

/// A server that takes one stream on a connection; the connections that it has are counted by their tasks.
async fn serve(listener: TcpListener, open: Rc<Cell<usize>>) {
    while let Ok((stream, _)) = listener.accept().await {
        open.set(open.get() + 1);
        let open = Rc::clone(&open);
        tokio::task::spawn_local(async move {
            let mut builder =
                hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            builder.max_concurrent_streams(1);
            let service = hyper::service::service_fn(|_| {
                std::future::pending::<Result<http::Response<String>, std::io::Error>>()
            });
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
            open.set(open.get() - 1);
        });
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

#[tokio::test]
async fn shared_connections_are_opened_as_streams_are_needed_and_closed_when_idle() {
    let local = tokio::task::LocalSet::new();
    let test = local.run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let address = listener.local_addr().expect("address").to_string();
        let open = Rc::new(Cell::new(0));
        tokio::task::spawn_local(serve(listener, Rc::clone(&open)));
        let protocol = portcullis_config::UpstreamProtocol::Http2;
        let endpoint = Arc::new(Endpoint::new(&address, protocol, None).expect("endpoint"));
        let now_ms = Rc::new(Cell::new(0));
        let pool = Pool::new(Rc::clone(&now_ms));
        let mut users = Vec::new();
        for count in 1..=SHARED_PER_ENDPOINT_MAX {
            assert!(pool.join(&endpoint).is_none(), "{count}");
            let opened = Http2Opened::connect(&endpoint).await.expect("connected");
            users.push(pool.share(&endpoint, opened));
        }
        // There are as many as may be, so it waits for a stream.
        let waiting = pool.join(&endpoint).expect("a connection");
        until("all are open", || open.get() == SHARED_PER_ENDPOINT_MAX).await;
        drop((waiting, users.split_off(3)));
        now_ms.set(SHARED_IDLE_TIMEOUT_MS);
        pool.sweep();
        until("three are left", || open.get() == 3).await;
        // A place that is free again is used first.
        drop(users.swap_remove(1));
        users.push(pool.join(&endpoint).expect("a place"));
        assert!(pool.join(&endpoint).is_none());
        drop(users);
        now_ms.set(3 * SHARED_IDLE_TIMEOUT_MS);
        pool.sweep();
        assert!(pool.is_empty());
        until("all are closed", || open.get() == 0).await;
    });
    test.await;
}
