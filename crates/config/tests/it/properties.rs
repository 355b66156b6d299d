//! What holds for any file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use portcullis_config::{Config, ReleaseConfig, template};
use portcullis_rollout::{Plan, PlanRequest, Purpose, RolloutId, Running, Target};
use proptest::prelude::*;

use crate::read;

const FULL: &str = include_str!("full.toml");
const GATEWAY: &str = include_str!("gateway.toml");

/// A text that TOML and the file's keys allow in free places.
fn words() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß世 .,;:/\"'\\\\#=\\[\\]-]{1,12}"
        .prop_filter("not blank", |text| !text.trim().is_empty())
}

fn duration() -> impl Strategy<Value = String> {
    prop_oneof![
        (1u64..600_000).prop_map(|n| format!("{n}ms")),
        (1u64..86_400).prop_map(|n| format!("{n}s")),
        (1u64..500).prop_map(|n| format!("{n}m")),
        (1u64..100).prop_map(|n| format!("{n}h")),
    ]
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn strategy() -> impl Strategy<Value = String> {
    let weights = proptest::collection::btree_set(1u8..100, 1..6);
    prop_oneof![
        Just("strategy = \"at-once\"".to_owned()),
        weights.prop_map(|weights: BTreeSet<u8>| {
            let rising: Vec<String> = weights.iter().map(u8::to_string).collect();
            format!(
                "strategy = \"canary\"\nweights = [{}, 100]",
                rising.join(", ")
            )
        }),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let count = 1u32..100_000;
    prop_oneof![
        (0.0..0.99f64, count.clone()).prop_map(|(max, n)| {
            format!("signal = \"error-rate\"\nmax = {max:?}\nrequests_min = {n}")
        }),
        (0u32..100).prop_map(|max| format!("signal = \"error-rate\"\nmax = \"{max}%\"")),
        (1u32..10_000, 0.01..0.99f64).prop_map(|(ms, quantile)| {
            format!("signal = \"latency\"\nmax = \"{ms}ms\"\nquantile = {quantile:?}")
        }),
        (1.0..50.0f64, 0u32..900).prop_map(|(ratio, ms)| {
            format!(
                "signal = \"latency\"\nratio_max = {ratio:?}\nworse_than_stable_by = \"{ms}ms\""
            )
        }),
        // The gate has one with 2 already.
        (0u32..2).prop_map(|max| format!("signal = \"health\"\nmax = {max}")),
        (0.0..1e9f64).prop_map(|max| format!("signal = \"metric\"\nmetric = \"q\"\nmax = {max:?}")),
    ]
}

fn gate() -> impl Strategy<Value = String> {
    let rules = proptest::collection::vec(rule(), 0..5);
    (1u64..100, 100u64..5_000, rules).prop_map(|(interval, window, rules)| {
        let mut out = format!("[gate]\nwindow = \"{window}s\"\ninterval = \"{interval}s\"\n");
        // A rule that says the same as an earlier one is refused.
        let mut said = BTreeSet::new();
        let rules: Vec<String> = rules
            .into_iter()
            .filter(|rule| said.insert(rule.lines().take(2).collect::<String>()))
            .collect();
        // The last one is a fixed limit, so that the gate at 100 % can be judged.
        for rule in rules
            .iter()
            .map(String::as_str)
            .chain(["signal = \"health\"\nmax = 2"])
        {
            let _ = writeln!(out, "[[gate.rule]]\n{rule}");
        }
        out
    })
}

prop_compose! {
    fn release()(
        version in "[A-Za-z0-9][A-Za-z0-9._-]{0,8}",
        artifact in words(),
        argument in words(),
        env in proptest::collection::btree_map("[A-Z_]{1,8}", words(), 0..3),
        migrates in any::<bool>(),
    ) -> (String, String) {
        let env: BTreeMap<String, String> = env;
        let env: Vec<String> =
            env.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
        let mut out = format!(
            "[[release]]\nversion = {}\nartifact = {}\ncommand = [\"{{artifact}}\", {}, \"{{port}}\"]\n\
             env = {{ {} }}\n",
            quoted(&version), quoted(&format!("r/{artifact}")), quoted(&argument), env.join(", "),
        );
        if migrates {
            let _ = writeln!(
                out,
                "[release.migrate]\ncommand = [\"{{artifact}}\", \"{{store.s0}}\"]\n\
                 proof = {{ file = \"{{store.s0}}\", pointer = \"/v\", equals = {} }}",
                quoted(&argument),
            );
        }
        (version, out)
    }
}

prop_compose! {
    fn file()(
        name in "[a-z0-9-]{1,63}",
        approval in proptest::option::of(words()),
        strategy in strategy(),
        gate in gate(),
        times in proptest::collection::vec(duration(), 6),
        contains in words(),
        status in 100u16..=599,
        flags in any::<[bool; 4]>(),
        stores in 1usize..4,
        releases in proptest::collection::vec(release(), 1..4),
    ) -> String {
        let mut out = format!("[service]\nname = {name:?}\n{strategy}\n");
        if let Some(question) = approval {
            let _ = writeln!(out, "approval = {}", quoted(&question));
        }
        let _ = writeln!(out, "ready = {{ path = \"/health\", timeout = {:?} }}", times[0]);
        let _ = writeln!(
            out,
            "[[service.smoke]]\npath = \"/x?y={{release}}\"\nstatus = {status}\ncontains = {0}\n\
             json = {{ \"/a\" = {0}, \"\" = [1, -2.5, {{ b = {1} }}] }}",
            quoted(&contains), flags[0],
        );
        let _ = writeln!(out, "[service.metrics]\npath = \"/m\"\nfigures = {{ q = \"/q\" }}");
        for index in 0..stores {
            let kind = ["file", "directory", "sqlite"][(index + usize::from(flags[1])) % 3];
            let _ = writeln!(out, "[[store]]\nname = \"s{index}\"\nkind = {kind:?}\npath = \"data/{index}\"");
        }
        let _ = writeln!(
            out,
            "[data]\ncompatible = true\nrollback = {:?}\nwritten_by = {:?}\naccept_loss = {}",
            if flags[1] { "keep" } else { "restore" },
            if flags[2] { "service" } else { "migrations" },
            flags[3],
        );
        if !strategy.contains("at-once") {
            out.push_str(&gate);
        }
        let names = ["ready", "stop", "drain", "backup", "migrate", "short"];
        let _ = writeln!(out, "[timeouts]");
        for (name, time) in names.iter().zip(&times) {
            let _ = writeln!(out, "{name} = {time:?}");
        }
        let mut versions = BTreeSet::new();
        for (version, release) in releases {
            if versions.insert(version) {
                out.push_str(&release);
            }
        }
        out
    }
}

/// A file that is nearly right: the full one with pieces cut out, doubled or overwritten.
fn damaged() -> impl Strategy<Value = String> {
    let bases = [
        FULL.to_owned(),
        GATEWAY.to_owned(),
        template(&Default::default()),
    ];
    let cut = (
        any::<prop::sample::Index>(),
        0usize..40,
        "[\\PC\\n\\t\"'{}\\[\\]=.,#-]{0,8}",
    );
    (
        prop::sample::select(bases.to_vec()),
        proptest::collection::vec(cut, 1..8),
    )
        .prop_map(|(base, cuts)| {
            let mut characters: Vec<char> = base.chars().collect();
            for (at, length, put) in cuts {
                let start = at.index(characters.len().max(1)).min(characters.len());
                let end = (start + length).min(characters.len());
                characters.splice(start..end, put.chars());
            }
            characters.into_iter().collect()
        })
}

/// What the engine would ask for to bring a release out after another.
fn request(
    config: &Config,
    release: &ReleaseConfig,
    previous: Option<&ReleaseConfig>,
) -> PlanRequest {
    let service = &config.service;
    let target = |port: u16| Target {
        name: "local".to_owned(),
        driver: "process".to_owned(),
        address: format!("127.0.0.1:{port}"),
    };
    let first = service.ports.first();
    let whole = |release: &ReleaseConfig| release.release(&service.name, "00".repeat(32));
    PlanRequest {
        id: RolloutId::new("rollout-1"),
        created_at_ms: 0,
        environment: service.environment.clone(),
        purpose: Purpose::Deploy,
        release: whole(release),
        target: target(first),
        previous: previous.map(|previous| Running {
            release: whole(previous),
            target: target(first + 1),
        }),
        strategy: service.strategy.clone(),
        policy: config.policy,
        stores: config.stores.clone(),
        folder: config.folder.clone(),
        scratch: config.state.folder.join("scratch"),
        trial_addresses: [target(first + 2).address, target(first + 3).address],
        backup_age: None,
        backup_name: Some("dhash_production_20261121T010203Z".to_owned()),
        ready: service.ready.clone(),
        smoke: service.smoke.clone(),
        analysis: config.analysis.clone(),
        metrics: service.metrics.clone(),
        figures: config.figures.clone(),
        synthetic: config.synthetic.clone(),
        ledger: None,
        closing: config.closing.clone(),
        final_backup_name: None,
        restores: None,
        approval: service.approval.clone(),
        hooks: Vec::new(),
        keep_warm: portcullis_rollout::KeepWarm::default(),
        timeouts: config.timeouts,
    }
}

/// Every problem lies within the text, and can be shown and written as JSON.
fn explained(text: &str) -> Result<(), TestCaseError> {
    let problems = match read(text) {
        Ok(config) => {
            let again = read(&config.to_toml());
            prop_assert_eq!(again.map_err(|problems| problems.to_string()), Ok(config));
            return Ok(());
        }
        Err(problems) => problems,
    };
    prop_assert!(problems.count() > 0);
    let lines = text.split('\n').count();
    for problem in &problems {
        prop_assert!((1..=lines).contains(&problem.line), "{problem}");
        let line = text.split('\n').nth(problem.line - 1).unwrap_or_default();
        prop_assert!(problem.column <= line.chars().count() + 1, "{problem}");
        prop_assert!(!problem.message.is_empty());
        let escapes = problem.to_string().contains('\u{1b}');
        prop_assert!(!escapes);
    }
    let places: Vec<_> = problems.into_iter().map(|p| (p.line, p.column)).collect();
    prop_assert!(places.is_sorted());
    prop_assert!(serde_json::to_string(&problems).is_ok());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_right_file_is_read_and_written_out_means_the_same(text in file()) {
        let config = match read(&text) {
            Ok(config) => config,
            Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{text}"))),
        };
        prop_assert_eq!(config.analysis.problems(), []);
        let written = config.to_toml();
        match read(&written) {
            Ok(again) => prop_assert_eq!(again, config, "{}", written),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, written),
        }
    }

    #[test]
    fn a_plan_can_be_made_from_whatever_is_right(text in file()) {
        let config = match read(&text) {
            Ok(config) => config,
            Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{text}"))),
        };
        for release in &config.releases {
            for previous in std::iter::once(None).chain(config.releases.iter().map(Some)) {
                if previous.is_none_or(|previous| previous.id != release.id) {
                    let plan = Plan::build(&request(&config, release, previous));
                    prop_assert!(plan.is_ok(), "{:?}\n{}", plan.err(), text);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_or_explained(text in "\\PC{0,200}") {
        explained(&text)?;
    }

    #[test]
    fn any_characters_of_the_format_are_read_or_explained(
        text in "[\\[\\]{}=\"'.,#\\\\ \\n\\r\\t\u{0}\u{1b}\u{feff}a-e0-9_:TZ+-]{0,120}"
    ) {
        explained(&text)?;
    }

    #[test]
    fn any_damage_is_read_or_explained(text in damaged()) {
        explained(&text)?;
    }
}
