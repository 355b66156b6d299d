use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use http::{HeaderMap, Method, Request, StatusCode};
use portcullis_api::gateway::Arm;
use portcullis_config::{
    AccessLogPlace, CapacityConfig, EjectConfig, LoggedPaths, ServerWeight, UpstreamChoice,
    UpstreamConfig, UpstreamProtocol,
};
use serde_json::Value;

use super::*;
use crate::access_log::line::MaskingSummary;
use crate::arm::ArmState;
use crate::capacity::Capacity;
use crate::clock;
use crate::grpc_status::GrpcStatus;
use crate::metrics::counters::ClientMethod;
use crate::protect::TraceParent;
use crate::upstream_set::UpstreamSet;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct Rig {
    observers: Rc<WorkerObservers>,
    route: Arc<ObservedRoute>,
    _folder: tempfile::TempDir,
    log: PathBuf,
}

fn rig(is_logged: bool, traces: Option<&TracesConfig>) -> Rig {
    rig_with(is_logged, traces, LoggedPaths::Masked)
}

fn rig_with(is_logged: bool, traces: Option<&TracesConfig>, paths: LoggedPaths) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.log");
    let to = match is_logged {
        true => AccessLogPlace::File(log.clone()),
        false => AccessLogPlace::Off,
    };
    let config = AccessLogConfig {
        to,
        sample: 1,
        paths,
    };
    let shared = Arc::new(Observers::start(&config, traces, 2).unwrap());
    Rig {
        route: shared.route("api"),
        observers: WorkerObservers::new(shared, 1),
        _folder: folder,
        log,
    }
}

impl Rig {
    fn begin(&self, request: Request<()>) -> Observed {
        let (head, ()) = request.into_parts();
        self.observers.begin(&Beginning {
            started_us: clock::monotonic_us(),
            head: &head,
            client: "192.0.2.77".parse().unwrap(),
            is_secure: false,
        })
    }

