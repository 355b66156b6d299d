use portcullis_config::{EjectConfig, ServerWeight, UpstreamChoice, UpstreamConfig, UpstreamTls};

use super::*;
use crate::upstream::tests::{Authority, Nginx, Wanted, echo};
use crate::upstream_set::UpstreamSet;

const NAME: &str = "models.example";

fn config(address: &str, protocol: UpstreamProtocol, ca: &Authority) -> UpstreamConfig {
    UpstreamConfig {
        name: "models".into(),
        servers: vec![ServerWeight {
            address: address.to_owned(),
            weight: 1,
        }],
        choice: UpstreamChoice::LeastLoaded,
        protocol,
        tls: Some(UpstreamTls {
            server_name: Some(NAME.to_owned()),
            ca_file: Some(ca.ca_file()),
            client: None,
        }),
        health: Some(HealthConfig {
            path: "/health".to_owned(),
            interval_ms: 10,
            timeout_ms: 5_000,
            unhealthy_after: 2,
            healthy_after: 2,
        }),
        eject: EjectConfig {
            failures: 0,
            min_ms: 1,
            max_ms: 1,
            share_max_percent: 100,
        },
    }
}

async fn until(server: &UpstreamServer, unhealthy: bool) {
    for _ in 0..1000 {
        if server.is_unhealthy() == unhealthy {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {:?}", server.last_failure());
}

#[tokio::test]
async fn servers_are_checked_over_tls() {
    let authority = Authority::new();
    let pair = authority.sign(NAME);
    for protocol in [UpstreamProtocol::Http1, UpstreamProtocol::Http2] {
        let wanted = || Wanted {
            http2: protocol == UpstreamProtocol::Http2,
            ..Wanted::default()
        };
        let nginx = Nginx::start(&pair, wanted()).await;
        let config = config(&nginx.address, protocol, &authority);
        let set = UpstreamSet::new(&config, 1, None).expect("set");
        let server = Arc::clone(set.server(0));
        let settings = config.health.clone().expect("checks");
        assert_eq!(ask(&server.endpoint, "/health").await, Ok(()));
        let watching = tokio::spawn(watch_server(Arc::clone(&server), settings));
        let address = nginx.address.clone();
        drop(nginx);
        until(&server, true).await;
        let failure = server.last_failure().expect("a reason");
        assert!(failure.contains("no connection"), "{failure}");
        let _again = Nginx::start_at(&address, &pair, wanted()).await;
        until(&server, false).await;
        watching.abort();
    }
}

#[tokio::test]
async fn a_server_that_is_not_believed_is_unhealthy_until_it_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let nginx = Nginx::start(&authority.sign(NAME), Wanted::default()).await;
    let config = config(&nginx.address, UpstreamProtocol::Http1, &stranger);
    let set = UpstreamSet::new(&config, 1, None).expect("set");
    let server = Arc::clone(set.server(0));
    let settings = config.health.clone().expect("checks");
    let watching = tokio::spawn(watch_server(Arc::clone(&server), settings));
    until(&server, true).await;
    let failure = server.last_failure().expect("a reason");
    assert!(failure.contains("not believed"), "{failure}");
    let better = std::fs::read(authority.ca_file()).expect("read");
    std::fs::write(stranger.ca_file(), better).expect("written");
    set.look_at_files();
    until(&server, false).await;
    watching.abort();
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_told_apart() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let ca_file = clients.ca_file();
    for (protocol, name) in [
        (UpstreamProtocol::Http1, b"http/1.1".as_slice()),
        (UpstreamProtocol::Http2, b"h2"),
    ] {
        let pair = authority.sign(NAME);
        let address = echo::start_asking(&pair, &[name], Some(&ca_file)).await;
        let mut config = config(&address, protocol, &authority);
        let set = UpstreamSet::new(&config, 1, None).expect("set");
        // TLS 1.3 tells only after the handshake (RFC 8446, 4.4.2.4).
        let refused = ask(&set.server(0).endpoint, "/health").await;
        let refused = refused.expect_err("no certificate");
        assert!(refused.contains("CertificateRequired"), "{refused}");
        let tls = config.tls.as_mut().expect("TLS");
        tls.client = Some(clients.sign("gateway"));
        let set = UpstreamSet::new(&config, 1, None).expect("set");
        assert_eq!(ask(&set.server(0).endpoint, "/health").await, Ok(()));
    }
}
