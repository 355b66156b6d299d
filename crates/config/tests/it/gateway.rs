//! The settings of the gateway.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_config::{
    AccessLogPlace, AcmeChallenge, ClientCertificates, ClientsConfig, FileFault, GatewayConfig,
    HostPattern, JwksSource, JwtAlgorithm, LimitKey, PathPattern, RouteTarget, SecurityHeaders,
    TlsVersion, UnknownRequest, UpstreamChoice, UpstreamProtocol, ValueOrigin, explain_text, load,
};

use crate::{least, read, wrong};

const GATEWAY: &str = include_str!("gateway.toml");
/// Settings that are right by themselves and useless or dangerous together.
const USELESS: &str = include_str!("gateway-useless.toml.txt");
/// Mistakes of the gateway's settings, with a line of `-----` between them.
const MISTAKES: &str = include_str!("gateway-mistakes.toml.txt");

fn gateway(text: &str) -> GatewayConfig {
    match read(text) {
        Ok(config) => config.gateway,
        Err(problems) => panic!("{problems}"),
    }
}

fn in_folder(path: &str) -> PathBuf {
    Path::new("/srv/dhash").join(path)
}

#[test]
fn every_key_of_the_gateway_is_in_the_complete_file() {
    // What is kept in memory has limits, and what is kept elsewhere has keys.
    let in_memory = "keep = \"memory\"\nconversations_max = 10\nmemory_max = \"8MiB\"\n";
    let elsewhere = "keep = \"shared\"\nkeys = \"env:PORTCULLIS_MASK_KEYS\"\n";
    let in_memory = GATEWAY.replace(elsewhere, in_memory);
    let explained = [GATEWAY, &in_memory].map(|text| {
        explain_text(text, Path::new("portcullis.toml"), None)
            .unwrap_or_else(|problems| panic!("{problems}"))
    });
    let mut given: BTreeMap<String, bool> = BTreeMap::new();
    for one in explained.into_iter().flatten() {
        // A key that one item of a list has not is there in another.
        let key: String = one.key.split(['[', ']']).step_by(2).collect();
        let known = given.entry(key).or_default();
        *known |= one.origin != ValueOrigin::Default;
    }
    // A table that one item has is told by its keys.
    let is_table = |key: &str| {
        given
            .keys()
            .any(|other| other.starts_with(&format!("{key}.")))
    };
    let missing: Vec<&String> = given
        .iter()
        .filter(|(key, given)| key.starts_with("gateway.") && !**given && !is_table(key))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_file_without_the_gateways_tables_asks_for_nothing_new() {
    let plain = gateway(&least("", ""));
    assert_eq!(plain.clients, ClientsConfig::default());
    assert_eq!((plain.canary_users.len(), plain.shadow_percent), (0, 0));
    assert_eq!(plain.unknown, UnknownRequest::Service);
    assert_eq!((plain.tls, plain.traces, plain.shared), (None, None, None));
    assert!(plain.upstreams.is_empty() && plain.routes.is_empty());
    assert!(plain.limits.is_empty() && plain.access.is_empty());
    assert_eq!(plain.log.to, AccessLogPlace::Off);
    assert_eq!((plain.log.sample, plain.metrics.listen), (1, None));
}

#[test]
fn a_gateway_may_refuse_what_no_route_takes() {
    let text = "[gateway]\nunknown = \"refuse\"\n[[gateway.route]]\nname = \"a\"\npath = \"/a\"\n";
    assert_eq!(gateway(&least("", text)).unknown, UnknownRequest::Refuse);
}

#[test]
fn a_route_without_settings_only_sends_requests_to_the_service() {
    let routes = gateway(&least(
        "",
        "[[gateway.route]]\nname = \"all\"\npath = \"/\"\n",
    ))
    .routes;
    let [route] = routes.as_slice() else {
        panic!("{routes:?}")
    };
    assert_eq!(
        (route.path.clone(), route.to.clone()),
        (PathPattern::Any, RouteTarget::Service)
    );
    assert!(route.hosts.is_empty() && route.methods.is_empty() && route.headers.is_empty());
    let times = &route.timeouts;
    assert_eq!(
        (
            times.connect_ms,
            times.first_byte_ms,
            times.idle_ms,
            times.whole_ms
        ),
        (1_000, 60_000, 300_000, None)
    );
    assert_eq!(route.body_bytes_max, u64::MAX);
    assert_eq!(
        (route.retries.attempts_max, route.retries.budget_percent),
        (1, 20)
    );
    assert_eq!(route.retries.statuses, [502, 503, 504]);
    assert_eq!(route.retries.hedge_after_ms, None);
    assert_eq!(route.capacity.in_flight_max, None);
    assert!(route.limits.is_empty() && route.access.is_none() && route.cors.is_none());
    assert_eq!(route.security_headers, SecurityHeaders::Off);
    assert_eq!(route.upload, None);
}

#[test]
fn routes_arrive_with_their_conditions_and_settings() {
    let routes = gateway(GATEWAY).routes;
    let api = &routes[0];
    assert_eq!(
        api.hosts,
        [
            HostPattern::Exact("api.example.org".to_owned()),
            HostPattern::Below(".example.org".to_owned())
        ]
    );
    assert_eq!(api.path, PathPattern::Prefix("/v1".to_owned()));
    let headers: Vec<(&str, Option<&str>)> = api
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_deref()))
        .collect();
    assert_eq!(headers, [("x-any", None), ("x-tenant", Some("a"))]);
    assert_eq!(api.to, RouteTarget::Upstream("models".into()));
    assert_eq!(api.rewrite.host.as_deref(), Some("models.example.org:8443"));
    assert_eq!(api.timeouts.whole_ms, Some(3_600_000));
    assert_eq!(api.body_bytes_max, 10_000_000);
    assert_eq!(
        (api.retries.attempts_max, api.retries.budget_percent),
        (2, 10)
    );
    assert_eq!(api.retries.statuses, [502, 429]);
    assert_eq!(api.retries.hedge_after_ms, Some(200));
    assert_eq!(
        (api.capacity.in_flight_max, api.capacity.queue_max),
        (Some(200), 50)
    );
    assert_eq!(api.limits.len(), 4);
    assert_eq!(api.access.as_deref(), Some("partners"));
    let cors = api.cors.as_ref().expect("cors");
    assert_eq!(
        (cors.headers[0].as_str(), cors.max_age_s),
        ("content-type", 3_600)
    );
    assert_eq!(cors.expose, ["x-trace-id"]);
    assert_eq!(api.security_headers, SecurityHeaders::Strict);
    assert_eq!(
        api.upload.as_ref().map(|upload| upload.bytes_max),
        Some(5_000_000)
    );
    assert_eq!(routes[1].path, PathPattern::Exact("/".to_owned()));
    let RouteTarget::Redirect(redirect) = &routes[1].to else {
        panic!("{:?}", routes[1].to)
    };
    assert_eq!(
        (redirect.location.as_str(), redirect.status),
        ("https://{host}/home{query}", 302)
    );
    assert_eq!(routes[3].to, RouteTarget::Service);
}

