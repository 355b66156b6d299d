//! nginx as the service behind the gateway.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use portcullis_api::gateway::Arm;

use crate::rig::{Rig, release, until};

pub(crate) struct Nginx {
    process: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // nginx takes SIGTERM as a fast stop and ends its worker too.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}

/// nginx that answers `name`, has a file of ten digits at `/file`, and closes every connection after seven
/// requests; `None` if there is none on this machine.
pub(crate) fn start(name: &str) -> Option<(Nginx, Arm)> {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    let program = program
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())?;
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let text = format!(
        "worker_processes 1; pid {at}/pid; error_log {at}/error.log; daemon off;
         events {{ worker_connections 256; }}
         http {{
             access_log off; keepalive_requests 7;
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
             server {{
                 listen 127.0.0.1:{port}; root {at};
                 location / {{ return 200 '{name}'; }}
                 location = /empty {{ return 204; }}
                 location = /file {{ }}
             }}
         }}"
    );
    std::fs::write(folder.path().join("file"), "0123456789").unwrap();
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let process = Command::new(program)
        .arg("-p")
        .arg(folder.path())
        .arg("-e")
        .arg(folder.path().join("error.log"))
        .arg("-c")
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    Some((
        Nginx {
            process,
            _folder: folder,
        },
        Arm {
            release: name.to_owned(),
            address,
        },
    ))
}

/// Waits until it takes connections.
pub(crate) async fn listens(arm: &Arm) {
    until("nginx listens", || {
        std::net::TcpStream::connect(&arm.address).is_ok()
    })
    .await;
}

/// nginx closes its connections after a few requests, now with a warning and now without: the
/// gateway must neither lose a request nor send one twice.
#[tokio::test]
async fn nginx_as_a_service_loses_nothing() {
    let nginx = |name| start(name).expect("nginx is missing; `cargo xtask setup` installs it");
    let (_first, stable) = nginx("1.0");
    let (_second, canary) = nginx("1.1");
    for arm in [&stable, &canary] {
        listens(arm).await;
    }
    let rig = Rig::start();
    rig.split(&stable, Some(&canary), 50).await;
    for user in 0..300 {
        let request = rig
            .client
            .get(rig.url("/"))
            .header("x-user", user.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let met = release(&answer);
        assert_eq!(answer.text().await.unwrap(), met);
    }
    let arms = rig.route().await.arms;
    assert_eq!(arms.iter().map(|arm| arm.errors).sum::<u64>(), 0);
    assert_eq!(arms.iter().map(|arm| arm.by_class[1]).sum::<u64>(), 300);
}
