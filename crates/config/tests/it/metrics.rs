//! Figures from elsewhere.

use std::path::Path;

use portcullis_rollout::{Authorization, CommandReading, FigureOrder, FigureSource, Freshness};

use crate::{least, read, wrong};

const ALL: &str = r#"
[[gate.metric]]
name = "queue"
from = "json"
url = "http://{address}/metrics/dhash"
pointer = "/low_confidence_queue_length"
moment = "/timestamp"
max_age = "1m"
user = "ana"
password = "file:password"

[[gate.metric]]
name = "lag"
from = "prometheus"
url = "http://127.0.0.1:9090"
query = 'max by (version) (lag_seconds{job="{release}"})'
label = "version"
max_age = "30s"
token = "env:PROMETHEUS_TOKEN"
timeout = "2s"

[[gate.metric]]
name = "disk"
from = "command"
command = ["./free", "{release}"]
env = { WHERE = "/srv" }
reads = "number"

[[gate.metric]]
name = "failed_jobs"
from = "sql"
database = "sqlite:data/app.db"
query = "SELECT count(*) FROM jobs WHERE failed"

[[gate.metric]]
name = "orders"
from = "sql"
database = "env:ORDERS"
query = "SELECT count(*) FROM orders"

[[gate.rule]]
signal = "metric"
metric = "lag"
max = 5

[[gate.rule]]
signal = "metric"
metric = "queue"
max = 5

[[gate.rule]]
signal = "metric"
metric = "disk"
max = 5

[[gate.rule]]
signal = "metric"
metric = "failed_jobs"
max = 5

[[gate.rule]]
signal = "metric"
metric = "orders"
max = 5
"#;

fn figures(text: &str) -> Vec<FigureOrder> {
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.figures, config.figures, "written and read again");
    config.figures
}