#[test]
fn tls_and_upstreams_arrive_with_absolute_paths() {
    let gateway = gateway(GATEWAY);
    let tls = gateway.tls.expect("tls");
    assert_eq!(
        (tls.listen.port(), tls.version_min, tls.redirect),
        (8_443, TlsVersion::V13, true)
    );
    assert_eq!(tls.certificates[0].key_file, in_folder("tls/key.pem"));
    assert_eq!(
        tls.certificates[1].chain_file,
        Path::new("/etc/tls/other.pem")
    );
    let ca_file = in_folder("tls/clients.pem");
    assert_eq!(tls.clients, ClientCertificates::Optional { ca_file });
    let acme = tls.acme.expect("acme");
    assert_eq!(acme.challenge, AcmeChallenge::TlsAlpn01);
    assert_eq!(acme.ca_file, Some(in_folder("tls/acme-ca.pem")));
    let [assets, models] = gateway.upstreams.as_slice() else {
        panic!("{:?}", gateway.upstreams)
    };
    assert_eq!(assets.choice, UpstreamChoice::RoundRobin);
    assert_eq!(assets.protocol, UpstreamProtocol::Http1);
    assert_eq!((assets.tls.clone(), assets.health.clone()), (None, None));
    assert_eq!((assets.servers[0].weight, assets.servers[1].weight), (1, 3));
    assert_eq!(
        (assets.eject.failures, assets.eject.share_max_percent),
        (5, 50)
    );
    assert_eq!(models.protocol, UpstreamProtocol::Http2);
    assert_eq!(models.servers[1].address, "[2001:db8::1]:443");
    let client = models.tls.as_ref().and_then(|tls| tls.client.clone());
    assert_eq!(
        client,
        Some((in_folder("tls/own.pem"), in_folder("tls/own-key.pem")))
    );
    assert_eq!(
        models.health.as_ref().map(|health| health.unhealthy_after),
        Some(4)
    );
}

