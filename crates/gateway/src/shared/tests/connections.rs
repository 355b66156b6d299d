//! How the server is reached, and what is told when it is not.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::RootCertStore;

use super::*;

const PASSWORD: &str = "correct-horse:battery";
/// As it stands in a URL.
const ENCODED: &str = "correct-horse%3Abattery";

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn limits() -> [LimitConfig; 1] {
    [burst("api", 3, LimitKey::ClientAddress)]
}

async fn counts(url: &str) {
    let gateway = Gateway::up(url, &limits()).await;
    assert_eq!(gateway.admitted("192.0.2.1", 5).await, 3);
    assert_eq!(gateway.server.standing().counted_here, 0);
    assert!(gateway.server.probe().await.unwrap() < 10_000_000);
}

#[tokio::test]
async fn a_password_and_a_database_are_used() {
    let redis = RedisServer::start_with(|_, _| words(&format!("--requirepass {PASSWORD}")));
    counts(&format!("redis://:{ENCODED}@127.0.0.1:{}/3", redis.port)).await;
    let mut third = plain(&format!("redis://:{ENCODED}@127.0.0.1:{}/3", redis.port)).await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*api*")
        .query_async(&mut third)
        .await
        .unwrap();
    assert_eq!(keys.len(), 1);
}

/// The guide names these rights.
#[tokio::test]
async fn a_user_with_the_rights_that_the_guide_names_is_enough() {
    let redis = RedisServer::start_with(|folder, _| {
        let rights = "~test:* +evalsha +script|load +get +set +time +select";
        let file = folder.join("users.acl");
        let users = format!("user default off\nuser gate on >{PASSWORD} {rights}\n");
        std::fs::write(&file, users).unwrap();
        vec!["--aclfile".to_owned(), file.display().to_string()]
    });
    counts(&format!(
        "redis://gate:{ENCODED}@127.0.0.1:{}/1",
        redis.port
    ))
    .await;
}

#[tokio::test]
async fn a_unix_socket_is_used() {
    let redis = RedisServer::start_with(|folder, _| {
        words(&format!(
            "--requirepass {PASSWORD} --unixsocket {}/redis.sock",
            folder.display()
        ))
    });
    let socket = redis.folder.path().join("redis.sock");
    let url = format!("redis+unix://{}?db=2&pass={ENCODED}", socket.display());
    counts(&url).await;
    let server = server(&url, 100).unwrap();
    assert_eq!(server.address(), socket.display().to_string());
}

#[tokio::test]
async fn tls_is_spoken_and_the_server_is_checked() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let redis = RedisServer::start_with(|folder, port| {
        std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
        let tls = "--tls-cert-file cert.pem --tls-key-file key.pem --tls-ca-cert-file cert.pem";
        words(&format!(
            "--port 0 --tls-port {port} --tls-auth-clients no {tls}"
        ))
    });
    let url = SecretString::from(format!("rediss://127.0.0.1:{}", redis.port));
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let server = SharedServer::with_roots(&url, "test:", 10_000, Some(roots)).unwrap();
    let gateway = Gateway::with(Arc::new(server), &limits());
    gateway.until_up().await;
    assert_eq!(gateway.admitted("192.0.2.1", 5).await, 3);
    assert_eq!(gateway.server.standing().counted_here, 0);

    let CertifiedKey { cert, .. } =
        generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let mut strangers = RootCertStore::empty();
    strangers.add(cert.der().clone()).unwrap();
    let server = SharedServer::with_roots(&url, "test:", 10_000, Some(strangers)).unwrap();
    let error = server.probe().await.unwrap_err();
    assert!(error.line().contains("certificate"), "{}", error.line());
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    let redis = RedisServer::start_with(|_, _| words(&format!("--requirepass {PASSWORD}")));
    for user in ["", "alice"] {
        let url = format!("redis://{user}:hunter2@127.0.0.1:{}/0", redis.port);
        let server = server(&url, 10_000).unwrap();
        let error = server.probe().await.unwrap_err();
        assert!(
            error.to_string().ends_with("authentication failed"),
            "{error}"
        );
        let told = format!("{error} {error:?} {} {server:?}", error.line());
        assert!(
            !told.contains("hunter2") && !told.contains("alice"),
            "{told}"
        );
    }
    let server = server(&redis.url(), 10_000).unwrap();
    let error = server.probe().await.unwrap_err();
    assert!(error.to_string().contains("NOAUTH"), "{error}");
}

#[test]
fn a_url_that_is_none_is_refused_and_not_quoted() {
    for url in [
        "http://hunter2@localhost",
        "redis://",
        "redis://:hunter2@localhost/-1",
        "redis://:hunter2@localhost/first",
        "redis://:hunter2@localhost:99999",
        "rediss://:hunter2@localhost#insecure",
        "redis+unix://hunter2",
        "hunter2",
        "",
    ] {
        let error = server(url, 50).unwrap_err();
        assert!(matches!(error, SharedError::Url { .. }), "{url}: {error}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn somebody_who_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let server = server(&url, 50).unwrap();
    let error = server.probe().await.unwrap_err();
    assert!(
        matches!(
            error,
            SharedError::Timeout {
                timeout_ms: 2_000,
                ..
            }
        ),
        "{error}"
    );
}
