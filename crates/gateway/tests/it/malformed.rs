//! Malformed requests: a corpus of what no client should send, and what must become of each.
//!
//! After every case this holds: the client saw what the case says, the upstream saw exactly the requests that
//! the case allows and no byte more, another client is served at once, nothing took longer than
//! [`CASE_TIMEOUT`], and no thread of the process has panicked. A case that is known not to hold is in the
//! corpus with the reason, and the test fails when it holds after all.

mod case;
pub(crate) mod frames;
mod recorder;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use portcullis_api::gateway::Arm;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::Rig;
use case::{Case, Seen};
use recorder::Recorder;

/// How long one case may take. The gateway's own limits end all of them far earlier.
const CASE_TIMEOUT: Duration = Duration::from_secs(15);
/// The gateway's limits for a head, and between requests.
const CLIENT_TIMEOUT_MS: u64 = 400;
/// How many gateways share the cases of a file.
const LANES: usize = 6;
const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A gateway with an upstream that keeps what it gets.
struct Lane {
    rig: Rig,
    recorder: Recorder,
}

impl Lane {
    async fn start() -> Lane {
        let recorder = Recorder::start().await;
        let rig = Rig::start_with(|settings| {
            settings.workers = 1;
            settings.clients.head_timeout_ms = CLIENT_TIMEOUT_MS;
            settings.clients.idle_timeout_ms = CLIENT_TIMEOUT_MS;
            settings.services[0].health.interval_ms = 60_000;
        });
        let arm = Arm {
            release: "1.0".to_owned(),
            address: recorder.address.to_string(),
        };
        rig.split(&arm, None, 0).await;
        recorder.take(&[]).await.unwrap();
        Lane { rig, recorder }
    }

    /// What is wrong with how the case went; empty when it holds.
    async fn judge(&self, case: &Case) -> Vec<String> {
        let mut wrong = Vec::new();
        let exchanged = tokio::time::timeout(CASE_TIMEOUT, exchange(self.rig.listen, case)).await;
        let Ok(answer) = exchanged else {
            return vec!["it hangs".to_owned()];
        };
        let told = match case.is_http2 {
            true => frames::told(&answer),
            false => statuses(&answer),
        };
        let told = match case.is_flood {
            true => told.last().cloned().unwrap_or_default(),
            false => told.join(", "),
        };
        let told = if told.is_empty() {
            "closed".to_owned()
        } else {
            told
        };
        if !case.expect.split(" or ").any(|expect| expect == told) {
            wrong.push(format!(
                "expected {}, told {told}: {}",
                case.expect,
                answer.escape_ascii()
            ));
        }
        let refused = !case.is_http2 && told.len() == 3 && told.starts_with(['4', '5']);
        if refused && !is_problem(&answer) {
            wrong.push(format!(
                "no problem with a request id: {}",
                answer.escape_ascii()
            ));
        }
        if let Some(problem) = &case.problem
            && !String::from_utf8_lossy(&answer).contains(problem.as_str())
        {
            wrong.push(format!("no {problem} in {}", answer.escape_ascii()));
        }
        match self
            .recorder
            .take(&case.begun)
            .await
            .map(|seen| without_host(seen, case))
        {
            Ok(seen) if is_forwarded(&seen, case) => {}
            Ok(seen) => wrong.push(format!(
                "the upstream saw {seen:?}, not {:?}",
                case.forwarded
            )),
            Err(error) => wrong.push(format!("the upstream saw {error}")),
        }
        let good = [GOOD.to_vec()];
        let good = exchange_bytes(self.rig.listen, &good, false);
        let good = tokio::time::timeout(CASE_TIMEOUT, good);
        match good.await {
            Ok(answer) if statuses(&answer) == ["200"] => {}
            other => wrong.push(format!("another client is not served: {other:?}")),
        }
        match self
            .recorder
            .take(&case.begun)
            .await
            .map(|seen| without_flood(seen, case))
        {
            Ok(seen) if seen.len() == 1 && seen[0].line == "GET /good HTTP/1.1" => {}
            other => wrong.push(format!("the good request came as {other:?}")),
        }
        if PANICS.swap(0, SeqCst) > 0 {
            wrong.push("a thread panicked".to_owned());
        }
        wrong
    }
}

/// Whether an answer says what is wrong, with an id that the log has too.
fn is_problem(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let body = text
        .split_once("\r\n\r\n")
        .map(|(_, body)| serde_json::from_str(body));
    let Some(Ok(serde_json::Value::Object(body))) = body else {
        return false;
    };
    text.contains("content-type: application/problem+json\r\n")
        && ["type", "title", "status", "detail", "request_id"]
            .iter()
            .all(|key| body.contains_key(*key))
}

