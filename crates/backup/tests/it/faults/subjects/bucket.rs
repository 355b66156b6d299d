//! Objects of a real moto.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use portcullis_backup::{Kept, Store};

use super::{Subject, of};
use crate::bucket::{path, store};
use crate::cloud::{SHOWN, Server, ask};
use crate::noise;

/// Where the objects of the store lie in the bucket, what a restore replaced, and the bucket.
const STORE: &str = "shop/uploads/";
const REPLACED: &str = "shop/uploads.portcullis-replaced-";
const BUCKET: &str = "/backups";

/// The server.
pub(in crate::faults) struct Objects(Server);

impl Objects {
    pub(in crate::faults) fn start() -> Self {
        Self(Server::s3(None))
    }

    /// Empties the bucket, and notes where it is for child processes.
    pub(in crate::faults) fn make(&self, folder: &Path) -> Box<dyn Subject> {
        let home = folder.join("home-bucket");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("port"), self.0.port.to_string()).unwrap();
        Bucket::found(&home).delete(|_| true);
        of("bucket", folder)
    }
}

pub(in crate::faults) struct Bucket {
    port: u16,
}

impl Bucket {
    pub(super) fn found(home: &Path) -> Self {
        let port = fs::read_to_string(home.join("port")).unwrap();
        Self {
            port: port.parse().unwrap(),
        }
    }

    /// What is answered; it must be a success.
    fn asked(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\n{SHOWN}Content-Length: {length}\r\n");
        let answer = ask(self.port, &head, body);
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.unwrap() + 4);
        let head = String::from_utf8_lossy(head);
        assert!(head.starts_with("HTTP/1.1 20"), "{method} {path}: {head}");
        body.to_owned()
    }

    /// All keys of the bucket.
    fn keys(&self) -> Vec<String> {
        let list = self.asked("GET", &format!("{BUCKET}?list-type=2"), &[]);
        let list = String::from_utf8(list).unwrap();
        assert!(list.contains("<IsTruncated>false"), "{list}");
        let keys = list.split("<Key>").skip(1);
        keys.map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    }

    fn delete(&self, chosen: impl Fn(&str) -> bool) {
        for key in self.keys().iter().filter(|key| chosen(key)) {
            self.asked("DELETE", &format!("{BUCKET}/{key}"), &[]);
        }
    }
}

impl Subject for Bucket {
    fn store(&self) -> Store {
        store(&format!("http://127.0.0.1:{}", self.port))
    }

    fn fill(&self, number: u32) {
        self.delete(|key| key.starts_with(STORE));
        for key in 0..6 {
            let text = format!("object {key} of content {number}\n").repeat(1 + key * 200);
            self.asked("PUT", &path(&format!("{}/{key}", key % 2)), text.as_bytes());
        }
        self.asked("PUT", &path("always"), b"the same");
        self.asked("PUT", &path(&format!("only-{number}")), &noise(60_000));
    }

    fn forget(&self, kept: &Kept) {
        let Kept::Objects(url) = kept else {
            panic!("{kept:?}");
        };
        let place = url.strip_prefix("s3://backups/").unwrap();
        let place = place.strip_suffix('/').unwrap();
        self.delete(|key| key.starts_with(place));
    }

    fn around(&self) -> Vec<String> {
        let mut all = self.keys();
        all.retain(|key| !key.starts_with(STORE) && !key.starts_with(REPLACED));
        all
    }

    fn round_ms(&self) -> usize {
        1_000
    }

    fn removable(&self) -> i64 {
        6
    }

    fn things(&self) -> Option<BTreeMap<String, String>> {
        let mut keys = self.keys();
        keys.retain(|key| key.starts_with(STORE));
        let held = keys.into_iter().map(|key| {
            let content = self.asked("GET", &format!("{BUCKET}/{key}"), &[]);
            (key, String::from_utf8_lossy(&content).into_owned())
        });
        Some(held.collect())
    }
}
