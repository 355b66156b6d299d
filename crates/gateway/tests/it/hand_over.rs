//! A gateway that is succeeded by another on the same sockets.

use std::net::TcpListener;
use std::time::Duration;

use portcullis_gateway::{Gateway, GatewaySettings, Traffic};

use crate::rig::{Rig, arm, settings};
use crate::service::Service;

const LINGER: Duration = Duration::from_millis(200);
const WITHIN: Duration = Duration::from_secs(20);

/// Settings of a successor: the same state file.
fn successor_settings(folder: &tempfile::TempDir) -> GatewaySettings {
    settings(folder.path().join("splits.json"))
}

fn rig(folder: &tempfile::TempDir) -> Rig {
    Rig::start_settings(successor_settings(folder))
}

async fn drained(gateway: &Gateway) {
    while !gateway.is_drained() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_across_a_hand_over_and_counts_for_the_successor() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start("old");
    let mut rig = rig(&folder);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut answer = rig.get("/sse").await;
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 0\n\n");

    let mut old = rig.gateway.take().unwrap();
    old.release_control().await;
    let sockets = old.listeners().unwrap();
    let new = Gateway::start_held(successor_settings(&folder), sockets).unwrap();
    new.note_predecessor(Some(Traffic::default())).await;
    new.admit();
    rig.admin = new.admin_address().unwrap();
    old.retire(LINGER, WITHIN);
    assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");

    let traffic = old.traffic().await.unwrap();
    new.note_predecessor(Some(traffic)).await;
    assert_eq!(rig.arm("1.0").await.in_flight, 1, "the stream counts");
    service.seen.gate.add_permits(3);
    assert_eq!(answer.text().await.unwrap(), "data: 1\n\ndata: 2\n\n");
    drained(&old).await;
    assert_eq!(old.stop(WITHIN).await, 0, "nothing was cut off");
    new.note_predecessor(None).await;
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    new.stop(WITHIN).await;
}

#[tokio::test]
async fn a_gateway_that_is_succeeded_follows_its_successors_split() {
    let folder = tempfile::tempdir().unwrap();
    let (old_arm, new_arm) = (Service::start("old"), Service::start("new"));
    let mut rig = rig(&folder);
    rig.split(&arm("1.0", &old_arm), None, 0).await;
    let old = rig.gateway.take().unwrap();
    old.release_control().await;
    // The successor accepts nothing yet: every answer is the old one's.
    let new = Gateway::start_held(successor_settings(&folder), old.listeners().unwrap()).unwrap();
    rig.admin = new.admin_address().unwrap();
    rig.split(&arm("1.1", &new_arm), None, 0).await;
    let followed = async {
        while rig.get("/who").await.text().await.unwrap() != "new" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WITHIN, followed).await.unwrap();

    // It is taken back: the split stays, and the admin API answers again.
    new.stop(Duration::ZERO).await;
    old.reclaim_control().await.unwrap();
    assert_eq!(rig.get("/who").await.text().await.unwrap(), "new");
    rig.admin = old.admin_address().unwrap();
    let kept = rig.route().await;
    assert_eq!(kept.changes, 2, "what the successor saved is known");
    old.stop(WITHIN).await;
}

#[tokio::test]
async fn one_passed_socket_is_shared_by_all_workers_and_many_are_all_served() {
    for (sockets, workers) in [(1, 3), (3, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut passed = vec![first.try_clone().unwrap()];
        for _ in 1..sockets {
            passed.push(TcpListener::bind("127.0.0.1:0").unwrap());
        }
        let addresses: Vec<_> = passed.iter().map(|s| s.local_addr().unwrap()).collect();
        let settings = GatewaySettings {
            workers,
            ..successor_settings(&folder)
        };
        let gateway = Gateway::start_on(settings, passed).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for address in &addresses {
            for _ in 0..20 {
                let answer = client.get(format!("http://{address}/who"));
                let answer = answer.header("connection", "close").send().await.unwrap();
                assert_eq!(answer.status(), 503, "no release serves yet");
            }
        }
        gateway.stop(WITHIN).await;
        // Whoever passed the socket still has it: a connection waits for the next gateway.
        assert!(std::net::TcpStream::connect(addresses[0]).is_ok());
        drop(first);
    }
}