#[test]
fn figures_come_from_four_kinds_of_sources() {
    let figures = figures(&least("", ALL));
    let [queue, lag, disk, failed_jobs, orders] = figures.as_slice() else {
        panic!("{figures:?}");
    };
    let expected = FigureSource::Json {
        url: "http://{address}/metrics/dhash".to_owned(),
        pointer: "/low_confidence_queue_length".to_owned(),
        fresh: Some(Freshness {
            pointer: "/timestamp".to_owned(),
            max_age_ms: 60_000,
        }),
        authorization: Some(Authorization::Basic {
            user: "ana".to_owned(),
            password: "file:/srv/dhash/password".to_owned(),
        }),
        ca: None,
    };
    assert_eq!((queue.timeout_ms, &queue.source), (5_000, &expected));
    let expected = FigureSource::Prometheus {
        url: "http://127.0.0.1:9090".to_owned(),
        query: "max by (version) (lag_seconds{job=\"{release}\"})".to_owned(),
        label: Some("version".to_owned()),
        release: String::new(),
        max_age_ms: Some(30_000),
        authorization: Some(Authorization::Token {
            token: "env:PROMETHEUS_TOKEN".to_owned(),
        }),
        ca: None,
    };
    assert_eq!((lag.timeout_ms, &lag.source), (2_000, &expected));
    let FigureSource::Command { command, reads } = &disk.source else {
        panic!("{disk:?}");
    };
    assert_eq!(command.argv, ["./free", "{release}"]);
    assert_eq!(command.folder, Path::new("/srv/dhash"));
    assert_eq!(*reads, CommandReading::Number);
    let database = |order: &FigureOrder| match &order.source {
        FigureSource::Sql { database, .. } => database.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(database(failed_jobs), "sqlite:/srv/dhash/data/app.db");
    assert_eq!(database(orders), "env:ORDERS");
}

#[test]
fn braces_of_other_languages_stay_as_they_are() {
    let texts = [
        "from = \"sql\"\ndatabase = \"env:DB\"\nquery = \"SELECT count(*) FROM t WHERE c = ANY('{red,blue}'::text[]) OR d = '{green}'\"\n",
        "from = \"command\"\ncommand = [\"awk\", \"{print}\", \"{ n++ } END { print n }\"]\n",
        "from = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\nquery = 'sum(rate(x{job=\"a\", v=\"{release}\"}[1m]))'\n",
    ];
    for text in texts {
        let rule = "[[gate.rule]]\nsignal = \"metric\"\nmetric = \"queue\"\nmax = 5\n";
        figures(&least(
            "",
            &format!("[[gate.metric]]\nname = \"queue\"\n{text}{rule}"),
        ));
    }
}

#[test]
fn sources_that_lack_something_or_have_too_much_are_refused() {
    let rule =
        |name: &str| format!("[[gate.rule]]\nsignal = \"metric\"\nmetric = \"{name}\"\nmax = 5\n");
    let metric = |keys: &str| {
        let rule = rule("queue");
        least(
            "",
            &format!("[[gate.metric]]\nname = \"queue\"\n{keys}{rule}"),
        )
    };
    let disk = |name: &str| {
        format!("[[gate.metric]]\nname = \"{name}\"\nfrom = \"command\"\ncommand = [\"df\"]\n")
    };
    let twice = disk("disk").repeat(2) + &rule("disk");
    let two_names = disk("disk") + &disk("space") + &rule("disk") + &rule("space");
    let cases = [
        metric("from = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\n"),
        metric("from = \"graphite\"\n"),
        metric("from = \"command\"\ncommand = [\"df\"]\nquery = \"up\"\n"),
        metric(
            "from = \"json\"\nurl = \"http://app.example.org\"\npointer = \"/a\"\nca = \"ca.pem\"\n",
        ),
        metric("from = \"command\"\ncommand = [\"df\"]\nca = \"ca.pem\"\n"),
        metric("from = \"json\"\nurl = \"127.0.0.1:9090\"\npointer = \"/a\"\n"),
        metric("from = \"json\"\nurl = \"http://ana:pw@127.0.0.1\"\npointer = \"/a\"\n"),
        metric("from = \"json\"\nurl = \"http://127.0.0.1\"\npointer = \"/a\"\nmoment = \"/at\"\n"),
        metric("from = \"json\"\nurl = \"http://127.0.0.1\"\npointer = \"/a\"\nuser = \"ana\"\n"),
        metric(
            "from = \"json\"\nurl = \"http://127.0.0.1\"\npointer = \"/a\"\ntoken = \"s3cret\"\n",
        ),
        metric("from = \"sql\"\ndatabase = \"mysql://app@127.0.0.1/app\"\nquery = \"SELECT 1\"\n"),
        metric(
            "from = \"sql\"\ndatabase = \"postgres://app:pw@127.0.0.1/app\"\nquery = \"SELECT 1\"\n",
        ),
        metric("from = \"sql\"\ndatabase = \"postgres://\"\nquery = \"SELECT 1\"\n"),
        metric("from = \"sql\"\ndatabase = \"data/app.db\"\nquery = \"SELECT 1\"\n"),
        least("", &twice),
        least("", &two_names),
        least("", &disk("disk")),
        metric("from = \"json\"\nurl = \"http://{adress}/{store.zz}\"\npointer = \"/a\"\n"),
        metric("from = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\nquery = 'up{version}'\n"),
        metric("from = \"sql\"\ndatabase = \"env:DB\"\nquery = \"SELECT '{relase}'\"\n"),
        metric(
            "from = \"command\"\ncommand = [\"df\", \"{store.zz}\"]\nenv = { AT = \"{prot}\" }\n",
        ),
        least(
            "",
            "[[gate.rule]]\nsignal = \"metric\"\nmetric = \"queue\"\nmax = 5\n",
        ),
    ];
    insta::assert_snapshot!(cases.map(|text| wrong(&text)).join("\n\n----\n\n"));
}

#[test]
fn a_server_over_https_may_have_an_authority_of_its_own() {
    let metric = |ca: &str| {
        let keys = "from = \"prometheus\"\nurl = \"https://prometheus.example\"\nquery = \"up\"\n";
        let rule = "[[gate.rule]]\nsignal = \"metric\"\nmetric = \"up\"\nmax = 1\n";
        let limit = "[[gate.rule]]\nsignal = \"health\"\nmax = 2\n";
        least(
            "",
            &format!("[[gate.metric]]\nname = \"up\"\n{keys}{ca}\n{rule}{limit}"),
        )
    };
    let all = figures(&metric("ca = \"tls/ca.pem\"\n"));
    assert_eq!(all[0].source.ca(), Some(Path::new("/srv/dhash/tls/ca.pem")));
    assert_eq!(figures(&metric(""))[0].source.ca(), None);
    let config = read(&metric("ca = \"tls/ca.pem\"\n")).unwrap();
    let missing = config.check_files().unwrap_err().to_string();
    assert!(missing.contains("tls/ca.pem"), "{missing}");
}

/// A figure and a rule that compares it.
fn compared(metric: &str, rule: &str) -> String {
    let rule = format!("[[gate.rule]]\nsignal = \"metric\"\nmetric = \"queue\"\n{rule}");
    let limit = "[[gate.rule]]\nsignal = \"health\"\nmax = 2\n";
    least(
        "",
        &format!("[[gate.metric]]\nname = \"queue\"\n{metric}\n{rule}\n{limit}"),
    )
}

const BY_LABEL: &str = "from = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\nquery = \"queue\"\nlabel = \"version\"";

#[test]
fn a_figure_is_compared_with_the_stable_releases() {
    use portcullis_analysis::{Bound, Enough, Reading, Signal, Test};
    let rule = |text: &str| {
        let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
        let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(again.analysis, config.analysis, "written and read again");
        let mut rules = config.analysis.rules.into_iter();
        rules
            .find(|rule| matches!(rule.signal, Signal::Metric { .. }))
            .unwrap()
    };
    let found = rule(&compared(BY_LABEL, "worse_than_stable_by = 3"));
    assert_eq!((found.requests_min, found.enough), (3, Enough::Requests));
    let expected = Test::Beside {
        reading: Reading::Mean,
        over_ms: 120_000,
        tolerated: Bound {
            ratio: 1.0,
            margin: 3.0,
        },
    };
    assert_eq!(found.test, expected);
    let sql = "from = \"sql\"\ndatabase = \"env:DB\"\nquery = \"SELECT failed('{release}')\"";
    let given = "ratio_max = 1.5\nover = \"30s\"\nreading = \"p90\"\nrequests_min = 4";
    let expected = Test::Beside {
        reading: Reading::Quantile(0.9),
        over_ms: 30_000,
        tolerated: Bound {
            ratio: 1.5,
            margin: 0.0,
        },
    };
    assert_eq!(rule(&compared(sql, given)).test, expected);
}

#[test]
fn comparisons_of_figures_that_cannot_be_are_refused() {
    let same = "from = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\nquery = \"queue\"";
    let cases = [
        compared(same, "ratio_max = 1.5"),
        compared(BY_LABEL, "ratio_max = 1.5\nrequests_min = 100"),
        compared(BY_LABEL, "ratio_max = 1.5\nmatters_ratio = 3"),
        compared(BY_LABEL, "ratio_max = 0.5"),
        compared(BY_LABEL, "ratio_max = 1.5\nbreaker = true"),
        compared(BY_LABEL, "ratio_max = 1.5\nmax = 4"),
        compared(BY_LABEL, "ratio_max = 1.5")
            .replace("[service]\n", "[service]\nstrategy = \"blue-green\"\n"),
        compared(BY_LABEL, "worse_than_stable_by = \"5%\""),
        least(
            "",
            "[[gate.rule]]\nsignal = \"health\"\nworse_than_stable_by = 1\n",
        ),
    ];
    insta::assert_snapshot!(cases.map(|text| wrong(&text)).join("\n\n----\n\n"));
}
