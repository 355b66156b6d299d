//! Whoever drains an arm sees every request that is on its way to it.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Rig, arm, release};
use crate::service::Service;

/// A server that passes its checks and then takes no more connections: whoever connects waits.
struct Silent {
    address: SocketAddr,
    listener: TcpListener,
    waiting: Vec<TcpStream>,
}

impl Silent {
    fn start() -> Silent {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(socket.into()).unwrap();
        Silent {
            address: listener.local_addr().unwrap(),
            listener,
            waiting: Vec::new(),
        }
    }

    /// Answers checks; never ends.
    async fn answer_checks(&self) {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut reader, &mut head).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut writer, answer).await;
                let _ = tokio::io::AsyncReadExt::read(&mut reader, &mut head).await;
            });
        }
    }

    /// Takes no more connections.
    async fn fall_silent(&mut self) {
        let limit = Duration::from_millis(200);
        while let Ok(stream) = tokio::time::timeout(limit, TcpStream::connect(self.address)).await {
            self.waiting.push(stream.unwrap());
        }
    }
}

/// The canary cannot be reached, and before that is known the stable arm, which would stand in, leaves the split: it
/// may be stopped at any time then.
#[tokio::test]
async fn an_arm_that_left_the_split_does_not_stand_in() {
    let (old, next) = (Service::start("old"), Service::start("next"));
    let mut silent = Silent::start();
    let rig = Rig::start_with(|settings| {
        settings.services[0].health.interval_ms = 3_600_000;
        settings.services[0].timeouts.connect_ms = 1_000;
    });
    let (stable, successor) = (arm("1.0", &old), arm("1.2", &next));
    let canary = portcullis_api::gateway::Arm {
        release: "1.1".to_owned(),
        address: silent.address.to_string(),
    };
    tokio::select! {
        _ = rig.split(&stable, Some(&canary), 100) => {}
        () = silent.answer_checks() => {}
    }
    let healthy = rig.arm_when("1.1", |arm| arm.health.passed > 0);
    tokio::select! {
        _ = healthy => {}
        () = silent.answer_checks() => {}
    }
    silent.fall_silent().await;
    let request = rig.client.get(rig.url("/who")).header("x-user", "anyone");
    let asked = tokio::spawn(request.send());
    rig.arm_when("1.1", |arm| arm.in_flight == 1).await;
    rig.split(&successor, None, 0).await;
    assert_eq!(rig.arm("1.0").await.in_flight, 0, "it is drained");
    drop(old);
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status().as_u16(), &*release(&answer)), (200, "1.2"));
    let gone = rig.arm("1.0").await;
    assert_eq!((gone.requests, gone.in_flight), (0, 0));
    let canary = rig.arm_when("1.1", |arm| arm.requests == 1).await;
    assert_eq!((canary.failed_over, canary.in_flight), (1, 0));
}
