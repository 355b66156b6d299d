use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::super::finding::Word;
use super::*;

/// A server on a socket of its own, so that no port can be taken by somebody else.
struct Redis {
    child: Child,
    folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Redis {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
            .args(["--requirepass", "correct-horse"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server; `cargo xtask setup` installs it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = |line: std::io::Result<String>| line.unwrap().contains("ready to accept");
        assert!(lines.any(ready));
        std::thread::spawn(move || lines.for_each(drop));
        Redis { child, folder }
    }

    fn url(&self, password: &str) -> String {
        let socket = self.folder.path().join("redis.sock");
        format!("redis+unix://{}?pass={password}", socket.display())
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn examined(url: &str) -> Option<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    std::fs::write(folder.path().join("url"), url).unwrap();
    let shared = match url {
        "" => String::new(),
        _ => format!(
            "[gateway.shared]\nredis = \"file:{}/url\"\ntimeout = \"1s\"\n",
            folder.path().display()
        ),
    };
    let text = format!(
        "[service]\nname = \"shop\"\nready = {{ path = \"/\" }}\n{shared}\
         [[release]]\nversion = \"1\"\nartifact = \"shop\"\ncommand = [\"shop\", \"{{port}}\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = portcullis_config::load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    examine(&config).await
}

#[tokio::test]
async fn a_shared_server_is_tried_and_nothing_secret_is_told() {
    assert_eq!(examined("").await, None);
    let mut redis = Redis::start();
    let well = examined(&redis.url("correct-horse")).await.unwrap();
    assert_eq!(well.word, Word::Ok, "{}", well.message);
    assert!(
        well.message.contains("redis.sock counted a request in "),
        "{}",
        well.message
    );
    let refused = examined(&redis.url("hunter2")).await.unwrap();
    assert_eq!(refused.word, Word::Warn);
    assert!(
        refused.message.ends_with("authentication failed"),
        "{}",
        refused.message
    );
    redis.stop();
    let gone = examined(&redis.url("hunter2")).await.unwrap();
    assert_eq!(gone.word, Word::Warn);
    assert!(
        gone.message.starts_with("no connection to /"),
        "{}",
        gone.message
    );
    let wrong = examined("postgres://hunter2@db").await.unwrap();
    assert_eq!(wrong.word, Word::Fail);
    for finding in [refused, gone, wrong] {
        assert!(!format!("{finding:?}").contains("hunter2"));
    }
}
