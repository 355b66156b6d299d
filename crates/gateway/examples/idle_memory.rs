//! What an idle connection costs: `idle_memory [CONNECTIONS]`.
//!
//! Starts a gateway as a process of its own for each kind of client, opens the connections, makes one
//! request on each, and reads the gateway's resident memory from `/proc`: before the first connection,
//! right after the last answer, and once it no longer shrinks.
#![allow(clippy::print_stdout)] // a program for a person, not a library

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_config::{CertificateConfig, ClientCertificates, TlsConfig, TlsVersion};
use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, RoutingSettings, ServiceSettings,
    Sticky, TimeoutSettings,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// It guards nothing: the gateway lives for seconds.
const TOKEN: &str = "benchmark";
const REQUEST: &[u8] =
    b"GET /idle HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle_memory\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

type Failed = Box<dyn Error + Send + Sync>;

/// How clients speak.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    secure: bool,
    http2: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "HTTP/1.1",
        secure: false,
        http2: false,
    },
    Kind {
        name: "HTTP/1.1 with TLS",
        secure: true,
        http2: false,
    },
    Kind {
        name: "HTTP/2",
        secure: false,
        http2: true,
    },
    Kind {
        name: "HTTP/2 with TLS",
        secure: true,
        http2: true,
    },
];