    /// The lines of the log, which is closed for this.
    fn lines(self) -> Vec<Value> {
        drop(self.observers);
        let text = std::fs::read_to_string(&self.log).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    fn count(&self, method: Method, status: &str) -> u64 {
        let place = crate::metrics::counters::METHODS
            .iter()
            .position(|name| *name == method.as_str());
        let class = crate::metrics::counters::CLASSES
            .iter()
            .position(|name| *name == status);
        let counters = &self.route.counters;
        counters.requests(place.unwrap(), class.unwrap())
    }

    fn in_flight(&self) -> u64 {
        let block = self.route.counters.block(1);
        block.in_flight.load(Relaxed)
    }
}

fn get(path: &str) -> Request<()> {
    let request = Request::get(path).header("host", "shop.example:8080");
    request.body(()).unwrap()
}

fn arm(release: &str) -> Arc<ArmState> {
    let arm = Arm {
        release: release.to_owned(),
        address: "127.0.0.1:9".to_owned(),
    };
    Arc::new(ArmState::new(arm, UpstreamProtocol::Http1, 2).unwrap())
}

#[test]
fn a_request_is_counted_and_written_once_with_what_was_said_of_it() {
    let rig = rig(true, None);
    let observed = rig.begin(get("/cart?secret=1"));
    observed.route(&rig.route);
    assert_eq!(rig.in_flight(), 1);
    observed.arm(&arm("1.0"));
    observed.attempt(&mut get("/"));
    observed.arm(&arm("1.1"));
    observed.attempt(&mut get("/"));
    observed.queued(3_000);
    observed.connected(2_000);
    observed.answered(StatusCode::OK);
    observed.bytes_in(10);
    observed.bytes_out(20);
    observed.bytes_out(5);
    observed.complete();
    observed.end();
    observed.end();
    drop(observed);
    assert_eq!(rig.in_flight(), 0);
    assert_eq!(rig.count(Method::GET, "2xx"), 1);
    assert_eq!(rig.route.counters.block(1).retries.load(Relaxed), 1);
    let lines = rig.lines();
    let [line] = &lines[..] else {
        panic!("{lines:?}")
    };
    let wanted = [
        ("method", "GET".into()),
        ("host", "shop.example:8080".into()),
        ("path", "/cart".into()),
        ("route", "api".into()),
        ("release", "1.1".into()),
        ("server", "127.0.0.1:9".into()),
        ("client", "192.0.2.0".into()),
        ("status", 200.into()),
        ("bytes_in", 10.into()),
        ("bytes_out", 25.into()),
        ("queue_ms", 3.into()),
        ("connect_ms", 2.into()),
        ("retries", Value::from(1)),
    ];
    for (key, value) in wanted {
        assert_eq!(line[key], value, "{key} of {line}");
    }
    assert!(line.get("cut").is_none() && line.get("refusal").is_none());
    assert!(!line.to_string().contains("secret"));
}

#[test]
fn nobody_is_told_by_a_path_a_host_or_what_was_cut_off() {
    let rig = rig(true, None);
    drop(rig.begin(get(
        "/users/jane@example.org/12345678?mail=jane@example.org",
    )));
    let whole = Request::get("http://jane:secret@shop.example/").body(());
    drop(rig.begin(whole.unwrap()));
    let long = format!("/{}/jane.doe@example.org", "x/".repeat(507));
    drop(rig.begin(get(&long)));
    let lines = rig.lines();
    assert_eq!(lines[0]["path"], "/users/{email}/{number}");
    assert_eq!(lines[1]["host"], "shop.example");
    let all = serde_json::to_string(&lines).unwrap();
    assert!(!all.contains("jane") && !all.contains("secret"), "{all}");
}

#[test]
fn paths_are_whole_or_absent_where_the_settings_say_so() {
    for (paths, expected) in [
        (LoggedPaths::Whole, Value::from("/users/jane@example.org")),
        (LoggedPaths::Off, Value::Null),
    ] {
        let rig = rig_with(true, None, paths);
        drop(rig.begin(get("/users/jane@example.org")));
        assert_eq!(rig.lines()[0]["path"], expected);
    }
}

#[test]
fn what_masking_says_is_added_up_and_written_with_the_release_as_version() {
    let rig = rig(true, None);
    let observed = rig.begin(get("/"));
    observed.arm(&arm("1.7.0"));
    for (time_us, patterns) in [(200, 3), (50, 0)] {
        observed.masked(MaskingSummary { time_us, patterns });
    }
    drop(observed);
    drop(rig.begin(get("/")));
    let lines = rig.lines();
    assert_eq!(lines[0]["version"], "1.7.0");
    assert_eq!(lines[0]["release"], "1.7.0");
    assert_eq!(lines[0]["masking_time"], 0.25);
    assert_eq!(lines[0]["patterns_matched"], 3);
    for name in ["version", "masking_time", "patterns_matched"] {
        assert!(lines[1].get(name).is_none(), "{name}");
    }
}

#[test]
fn a_failed_call_of_grpc_is_an_error_of_the_log_and_counted_by_its_status() {
    let rig = rig(true, None);
    // Of every four requests without an error one is written: the first.
    let rig = Rig {
        observers: sampled(&rig.log, 4),
        ..rig
    };
    for (path, status) in [("/a", "0"), ("/b", "0"), ("/c", "5"), ("/d", "14")] {
        let observed = rig.begin(get(path));
        observed.route(&rig.route);
        observed.answered(StatusCode::OK);
        let status = ("grpc-status".parse().unwrap(), status.parse().unwrap());
        observed.called(GrpcStatus::of(&HeaderMap::from_iter([status])));
        observed.called(None);
        observed.complete();
    }
    let calls = [0, 5, 14].map(|status| rig.route.counters.grpc_calls(status));
    assert_eq!(calls, [2, 1, 1]);
    let lines = rig.lines();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&line["path"], &line["grpc_status"]))
        .collect();
    let expected = [("/a", 0), ("/c", 5), ("/d", 14)]
        .map(|(path, status)| (Value::from(path), Value::from(status)));
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, status)| (path, status))
        .collect();
    assert_eq!(told, expected);
}

