//! Files that are right.

use std::path::{Path, PathBuf};

use portcullis_analysis::{Rule, Signal, Test};
use portcullis_config::{Listen, StickyConfig, UpstreamProtocol};
use portcullis_rollout::{
    DataPolicy, Migration, Proof, ReleaseId, ServiceName, StoreKind, Strategy, Timeouts, Weight,
};
use serde_json::json;

use crate::{least, read};

const FULL: &str = include_str!("full.toml");

#[test]
fn every_key_of_the_full_file_arrives() {
    let config = read(FULL).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.folder, Path::new("/srv/dhash"));
    let service = &config.service;
    assert_eq!(
        (service.name.as_str(), service.environment.as_str()),
        ("dhash", "staging")
    );
    let weights = [10, 50, 100]
        .map(|weight| Weight::new(weight).unwrap())
        .to_vec();
    assert_eq!(service.strategy, Strategy::Canary { weights });
    assert_eq!(service.approval.as_deref(), Some("Release to production?"));
    assert_eq!(
        (service.ports.first(), service.ports.last()),
        (42_000, 42_099)
    );
    assert_eq!(
        (service.ready.path.as_str(), service.ready.timeout_ms),
        ("/health", 3_000)
    );
    assert_eq!(service.smoke[0].json["/version"], json!("{release}"));
    assert_eq!(
        service.smoke[1].body_file,
        Some(PathBuf::from("/srv/dhash/samples/tux.png"))
    );
    assert_eq!(
        (service.smoke[1].method.as_str(), service.smoke[1].status),
        ("POST", 201)
    );
    assert_eq!(service.smoke[1].contains.as_deref(), Some("hash"));
    let metrics = service.metrics.as_ref().expect("metrics");
    assert_eq!(metrics.figures["queue"], "/low_confidence_queue_length");
    assert_eq!(
        config.stores[0].path(),
        Some(Path::new("/srv/dhash/data/library.json"))
    );
    assert_eq!(config.stores[1].kind(), StoreKind::Directory);
    assert_eq!(config.stores[1].path(), Some(Path::new("/var/lib/dhash")));
    let policy = DataPolicy {
        compatible: true,
        restore: false,
        service_writes: false,
        accept_loss: true,
        read_only: false,
        reverse: false,
        longest_lock_ms: None,
    };
    assert_eq!(config.policy, policy);
    assert_eq!(service.protocol, UpstreamProtocol::Http2);
    assert_eq!(config.gateway.listen.to_string(), "0.0.0.0:8090");
    assert_eq!(
        config.gateway.sticky,
        StickyConfig::Header {
            name: "x-user".to_owned()
        }
    );
    assert!(!config.gateway.force_header);
    assert_eq!(config.gateway.health.path, "/healthz");
    assert_eq!(config.gateway.health.interval_ms, 500);
    assert_eq!(
        config.server.listen,
        Listen::Tcp("0.0.0.0:8082".parse().unwrap())
    );
    assert_eq!(config.state.folder, Path::new("/srv/dhash/state"));
    assert_eq!(config.state.vault, Path::new("/backups"));
    let timeouts = Timeouts {
        ready_ms: 1_000,
        stop_ms: 2_000,
        drain_ms: 3_000,
        backup_ms: 240_000,
        migrate_ms: 300_000,
        short_ms: 6_000,
    };
    assert_eq!(config.timeouts, timeouts);
}

#[test]
fn rules_have_their_signals_units() {
    let config = read(FULL).unwrap_or_else(|problems| panic!("{problems}"));
    let analysis = &config.analysis;
    assert_eq!(
        (
            analysis.window_ms,
            analysis.interval_ms,
            analysis.samples_min
        ),
        (8_000, 1_000, 5)
    );
    let rule = |signal, test, requests_min| Rule {
        signal,
        test,
        requests_min,
        enough: portcullis_analysis::Enough::Requests,
        breaker: false,
        alone: false,
    };
    let evident = |signal, test| Rule {
        enough: portcullis_analysis::Enough::Evidence,
        ..rule(signal, test, 1)
    };
    let bound = |ratio, margin| portcullis_analysis::Bound { ratio, margin };
    let quantile = 0.99;
    let metric = Signal::Metric {
        name: "queue".to_owned(),
    };
    let wanted = [
        rule(
            Signal::ErrorRate,
            Test::AtMost {
                max: 0.01,
                matters: 0.02,
            },
            100,
        ),
        rule(
            Signal::ErrorRate,
            Test::NotWorse {
                tolerated: bound(1.0, 0.005),
                matters: bound(1.5, 0.015),
            },
            200,
        ),
        evident(
            Signal::Latency { quantile },
            Test::NotWorse {
                tolerated: bound(2.0, 20.0),
                matters: bound(2.4, 40.0),
            },
        ),
        evident(
            Signal::Latency { quantile: 0.95 },
            Test::AtMost {
                max: 250.0,
                matters: 375.0,
            },
        ),
        rule(Signal::HealthFailures, Test::Limit { max: 2.0 }, 1),
        rule(metric, Test::Limit { max: 1000.0 }, 1),
    ];
    assert_eq!(analysis.rules, wanted);
    assert_eq!(analysis.problems(), []);
}

