use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::endpoint::Endpoint;
use crate::upstream::dial;

mod authority;
pub(crate) mod echo;
mod nginx;
mod rig;

pub(crate) use authority::Authority;
use authority::replace;
pub(crate) use nginx::{Nginx, Wanted};
use rig::Rig;

const NAME: &str = "models.example";
const CONNECT_MS: u64 = 5_000;
const HTTP1_ONLY: UpstreamProtocol = UpstreamProtocol::Http1;
const HTTP2_ONLY: UpstreamProtocol = UpstreamProtocol::Http2;

/// Settings that believe an authority and ask for [`NAME`].
fn settings(authority: &Authority) -> UpstreamTls {
    UpstreamTls {
        server_name: Some(NAME.to_owned()),
        ca_file: Some(authority.ca_file()),
        client: None,
    }
}

fn load(settings: &UpstreamTls, protocol: UpstreamProtocol) -> Arc<UpstreamTlsClient> {
    Arc::new(UpstreamTlsClient::load(settings, protocol).expect("TLS"))
}

/// Connects once; the error as whoever reads the log has it.
async fn try_dial(
    address: &str,
    client: &Arc<UpstreamTlsClient>,
) -> Result<UpstreamStream, String> {
    let endpoint = Endpoint::new(address, client.protocol, Some(Arc::clone(client)));
    let dialled = dial(&endpoint.expect("endpoint")).await;
    dialled.map_err(|error| error.to_string())
}

async fn refusal(address: &str, client: &Arc<UpstreamTlsClient>) -> String {
    match try_dial(address, client).await {
        Ok(_) => panic!("a connection to {address} was made"),
        Err(text) => text,
    }
}

#[tokio::test]
async fn http1_is_spoken_over_tls_and_sessions_are_resumed() {
    let authority = Authority::new();
    for version in ["TLSv1.3", "TLSv1.2"] {
        let wanted = Wanted {
            version: Some(version),
            ..Wanted::default()
        };
        let nginx = Nginx::start(&authority.sign(NAME), wanted).await;
        let rig = Rig::start(
            &nginx.address,
            HTTP1_ONLY,
            &settings(&authority),
            CONNECT_MS,
        );
        // nginx ends each connection after two requests.
        for reused in [".", ".", "r", "r"] {
            let (status, text) = rig.get("/").await;
            let expected = format!(
                "protocol=HTTP/1.1 scheme=https tls={version} name={NAME} reused={reused} client="
            );
            assert_eq!((status, text), (200, expected));
        }
    }
}

#[tokio::test]
async fn http2_is_agreed_on_by_alpn() {
    let authority = Authority::new();
    let wanted = Wanted {
        http2: true,
        ..Wanted::default()
    };
    let nginx = Nginx::start(&authority.sign(NAME), wanted).await;
    let settings = settings(&authority);
    let rig = Rig::start(&nginx.address, HTTP2_ONLY, &settings, CONNECT_MS);
    for _ in 0..5 {
        let (status, text) = rig.get("/").await;
        assert_eq!(status, 200, "{text}");
        let expected = format!("protocol=HTTP/2.0 scheme=https tls=TLSv1.3 name={NAME} ");
        assert!(text.starts_with(&expected), "{text}");
    }
    let address = echo::start(&authority.sign(NAME), &[HTTP2]).await;
    let rig = Rig::start(&address, HTTP2_ONLY, &settings, CONNECT_MS);
    let target = format!("https://{}/target", rig.listen);
    assert_eq!(rig.get("/target").await, (200, target));
}

#[tokio::test]
async fn a_server_that_does_not_agree_to_http2_is_told_apart() {
    let authority = Authority::new();
    let pair = authority.sign(NAME);
    let nginx = Nginx::start(&pair, Wanted::default()).await;
    let silent = echo::start(&pair, &[]).await;
    let client = load(&settings(&authority), HTTP2_ONLY);
    for address in [&nginx.address, &silent] {
        let text = refusal(address, &client).await;
        assert!(text.contains("does not speak HTTP/2 over TLS"), "{text}");
        assert!(text.contains("protocol = \"http1\""), "{text}");
    }
    // For HTTP/1.1 a server need not know ALPN.
    let client = load(&settings(&authority), HTTP1_ONLY);
    assert!(try_dial(&silent, &client).await.is_ok());
}

#[tokio::test]
async fn other_names_and_unknown_authorities_are_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for protocol in [HTTP1_ONLY, HTTP2_ONLY] {
        refuse_others(&authority, &stranger, protocol).await;
    }
}