/// A connection that is kept open.
enum Kept {
    Plain(#[allow(dead_code)] TcpStream),
    Secure(#[allow(dead_code)] Box<tokio_rustls::client::TlsStream<TcpStream>>),
    Http2(#[allow(dead_code)] http2::SendRequest<Empty<Bytes>>),
}

/// The gateway's process; dropping it ends it.
struct Process {
    child: Child,
    plain: SocketAddr,
    secure: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, role, upstream, folder] if role == "gateway" => serve(upstream, Path::new(folder)),
        [_] => measure_all(10_000),
        [_, count] => measure_all(count.parse()?),
        _ => Err("usage: idle_memory [CONNECTIONS]".into()),
    }
}

/// The gateway's process: serves until its standard input ends.
fn serve(upstream: &str, folder: &Path) -> Result<(), Failed> {
    let any: SocketAddr = "127.0.0.1:0".parse()?;
    let clients = portcullis_config::ClientsConfig {
        connections_per_address_max: 20_000,
        idle_timeout_ms: 600_000,
        ..portcullis_config::ClientsConfig::default()
    };
    let gateway = Gateway::start(GatewaySettings {
        listen: any,
        admin: AdminListen::Tcp {
            address: any,
            token: TOKEN.into(),
        },
        state_file: folder.join("splits.json"),
        clients,
        observe: portcullis_gateway::ObserveSettings::default(),
        tls: Some(TlsConfig {
            listen: any,
            certificates: vec![CertificateConfig {
                chain_file: folder.join("bench.pem"),
                key_file: folder.join("bench.key"),
            }],
            acme: None,
            version_min: TlsVersion::V12,
            clients: ClientCertificates::Off,
            redirect: false,
        }),
        workers: 1,
        services: vec![ServiceSettings {
            service: "bench".to_owned(),
            sticky: Sticky::default(),
            health: HealthSettings {
                path: "/".to_owned(),
                ..HealthSettings::default()
            },
            timeouts: TimeoutSettings::default(),
            protocol: portcullis_config::UpstreamProtocol::Http1,
            force_header: true,
            canary_users: Vec::new(),
            shadow_percent: 0,
        }],
        routing: RoutingSettings::default(),
        shared: None,
        conversations: portcullis_gateway::ConversationSettings::default(),
    })?;
    let admin = gateway.admin_address().ok_or("no admin address")?;
    let body = format!(
        r#"{{"split":{{"stable":{{"release":"1.0","address":"{upstream}"}},"weight_percent":0}},"epoch":1}}"#
    );
    let mut stream = std::net::TcpStream::connect(admin)?;
    write!(
        stream,
        "PUT /v1/routes/bench/split HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(format!("the split was refused: {answer}").into());
    }
    let secure = gateway.tls_address().ok_or("no TLS address")?;
    println!("{} {secure}", gateway.listen_address());
    std::io::stdin().read_to_string(&mut String::new())?;
    Ok(())
}

fn measure_all(count: usize) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let made = rcgen::generate_simple_self_signed(vec!["bench".to_owned()])?;
    std::fs::write(folder.path().join("bench.pem"), made.cert.pem())?;
    std::fs::write(
        folder.path().join("bench.key"),
        made.signing_key.serialize_pem(),
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    println!("KiB of resident memory per connection, of {count} connections:");
    for kind in KINDS {
        let (used, idle, cpu) = runtime.block_on(measure(kind, count, folder.path()))?;
        println!(
            "{:18} {used:6.2} right after an answer, {idle:6.2} idle; {cpu:.1} % of a core while idle",
            kind.name
        );
    }
    Ok(())
}

/// KiB per connection right after the answers and once it no longer shrinks; how busy the gateway is then.
async fn measure(kind: Kind, count: usize, folder: &Path) -> Result<(f64, f64, f64), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let upstream = listener.local_addr()?;
    let answering = tokio::spawn(answer_all(listener));
    let process = start(upstream, folder)?;
    let connector = connector(folder, kind.http2)?;
    // The first ones make the gateway allocate what it needs once.
    for _ in 0..20 {
        drop(open(&process, kind, &connector).await?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = resident_kib(&process)?;
    let mut kept = Vec::new();
    while kept.len() < count {
        kept.push(open(&process, kind, &connector).await?);
    }
    let used = resident_kib(&process)?;
    let mut last = used;
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = resident_kib(&process)?;
        if now >= last {
            break;
        }
        last = now;
    }
    let busy = cpu_ticks(&process)?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let busy = cpu_ticks(&process)? - busy;
    let idle = resident_kib(&process)?;
    drop(kept);
    answering.abort();
    let each = |now: f64| (now - before) / count as f64;
    // A tick is a hundredth of a second.
    Ok((each(used), each(idle), busy / 3.0))
}

fn start(upstream: SocketAddr, folder: &Path) -> Result<Process, Failed> {
    let _ = std::fs::remove_file(folder.join("splits.json"));
    let mut child = Command::new(std::env::current_exe()?)
        .arg("gateway")
        .arg(upstream.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let output = child.stdout.take().ok_or("no output")?;
    std::io::BufReader::new(output).read_line(&mut line)?;
    let (plain, secure) = line
        .trim()
        .split_once(' ')
        .ok_or("the gateway did not start")?;
    Ok(Process {
        child,
        plain: plain.parse()?,
        secure: secure.parse()?,
    })
}

fn connector(folder: &Path, http2: bool) -> Result<TlsConnector, Failed> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("bench.pem"))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Opens a connection and makes a request on it.
async fn open(process: &Process, kind: Kind, connector: &TlsConnector) -> Result<Kept, Failed> {
    let address = if kind.secure {
        process.secure
    } else {
        process.plain
    };
    let mut plain = TcpStream::connect(address).await?;
    plain.set_nodelay(true)?;
    if !kind.secure {
        return match kind.http2 {
            true => ask_http2(plain).await,
            false => {
                ask(&mut plain).await?;
                Ok(Kept::Plain(plain))
            }
        };
    }
    let mut secure = connector
        .connect(ServerName::try_from("bench")?, plain)
        .await?;
    match kind.http2 {
        true => ask_http2(secure).await,
        false => {
            ask(&mut secure).await?;
            Ok(Kept::Secure(Box::new(secure)))
        }
    }
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), Failed> {
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the gateway closed the connection".into());
        }
    }
    Ok(())
}

async fn ask_http2<S>(stream: S) -> Result<Kept, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::get("http://bench/idle").body(Empty::new())?;
    let answer = sender.send_request(request).await?;
    answer.into_body().collect().await?;
    Ok(Kept::Http2(sender))
}

/// Answers every request of every connection.
async fn answer_all(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut head).await {
                if head.ends_with(b"\r\n\r\n") {
                    head.clear();
                    if stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

fn resident_kib(process: &Process) -> Result<f64, Failed> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.child.id()))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// User and system time so far.
fn cpu_ticks(process: &Process) -> Result<f64, Failed> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.child.id()))?;
    // The name in parentheses may have blanks in it.
    let fields = text.rsplit_once(") ").ok_or("no stat")?.1;
    let mut times = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    let user = times.next().ok_or("no user time")??;
    let system = times.next().ok_or("no system time")??;
    Ok(user + system)
}
