//! nginx as a server that speaks TLS.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Nginx {
    process: Child,
    pub(crate) address: String,
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

/// What nginx is to do.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) http2: bool,
    /// The authority whose certificates clients must have.
    pub(crate) clients: Option<&'a Path>,
    /// The TLS version that it speaks alone, as nginx writes it.
    pub(crate) version: Option<&'a str>,
}

impl Nginx {
    /// nginx with a certificate. It closes connections after two requests and says in its answers what it
    /// knows of the connection.
    pub(crate) async fn start(pair: &(PathBuf, PathBuf), wanted: Wanted<'_>) -> Nginx {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr());
        let address = port.expect("a free port").to_string();
        Nginx::start_at(&address, pair, wanted).await
    }

    /// [`Nginx::start`] at an address.
    pub(crate) async fn start_at(
        address: &str,
        (chain, key): &(PathBuf, PathBuf),
        wanted: Wanted<'_>,
    ) -> Nginx {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let program = program.into_iter().find(|path| Path::new(path).exists());
        let program = program.expect("nginx is missing; `cargo xtask setup` installs it");
        let folder = tempfile::tempdir().expect("folder");
        let at = folder.path().display();
        let http2 = if wanted.http2 { "http2" } else { "" };
        let clients = wanted.clients.map_or_else(String::new, |file| {
            format!(
                "ssl_verify_client on; ssl_client_certificate {};",
                file.display()
            )
        });
        let version = wanted.version.unwrap_or("TLSv1.2 TLSv1.3");
        let text = format!(
            "worker_processes 1; pid {at}/pid; error_log {at}/error.log; daemon off;
             events {{ worker_connections 256; }}
             http {{
                 access_log off; keepalive_requests 2;
                 client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
                 fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                 server {{
                     listen {address} ssl {http2}; {clients} ssl_protocols {version};
                     ssl_certificate {}; ssl_certificate_key {};
                     ssl_session_cache shared:all:1m;
                     location / {{
                         return 200 'protocol=$server_protocol scheme=$scheme tls=$ssl_protocol \
             name=$ssl_server_name reused=$ssl_session_reused client=$ssl_client_s_dn';
                     }}
                 }}
             }}",
            chain.display(),
            key.display(),
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-e");
        command
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&file);
        let process = command.stderr(Stdio::null()).spawn().expect("nginx");
        let nginx = Nginx {
            process,
            address: address.to_owned(),
            _folder: folder,
        };
        for _ in 0..1000 {
            if tokio::net::TcpStream::connect(&nginx.address).await.is_ok() {
                return nginx;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nginx does not listen");
    }
}
