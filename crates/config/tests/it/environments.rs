//! Environments, hooks, retention, the journal and secrets by reference.

use std::path::{Path, PathBuf};

use portcullis_config::{
    Code, Config, HookFailure, HookPoint, HookStep, JournalConfig, Problems, SecretText,
    parse_environment,
};
use portcullis_rollout::Strategy;

use crate::{least, read, wrong};

const OVERLAYS: &str = include_str!("environments.toml");

fn chosen(text: &str, environment: Option<&str>) -> Result<Config, Problems> {
    parse_environment(text, Path::new("/srv/dhash/portcullis.toml"), environment)
}

fn good(text: &str, environment: Option<&str>) -> Config {
    chosen(text, environment).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn a_key_replaces_a_table_merges_and_a_list_is_replaced() {
    let file = good(OVERLAYS, None);
    let staging = good(OVERLAYS, Some("staging"));
    let production = good(OVERLAYS, Some("production"));
    let weights = |config: &Config| match &config.service.strategy {
        Strategy::Canary { weights } => weights.iter().map(|w| w.percent()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(weights(&file), [10, 50, 100]);
    assert_eq!(weights(&staging), [50, 100]);
    assert_eq!(weights(&production), [10, 50, 100]);
    // Tables merge: what staging does not say of the gateway stays.
    assert_eq!(staging.gateway.listen.to_string(), "127.0.0.1:9080");
    assert!(!staging.gateway.force_header);
    assert_eq!(staging.gateway.health.interval_ms, 500);
    assert_eq!(staging.gateway.health.timeout_ms, 2_000);
    assert_eq!(file.gateway.health.timeout_ms, 1_000);
    // Lists are replaced.
    let hooks = |config: &Config| -> Vec<String> {
        config.hooks.iter().map(|hook| hook.name.clone()).collect()
    };
    assert_eq!(hooks(&file), ["record"]);
    assert_eq!(hooks(&staging), ["chat"]);
    assert_eq!(hooks(&production), ["record"]);
    assert_eq!(file.analysis.rules.len(), 2);
    assert_eq!(staging.analysis.rules.len(), 1);
    assert_eq!(
        (
            production.retention.keep_last,
            production.retention.keep_days
        ),
        (5, 30)
    );
    assert_eq!(file.environments(), ["production", "staging"]);
    assert_eq!(staging.environments(), ["production", "staging"]);
}

#[test]
fn the_environment_is_named_after_its_table_unless_it_names_itself() {
    assert_eq!(good(OVERLAYS, None).service.environment, "default");
    assert_eq!(
        good(OVERLAYS, Some("staging")).service.environment,
        "staging"
    );
    assert_eq!(
        good(OVERLAYS, Some("production")).service.environment,
        "live"
    );
    let bare = least("", "[environment.test]\n");
    assert_eq!(good(&bare, Some("test")).service.environment, "test");
    assert_eq!(good(&bare, None).service.environment, "production");
}

#[test]
fn a_chosen_environment_written_out_means_the_same() {
    for name in [None, Some("staging"), Some("production")] {
        let config = good(OVERLAYS, name);
        let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(config, again);
    }
}

#[test]
fn every_environment_is_validated_at_its_own_lines() {
    let overlays = "[environment.staging.gateway]\nlisten = 9080\nstiky = \"cookie\"\n\
                    [environment.staging.service]\nstrategy = \"blue-green\"\n\
                    [[environment.staging.release]]\nversion = \"2.0\"\n\
                    [environment.production]\nservise = { keep_warm = \"1m\" }\n\
                    [environment.production.environment.inner]\n\
                    [environment.\"Not Plain\"]\n[environment]\nflat = 1\n";
    insta::assert_snapshot!(wrong(&least("weights = [50, 100]", overlays)));
    let none = wrong(&format!("environment = 7\n{}", least("", "")));
    insta::assert_snapshot!(none);
}

#[test]
fn a_mistake_of_the_file_is_told_once_however_many_environments_there_are() {
    let text = least(
        "approval = 7",
        "[environment.a]\n[environment.b]\n[environment.c]\n",
    );
    let problems = read(&text).expect_err("a problem");
    assert_eq!(problems.count(), 1, "{problems}");
}

#[test]
fn an_unknown_environment_is_told_with_the_known_ones() {
    let told = |text: &str, name| chosen(text, Some(name)).expect_err("a problem");
    let near = told(OVERLAYS, "stagin");
    assert_eq!(near.as_slice()[0].code, Code::UnknownEnvironment);
    insta::assert_snapshot!(
        [near, told(OVERLAYS, "qa"), told(&least("", ""), "qa")]
            .map(|problems| problems.to_string())
            .join("\n")
    );
}

#[test]
fn new_keys_have_their_documented_defaults() {
    let config = good(&least("", ""), None);
    assert_eq!(config.service.keep_warm.window_ms, 600_000);
    assert_eq!(
        (config.retention.keep_last, config.retention.keep_days),
        (5, 14)
    );
    assert_eq!(config.state.journal, JournalConfig::Sqlite);
    assert_eq!(config.state.lease_ttl_ms, 15_000);
    assert_eq!(config.hooks, []);
    let none = good(&least("keep_warm = \"0s\"", ""), None);
    assert_eq!(none.service.keep_warm.window_ms, 0);
}

#[test]
fn backups_of_production_are_kept_for_longer_unless_the_file_says_for_how_long() {
    let days = |service: &str, tables: &str, environment| {
        good(&least(service, tables), environment)
            .retention
            .keep_days
    };
    // A file that names no environment is one of production.
    assert_eq!(days("", "", None), 14);
    assert_eq!(days("environment = \"staging\"", "", None), 7);
    let both = "[environment.production]\n[environment.staging]\n";
    assert_eq!(days("", both, Some("production")), 14);
    assert_eq!(days("", both, Some("staging")), 7);
    let given = "[backup]\nkeep_days = 30\n[environment.staging]\n";
    assert_eq!(days("", given, Some("staging")), 30);
    // Copies elsewhere follow.
    let copy = "[[backup.copy]]\nname = \"far\"\nurl = \"s3://far/x\"\n[environment.staging]\n";
    let copies = |environment| good(&least("", copy), environment).backup.copies[0].clone();
    assert_eq!(copies(Some("staging")).retention.keep_days, 7);
    assert_eq!(copies(None).retention.keep_days, 14);
    // And so does what `config explain` tells.
    let file = Path::new("portcullis.toml");
    let explained = portcullis_config::explain_text(&least("", both), file, Some("staging"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let told = explained.iter().find(|one| one.key == "backup.keep_days");
    assert_eq!(told.and_then(|one| one.value.as_deref()), Some("7"));
}

#[test]
fn hooks_arrive_with_their_points_and_failures() {
    let config = good(OVERLAYS, None);
    let record = &config.hooks[0];
    let wanted = [
        HookPoint::Before(HookStep::Migrate),
        HookPoint::After(HookStep::Any),
    ];
    assert_eq!(record.on, wanted);
    assert_eq!(record.on_failure, HookFailure::Fail);
    assert_eq!(record.timeout_ms, 30_000);
    assert_eq!(record.folder, PathBuf::from("/srv/dhash"));
    assert_eq!(record.env["RECORD_TOKEN"], "file:/srv/dhash/secrets/record");
    let chat = good(OVERLAYS, Some("staging")).hooks[0].clone();
    assert_eq!(
        (&chat.on[..], chat.on_failure),
        (&[HookPoint::Notice][..], HookFailure::Note)
    );
    for point in HookPoint::all() {
        let hook = format!(
            "[[hook]]\nname = \"h\"\non = [\"{point}\"]\ncommand = [\"true\"]\non_failure = \"note\"\n"
        );
        assert_eq!(good(&least("", &hook), None).hooks[0].on, [point]);
    }
}

#[test]
fn mistakes_of_hooks_retention_journal_and_lease_are_refused() {
    let hooks = "[[hook]]\nname = \"one\"\non = [\"before-migrat\", \"somewhen\", 7]\ncommand = \"a b\"\n\
                 [[hook]]\nname = \"one\"\non = [\"notice\"]\ncommand = [\"a\"]\non_failure = \"fail\"\n\
                 [[hook]]\nname = \"two\"\non = [\"notice\", \"after-any\", \"after-any\"]\ncommand = [\"a\"]\n\
                 [[hook]]\nname = \"three\"\non = []\ncommand = [\"a\"]\ntimeout = \"0s\"\non_failure = \"stop\"\n\
                 [[hook]]\n";
    let others = "[backup]\nkeep_last = 0\nkeep_days = \"14d\"\n\
                  [state]\njournal = \"mysql://u:8461937@h/d\"\nlease = \"2s\"\n";
    let secret = "[state]\njournal = \"postgres://u:8461937@h/d\"\n";
    let kind = "[state]\njournal = [\"postgres://u:8461937@h/d\"]\n";
    let cases = [hooks, others, secret, kind].map(|tables| wrong(&least("keep_warm = 0", tables)));
    assert!(!cases.join("").contains("8461937"));
    insta::assert_snapshot!(cases.join("\n\n----\n\n"));
}

#[test]
fn the_journal_is_sqlite_or_a_database_that_is_never_printed() {
    let journal = |text: &str| {
        let state = format!("[state]\njournal = {text:?}\n");
        good(&least("", &state), None).state.journal
    };
    let shown = [
        ("postgres://portcullis@db/journal", SecretText::HIDDEN),
        ("postgresql:///journal", SecretText::HIDDEN),
        ("text:postgres://u:8461937@db/j", SecretText::HIDDEN),
        ("env:JOURNAL_URL", "env:JOURNAL_URL"),
        ("file:secrets/journal", "file:/srv/dhash/secrets/journal"),
        ("cmd:pass show 'the journal'", "cmd:pass show 'the journal'"),
    ];
    for (text, wanted) in shown {
        let JournalConfig::Postgres(url) = journal(text) else {
            panic!("{text} is PostgreSQL");
        };
        assert_eq!(
            (url.to_string().as_str(), format!("{url:?}").as_str()),
            (wanted, wanted)
        );
    }
    assert_eq!(journal("sqlite"), JournalConfig::Sqlite);
}

#[test]
fn variables_keep_their_references_with_absolute_paths() {
    let env = "env = { DB_PASSWORD = \"env:DB_PASSWORD\", API_KEY = \"file:secrets/key\", \
               TOKEN = \"cmd:pass show token\", MY_SECRET = \"text:none\", PLAIN = \"a\", \
               RUN = \"file:{store.s}/x\", PASSWORD_FILE = \"/run/p\", EMPTY_TOKEN = \"\" }\n\
               [[store]]\nname = \"s\"\nkind = \"directory\"\npath = \"s\"\n";
    let env = &good(&least("", env), None).releases[0].env.clone();
    assert_eq!(env["DB_PASSWORD"], "env:DB_PASSWORD");
    assert_eq!(env["API_KEY"], "file:/srv/dhash/secrets/key");
    assert_eq!(env["TOKEN"], "cmd:pass show token");
    assert_eq!(env["MY_SECRET"], "text:none");
    assert_eq!(env["RUN"], "file:{store.s}/x");
}

#[test]
fn secrets_in_the_file_itself_and_broken_references_are_refused() {
    let env = "env = { DB_PASSWORD = \"8461937\", A = \"env:\", B = \"file:\", C = \"cmd:x '\", \
               D = \"file:///x\", \"my.token\" = \"8461937\" }";
    let hook = "[[hook]]\nname = \"h\"\non = [\"notice\"]\ncommand = [\"a\"]\n\
                env = { CHAT_TOKEN = \"8461937\" }\n";
    let told = wrong(&least("", &format!("{env}\n{hook}")));
    assert!(!told.contains("8461937"), "{told}");
    insta::assert_snapshot!(told);
}

/// Whatever is wrong around it, no secret of an environment's overlay is shown either.
#[test]
fn secrets_of_environments_and_journals_are_never_quoted() {
    let cases = [
        "[[environment.a.release]]\nenv = { PASSWORD = \"8461937\" }",
        "[[environment.a.hook]]\nenv.PASSWORD = 8461937",
        "[environment.a.state]\njournal = \"postgress://u:8461937@h/d\"",
        "[environment.a.state]\njournal = \"postgres://u:8461937@h/d\" x",
        "[state]\njournal = { url = \"8461937\" }",
        "[[environment.a.releas]]\nenv = { PASSWORD = \"8461937\" }",
        "releas = [{ env = { PASSWORD = \"8461937\" } }]",
        "environment = [{ env = { PASSWORD = \"8461937\" } }]",
        "[environment.a]\nrelease = [{ evn = { PASSWORD = \"8461937\" } }]",
    ];
    for tables in cases {
        let told = wrong(&least("", tables));
        assert!(!told.contains("8461937"), "{told}");
    }
}

/// What the guide shows is what happens.
#[test]
fn the_examples_of_the_guide_are_right() {
    let guide = include_str!("../../../../docs/guide/environments-and-secrets.md");
    let examples: Vec<&str> = guide
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 2);
    let staging = good(examples[0], Some("staging"));
    assert!(!staging.gateway.force_header);
    assert_eq!(staging.gateway.listen.port(), 9080);
    assert_eq!(
        good(examples[0], Some("production")).retention.keep_days,
        30
    );
    let file = Path::new("portcullis.toml");
    let explained = portcullis_config::explain_text(examples[0], file, Some("staging"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    for one in &explained[..4] {
        let value = one.value.as_deref().unwrap_or_default();
        let line = format!("{:19}  {value:17}  {}", one.key, one.origin);
        assert!(guide.lines().any(|shown| shown == line), "{line}");
    }
    let env = &good(examples[1], None).releases[0].env;
    assert_eq!(env["API_TOKEN"], "env:DHASH_API_TOKEN");
    assert_eq!(env["DB_PASSWORD"], "file:/srv/dhash/secrets/db-password");
}