/// Observers that write one in so many to a file.
fn sampled(log: &Path, sample: u32) -> Rc<WorkerObservers> {
    let config = AccessLogConfig {
        to: AccessLogPlace::File(log.to_owned()),
        sample,
        paths: LoggedPaths::Masked,
    };
    WorkerObservers::new(Arc::new(Observers::start(&config, None, 2).unwrap()), 1)
}

#[test]
fn a_client_that_goes_away_is_counted_without_a_status_and_an_answer_cut_short_says_so() {
    let rig = rig(true, None);
    let gone = rig.begin(get("/gone"));
    gone.route(&rig.route);
    drop(gone);
    let cut = rig.begin(get("/cut"));
    cut.route(&rig.route);
    cut.answered(StatusCode::OK);
    drop(cut);
    assert_eq!(rig.count(Method::GET, "none"), 1);
    assert_eq!(rig.count(Method::GET, "2xx"), 1);
    let lines = rig.lines();
    assert_eq!(lines[0]["path"], "/gone");
    assert!(lines[0].get("status").is_none());
    assert_eq!(lines[1]["status"], 200);
    assert!(lines.iter().all(|line| line["cut"] == true));
}

#[test]
fn a_request_that_no_route_took_is_counted_there_and_written_with_its_refusal() {
    let rig = rig(true, None);
    let observed = rig.begin(get("/"));
    observed.refused("unknown_host");
    observed.answered(StatusCode::MISDIRECTED_REQUEST);
    observed.complete();
    drop(observed);
    assert_eq!(rig.observers.block().unrouted.load(Relaxed), 1);
    let lines = rig.lines();
    assert_eq!(lines[0]["refusal"], "unknown_host");
    assert_eq!(lines[0]["status"], 421);
}

#[test]
fn with_the_log_off_nothing_of_a_request_is_kept_and_it_is_counted_all_the_same() {
    let rig = rig(false, None);
    let observed = rig.begin(get("/"));
    assert!(!observed.keeps_text());
    observed.route(&rig.route);
    observed.limited();
    observed.answered(StatusCode::TOO_MANY_REQUESTS);
    observed.complete();
    drop(observed);
    assert_eq!(rig.count(Method::GET, "4xx"), 1);
    assert_eq!(rig.route.counters.block(1).limited.load(Relaxed), 1);
    assert!(!rig.log.exists());
}

#[test]
fn a_route_that_comes_back_under_its_name_counts_on() {
    let rig = rig(false, None);
    let block = rig.route.counters.block(0);
    block.request(ClientMethod::from(&Method::GET), Some(StatusCode::OK), 5);
    let again = rig.observers.shared.route("api");
    assert!(Arc::ptr_eq(&again, &rig.route));
    assert!(!Arc::ptr_eq(&again, &rig.observers.shared.route("other")));
}

#[test]
fn without_a_collector_the_clients_trace_goes_through_as_it_is() {
    let rig = rig(true, None);
    let mut request = get("/");
    let given = GIVEN.parse().unwrap();
    request.headers_mut().insert("traceparent", given);
    let observed = rig.begin(request);
    let mut sent = HeaderMap::new();
    observed.trace().set_request(&mut sent);
    let mut request = get("/");
    *request.headers_mut() = sent;
    observed.attempt(&mut request);
    assert_eq!(request.headers()["traceparent"], GIVEN);
}

#[test]
fn one_of_so_many_traces_is_sampled_and_one_of_a_client_as_it_says() {
    // Nothing listens there, which a request does not notice.
    let traces = TracesConfig {
        endpoint: format!("http://{}", closed_address()),
        sample: 3,
    };
    let rig = rig(false, Some(&traces));
    let mut sampled = 0;
    for _ in 0..9 {
        let observed = rig.begin(get("/"));
        sampled += u32::from(observed.trace().parent.is_sampled());
        assert_eq!(observed.keeps_text(), observed.trace().parent.is_sampled());
        let given = GIVEN.replace("-01", "-00");
        let mut request = get("/");
        let given = given.parse().unwrap();
        request.headers_mut().insert("traceparent", given);
        assert!(!rig.begin(request).trace().parent.is_sampled());
    }
    assert_eq!(sampled, 3);
}

