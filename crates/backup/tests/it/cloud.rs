//! Servers that speak the languages of clouds, and a proxy that breaks what passes through it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server of its own, ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// moto, which speaks S3. After so many requests it looks at keys; `None` never.
    pub(crate) fn s3(unchecked: Option<u32>) -> Server {
        let count = unchecked.map(|count| count.to_string());
        Server::moto(count.map(|count| ("INITIAL_NO_AUTH_ACTION_COUNT", count)))
    }

    /// moto whose lists have so many entries a page.
    pub(crate) fn s3_in_pages(entries: u32) -> Server {
        Server::moto(Some(("MOTO_S3_DEFAULT_MAX_KEYS", entries.to_string())))
    }

    fn moto(variable: Option<(&str, String)>) -> Server {
        let port = free_port();
        let mut command = Command::new(environment("python-cloud").join("bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.envs(variable);
        let server = Server::start(&mut command, port);
        server.put("/backups");
        server
    }

    /// moto with a certificate. It has no bucket yet.
    pub(crate) fn s3_over_tls(certificate: &Path, key: &Path) -> Server {
        let port = free_port();
        let mut command = Command::new(environment("python-cloud").join("bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string(), "-s"]);
        command.arg("-c").arg(certificate).arg("-k").arg(key);
        Server::start(&mut command, port)
    }

    /// Azurite, which speaks the language of Azure Blob.
    pub(crate) fn azure(folder: &Path) -> Server {
        let port = free_port();
        let program = environment("node-cloud").join("node_modules/azurite/dist/src/blob/main.js");
        let mut command = Command::new("node");
        command
            .arg(program)
            .args(["--silent", "--skipApiVersionCheck", "--location"]);
        command
            .arg(folder)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        Server::start(&mut command, port)
    }

    #[allow(clippy::disallowed_methods)] // waiting is bounded
    fn start(command: &mut Command, port: u16) -> Server {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        let child = child.expect("the servers of clouds: `cargo xtask setup` installs them");
        let server = Server { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A request without a body that must succeed.
    pub(crate) fn put(&self, path: &str) {
        self.put_with(path, "");
    }

    /// The same with headers, each with its line's end.
    pub(crate) fn put_with(&self, path: &str, headers: &str) {
        let answer = ask(
            self.port,
            &format!("PUT {path} HTTP/1.1\r\nContent-Length: 0\r\n{headers}"),
            &[],
        );
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }

    /// Writes an object with these headers, each ended by CR LF; the path is encoded as it is sent.
    pub(crate) fn put_object(&self, path: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!("PUT {path} HTTP/1.1\r\n{SHOWN}{headers}Content-Length: {length}\r\n");
        let answer = ask(self.port, &head, body);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    /// What is in an object, with its headers in lower case; None if there is none.
    pub(crate) fn object(&self, path: &str) -> Option<(String, Vec<u8>)> {
        let answer = ask(self.port, &format!("GET {path} HTTP/1.1\r\n{SHOWN}"), &[]);
        let cut = answer
            .windows(4)
            .position(|part| part == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&answer[..cut]).to_lowercase();
        assert!(
            head.contains(" 200 ") || head.contains(" 404 "),
            "{path}: {head}"
        );
        head.contains(" 200 ")
            .then(|| (head, answer[cut + 4..].to_vec()))
    }

    pub(crate) fn delete_object(&self, path: &str) {
        ask(
            self.port,
            &format!("DELETE {path} HTTP/1.1\r\n{SHOWN}"),
            &[],
        );
    }

    /// The text of a list or a state.
    pub(crate) fn text(&self, path: &str) -> String {
        let answer = ask(self.port, &format!("GET {path} HTTP/1.1\r\n{SHOWN}"), &[]);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What a request without a body answers, head and all.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        ask(self.port, &format!("GET {path} HTTP/1.1\r\n{SHOWN}"), &[])
    }
}

impl Server {
    /// What a request to remove something answers.
    pub(crate) fn delete(&self, path: &str) -> Vec<u8> {
        let head = format!("DELETE {path} HTTP/1.1\r\nContent-Length: 0\r\n{SHOWN}");
        ask(self.port, &head, &[])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn ask(port: u16, head: &str, body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "{head}Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A folder in cargo's target folder, where `cargo xtask setup` installs programs.
pub(crate) fn environment(name: &str) -> PathBuf {
    let ours = std::env::current_exe().unwrap();
    let target = ours
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.expect("a target folder").join(name)
}

/// What somebody who has a key of S3 shows. moto does not compare the signature.
pub(crate) const SHOWN: &str = "authorization: AWS4-HMAC-SHA256 Credential=testing/20261122/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=00\r\n";

/// What is done to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It passes.
    None,
    /// It is answered with this status and never sent on.
    Status(u16),
    /// The connection is closed before it is sent on.
    Cut,
    /// It is sent on, and its answer lost.
    LostAnswer,
    /// Half of the answer's body comes, and then the connection is closed.
    HalfBody,
    /// Half of the answer's body comes as if it were all.
    ShortBody,
    /// One bit of the answer's body is another one.
    Flip,
    /// It waits, in milliseconds.
    Slow(u64),
}

/// The number of a request, from 0, its method and its path with the query.
type Rule = dyn FnMut(usize, &str, &str) -> Fault + Send;

/// A proxy that handles one request a connection, and does to it what a rule says.
pub(crate) struct FaultProxy {
    pub(crate) port: u16,
    rule: Arc<Mutex<Box<Rule>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl FaultProxy {
    pub(crate) fn before(server: &Server) -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = FaultProxy {
            port: listener.local_addr().unwrap().port(),
            rule: Arc::new(Mutex::new(Box::new(|_, _, _| Fault::None))),
            seen: Arc::default(),
        };
        let (upstream, rule, seen) = (server.port, proxy.rule.clone(), proxy.seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rule, seen) = (rule.clone(), seen.clone());
                std::thread::spawn(move || pass(stream, upstream, &rule, &seen));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on this rule holds, and requests are counted anew.
    pub(crate) fn rule(&self, rule: impl FnMut(usize, &str, &str) -> Fault + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
        self.seen.lock().unwrap().clear();
    }

    /// The requests since the rule was set: method, path and query.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn pass(stream: TcpStream, upstream: u16, rule: &Mutex<Box<Rule>>, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some((line, head, body)) = read_request(&mut reader) else {
        return;
    };
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(format!("{method} {path}"));
        seen.len() - 1
    };
    let fault = rule.lock().unwrap()(number, method, path);
    let mut stream = stream;
    match fault {
        Fault::Cut => return,
        Fault::Status(status) => {
            let answer =
                format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok();
            return;
        }
        Fault::Slow(ms) => std::thread::sleep(Duration::from_millis(ms)),
        _ => {}
    }
    let Ok(mut there) = TcpStream::connect(("127.0.0.1", upstream)) else {
        return;
    };
    let request = format!("{line}\r\n{head}Connection: close\r\n\r\n");
    if there
        .write_all(request.as_bytes())
        .and_then(|()| there.write_all(&body))
        .is_err()
    {
        return;
    }
    let mut answer = Vec::new();
    there.read_to_end(&mut answer).ok();
    let cut = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let start = cut.map_or(answer.len(), |at| at + 4);
    let (head, body) = answer.split_at(start);
    let head = String::from_utf8_lossy(head).into_owned();
    let mut body = body.to_vec();
    let half = body.len() / 2;
    let answer = match fault {
        Fault::LostAnswer => return,
        Fault::HalfBody => [head.as_bytes(), &body[..half]].concat(),
        Fault::ShortBody => {
            let told = |line: &str| match line.to_ascii_lowercase().starts_with("content-length") {
                true => format!("Content-Length: {half}"),
                false => line.to_owned(),
            };
            let head: Vec<String> = head.split("\r\n").map(told).collect();
            [head.join("\r\n").as_bytes(), &body[..half]].concat()
        }
        Fault::Flip => {
            if let Some(byte) = body.get_mut(half) {
                *byte ^= 1;
            }
            [head.as_bytes(), &body].concat()
        }
        _ => answer,
    };
    stream.write_all(&answer).ok();
}

/// The request line, its headers without those about the connection, and its body.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut line).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let lower = header.to_ascii_lowercase();
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        match lower.split(':').next() {
            Some("connection") => {}
            Some("authorization") if lower.contains("bearer") => {}
            _ => head.push_str(&header),
        }
    }
    // Google's client shows nothing, or an empty token, where it is told to; moto stumbles over the one and lets nobody
    // read after the other.
    if !head.to_ascii_lowercase().contains("authorization:") {
        head.push_str(SHOWN);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    (!line.trim().is_empty()).then(|| (line.trim_end().to_owned(), head, body))
}
