use http::Request;

use super::*;

fn prepared(request: Request<()>) -> Result<request::Parts, HeadError> {
    let (mut head, ()) = request.into_parts();
    make_plain(&mut head)?;
    let upgrade = upgrade_protocol(&head.headers);
    let own = HeaderValue::from_static("own:80");
    prepare_request(&mut head, false, false, (&own, false), upgrade);
    Ok(head)
}

#[test]
fn connection_cannot_remove_what_frames_the_message() {
    let request = Request::post("/a")
        .header("host", "shop")
        .header("content-length", "5")
        .header("connection", "Content-Length, host, X-Own")
        .header("connection", "x-other")
        .header("x-own", "1")
        .header("x-other", "2")
        .header("x-third", "3");
    let head = prepared(request.body(()).unwrap()).unwrap();
    assert_eq!(head.headers["content-length"], "5");
    assert_eq!(head.headers["host"], "shop");
    assert!(
        ["connection", "x-own", "x-other"]
            .iter()
            .all(|name| !head.headers.contains_key(*name))
    );
    assert_eq!(head.headers["x-third"], "3");
}

#[test]
fn upgrades_are_passed_on_only_if_connection_says_so() {
    let request = |connection| {
        let request = Request::get("/")
            .header("host", "a")
            .header("upgrade", "websocket");
        prepared(request.header("connection", connection).body(()).unwrap()).unwrap()
    };
    let head = request("keep-alive, Upgrade");
    assert_eq!(
        (&head.headers["connection"], &head.headers["upgrade"]),
        (&"upgrade".parse().unwrap(), &"websocket".parse().unwrap())
    );
    let head = request("keep-alive");
    assert!(!head.headers.contains_key("connection") && !head.headers.contains_key("upgrade"));
}

#[test]
fn targets_are_brought_to_origin_form() {
    let target = |uri: &str| {
        let request = Request::get(uri).header("host", "first").body(()).unwrap();
        prepared(request).map(|head| (head.uri.to_string(), head.headers["host"].clone()))
    };
    assert_eq!(
        target("/a?b"),
        Ok(("/a?b".to_owned(), HeaderValue::from_static("first")))
    );
    assert_eq!(
        target("http://second:81/a?b"),
        Ok(("/a?b".to_owned(), HeaderValue::from_static("second:81")))
    );
    assert_eq!(
        target("http://second"),
        Ok(("/".to_owned(), HeaderValue::from_static("second")))
    );
    assert_eq!(target("*"), Err(HeadError::Target));
    assert_eq!(target("ftp://second/"), Err(HeadError::Target));
    assert_eq!(target("second:81"), Err(HeadError::Target));
    assert_eq!(target("http://user@second/"), Err(HeadError::Host));
}

#[test]
fn an_answer_has_one_length() {
    let response = http::Response::builder()
        .header("transfer-encoding", "chunked")
        .header("content-length", "5")
        .header("connection", "close, x-own")
        .header("x-own", "1")
        .header("trailer", "x-sum")
        .header("x-portcullis-release", "forged");
    let (mut head, ()) = response.body(()).unwrap().into_parts();
    prepare_answer(&mut head, Some(&HeaderValue::from_static("1.0")));
    let names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["trailer", "x-portcullis-release"]);
    assert_eq!(head.headers[RELEASE], "1.0");
}

#[test]
fn an_old_request_without_host_gets_the_arms_own() {
    let request = |version| prepared(Request::get("/").version(version).body(()).unwrap());
    let head = request(http::Version::HTTP_10).unwrap();
    assert_eq!(head.headers["host"], "own:80");
    assert!(!head.headers.contains_key("x-forwarded-host"));
    assert_eq!(
        request(http::Version::HTTP_11).unwrap_err(),
        HeadError::Host
    );
}

#[test]
fn what_servers_take_for_another_field_is_removed() {
    let request = Request::post("/a")
        .header("host", "shop")
        .header("content-length", "007")
        .header("content_length", "0")
        .header("Transfer_Encoding", "chunked")
        .header("x-forwarded_for", "1.2.3.4")
        .header("x_own", "kept");
    let head = prepared(request.body(()).unwrap()).unwrap();
    assert_eq!(head.headers["content-length"], "7");
    assert_eq!(head.headers["x_own"], "kept");
    let left = |name: &&HeaderName| name.as_str().contains('_');
    assert_eq!(head.headers.keys().filter(left).count(), 1);
}

#[test]
fn a_coding_that_would_be_lost_is_refused() {
    let coded = |codings: &[&str]| {
        let request = Request::post("/a").header("host", "shop");
        let request = codings.iter().fold(request, |request, coding| {
            request.header("transfer-encoding", *coding)
        });
        prepared(request.body(()).unwrap()).map(|head| head.headers["transfer-encoding"].clone())
    };
    assert_eq!(coded(&["Chunked"]).unwrap(), "chunked");
    for codings in [
        &["gzip, chunked"][..],
        &["chunked", "chunked"],
        &["identity"],
    ] {
        assert_eq!(coded(codings), Err(HeadError::Coding));
    }
}

#[test]
fn an_upgrade_to_another_http_is_none() {
    for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"] {
        let request = Request::get("/")
            .header("host", "a")
            .header("connection", "upgrade, http2-settings")
            .header("http2-settings", "AAAA")
            .header("upgrade", protocol);
        let head = prepared(request.body(()).unwrap()).unwrap();
        let gone = ["connection", "upgrade", "http2-settings"];
        assert!(
            gone.iter().all(|name| !head.headers.contains_key(*name)),
            "{protocol}"
        );
    }
}