#[test]
fn each_attempt_of_a_sampled_trace_tells_the_release_a_span_of_its_own() {
    let traces = TracesConfig {
        endpoint: format!("http://{}", closed_address()),
        sample: 1,
    };
    let rig = rig(false, Some(&traces));
    let observed = rig.begin(get("/"));
    let mut request = get("/");
    observed.trace().set_request(request.headers_mut());
    let told = |request: &Request<()>| TraceParent::parse(&request.headers()["traceparent"]);
    observed.attempt(&mut request);
    let first = told(&request).unwrap();
    observed.attempt(&mut request);
    let second = told(&request).unwrap();
    let own = observed.trace().parent;
    assert_eq!([first.trace_id, second.trace_id], [own.trace_id; 2]);
    assert!(first.is_sampled() && second.is_sampled());
    assert_ne!(first.span_id, second.span_id);
    assert!(![first.span_id, second.span_id].contains(&own.span_id));
}

#[test]
fn a_server_of_an_upstream_is_named_and_a_second_one_is_counted() {
    let rig = rig(true, None);
    let set = upstream("models");
    let observed = rig.begin(get("/"));
    observed.route(&rig.route);
    observed.server(set.server(0));
    observed.attempt(&mut get("/"));
    observed.hedged();
    observed.answered(StatusCode::OK);
    observed.complete();
    drop(observed);
    assert_eq!(rig.route.counters.block(1).hedges.load(Relaxed), 1);
    let lines = rig.lines();
    assert_eq!(lines[0]["server"], "127.0.0.1:9");
    assert!(lines[0].get("release").is_none());
}

#[test]
fn routes_that_are_not_in_force_any_more_are_forgotten() {
    let rig = rig(false, None);
    let observers = &rig.observers.shared;
    let gone = observers.route("gone");
    observers.set_watched(vec![watched(&rig.route, Backing::Gateway)]);
    assert_eq!(observers.watched().len(), 1);
    assert!(Arc::ptr_eq(&rig.route, &observers.route("api")));
    assert!(!Arc::ptr_eq(&gone, &observers.route("gone")));
}

#[test]
fn a_log_that_cannot_be_opened_is_named() {
    let config = AccessLogConfig {
        to: AccessLogPlace::File(Path::new("/nowhere/requests.log").to_owned()),
        sample: 1,
        paths: LoggedPaths::Masked,
    };
    let error = Observers::start(&config, None, 1).unwrap_err().to_string();
    assert!(error.contains("/nowhere/requests.log"), "{error}");
}

/// A route in force without a limit.
pub(super) fn watched(observed: &Arc<ObservedRoute>, backing: Backing) -> WatchedRoute {
    let config = CapacityConfig {
        in_flight_max: None,
        queue_max: 0,
        queue_timeout_ms: 0,
    };
    WatchedRoute {
        mask: None,
        observed: Arc::clone(observed),
        capacity: Arc::new(Capacity::new(&config)),
        backing,
    }
}

/// An upstream of one server, which is ejected after one failure.
pub(super) fn upstream(name: &str) -> Arc<UpstreamSet> {
    let config = UpstreamConfig {
        name: name.into(),
        servers: vec![ServerWeight {
            address: "127.0.0.1:9".to_owned(),
            weight: 1,
        }],
        choice: UpstreamChoice::LeastLoaded,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        health: None,
        eject: EjectConfig {
            failures: 1,
            min_ms: 1000,
            max_ms: 1000,
            share_max_percent: 100,
        },
    };
    Arc::new(UpstreamSet::new(&config, 2, None).unwrap())
}

/// An address at which nothing listens.
fn closed_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
