//! Figures from elsewhere, asked of real servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use portcullis_driver::CheckClient;
use portcullis_rollout::{
    Authorization, Command, CommandReading, FigureOrder, FigureSource, Freshness,
};

use crate::postgres_server::PostgresServer;
use crate::prometheus_server::PrometheusServer;
use crate::world::free_address;

fn order(source: FigureSource) -> FigureOrder {
    FigureOrder {
        name: "figure".to_owned(),
        source,
        timeout_ms: 5_000,
        folder: std::env::temp_dir(),
    }
}

async fn read(source: FigureSource) -> Result<f64, String> {
    CheckClient::new().unwrap().figure(&order(source)).await
}

async fn why(source: FigureSource) -> String {
    read(source).await.unwrap_err()
}

/// A server of documents and of metrics in Prometheus's text format, which a test sets.
struct Pages {
    address: String,
    text: Arc<Mutex<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Pages {
    async fn start(text: &str) -> Pages {
        let text = Arc::new(Mutex::new(text.to_owned()));
        let shown = Arc::clone(&text);
        let page = get(async move || shown.lock().unwrap().clone());
        let guarded = get(async |headers: HeaderMap| {
            let shown = headers
                .get("authorization")
                .map(|value| value.to_str().unwrap());
            match shown {
                Some("Bearer s3cret" | "Basic YW5hOnMzY3JldA==") => {
                    (StatusCode::OK, r#"{"queue": 7}"#)
                }
                _ => (StatusCode::UNAUTHORIZED, "who are you?"),
            }
        });
        let silent = get(async || tokio::time::sleep(Duration::from_secs(60)).await);
        let router = Router::new()
            .route("/metrics", page.clone())
            .route("/page", page)
            .route("/guarded", guarded)
            .route("/silent", silent);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Pages {
            address,
            text,
            task,
        }
    }

    fn set(&self, text: &str) {
        *self.text.lock().unwrap() = text.to_owned();
    }

    fn json(&self, path: &str) -> FigureSource {
        FigureSource::Json {
            url: format!("http://{}{path}", self.address),
            pointer: "/queue".to_owned(),
            fresh: None,
            authorization: None,
            ca: None,
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_document_gives_a_number_or_says_why_not() {
    let pages = Pages::start(r#"{"queue": 7}"#).await;
    assert_eq!(read(pages.json("/page")).await, Ok(7.0));
    for (document, expected) in [
        (r#"{"queue": 7.5}"#, None),
        (
            r#"{"queue": "7.5"}"#,
            Some("/queue: \"7.5\" is a text and no number; a number is written without quotes"),
        ),
        ("{}", Some("/queue is missing")),
        (r#"{"queue": null}"#, Some("/queue: the value is null")),
        (r#"{"queue": "many"}"#, Some("is a text and no number")),
        (r#"{"queue": "NaN"}"#, Some("is a text and no number")),
        (r#"{"queue": [1]}"#, Some("is a list and no number")),
        ("oops", Some("the answer is not JSON: oops")),
    ] {
        pages.set(document);
        let read = read(pages.json("/page")).await;
        match expected {
            None => assert_eq!(read, Ok(7.5)),
            Some(words) => {
                let why = read.unwrap_err();
                assert!(why.contains(words), "{document}: {why}");
            }
        }
    }
    let missing = why(pages.json("/none")).await;
    assert!(missing.contains("404"), "{missing}");
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_gives_no_figure_in_its_time() {
    let pages = Pages::start("").await;
    let mut silent = order(pages.json("/silent"));
    silent.timeout_ms = 200;
    let why_silent = CheckClient::new().unwrap().figure(&silent).await;
    assert_eq!(why_silent, Err("no answer within 200 ms".to_owned()));
    let gone = FigureSource::Json {
        url: format!("http://{}/", free_address()),
        pointer: String::new(),
        fresh: None,
        authorization: None,
        ca: None,
    };
    let gone = why(gone).await;
    assert!(gone.starts_with("could not connect"), "{gone}");
}

#[tokio::test]
async fn a_stale_document_is_no_data() {
    let pages = Pages::start(r#"{"queue": 7, "at": "2020-01-01T00:00:00Z"}"#).await;
    let mut source = pages.json("/page");
    if let FigureSource::Json { fresh, .. } = &mut source {
        *fresh = Some(Freshness {
            pointer: "/at".to_owned(),
            max_age_ms: 60_000,
        });
    }
    let stale = why(source.clone()).await;
    assert!(stale.starts_with("stale: the document is"), "{stale}");
    pages.set(r#"{"queue": 7, "at": 99999999999}"#);
    assert_eq!(read(source).await, Ok(7.0), "a moment to come is not old");
}

#[tokio::test]
async fn a_token_or_a_password_is_shown_and_never_told() {
    let pages = Pages::start("").await;
    let with = |authorization| FigureSource::Json {
        url: format!("http://{}/guarded", pages.address),
        pointer: "/queue".to_owned(),
        fresh: None,
        authorization: Some(authorization),
        ca: None,
    };
    let token = |token: &str| Authorization::Token {
        token: token.to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let basic = Authorization::Basic {
        user: "ana".to_owned(),
        password: format!("file:{}", file.display()),
    };
    assert_eq!(read(with(token("text:s3cret"))).await, Ok(7.0));
    assert_eq!(read(with(basic)).await, Ok(7.0));
    let wrong = why(with(token("text:wr0ng"))).await;
    assert!(wrong.contains("401") && !wrong.contains("wr0ng"), "{wrong}");
    let none = why(with(token("env:PORTCULLIS_TEST_HAS_NONE"))).await;
    assert!(none.contains("is not set"), "{none}");
}

#[tokio::test]
async fn a_command_gives_its_exit_code_or_its_last_line() {
    let with = |script: &str, reads| FigureSource::Command {
        command: Command {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: Default::default(),
            folder: std::env::temp_dir(),
        },
        reads,
    };
    use CommandReading::{ExitCode, Number};
    assert_eq!(read(with("exit 0", ExitCode)).await, Ok(0.0));
    assert_eq!(read(with("exit 3", ExitCode)).await, Ok(3.0));
    assert_eq!(read(with("echo wait; echo 2.5", Number)).await, Ok(2.5));
    let failed = why(with("echo 2.5; exit 1", Number)).await;
    assert_eq!(failed, "the command exited with code 1");
    let text = why(with("echo many", Number)).await;
    assert!(text.contains("is no number: \"many\""), "{text}");
    assert_eq!(why(with("true", Number)).await, "the command wrote nothing");
    let mut told = with("echo $TOKEN", Number);
    if let FigureSource::Command { command, .. } = &mut told {
        let reference = "cmd:echo s3cret".to_owned();
        command.env.insert("TOKEN".to_owned(), reference);
    }
    let told = why(told).await;
    assert!(
        told.contains("is not shown") && !told.contains("s3cret"),
        "{told}"
    );
    let mut slow = order(with("sleep 60", ExitCode));
    slow.timeout_ms = 200;
    let slow = CheckClient::new().unwrap().figure(&slow).await.unwrap_err();
    assert!(slow.contains("longer than 200 ms"), "{slow}");
}

fn sql(database: &str, query: &str) -> FigureSource {
    FigureSource::Sql {
        database: database.to_owned(),
        query: query.to_owned(),
    }
}

/// What both databases do alike.
async fn reads_numbers_only(database: &str) {
    let of = |query: &str| sql(database, query);
    assert_eq!(read(of("SELECT count(*) FROM jobs")).await, Ok(2.0));
    assert_eq!(
        read(of("SELECT 2.5")).await.map(|v| v * 2.0).ok(),
        expected(database)
    );
    assert_eq!(
        read(of("SELECT CAST(2.5 AS double precision)")).await,
        Ok(2.5)
    );
    for (query, words) in [
        ("SELECT id FROM jobs WHERE id > 9", "no rows"),
        ("SELECT id FROM jobs", "several rows"),
        ("SELECT id, id FROM jobs WHERE id = 1", "2 columns"),
        ("SELECT max(id) FROM jobs WHERE id > 9", "is NULL"),
        ("SELECT 'many'", "is a text and no number"),
        ("SELECT '7'", "is a text and no number; cast it"),
        ("SELECT nothing FROM jobs", "the query failed"),
        ("DELETE FROM jobs", "the query failed"),
    ] {
        let why = why(of(query)).await;
        assert!(why.contains(words), "{query}: {why}");
    }
    assert_eq!(read(of("SELECT count(*) FROM jobs")).await, Ok(2.0));
}

/// PostgreSQL's `2.5` is a numeric, which is not one of the machine's numbers.
fn expected(database: &str) -> Option<f64> {
    database.starts_with("sqlite:").then_some(5.0)
}

#[tokio::test]
async fn sqlite_gives_one_number_and_is_not_changed() {
    use sqlx::{ConnectOptions, Connection, Executor};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new();
    let options = options.filename(&path).create_if_missing(true);
    let mut made = options.connect().await.unwrap();
    made.execute("CREATE TABLE jobs (id INTEGER); INSERT INTO jobs VALUES (1), (2);")
        .await
        .unwrap();
    made.close().await.unwrap();
    let database = format!("sqlite:{}", path.display());
    reads_numbers_only(&database).await;
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let mut endless = order(sql(&database, endless));
    endless.timeout_ms = 200;
    let endless = CheckClient::new().unwrap().figure(&endless).await;
    let endless = endless.unwrap_err();
    assert!(
        endless.contains("no answer within 200 ms") || endless.contains("interrupted"),
        "{endless}"
    );
    let gone = why(sql("sqlite:/nowhere/app.db", "SELECT 1")).await;
    assert!(gone.contains("cannot be opened"), "{gone}");
}

#[tokio::test]
async fn a_database_that_is_not_supported_is_named_and_its_password_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let of = async |url: &str| {
        let path = folder.path().join("url");
        std::fs::write(&path, url).unwrap();
        why(sql(&format!("file:{}", path.display()), "SELECT 1")).await
    };
    let mysql = of("mysql://app:s3cret@127.0.0.1/app").await;
    assert_eq!(
        mysql,
        "a figure is read from PostgreSQL (postgres://...) or SQLite (sqlite:PATH), and this is a URL of mysql; \
         others are read with from = \"command\""
    );
    let none = of("app:s3cret@127.0.0.1").await;
    assert!(
        none.contains("no URL of either") && !none.contains("s3cret"),
        "{none}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_gives_one_number_and_is_not_changed() {
    let server = tokio::task::spawn_blocking(PostgresServer::start);
    let mut server = server.await.unwrap();
    server.sql("postgres", "CREATE TABLE jobs (id integer)");
    server.sql("postgres", "INSERT INTO jobs VALUES (1), (2)");
    let url = server.url("postgres");
    reads_numbers_only(&url).await;
    let proof = std::env::temp_dir().join(format!("portcullis-ran-{}", std::process::id()));
    let run = format!("COPY (SELECT 1) TO PROGRAM 'touch {}'", proof.display());
    for query in [
        "SET TRANSACTION READ WRITE; DELETE FROM jobs; SELECT 1",
        "SELECT 1) AS a; COMMIT; DELETE FROM jobs; SELECT * FROM (SELECT 1",
        "WITH gone AS (DELETE FROM jobs RETURNING id) SELECT count(*) FROM gone",
        "SELECT 1 WHERE set_config('transaction_read_only', 'off', false) = 'off'",
        run.as_str(),
    ] {
        let why = why(sql(&url, query)).await;
        assert!(why.contains("the query failed"), "{query}: {why}");
    }
    assert!(!proof.exists(), "a program ran");
    let kept = read(sql(&url, "SELECT count(*) FROM jobs;")).await;
    assert_eq!(kept, Ok(2.0));
    let mut slow = order(sql(&url, "SELECT 1 FROM pg_sleep(60)"));
    slow.timeout_ms = 300;
    let slow = CheckClient::new().unwrap().figure(&slow).await;
    let slow = slow.unwrap_err();
    assert!(
        slow.contains("no answer within 300 ms") || slow.contains("statement timeout"),
        "{slow}"
    );
    server.stop();
    let gone = why(sql(&url, "SELECT 1")).await;
    assert!(gone.contains("cannot be reached"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_gives_the_candidates_number_and_says_why_there_is_none() {
    // The last line is a reading of a minute ago.
    let then_ms = jiff::Timestamp::now().as_millisecond() - 60_000;
    let metrics = format!(
        "errors_total{{version=\"1.0\"}} 5\nerrors_total{{version=\"1.1\"}} 8\nqueue 3\nold 4 {then_ms}\n"
    );
    let pages = Pages::start(&metrics).await;
    let server = PrometheusServer::start(&pages.address).await;
    let source = |query: &str, label: Option<&str>, max_age_ms| FigureSource::Prometheus {
        url: server.url(),
        query: query.to_owned(),
        label: label.map(str::to_owned),
        release: "1.1".to_owned(),
        max_age_ms,
        authorization: None,
        ca: None,
    };
    server.until_it_has(&source("queue", None, None)).await;
    assert_eq!(read(source("queue", None, Some(60_000))).await, Ok(3.0));
    let by_label = source("errors_total", Some("version"), Some(60_000));
    assert_eq!(read(by_label).await, Ok(8.0));
    assert_eq!(read(source("scalar(queue) * 2", None, None)).await, Ok(6.0));
    for (query, label, words) in [
        ("errors_total", None, "gives 2 series instead of one"),
        (
            "errors_total{version=\"1.0\"}",
            Some("version"),
            "none of the 1 series",
        ),
        ("nothing_total", None, "gives no series"),
        ("queue / 0 * 0", None, "is NaN"),
        ("queue / 0", None, "is +Inf"),
        ("queue[1m]", None, "over a range"),
        ("queue{", None, "refused the query"),
        ("\"text\"", None, "a text and no number"),
    ] {
        let why = why(source(query, label, None)).await;
        assert!(why.contains(words), "{query}: {why}");
    }
    // What it was told last is not what is true now.
    assert_eq!(read(source("old", None, None)).await, Ok(4.0));
    let old = why(source("old", None, Some(30_000))).await;
    assert!(old.starts_with("stale: the newest reading is"), "{old}");
    let url = server.url();
    server.stop();
    let down = why(FigureSource::Prometheus {
        url,
        query: "queue".to_owned(),
        label: None,
        release: String::new(),
        max_age_ms: None,
        authorization: None,
        ca: None,
    });
    let down = down.await;
    assert!(down.starts_with("could not connect"), "{down}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_with_a_password_wants_it() {
    let pages = Pages::start("queue 3\n").await;
    let server = PrometheusServer::start_guarded(&pages.address).await;
    let source = |authorization| FigureSource::Prometheus {
        url: server.url(),
        query: "queue".to_owned(),
        label: None,
        release: String::new(),
        max_age_ms: None,
        authorization,
        ca: None,
    };
    let ana = Authorization::Basic {
        user: "ana".to_owned(),
        password: "text:s3cret".to_owned(),
    };
    server.until_it_has(&source(Some(ana.clone()))).await;
    assert_eq!(read(source(Some(ana))).await, Ok(3.0));
    let refused = why(source(None)).await;
    assert!(refused.contains("401"), "{refused}");
}