#[test]
fn releases_carry_their_migrations() {
    let config = read(FULL).unwrap_or_else(|problems| panic!("{problems}"));
    let old = config.release(&ReleaseId::new("1.0")).expect("release 1.0");
    assert_eq!(
        old.artifact_path,
        Path::new("/srv/dhash/releases/1.0/dhash")
    );
    assert_eq!(old.env["DHASH_RELEASE"], "{release}");
    let Some(Migration::Command(migration)) = &old.migration else {
        panic!("{:?}", old.migration)
    };
    assert_eq!(migration.command.folder, Path::new("/srv/dhash"));
    assert_eq!(migration.command.env, old.env);
    let Proof::Command(proof) = &migration.proof else {
        panic!("{:?}", migration.proof)
    };
    assert_eq!(proof.argv[1], "check");
    let new = config.release(&ReleaseId::new("1.1")).expect("release 1.1");
    let wanted = Proof::Json {
        file: PathBuf::from("{store.library}"),
        pointer: "/algorithm".to_owned(),
        equals: json!("imagehash4/pillow13"),
    };
    let Some(Migration::Command(migration)) = &new.migration else {
        panic!("{:?}", new.migration)
    };
    assert_eq!(migration.proof, wanted);
    let release = new.release(&ServiceName::new("dhash"), "ab".repeat(32));
    assert_eq!(
        (release.artifact.sha256, release.id),
        ("ab".repeat(32), new.id.clone())
    );
    assert_eq!(config.release(&ReleaseId::new("2.0")), None);
}

#[test]
fn the_least_file_gets_the_documented_defaults() {
    let config = read(&least("", "")).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.service.environment, "production");
    assert!(matches!(&config.service.strategy, Strategy::Canary { weights } if weights.len() == 3));
    assert_eq!(config.service.ports.to_string(), "21000-21099");
    assert_eq!(config.service.ready.method, "GET");
    assert_eq!(config.gateway.health.path, "/health");
    assert_eq!(
        config.gateway.admin,
        Listen::Unix("/srv/dhash/.portcullis/gateway.sock".into())
    );
    assert_eq!(
        config.server.listen,
        Listen::Unix("/srv/dhash/.portcullis/api.sock".into())
    );
    assert_eq!(
        config.state.vault,
        Path::new("/srv/dhash/.portcullis/vault")
    );
    let cookie = StickyConfig::Cookie {
        name: "portcullis_user".to_owned(),
    };
    assert_eq!(config.gateway.sticky, cookie);
    assert_eq!(config.analysis, portcullis_analysis::Analysis::usual());
    assert_eq!(config.analysis.problems(), []);
    assert!(config.policy.restore && config.policy.service_writes);
}

#[test]
fn without_a_canary_the_default_rules_compare_nothing() {
    let text = least("strategy = \"blue-green\"", "");
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.analysis.rules.len(), 2);
    assert!(
        config
            .analysis
            .rules
            .iter()
            .all(|rule| !rule.test.needs_baseline())
    );
}

#[test]
fn rules_without_gates_are_for_the_time_in_which_the_old_release_is_kept_warm() {
    let rules = "[gate]\nrule = [{ signal = \"error-rate\", max = \"2%\", over = \"15m\" }]\n";
    let service = "strategy = \"at-once\"\nkeep_warm = \"60m\"\n\
                   keep_warm_cadence = [{ interval = \"30s\" }, { after = \"5m\", interval = \"2m\" }]";
    let config = read(&least(service, rules)).unwrap_or_else(|problems| panic!("{problems}"));
    let warm = &config.service.keep_warm;
    let watch = warm.analysis_after(&config.analysis, &config.service.strategy);
    assert_eq!(watch.rules, config.analysis.rules);
    assert_eq!((watch.interval_ms, watch.window_ms), (30_000, 3_600_000));
    assert_eq!(watch.interval_ms_after(300_000), 120_000);
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config, again);
}

#[test]
fn what_is_written_out_means_the_same() {
    for text in [
        FULL.to_owned(),
        least("", ""),
        least("strategy = \"at-once\"", ""),
    ] {
        let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(config, again);
    }
}

#[test]
fn line_ends_byte_order_marks_and_inline_tables_change_nothing() {
    let config = read(FULL).unwrap_or_else(|problems| panic!("{problems}"));
    let other = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    assert_eq!(
        read(&other).unwrap_or_else(|problems| panic!("{problems}")),
        config
    );
    let inline = "release = [{ version = \"1.0\", artifact = \"dhash\", command = [\"a\", \"{port}\"] }]\n\
                  service = { name = \"dhash\", ready.path = \"/health\" }\n";
    let config = read(inline).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        (config.releases.len(), config.service.ready.path.as_str()),
        (1, "/health")
    );
}