async fn refuse_others(authority: &Authority, stranger: &Authority, protocol: UpstreamProtocol) {
    let wanted = Wanted {
        http2: protocol == HTTP2_ONLY,
        ..Wanted::default()
    };
    let nginx = Nginx::start(&authority.sign(NAME), wanted).await;
    // The authority is believed, and the name is right.
    assert!(
        try_dial(&nginx.address, &load(&settings(authority), protocol))
            .await
            .is_ok()
    );
    let mut other = settings(authority);
    other.server_name = Some("other.example".to_owned());
    let by_address = UpstreamTls {
        server_name: None,
        ..other.clone()
    };
    for (settings, name) in [(other, "other.example"), (by_address, "127.0.0.1")] {
        let client = load(&settings, protocol);
        let text = refusal(&nginx.address, &client).await;
        assert!(
            text.contains(&format!("the certificate of `{name}`")),
            "{text}"
        );
        assert!(
            text.contains(NAME) && text.contains("`server_name`"),
            "{text}"
        );
    }
    let system = UpstreamTls {
        ca_file: None,
        ..settings(authority)
    };
    for settings in [settings(stranger), system] {
        let client = load(&settings, protocol);
        let text = refusal(&nginx.address, &client).await;
        assert!(
            text.contains("not believed") && text.contains("`ca`"),
            "{text}"
        );
        let rig = Rig::start(&nginx.address, protocol, &settings, CONNECT_MS);
        assert_eq!(rig.get("/").await.0, 502);
    }
}

#[tokio::test]
async fn a_certificate_may_be_for_an_ip_address() {
    let authority = Authority::new();
    let address = echo::start(&authority.sign("127.0.0.1"), &[HTTP1]).await;
    let mut settings = settings(&authority);
    settings.server_name = None;
    let client = load(&settings, HTTP1_ONLY);
    assert!(try_dial(&address, &client).await.is_ok());
}

