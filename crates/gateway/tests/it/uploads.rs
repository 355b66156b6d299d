//! What may be uploaded: types by bytes, sizes, forms.

use bytes::Bytes;
use portcullis_config::UploadConfig;
use reqwest::StatusCode;
use serde_json::Value;

use crate::rig::Rig;
use crate::service::Service;
use crate::ways::{patient_way_to, upstream, with_upstream};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";

async fn rig(service: &Service) -> Rig {
    let mut way = patient_way_to("api", 2);
    way.upload = Some(UploadConfig {
        types: vec!["image/png".to_owned(), "text/plain".to_owned()],
        bytes_max: 20_000,
    });
    Rig::start_with(with_upstream(way, upstream("api", &[service.address])))
}

fn form(file: &[u8]) -> Vec<u8> {
    let mut form =
        b"--edge\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n".to_vec();
    form.extend(b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n");
    form.extend(b"Content-Type: image/png\r\n\r\n");
    form.extend(file);
    form.extend(b"\r\n--edge--\r\n");
    form
}

fn padded(start: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.resize(length, b'.');
    bytes
}

#[tokio::test]
async fn types_are_told_by_the_bytes_and_what_passes_is_unchanged() {
    let service = Service::start("one");
    let rig = rig(&service).await;
    let edge = "multipart/form-data; boundary=edge";
    let mut passed = 0;
    for (kind, body, wanted) in [
        ("image/png", padded(PNG, 15_000), 200),
        ("text/plain", padded(b"text", 100), 200),
        ("image/png", padded(PROGRAM, 15_000), 415),
        ("application/octet-stream", padded(PROGRAM, 50), 415),
        ("image/png", padded(PNG, 20_001), 413),
        (edge, form(&padded(PNG, 15_000)), 200),
        (edge, form(&padded(PROGRAM, 15_000)), 415),
        (edge, form(&padded(PNG, 20_001)), 413),
        (edge, b"no form".to_vec(), 400),
    ] {
        // By its length, in pieces, and both once as a method that may be repeated.
        for (method, streamed) in [("POST", false), ("POST", true), ("PUT", true)] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let request = rig.client.request(method, rig.url("/collect"));
            let request = request.header("content-type", kind);
            let pieces: Vec<_> = body.chunks(700).map(Bytes::copy_from_slice).collect();
            let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
            let request = match streamed {
                true => request.body(reqwest::Body::wrap_stream(futures::stream::iter(pieces))),
                false => request.body(body.clone()),
            };
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status, wanted, "{kind}, {} bytes, {streamed}", body.len());
            if wanted == 200 {
                passed += 1;
                assert_eq!(answer.bytes().await.unwrap(), body);
            } else {
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["status"], wanted);
            }
        }
    }
    assert_eq!(
        service.bodies().len(),
        passed,
        "nothing else came to its end"
    );
}

#[tokio::test]
async fn requests_without_a_body_pass_and_are_still_repeated() {
    let service = Service::start("one");
    let rig = rig(&service).await;
    let answer = rig.get("/headers").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = answer.text().await.unwrap();
    assert!(!seen.contains("content-length"), "{seen}");
    assert!(!seen.contains("transfer-encoding"), "{seen}");
    let head = rig.client.head(rig.url("/who")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}
