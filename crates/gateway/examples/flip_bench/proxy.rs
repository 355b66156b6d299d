//! The proxy that is flipped: the gateway, or nginx.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_api::gateway::{Arm, Split, SplitChange};

use crate::Failed;

/// How long a proxy may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause between two looks at whether it has.
const START_PAUSE: Duration = Duration::from_millis(20);
/// The token of `gateway_bench`'s admin API.
const TOKEN: &str = "benchmark";
/// As in `crates/gateway/bench/proxy.conf`, with the upstream in a file of its own.
const NGINX: &str = include_str!("nginx.conf");

/// A proxy that runs, and how its traffic is moved.
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    child: Child,
    arms: [SocketAddr; 2],
    how: How,
    folder: tempfile::TempDir,
}

enum How {
    Gateway {
        admin: SocketAddr,
        client: reqwest::Client,
    },
    Nginx {
        program: PathBuf,
    },
}

impl Proxy {
    /// Starts it with all traffic on the first arm.
    pub(crate) async fn start(
        kind: &str,
        program: &str,
        arms: [SocketAddr; 2],
    ) -> Result<Proxy, Failed> {
        match kind {
            "gateway" => gateway(program, arms).await,
            "nginx" => nginx(Path::new(program), arms).await,
            other => Err(format!("`{other}` is no kind of proxy").into()),
        }
    }

    /// Moves all traffic to an arm. Returns when the proxy said yes.
    pub(crate) async fn flip(&mut self, to: usize) -> Result<(), Failed> {
        match &self.how {
            How::Gateway { admin, client } => {
                let arm = |at: usize| Arm {
                    release: format!("1.{at}"),
                    address: self.arms[at].to_string(),
                };
                let change = SplitChange {
                    split: Split {
                        stable: arm(0),
                        canary: Some(arm(1)),
                        weight_percent: if to == 1 { 100 } else { 0 },
                        closed: None,
                        mirror_only: false,
                    },
                    epoch: 1,
                    if_changes: None,
                };
                let url = format!("http://{admin}/v1/routes/bench/split");
                let answer = client
                    .put(url)
                    .bearer_auth(TOKEN)
                    .json(&change)
                    .send()
                    .await?;
                if !answer.status().is_success() {
                    return Err(answer.text().await?.into());
                }
                Ok(())
            }
            How::Nginx { program } => {
                write_upstream(self.folder.path(), self.arms[to])?;
                let mut reload = command(program, self.folder.path());
                let status = reload.args(["-s", "reload"]).status()?;
                match status.success() {
                    true => Ok(()),
                    false => Err(format!("nginx -s reload: {status}").into()),
                }
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx ends its workers when it is asked to terminate; the gateway has nothing to lose.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

async fn gateway(program: &str, arms: [SocketAddr; 2]) -> Result<Proxy, Failed> {
    let (listen, admin) = (free_address()?, free_address()?);
    let child = Command::new(program)
        .args([listen.to_string(), arms[0].to_string(), "1".to_owned()])
        .env("GATEWAY_BENCH_ADMIN", admin.to_string())
        .stdout(Stdio::null())
        .spawn()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut proxy = Proxy {
        listen,
        child,
        arms,
        how: How::Gateway { admin, client },
        folder: tempfile::tempdir()?,
    };
    until_listening(listen).await?;
    // The canary joins the split with no traffic, so that its health is known before the first flip.
    let begun = Instant::now();
    while let Err(error) = proxy.flip(0).await {
        if begun.elapsed() > START_TIMEOUT {
            return Err(error);
        }
        tokio::time::sleep(START_PAUSE).await;
    }
    Ok(proxy)
}

async fn nginx(program: &Path, arms: [SocketAddr; 2]) -> Result<Proxy, Failed> {
    let folder = tempfile::tempdir()?;
    let listen = free_address()?;
    let text = NGINX.replace("@LISTEN@", &listen.to_string());
    std::fs::write(folder.path().join("nginx.conf"), text)?;
    write_upstream(folder.path(), arms[0])?;
    let child = command(program, folder.path())
        .args(["-g", "daemon off;"])
        .spawn()?;
    let proxy = Proxy {
        listen,
        child,
        arms,
        how: How::Nginx {
            program: program.to_owned(),
        },
        folder,
    };
    until_listening(listen).await?;
    Ok(proxy)
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"));
    command.arg("-e").arg(folder.join("error.log"));
    command.stderr(Stdio::null());
    command
}

fn write_upstream(folder: &Path, arm: SocketAddr) -> Result<(), Failed> {
    let text = format!(
        "upstream service {{ server {arm}; keepalive 256; keepalive_requests 100000000; }}\n"
    );
    let fresh = folder.join("upstream.new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, folder.join("upstream.conf"))?;
    Ok(())
}

async fn until_listening(address: SocketAddr) -> Result<(), Failed> {
    let begun = Instant::now();
    while let Err(error) = tokio::net::TcpStream::connect(address).await {
        if begun.elapsed() > START_TIMEOUT {
            return Err(error.into());
        }
        tokio::time::sleep(START_PAUSE).await;
    }
    Ok(())
}

fn free_address() -> Result<SocketAddr, Failed> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