#[tokio::test]
async fn a_certificate_of_the_gateway_is_shown_where_it_is_asked_for() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let ca_file = clients.ca_file();
    for protocol in [HTTP1_ONLY, HTTP2_ONLY] {
        let wanted = Wanted {
            clients: Some(&ca_file),
            http2: protocol == HTTP2_ONLY,
            ..Wanted::default()
        };
        let nginx = Nginx::start(&authority.sign(NAME), wanted).await;
        let mut settings = settings(&authority);
        let rig = Rig::start(&nginx.address, protocol, &settings, CONNECT_MS);
        let (status, text) = rig.get("/").await;
        assert!(
            status == 400 && text.contains("No required SSL certificate"),
            "{text}"
        );
        settings.client = Some(clients.sign("gateway"));
        let rig = Rig::start(&nginx.address, protocol, &settings, CONNECT_MS);
        let (status, text) = rig.get("/").await;
        let spoken = match protocol {
            HTTP1_ONLY => "protocol=HTTP/1.1 ",
            HTTP2_ONLY => "protocol=HTTP/2.0 ",
        };
        assert!(
            status == 200 && text.starts_with(spoken) && text.ends_with("client=CN=gateway"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn changed_files_are_taken_up_and_bad_ones_are_not_used() {
    let (old, new) = (Authority::new(), Authority::new());
    let believed = tempfile::tempdir().expect("folder");
    let settings = UpstreamTls {
        ca_file: Some(believed.path().join("ca.pem")),
        ..settings(&old)
    };
    let ca_file: PathBuf = settings.ca_file.clone().expect("a file");
    let text = |authority: &Authority| std::fs::read_to_string(authority.ca_file()).expect("read");
    replace(&ca_file, &text(&old));
    let client = load(&settings, HTTP1_ONLY);
    let first = Nginx::start(&old.sign(NAME), Wanted::default()).await;
    let second = Nginx::start(&new.sign(NAME), Wanted::default()).await;
    let rig = Rig::start(&second.address, HTTP1_ONLY, &settings, CONNECT_MS);
    assert_eq!(rig.get("/").await.0, 502);
    assert!(try_dial(&first.address, &client).await.is_ok());
    // Half a file, and no file.
    let good = text(&old);
    replace(&ca_file, &good[..good.len() / 2]);
    client.look();
    assert!(try_dial(&first.address, &client).await.is_ok());
    std::fs::remove_file(&ca_file).expect("removed");
    client.look();
    assert!(try_dial(&first.address, &client).await.is_ok());
    replace(&ca_file, &text(&new));
    assert!(
        try_dial(&second.address, &client).await.is_err(),
        "not looked at yet"
    );
    client.look();
    assert!(try_dial(&second.address, &client).await.is_ok());
    let refused = refusal(&first.address, &client).await;
    assert!(refused.contains("not believed"), "{refused}");
    // The gateway looks by itself.
    let taken_up = async {
        while rig.get("/").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let taken_up = tokio::time::timeout(Duration::from_secs(20), taken_up).await;
    taken_up.expect("the new authority is believed");
}

#[tokio::test]
async fn large_bodies_pass_both_ways_whole() {
    let authority = Authority::new();
    let address = echo::start(&authority.sign(NAME), &[HTTP2, HTTP1]).await;
    let body: String = (0..400_000)
        .map(|number| format!("{number:08}\n"))
        .collect();
    for protocol in [HTTP1_ONLY, HTTP2_ONLY] {
        let rig = Rig::start(&address, protocol, &settings(&authority), CONNECT_MS);
        for _ in 0..3 {
            let (status, text) = rig.post("/", body.clone().into_bytes()).await;
            assert_eq!((status, text.len()), (200, body.len()), "{protocol:?}");
            assert!(text == body, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn connections_that_change_their_protocol_pass_over_tls() {
    let authority = Authority::new();
    let address = echo::start(&authority.sign(NAME), &[HTTP1]).await;
    let rig = Rig::start(&address, HTTP1_ONLY, &settings(&authority), CONNECT_MS);
    let mut stream = TcpStream::connect(rig.listen).await.expect("connected");
    let request =
        "GET /switch HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.expect("read") > 0);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let (mut reading, mut writing) = stream.into_split();
    // More than fits into the buffers on the way, so that both directions have to wait.
    let words = "passed ".repeat(300_000);
    let sent = words.clone();
    let sending = tokio::spawn(async move {
        writing.write_all(sent.as_bytes()).await.expect("sent");
        writing.shutdown().await.expect("ended");
    });
    let mut answer = String::new();
    reading
        .read_to_string(&mut answer)
        .await
        .expect("read to the end");
    sending.await.expect("sent");
    assert!(answer == words.to_uppercase(), "{} bytes", answer.len());
}

/// Whoever cuts the TCP connection must not be able to pass half an answer off as a whole one.
#[tokio::test]
async fn an_answer_that_is_cut_off_beneath_tls_is_not_whole() {
    let authority = Authority::new();
    for (says_goodbye, is_whole) in [(true, true), (false, false)] {
        let address = echo::start_cutting(&authority.sign(NAME), says_goodbye).await;
        let rig = Rig::start(&address, HTTP1_ONLY, &settings(&authority), CONNECT_MS);
        let answer = rig.try_get("/").await.map_err(|error| error.to_string());
        match is_whole {
            true => assert_eq!(answer.as_deref(), Ok("half")),
            false => assert!(answer.is_err(), "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_shake_hands_is_given_up_in_time() {
    let authority = Authority::new();
    // The system accepts for it; nobody answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address").to_string();
    let rig = Rig::start(&address, HTTP1_ONLY, &settings(&authority), 200);
    let answered = tokio::time::timeout(Duration::from_secs(10), rig.get("/")).await;
    assert_eq!(answered.expect("in time").0, 502);
}

#[test]
fn what_cannot_be_used_is_named() {
    let authority = Authority::new();
    let (chain, _) = authority.sign(NAME);
    let (_, key) = authority.sign("other.example");
    let crossed = UpstreamTls {
        client: Some((chain, key)),
        ..settings(&authority)
    };
    let text = UpstreamTlsClient::load(&crossed, HTTP1_ONLY).expect_err("crossed");
    assert!(text.to_string().contains("do not fit"), "{text}");
    let missing = UpstreamTls {
        ca_file: Some("/nowhere/ca.pem".into()),
        ..settings(&authority)
    };
    let text = UpstreamTlsClient::load(&missing, HTTP1_ONLY).expect_err("missing");
    assert!(text.to_string().contains("/nowhere/ca.pem"), "{text}");
    let mut unnamed = settings(&authority);
    unnamed.server_name = None;
    let client = load(&unnamed, HTTP1_ONLY);
    assert!(client.server_name("[::1]:443").is_ok());
    assert!(client.server_name("app_1.local:443").is_ok());
    let text = client.server_name("a..b:443").expect_err("no name");
    assert!(
        text.contains("`a..b`") && text.contains("`server_name`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_silent_server_is_asked_whether_it_is_there() {
    let authority = Authority::new();
    let address = echo::start(&authority.sign(NAME), &[HTTP1]).await;
    let client = load(&settings(&authority), HTTP1_ONLY);
    for tls in [Some(client), None] {
        let endpoint = Endpoint::new(&address, HTTP1_ONLY, tls).expect("endpoint");
        let stream = dial(&endpoint).await.expect("connected");
        let stream = match &stream {
            UpstreamStream::Plain(stream) => stream,
            UpstreamStream::Tls(stream) => stream.get_ref().0,
        };
        let socket = socket2::SockRef::from(stream);
        assert!(socket.keepalive().expect("told"));
        assert_eq!(socket.tcp_keepalive_time().expect("told").as_secs(), 15);
    }
}

#[test]
fn plain_text_pays_nothing_for_the_room_of_tls() {
    assert_eq!(size_of::<UpstreamStream>(), size_of::<TcpStream>());
}
