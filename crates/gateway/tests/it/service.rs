//! A service to put behind the gateway: a hyper server on a free port, with a runtime of its own,
//! so that it can be killed like a process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

type TestBody = BoxBody<Bytes, std::io::Error>;

/// A running service. Dropping it kills it: the port and every connection are closed.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What the service saw and what it waits for.
pub(crate) struct Seen {
    name: String,
    pub(crate) healthy: AtomicBool,
    /// Requests for anything but `/health`.
    pub(crate) requests: AtomicU64,
    pub(crate) checks: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) open_connections: AtomicU64,
    /// Bytes of a request body that came to `/swallow`.
    pub(crate) swallowed: AtomicU64,
    /// Bodies that came whole to `/collect`.
    pub(crate) bodies: std::sync::Mutex<Vec<Bytes>>,
    /// Lets `/sse` and `/slow` go on, one step a permit.
    pub(crate) gate: Semaphore,
}

impl Service {
    pub(crate) fn start(name: &str) -> Service {
        Service::start_at(name, "127.0.0.1:0".parse().unwrap())
    }

    /// A service that speaks HTTP/2 alone, with prior knowledge.
    pub(crate) fn start_http2(name: &str) -> Service {
        Service::start_speaking(name, "127.0.0.1:0".parse().unwrap(), true)
    }

    pub(crate) fn start_at(name: &str, address: SocketAddr) -> Service {
        Service::start_speaking(name, address, false)
    }

    pub(crate) fn start_speaking(name: &str, address: SocketAddr, http2: bool) -> Service {
        let seen = Arc::new(Seen {
            name: name.to_owned(),
            healthy: AtomicBool::new(true),
            requests: AtomicU64::new(0),
            checks: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open_connections: AtomicU64::new(0),
            swallowed: AtomicU64::new(0),
            bodies: std::sync::Mutex::default(),
            gate: Semaphore::new(0),
        });
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let shared = Arc::clone(&seen);
        runtime.spawn(async move {
            // A service that was killed there a moment ago may not be gone yet.
            let listener = loop {
                match TcpListener::bind(address).await {
                    Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    }
                    bound => break bound.unwrap(),
                }
            };
            sender.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&shared);
                tokio::spawn(async move {
                    seen.connections.fetch_add(1, SeqCst);
                    seen.open_connections.fetch_add(1, SeqCst);
                    let shared = Arc::clone(&seen);
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    if http2 {
                        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    } else {
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .with_upgrades()
                            .await;
                    }
                    seen.open_connections.fetch_sub(1, SeqCst);
                });
            }
        });
        let address = receiver.recv().unwrap();
        Service {
            address,
            seen,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.seen.requests.load(SeqCst)
    }

    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.seen.bodies.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(
    seen: Arc<Seen>,
    request: Request<Incoming>,
) -> Result<Response<TestBody>, Infallible> {
    if request.uri().path() == "/health" {
        seen.checks.fetch_add(1, SeqCst);
        let status = match seen.healthy.load(SeqCst) {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        return Ok(plain(status, ""));
    }
    seen.requests.fetch_add(1, SeqCst);
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/headers" => describe(&request),
        "/echo" => Response::new(request.into_body().map_err(std::io::Error::other).boxed()),
        "/collect" => collect(seen, request).await,
        "/swallow" => swallow(seen, request).await,
        "/sse" => events(seen),
        "/slow" => {
            seen.gate.acquire().await.unwrap().forget();
            plain(StatusCode::OK, "at last")
        }
        "/break" => broken_body(seen),
        "/trailers" => trailers(request).await,
        "/big" => big(),
        "/fail" => plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        "/switch" => switch(request),
        _ => plain(StatusCode::OK, &seen.name),
    })
}

fn plain(status: StatusCode, text: &str) -> Response<TestBody> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// The request as it came: the target, then one header field a line.
fn describe(request: &Request<Incoming>) -> Response<TestBody> {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    let mut response = plain(StatusCode::OK, &text);
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("x-private"));
    headers.insert("x-private", HeaderValue::from_static("for the next hop"));
    headers.insert("x-public", HeaderValue::from_static("for the client"));
    response
}

/// The body comes back when it is whole.
async fn collect(seen: Arc<Seen>, request: Request<Incoming>) -> Response<TestBody> {
    match request.into_body().collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            seen.bodies.lock().unwrap().push(body.clone());
            Response::new(Full::new(body).map_err(|never| match never {}).boxed())
        }
        Err(_) => plain(StatusCode::BAD_REQUEST, "cut"),
    }
}

async fn swallow(seen: Arc<Seen>, request: Request<Incoming>) -> Response<TestBody> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        seen.swallowed.fetch_add(bytes, SeqCst);
    }
    plain(StatusCode::OK, &seen.swallowed.load(SeqCst).to_string())
}

fn events(seen: Arc<Seen>) -> Response<TestBody> {
    let stream = futures::stream::unfold(0, move |number| {
        let seen = Arc::clone(&seen);
        async move {
            if number > 0 {
                seen.gate.acquire().await.unwrap().forget();
            }
            let event = Bytes::from(format!("data: {number}\n\n"));
            (number < 3).then_some((Ok(Frame::data(event)), number + 1))
        }
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(stream)));
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        HeaderValue::from_static("text/event-stream"),
    );
    response
}

/// Half a body, and at the next permit the connection breaks.
fn broken_body(seen: Arc<Seen>) -> Response<TestBody> {
    let stream = futures::stream::unfold(0, move |number| {
        let seen = Arc::clone(&seen);
        async move {
            if number == 0 {
                return Some((Ok(Frame::data(Bytes::from_static(b"half"))), 1));
            }
            seen.gate.acquire().await.unwrap().forget();
            Some((Err(std::io::Error::other("break")), 2))
        }
    });
    Response::new(BodyExt::boxed(StreamBody::new(stream)))
}

/// The request's body and trailers come back, and a trailer with the length.
async fn trailers(request: Request<Incoming>) -> Response<TestBody> {
    let collected = request.into_body().collect().await.unwrap();
    let mut fields = collected.trailers().cloned().unwrap_or_else(HeaderMap::new);
    let body = collected.to_bytes();
    fields.insert("x-length", HeaderValue::from(body.len()));
    let frames = [Ok(Frame::data(body)), Ok(Frame::trailers(fields))];
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(futures::stream::iter(
        frames,
    ))));
    response
        .headers_mut()
        .insert("trailer", HeaderValue::from_static("x-length, x-sum"));
    response
}

fn big() -> Response<TestBody> {
    let mebibyte = Bytes::from(vec![b'b'; 1 << 20]);
    let frames = (0..10).map(move |_| Ok(Frame::data(mebibyte.clone())));
    Response::new(BodyExt::boxed(StreamBody::new(futures::stream::iter(
        frames,
    ))))
}

/// Switches to a protocol that sends every byte back in upper case.
fn switch(mut request: Request<Incoming>) -> Response<TestBody> {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgraded.await.unwrap());
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            buffer[..count].make_ascii_uppercase();
            if stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    response
        .headers_mut()
        .insert("connection", HeaderValue::from_static("upgrade"));
    response
        .headers_mut()
        .insert("upgrade", HeaderValue::from_static("shout"));
    response
}