#[test]
fn limits_policies_and_observation_arrive() {
    let gateway = gateway(GATEWAY);
    let limits: Vec<(u32, u64, u32)> = gateway
        .limits
        .iter()
        .map(|limit| (limit.requests, limit.per_ms, limit.burst))
        .collect();
    assert_eq!(
        limits,
        [
            (100, 60_000, 100),
            (10, 1_000, 20),
            (60, 60_000, 10),
            (5_000, 10_000, 5_000)
        ]
    );
    assert_eq!(
        gateway.limits[1].key,
        LimitKey::Header("x-tenant".to_owned())
    );
    let [partners, office] = gateway.access.as_slice() else {
        panic!("{:?}", gateway.access)
    };
    assert_eq!(partners.deny[0].to_string(), "192.0.2.13/32");
    let keys = partners.keys.as_ref().expect("keys");
    assert_eq!((keys.header.as_str(), keys.hide), ("x-api-key", false));
    let jwt = partners.jwt.as_ref().expect("jwt");
    assert_eq!(jwt.keys, JwksSource::File(in_folder("jwks.json")));
    assert_eq!(jwt.algorithms, [JwtAlgorithm::Es256, JwtAlgorithm::EdDsa]);
    assert_eq!(jwt.skew_s, 30);
    let url = "https://id.example.org/jwks.json".to_owned();
    assert_eq!(
        office.jwt.as_ref().map(|jwt| jwt.keys.clone()),
        Some(JwksSource::Url(url))
    );
    assert_eq!(
        gateway.clients.trusted_proxies[2].to_string(),
        "192.0.2.7/32"
    );
    assert_eq!(gateway.clients.body_bytes_per_second_min, 1_000);
    assert_eq!(gateway.clients.head_bytes_max, 32 * 1_024);
    assert_eq!(
        (gateway.shadow_percent, gateway.unknown),
        (5, UnknownRequest::Service)
    );
    assert_eq!(
        gateway.log.to,
        AccessLogPlace::File(in_folder("access.log"))
    );
    let shared = gateway.shared.expect("shared");
    assert_eq!(
        (shared.redis.shown(), shared.timeout_ms),
        ("env:REDIS_URL", 20)
    );
}

#[test]
fn the_complete_file_written_out_means_the_same() {
    let config = read(GATEWAY).unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config, again);
}

#[test]
fn mistakes_of_the_gateway_are_told_with_their_place_and_a_hint() {
    let told: Vec<String> = MISTAKES
        .split("\n-----\n")
        .map(|tables| wrong(&least("", tables)))
        .collect();
    insta::assert_snapshot!(told.join("\n\n----\n\n"));
}

#[test]
fn all_mistakes_of_the_gateway_are_told_at_once() {
    let all = MISTAKES.split("\n-----\n").filter(|tables| {
        // What is there once only cannot be there with itself.
        tables.starts_with("[[")
    });
    let all: Vec<&str> = all.collect();
    assert!(all.len() > 20, "{}", all.len());
    let problems = read(&least("", &all.join("\n"))).expect_err("problems");
    assert!(problems.count() > all.len(), "{problems}");
}