/// Whether the upstream saw what it may; where refusing is allowed too, nothing is as good.
fn is_forwarded(seen: &[Seen], case: &Case) -> bool {
    let may_refuse = case.expect.contains(" or ");
    seen == case.forwarded || (may_refuse && seen.is_empty())
}

/// Of a flood any number of requests may have passed before it was cut off.
fn without_flood(mut seen: Vec<Seen>, case: &Case) -> Vec<Seen> {
    seen.retain(|seen| !case.is_flood || !case.begun.contains(&seen.line));
    seen
}

fn without_host(mut seen: Vec<Seen>, case: &Case) -> Vec<Seen> {
    for request in seen.iter_mut().filter(|_| case.any_host) {
        request.fields.retain(|field| !field.starts_with("host: "));
    }
    seen
}

async fn exchange(gateway: SocketAddr, case: &Case) -> Vec<u8> {
    exchange_bytes(gateway, &case.sent, case.ends).await
}

/// Sends bytes and reads all that comes until the gateway closes.
async fn exchange_bytes(gateway: SocketAddr, pieces: &[Vec<u8>], ends: bool) -> Vec<u8> {
    let stream = TcpStream::connect(gateway).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                // Long enough for the gateway to look at what it has; nothing depends on it.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        if ends {
            let _ = writer.shutdown().await;
        }
        // Open until the gateway closes: a client that is still there.
        writer
    };
    let read = async {
        let mut answer = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        // A reset is an end as well.
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
        answer
    };
    let (_writer, answer) = tokio::join!(write, read);
    answer
}

/// The statuses of the answers, one behind the other.
fn statuses(mut bytes: &[u8]) -> Vec<String> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut answer = httparse::Response::new(&mut fields);
        let Ok(httparse::Status::Complete(end)) = answer.parse(bytes) else {
            statuses.push("garbage".to_owned());
            break;
        };
        statuses.push(answer.code.unwrap().to_string());
        let length = answer
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
        bytes = &bytes[end..];
        // An answer to HEAD has a length and no body.
        if !bytes.starts_with(b"HTTP/1.") {
            bytes = &bytes[length.unwrap_or(0).min(bytes.len())..];
        }
    }
    statuses
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

/// Counts panics of all threads, and goes on as before with them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, SeqCst);
            before(panic);
        }));
    });
}

async fn check(file: &str) {
    count_panics();
    let path = corpus()
        .into_iter()
        .find(|path| path.ends_with(file))
        .unwrap();
    let cases = case::read(&path);
    let lanes = (0..LANES).map(|lane| {
        let own = cases.iter().skip(lane).step_by(LANES);
        async move {
            let gateway = Lane::start().await;
            let mut findings = Vec::new();
            for case in own {
                let wrong = gateway.judge(case).await;
                match (&case.known_bad, wrong.is_empty()) {
                    (None, true) | (Some(_), false) => {}
                    (None, false) => {
                        findings.push(format!("{}\n  {}", case.name, wrong.join("\n  ")))
                    }
                    (Some(_), true) => {
                        findings.push(format!("{}\n  it holds: take out known-bad", case.name))
                    }
                }
            }
            findings
        }
    });
    let findings = futures::future::join_all(lanes).await.concat();
    assert!(
        findings.is_empty(),
        "{} cases do not hold:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[tokio::test]
async fn requests_whose_length_is_doubtful_are_refused_or_made_plain() {
    check("http1-length.txt").await;
}

#[tokio::test]
async fn chunks_that_readers_read_differently_are_refused_or_made_plain() {
    check("http1-chunks.txt").await;
}

#[tokio::test]
async fn request_lines_and_hosts_that_are_none_are_refused() {
    check("http1-target.txt").await;
}

#[tokio::test]
async fn fields_that_are_none_are_refused_and_those_of_a_hop_go_no_further() {
    check("http1-fields.txt").await;
}

#[tokio::test]
async fn frames_that_break_the_rules_end_their_stream_or_connection() {
    check("http2-frames.txt").await;
}

#[tokio::test]
async fn http2_fields_that_break_the_rules_end_their_stream() {
    check("http2-fields.txt").await;
}

#[tokio::test]
async fn floods_over_http2_are_cut_off() {
    check("http2-floods.txt").await;
}

#[test]
fn the_corpus_has_at_least_two_hundred_cases_with_names_of_their_own() {
    let cases: Vec<Case> = corpus().iter().flat_map(|path| case::read(path)).collect();
    let mut names: Vec<&str> = cases
        .iter()
        .map(|case| case.name.split(": ").nth(1).unwrap())
        .collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "names are there once");
    assert!(count >= 200, "{count}");
}
