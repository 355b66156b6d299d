//! Pebble, the ACME test server of Let's Encrypt, as Debian packages it: it checks signatures and nonces
//! as RFC 8555 asks, and connects to the gateway to check challenges. Every name leads to 127.0.0.1, by the
//! name server that comes with it. `cargo xtask setup` installs both.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

/// A running authority. It ends when it is dropped.
pub(crate) struct Pebble {
    folder: tempfile::TempDir,
    listen: SocketAddr,
    management: SocketAddr,
    http_port: u16,
    tls_port: u16,
    children: Vec<Child>,
}

impl Pebble {
    /// Starts one that looks for answers to challenges at two ports.
    pub(crate) fn start(http_port: u16, tls_port: u16) -> Pebble {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("server.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("server.key"), key.serialize_pem()).unwrap();
        let mut pebble = Pebble {
            folder,
            listen: free_address(),
            management: free_address(),
            http_port,
            tls_port,
            children: Vec::new(),
        };
        pebble.run();
        pebble
    }

    /// Forgets every account, order and key, as it does when it starts.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.run();
    }

    pub(crate) fn stop(&mut self) {
        for mut child in self.children.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn run(&mut self) {
        let names = free_address();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": self.listen.to_string(),
            "managementListenAddress": self.management.to_string(),
            "certificate": self.path("server.pem"),
            "privateKey": self.path("server.key"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(self.path("pebble.json"), config.to_string()).unwrap();
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-dns01", &names.to_string(), "-defaultIPv6", ""])
            .args(["-management", &free_address().to_string()]);
        let mut server = Command::new("pebble");
        server
            .arg("-config")
            .arg(self.path("pebble.json"))
            .args(["-dnsserver", &names.to_string(), "-strict"])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0");
        for (mut command, log) in [(resolver, "names.log"), (server, "pebble.log")] {
            let log = File::create(self.path(log)).unwrap();
            command
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap());
            let child = command.stderr(log).spawn();
            self.children
                .push(child.expect("pebble is not installed: run `cargo xtask setup`"));
        }
        for _ in 0..400 {
            let root = self.manage("roots/0");
            if root.starts_with("-----BEGIN") {
                std::fs::write(self.root(), root).unwrap();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("pebble did not start: {}", self.log());
    }

    fn manage(&self, path: &str) -> String {
        let asked = Command::new("curl")
            .args(["--silent", "--max-time", "5", "--cacert"])
            .arg(self.ca_file())
            .arg(format!("https://{}/{path}", self.management))
            .output();
        String::from_utf8(asked.unwrap().stdout).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://{}/dir", self.listen)
    }

    /// The directory itself.
    pub(crate) fn directory_json(&self) -> serde_json::Value {
        let asked = Command::new("curl")
            .args(["--silent", "--max-time", "5", "--cacert"])
            .arg(self.ca_file())
            .arg(self.directory())
            .output();
        serde_json::from_slice(&asked.unwrap().stdout).unwrap()
    }

    /// Whom to believe when it is asked.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.path("server.pem")
    }

    /// Whom to believe when its certificates are shown.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// What it says of itself.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("pebble.log")).unwrap_or_default()
    }

    /// How many orders it took since it started.
    pub(crate) fn orders(&self) -> usize {
        self.log().matches("Added order ").count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    // The system may give the same port again before its first taker listens there.
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap();
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if !given.contains(&address.port()) {
            given.push(address.port());
            return address;
        }
    }
}

/// Files of a folder whose names begin with a text.
pub(crate) fn files(folder: &Path, begin: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let begins = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(begin)
    };
    paths.filter(begins).collect()
}