#[test]
fn routes_that_differ_in_anything_are_all_reached() {
    let routes = [
        "hosts = [\"a.example.org\"]",
        "hosts = [\"*.example.org\"]",
        "hosts = [\"*.example.org\", \"b.example.org\"]",
        "path = \"/v1\"",
        "exact = \"/v1\"",
        "path = \"/v1/x\"",
        "path = \"/v1\"\nmethods = [\"GET\"]",
        "path = \"/v1\"\nmethods = [\"GET\", \"POST\"]",
        "path = \"/v1\"\nheaders = { a = \"1\" }",
        "path = \"/v1\"\nheaders = { a = \"2\" }",
        "path = \"/v1\"\nheaders = { a = \"*\" }",
        "path = \"/v1\"\nheaders = { b = \"1\" }",
        "",
    ];
    let text: String = routes
        .iter()
        .enumerate()
        .map(|(index, route)| format!("[[gateway.route]]\nname = \"r{index}\"\n{route}\n"))
        .collect();
    assert_eq!(gateway(&least("", &text)).routes.len(), routes.len());
}

#[test]
fn the_password_of_a_redis_url_is_never_quoted() {
    let cases = [
        "[gateway.shared]\nredis = \"redis://:8461937@h/0\"",
        "[gateway.shared]\nredis = \"redis://u:8461937@h/0\" x",
        "[gateway.shared]\nredsi = \"redis://u:8461937@h/0\"",
        "[gateway.shared]\nredis = [\"redis://u:8461937@h/0\"]",
        "[gateway.shared]\nredis = \"http://u:8461937@h/0\"",
        "[gateway.sharde]\nredis = \"redis://u:8461937@h/0\"",
        "[gateway]\nshared = \"redis://u:8461937@h/0\"",
        "[gateway.shared]\nredis = \"redis+unix:///run/redis.sock?pass=8461937\"",
        "[gateway.shared]\nredis = \"env:\"\nprefix = 8",
    ];
    for tables in cases {
        let told = wrong(&least("", tables));
        assert!(!told.contains("8461937"), "{told}");
    }
    let text = least(
        "",
        "[gateway.shared]\nredis = \"text:redis://:8461937@h\"\n",
    );
    let shared = gateway(&text).shared.expect("shared");
    assert_eq!(format!("{shared:?}").find("8461937"), None);
    let explained = explain_text(&text, Path::new("portcullis.toml"), None)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let shown = explained
        .iter()
        .find(|one| one.key == "gateway.shared.redis");
    assert_eq!(shown.and_then(|one| one.value.as_deref()), Some("(hidden)"));
}

/// Settings that would do nothing, or something else than they say, each with its place and what to do.
#[test]
fn settings_of_the_gateway_that_would_be_useless_or_dangerous_are_refused() {
    let told: Vec<String> = USELESS
        .split("\n-----\n")
        .map(|tables| wrong(&least("", tables)))
        .collect();
    insta::assert_snapshot!(told.join("\n\n----\n\n"));
}

#[test]
fn settings_that_only_look_useless_are_taken() {
    let upstream = |listen: &str, address: &str| {
        format!(
            "[gateway]\nlisten = \"{listen}\"\n[[gateway.upstream]]\nname = \"a\"\n\
             server = [{{ address = \"{address}\" }}]\n[[gateway.route]]\nname = \"a\"\nto = \"a\"\n"
        )
    };
    let required = |listen: &str, redirect: bool| {
        format!(
            "[gateway]\nlisten = \"{listen}\"\n[gateway.tls]\nlisten = \"0.0.0.0:8443\"\n\
             redirect = {redirect}\nclients = \"required\"\nclient_ca = \"ca.pem\"\n\
             certificate = [{{ chain = \"a\", key = \"b\" }}]\n"
        )
    };
    let route = |lines: &str| format!("[[gateway.route]]\nname = \"a\"\n{lines}\n");
    let cases = [
        upstream("127.0.0.1:8080", "127.0.0.2:8080"),
        upstream("192.0.2.1:8080", "localhost:8080"),
        upstream("127.0.0.1:8080", "example.org:8080"),
        required("127.0.0.1:8080", false),
        required("[::1]:8080", false),
        required("0.0.0.0:8080", true),
        route("path = \"/caf%C3%A9\"\nrewrite = { prefix = \"/a%20b\" }"),
        route("timeouts = { whole = \"500ms\" }"),
        route("retries = { budget = \"0%\" }"),
        // Somebody else answers TLS, and somebody else this port.
        route("redirect = { location = \"https://{host}{path}{query}\" }"),
        route("redirect = { location = \"http://{host}:81{path}\" }"),
        route(
            "exact = \"/a\"\nmethods = [\"POST\"]\nredirect = { location = \"/a\", status = 303 }",
        ),
        route("upload = { types = [\"image/heif\", \"text/html\", \"application/octet-stream\"] }"),
        "[gateway.clients]\nconnections_max = 100\n".to_owned(),
        "[gateway.shared]\nredis = \"redis://127.0.0.1\"\ntimeout = \"1s\"\n".to_owned(),
    ];
    for tables in cases {
        if let Err(problems) = read(&least("", &tables)) {
            panic!("{tables}\n{problems}");
        }
    }
}

