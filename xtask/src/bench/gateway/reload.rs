//! A hot reload of the configuration, and the proof that it took effect: a route whose redirect says which
//! version of the file is in force.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use anyhow::{Context, Result};

use super::stand::Stand;
use crate::cargo::run;

/// Whether `portcullis serve` takes over a changed configuration on SIGHUP. While it only reads and compares
/// it, nothing can be measured.
pub const TAKES_EFFECT: bool = true;
/// What is said until then.
pub const NOT_YET: &str = "hot reload of the gateway's configuration is not there yet: `portcullis serve` \
                           reads a changed file and says what differs, but does not act on it";

/// Changes the configuration, asks for the reload, and waits until the change is in force.
///
/// # Errors
/// When it does not come into force.
pub fn reload(stand: &Stand, number: u64) -> Result<()> {
    let path = stand.folder().join("portcullis.toml");
    let text = fs::read_to_string(&path)?;
    let mark = "\n# The version of this file.\n";
    let before = text.split(mark).next().unwrap_or_default();
    let location = format!("/generation/{number}");
    let route = format!(
        "[[gateway.route]]\nname = \"generation\"\nexact = \"/generation\"\n\
         redirect = {{ location = \"{location}\", status = 307 }}\n"
    );
    let fresh = stand.folder().join("portcullis.toml.new");
    fs::write(&fresh, format!("{before}{mark}{route}"))?;
    fs::rename(fresh, path)?;
    let acting = stand.site.acting().context("no server acts")?;
    run(Command::new("kill").args(["-HUP", &acting.to_string()]))?;
    let line = format!("location: {location}\r\n");
    stand.site.until("the new configuration is in force", |_| {
        let mut stream = TcpStream::connect(stand.plain)?;
        stream
            .write_all(b"GET /generation HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.to_ascii_lowercase().contains(&line))
    })
}
