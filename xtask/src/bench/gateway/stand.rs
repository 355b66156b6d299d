//! Everything that a measurement needs running: the built gateway, the upstream behind it, which is a release
//! that the gateway's own Portcullis has started, and a certificate.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use portcullis_api::engine::EngineStanding;

use super::chat;
use super::cores::Cores;
use super::events;
use super::process::Family;
use crate::bench::site::{Site, free_ports};
use crate::cargo::{cargo, run, target_folder};

/// The size of a small answer.
const SMALL_BYTES: usize = 1024;
/// The size of a large one.
const LARGE_BYTES: usize = 1024 * 1024;
/// Descriptors that the proxies may use, if the machine allows as many.
const FILES: &str = "20000";

/// A running gateway with its upstream. Dropping it stops both.
pub struct Stand {
    /// The gateway.
    pub site: Site,
    /// Where the gateway speaks plain text.
    pub plain: SocketAddr,
    /// Where it speaks TLS.
    pub secure: SocketAddr,
    /// Where release 1.0 listens.
    pub upstream: SocketAddr,
    /// The cores it was started with.
    pub cores: Cores,
}

/// The built programs.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Those in a folder, or freshly built ones.
    ///
    /// # Errors
    /// When they cannot be built.
    pub fn find(folder: Option<&Path>) -> Result<Binaries> {
        if let Some(folder) = folder {
            return Ok(Binaries(folder.canonicalize()?));
        }
        run(cargo().args(["build", "--profile", "dist", "--package", "portcullis"]))?;
        Ok(Binaries(target_folder()?.join("dist")))
    }

    /// The gateway's program.
    pub fn portcullis(&self) -> PathBuf {
        self.0.join("portcullis")
    }
}

impl Stand {
    /// Starts a gateway whose service has release 1.0.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(binaries: &Binaries, cores: &Cores) -> Result<Stand> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_owned();
        // A copy of its own, which an upgrade replaces.
        let binary = root.join("portcullis");
        std::fs::copy(binaries.portcullis(), &binary)
            .with_context(|| format!("{} is missing", binaries.portcullis().display()))?;
        let (port, first) = free_ports()?;
        let secure = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let events = events::start()?;
        write_upstream(&root, events)?;
        make_certificate(&root)?;
        for release in ["1.0", "1.1"] {
            let home = root.join("releases").join(release);
            std::fs::create_dir_all(&home)?;
            let script = format!("{}# release {release}\n", include_str!("release.sh"));
            std::fs::write(home.join("release.sh"), script)?;
        }
        let text = include_str!("portcullis.toml")
            .replace("@PORT@", &port.to_string())
            .replace("@SECURE@", &secure.port().to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &(first + 9).to_string())
            .replace("@STAND@", &root.display().to_string())
            .replace("@CORES@", &cores.others);
        std::fs::write(root.join("portcullis.toml"), text)?;
        let plain = SocketAddr::from(([127, 0, 0, 1], port));
        let mut site = Site::prepare(folder, binary, plain.to_string())?;
        site.cores = Some(cores.proxy.clone());
        site.start()?;
        site.run(&["deploy", "--release", "1.0", "--wait"])?;
        let upstream = address_of(&root, "1.0")?;
        Ok(Stand {
            site,
            plain,
            secure,
            upstream,
            cores: cores.clone(),
        })
    }

    /// The folder of all files.
    pub fn folder(&self) -> &Path {
        self.site.folder()
    }

    /// The gateway's process.
    ///
    /// # Errors
    /// When it is gone.
    pub fn gateway(&self) -> Result<Family> {
        Ok(Family::alone(
            self.site.acting().context("the gateway is gone")?,
        ))
    }

    /// The nginx of release 1.0.
    ///
    /// # Errors
    /// When it does not run.
    pub fn upstream_pid(&self) -> Result<u32> {
        let path = self.folder().join("upstream-1.0.pid");
        Ok(std::fs::read_to_string(path)?.trim().parse()?)
    }

    /// Starts release 1.1 beside release 1.0; it stays there as the canary.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_canary(&self) -> Result<()> {
        self.site.run(&["deploy", "--release", "1.1"])?;
        self.site.until("release 1.1 gets its share", |site| {
            let status = site.status()?;
            let live = status.live.context("the rollout is over")?;
            Ok(status.engine == EngineStanding::Acting && live.state == "watching")
        })
    }

    /// Puts a new copy of the program at the path of the running one, as a package manager does.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn replace_binary(&self, binaries: &Binaries) -> Result<()> {
        let fresh = self.folder().join("portcullis.new");
        std::fs::copy(binaries.portcullis(), &fresh)?;
        std::fs::rename(fresh, self.folder().join("portcullis"))?;
        Ok(())
    }

    /// Fills the places of a proxy's configuration and writes it; returns where.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write_configuration(
        &self,
        name: &str,
        text: &str,
        [plain, secure]: [SocketAddr; 2],
    ) -> Result<PathBuf> {
        let file = |name: &str| self.folder().join(name).display().to_string();
        let text = text
            .replace("@WORKERS@", &self.cores.workers.to_string())
            .replace("@FILES@", FILES)
            .replace("@LISTEN@", &plain.to_string())
            .replace("@SECURE@", &secure.to_string())
            .replace("@UPSTREAM@", &self.upstream.to_string())
            .replace("@CHAIN@", &file("certificate.pem"))
            .replace("@KEY@", &file("key.pem"))
            .replace("@BUNDLE@", &file("bundle.pem"));
        let path = self.folder().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

/// The body of a small answer.
pub fn small() -> String {
    let around = r#"{"text":""}"#.len();
    format!(r#"{{"text":"{}"}}"#, "x".repeat(SMALL_BYTES - around))
}

/// The body of a large answer.
pub fn large() -> Vec<u8> {
    (0..LARGE_BYTES).map(|at| (at % 251) as u8).collect()
}

fn write_upstream(root: &Path, events: SocketAddr) -> Result<()> {
    let text = include_str!("upstream.conf")
        .replace("@SMALL@", &small())
        .replace("@CHAT@", &chat::answer())
        .replace("@LARGE@", &root.join("large").display().to_string())
        .replace("@EVENTS@", &events.to_string());
    std::fs::write(root.join("upstream.conf"), text)?;
    std::fs::write(root.join("large"), large())?;
    Ok(())
}

fn make_certificate(root: &Path) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(root).stderr(Stdio::null());
    openssl.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"]);
    openssl.args([
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-subj",
        "/CN=localhost",
    ]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    run(openssl.args(["-keyout", "key.pem", "-out", "certificate.pem"]))?;
    let mut bundle = std::fs::read(root.join("certificate.pem"))?;
    bundle.extend(std::fs::read(root.join("key.pem"))?);
    std::fs::write(root.join("bundle.pem"), bundle)?;
    Ok(())
}

fn address_of(root: &Path, release: &str) -> Result<SocketAddr> {
    let port = std::fs::read_to_string(root.join(format!("upstream-{release}.port")))?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port.trim().parse()?)))
}