#[test]
fn what_was_found_wrong_in_use_is_told_at_its_key() {
    let tables = "[gateway.shared]\nredis = \"env:REDIS_URL\"\n";
    let config = read(&least("", tables)).unwrap_or_else(|problems| panic!("{problems}"));
    let fault = |key: &str| FileFault {
        key: key.to_owned(),
        message: "nothing there".to_owned(),
        hint: "put something there".to_owned(),
    };
    assert_eq!(config.tell_faults(Vec::new()), Ok(()));
    let problems = config.tell_faults(vec![fault("gateway.shared.redis"), fault("elsewhere")]);
    let problems = problems.unwrap_err();
    let places: Vec<(usize, usize)> = problems
        .into_iter()
        .map(|at| (at.line, at.column))
        .collect();
    assert_eq!(places, [(1, 1), (10, 9)]);
    let told = problems.to_string();
    assert!(
        told.contains("nothing there; put something there"),
        "{told}"
    );
}

const FILES: &str = "
[gateway.tls]
listen = \"127.0.0.1:8443\"
clients = \"required\"
client_ca = \"ca.pem\"
[[gateway.tls.certificate]]
chain = \"cert.pem\"
key = \"key.pem\"
[[gateway.access]]
name = \"a\"
keys = { file = \"keys.json\" }
jwt = { jwks_file = \"jwks.json\", audiences = [\"x\"] }
[[gateway.route]]
name = \"a\"
access = \"a\"
[gateway.log]
to = \"logs/access.log\"
";

#[test]
fn certificates_keys_and_key_sets_are_looked_at_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let file = folder.path().join("portcullis.toml");
    fs::write(
        &file,
        least("", FILES).replace("\"dhash\"\ncommand", "\"/bin/sh\"\ncommand"),
    )
    .unwrap();
    let check = || {
        let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
        config.check_files().map_err(|problems| {
            problems
                .to_string()
                .replace(&folder.path().display().to_string(), "FOLDER")
        })
    };
    let missing = check().expect_err("problems");
    write("ca.pem", "-----BEGIN PRIVATE KEY-----\n8461937\n");
    write("cert.pem", "8461937");
    write(
        "key.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n8461937\n",
    );
    write("keys.json", "8461937");
    write("jwks.json", "{\"kty\": \"oct\", \"k\": \"8461937\"}");
    fs::create_dir_all(folder.path().join("logs/access.log")).unwrap();
    let other = check().expect_err("problems");
    assert!(!other.contains("8461937"), "{other}");
    insta::assert_snapshot!([missing, other].join("\n\n----\n\n"));

    let certificate = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    write("ca.pem", certificate);
    write("cert.pem", certificate);
    write(
        "key.pem",
        "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n",
    );
    write("keys.json", "{}");
    write("jwks.json", "{\"keys\": []}");
    fs::remove_dir(folder.path().join("logs/access.log")).unwrap();
    assert_eq!(check(), Ok(()));
}

/// What the guide shows is a configuration.
#[test]
fn the_example_of_the_guide_is_right() {
    let guide = include_str!("../../../../docs/guide/gateway.md");
    let examples: Vec<&str> = guide
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 1);
    let gateway = gateway(examples[0]);
    assert_eq!(gateway.routes.len(), 5);
    assert_eq!((gateway.limits.len(), gateway.shadow_percent), (3, 5));
}
