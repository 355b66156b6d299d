//! A service for the tests of the process driver: `tiny_service PORT [VERSION [HEALTH_STATUS]]`.
//!
//! `GET /health` answers HEALTH_STATUS and the version, `GET /figures` two figures, `POST /echo` its
//! body, `GET /hang` nothing at all, and `POST /crash` ends the process with code 3.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("no port")?.parse()?;
    let version = arguments.next().unwrap_or_else(|| "1.0".to_owned());
    let status = arguments.next().unwrap_or_else(|| "200".to_owned());
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    writeln!(
        std::io::stdout(),
        "tiny service {version} listens on {port}"
    )?;
    for stream in listener.incoming() {
        let (version, status) = (version.clone(), status.clone());
        // A client that goes away is no reason to stop.
        std::thread::spawn(move || stream.and_then(|stream| answer(stream, &version, &status)));
    }
    Ok(())
}

fn answer(stream: TcpStream, version: &str, status: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/health" => (
            status,
            format!(r#"{{"status":"ok","version":"{version}"}}"#),
        ),
        "/figures" => (
            "200",
            r#"{"queue":{"low":7},"rate":"0.25","name":"x"}"#.to_owned(),
        ),
        "/echo" => ("200", String::from_utf8_lossy(&body).into_owned()),
        "/moved" => ("302", "elsewhere".to_owned()),
        "/crash" => std::process::exit(3),
        "/hang" => loop {
            std::thread::park();
        },
        _ => ("404", "no such path".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n",
        body.len()
    );
    let location = if status == "302" {
        "Location: /health\r\n"
    } else {
        ""
    };
    let mut stream = reader.into_inner();
    write!(stream, "{head}{location}Connection: close\r\n\r\n{body}")
}
