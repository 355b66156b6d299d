//! The drivers' conformance suite on the real gateway.

use std::io::{Read, Write};
use std::net::TcpListener;

use portcullis_api::{Client, Endpoint};
use portcullis_driver::GatewayDriver;
use portcullis_driver::conformance::{Scenario, check};
use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, RoutingSettings, ServiceSettings,
    Sticky, TimeoutSettings,
};
use portcullis_rollout::{
    Action, Direction, Op, OpKey, ReleaseId, RolloutId, ServiceName, Split, SplitArm, StepIndex,
    Weight,
};

/// A release that answers every request with 200.
fn release() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0u8; 4096]);
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn arm(release: &str, address: &str) -> SplitArm {
    SplitArm {
        release: ReleaseId::new(release),
        address: address.to_owned(),
    }
}

fn op(direction: Direction, split: Split) -> Op {
    let key = OpKey {
        rollout: RolloutId::new("dhash-1"),
        direction,
        step: StepIndex(0),
        attempt: 1,
    };
    Op {
        key,
        action: Action::Shift(split),
        deadline_ms: 10_000,
    }
}

#[test]
fn the_gateway_driver_conforms_on_the_real_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let gateway = Gateway::start(GatewaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: AdminListen::Unix(socket.clone()),
        state_file: folder.path().join("gateway.json"),
        clients: portcullis_config::ClientsConfig::default(),
        tls: None,
        observe: portcullis_gateway::ObserveSettings::default(),
        workers: 1,
        services: vec![ServiceSettings {
            service: "dhash".to_owned(),
            sticky: Sticky::ClientAddress,
            health: HealthSettings::default(),
            timeouts: TimeoutSettings::default(),
            protocol: portcullis_config::UpstreamProtocol::Http1,
            force_header: true,
            canary_users: Vec::new(),
            shadow_percent: 0,
        }],
        routing: RoutingSettings::default(),
        conversations: portcullis_gateway::ConversationSettings::default(),
        shared: None,
    })
    .unwrap();
    let (stable, canary) = (release(), release());
    let split = |with_canary: bool| Split {
        service: ServiceName::new("dhash"),
        stable: arm("1.0", &stable),
        canary: with_canary.then(|| arm("1.1", &canary)),
        weight: if with_canary {
            Weight::new(10).unwrap()
        } else {
            Weight::NONE
        },
        closed: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::new(Endpoint::Unix(socket), None).unwrap();
        let driver = GatewayDriver::new(client.clone()).with_epoch(1);
        let inverse = op(Direction::Undo, split(false));
        portcullis_driver::Driver::apply(&driver, &inverse)
            .await
            .unwrap();
        let scenario = Scenario {
            op: op(Direction::Do, split(true)),
            inverse,
            cut_after_ms: vec![0, 1, 3, 10],
        };
        let witness = async || {
            let route: portcullis_api::gateway::RouteStatus =
                client.get("/v1/routes/dhash").await.unwrap();
            route.split.is_some_and(|split| split.canary.is_some())
        };
        check(&driver, &scenario, witness).await.unwrap();
    });
    drop(gateway);
}
