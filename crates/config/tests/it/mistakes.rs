//! Files that are wrong, and how that is told.

use portcullis_config::Code;

use crate::{least, read, wrong};

const DOZEN: &str = include_str!("dozen.toml");

#[test]
fn a_dozen_different_mistakes_are_told_at_once() {
    insta::assert_snapshot!(wrong(DOZEN));
}

#[test]
fn problems_are_also_data() {
    let problems = read(DOZEN).expect_err("problems");
    let json = serde_json::to_value(&problems).expect("JSON");
    insta::assert_json_snapshot!(json["problems"][0]);
    let codes: Vec<Code> = problems.into_iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&Code::UnknownKey) && codes.contains(&Code::BadValue));
}

#[test]
fn mistakes_of_syntax_are_all_told_and_nothing_is_guessed_from_them() {
    let text = "[service]\nname = dhash\nready = { path = \"/health\" \n[gate\nwindow = 8s\nnonsense = 1\n";
    insta::assert_snapshot!(wrong(text));
}

#[test]
fn a_key_that_is_there_twice_does_not_hide_other_mistakes() {
    let text = least("name = \"twice\"\nportz = \"1-9\"", "[data]\n[data]\n");
    insta::assert_snapshot!(wrong(&text));
}

#[test]
fn columns_are_right_behind_tabs_wide_characters_and_carriage_returns() {
    let text = "[service]\r\n\tname = \"世界\"\r\n\tready = { path = \"/é\", statsu = 1 }\r\n";
    insta::assert_snapshot!(wrong(text));
}

#[test]
fn an_empty_file_says_what_it_needs() {
    insta::assert_snapshot!(wrong(""));
}

#[test]
fn gates_that_could_never_be_judged_are_refused() {
    let compare = "[[gate.rule]]\nsignal = \"error-rate\"\nworse_than_stable_by = \"1%\"\n";
    let cases = [
        least("strategy = \"blue-green\"", compare),
        least(
            "strategy = \"at-once\"\nkeep_warm = \"0s\"",
            "[gate]\nwindow = \"1m\"\n",
        ),
        // There are no gates in which the old release could show anything.
        least("strategy = \"at-once\"", compare),
        least("weights = [100]", compare),
        least("", "[gate]\nrule = []\n"),
        least("", "[gate]\nwindow = \"3s\"\n"),
        least("", "[gate]\nwindow = \"3s\"\ninterval = \"1m\"\n"),
        least("weights = [50, 10]\nstrategy = \"canary\"", ""),
        least("strategy = \"blue-green\"\nweights = [100]", ""),
        least("weights = []", ""),
        least("", "[gate]\nwindow = \"20s\"\nsamples_min = 5\n"),
        least("", "[gate]\nalpha = 0\nbeta = \"0%\"\n"),
        least(
            "",
            "[gate]\n[[gate.rule]]\nsignal = \"error-rate\"\nmax = \"1%\"\nalone = true\n",
        ),
        least("", &format!("{compare}alone = true\n")),
        least(
            "",
            "[service.metrics]\npath = \"/m\"\nfigures = { queue = \"/q\" }\n\
             [gate]\nwindow = \"1m\"\nextend = \"1m\"\n\
             [[gate.rule]]\nsignal = \"metric\"\nmetric = \"queue\"\nmax = 9\nrequests_min = 25\n\
             [[gate.rule]]\nsignal = \"metric\"\nmetric = \"queue\"\nmax = 9\nover = \"30s\"\n\
             requests_min = 7\n",
        ),
        least(
            "keep_warm = \"4m\"\n\
             keep_warm_cadence = [{ after = \"1m\", interval = \"1h\" }, { interval = \"2m\" }, { after = \"5m\", interval = \"1s\" }]",
            "",
        ),
    ];
    insta::assert_snapshot!(cases.map(|text| wrong(&text)).join("\n\n----\n\n"));
}

#[test]
fn what_stands_in_a_gate_and_could_have_no_effect_is_refused() {
    let rule = |keys: &str| format!("[[gate.rule]]\n{keys}\n");
    let gate = |keys: &str, rules: &str| {
        least(
            "keep_warm = \"0s\"",
            &format!("[gate]\nwindow = \"1m\"\nextend = \"0s\"\n{keys}\n{rules}"),
        )
    };
    let errors = rule("signal = \"error-rate\"\nmax = \"1%\"");
    let cases = [
        gate("", &rule("signal = \"health\"\nmax = 12")),
        gate(
            "",
            &rule("signal = \"health\"\nmax = 2\nrequests_min = 500"),
        ),
        gate("alpha = 1e-300\nbeta = \"0.00001%\"", &errors),
        gate("", &rule("signal = \"latency\"\nmax = \"3h\"")),
        gate(
            "",
            &rule("signal = \"latency\"\nmax = \"1s\"\nquantile = 0.999999"),
        ),
        gate(
            "early = true",
            &rule("signal = \"error-rate\"\nmax = \"1%\"\nrequests_min = 20"),
        ),
        gate("early = true", &rule("signal = \"health\"\nmax = 2")),
        gate("", &errors.repeat(2)),
        gate("", &rule("signal = \"refusals\"\nmax = \"1%\"")),
    ];
    insta::assert_snapshot!(cases.map(|text| wrong(&text)).join("\n\n----\n\n"));
}

#[test]
fn gates_that_are_just_possible_are_not_refused() {
    let rule = |keys: &str| format!("[[gate.rule]]\n{keys}\n");
    let gate = |keys: &str, rules: &str| {
        least(
            "keep_warm = \"0s\"",
            &format!("[gate]\nwindow = \"1m\"\nextend = \"0s\"\n{keys}\n{rules}"),
        )
    };
    let errors = "signal = \"error-rate\"\nmax = \"1%\"";
    for text in [
        gate(
            "",
            &rule("signal = \"health\"\nmax = 11\nrequests_min = 12"),
        ),
        gate("alpha = 1e-6", &rule(errors)),
        gate(
            "",
            &rule("signal = \"latency\"\nmax = \"1h\"\nquantile = 0.9999"),
        ),
        gate(
            "early = true",
            &(rule(errors) + &rule("signal = \"health\"\nmax = 2")),
        ),
        gate(
            "",
            &(rule(errors) + &rule("signal = \"error-rate\"\nmax = \"1%\"\nbreaker = true")),
        ),
        gate(
            "",
            &(rule(errors) + &rule("signal = \"error-rate\"\nmax = \"1%\"\nover = \"30s\"")),
        ),
    ] {
        read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    let rules = [
        "signal = \"health\"\nworse_than_stable_by = 1",
        "signal = \"latency\"\nmax = \"1s\"\nratio_max = 2.0",
        "signal = \"latency\"\nratio_max = 0.5",
        "signal = \"latency\"\nmax = \"0ms\"\nquantile = 95",
        "signal = \"error-rate\"\nquantile = 0.5\nmax = 100",
        "signal = \"metric\"\nmax = 1",
        "signal = \"metric\"\nmetric = \"qeue\"\nmax = \"7\"",
        "signal = \"health\"",
        "signal = \"speed\"\nmax = [1]",
        "max = 1\nmetrik = 2",
    ];
    let rules: String = rules
        .map(|rule| format!("[[gate.rule]]\n{rule}\n"))
        .concat();
    let metrics = "[service.metrics]\npath = \"/{release}\"\nfigures = { queue = \"/q\" }\n";
    insta::assert_snapshot!(wrong(&least("", &format!("{metrics}{rules}"))));
}

#[test]
fn data_that_could_be_lost_is_refused() {
    let migrate = "[release.migrate]\ncommand = [\"{artifact}\"]\n";
    let proofs = [
        "",
        "proof = { command = [\"a\"], file = \"b\" }\n",
        "proof = { file = \"b\", pointer = \"c\" }\n",
        "proof = { file = \"b\", pointer = \"/c\", equals = 1979-05-27 }\n",
    ];
    let stores = "[[store]]\nname = \"all\"\nkind = \"directory\"\npath = \"data\"\n\
                  [[store]]\nname = \"all\"\nkind = \"file\"\npath = \"data/x\"\n\
                  [state]\nvault = \"data/../data/vault\"\n[data]\nrollback = \"keep\"\n";
    let cases = proofs.map(|proof| wrong(&least("", &format!("{migrate}{proof}"))));
    let overlapping = wrong(&least(
        "",
        &format!("{migrate}proof = {{ command = [\"a\"] }}\n{stores}"),
    ));
    insta::assert_snapshot!([cases.join("\n\n----\n\n"), overlapping].join("\n\n----\n\n"));
}

#[test]
fn sql_files_that_no_rollout_could_apply_are_refused() {
    let file = "[[store]]\nname = \"notes\"\nkind = \"file\"\npath = \"notes.json\"\n";
    let entries = "[[store]]\nname = \"entries\"\nkind = \"sqlite\"\npath = \"entries.db\"\n";
    let others = "[[store]]\nname = \"others\"\nkind = \"sqlite\"\npath = \"others.db\"\n";
    let cases = [
        format!("command = [\"a\"]\n{entries}"),
        format!("store = \"entrees\"\n{entries}"),
        format!("store = \"notes\"\n{file}{entries}"),
        format!("pause = \"long\"\nthrough = -1\n{entries}"),
        format!("{entries}{others}"),
        file.to_owned(),
    ];
    let sql = "[release.migrate]\nsql = \"migrations\"\n";
    let mut told = cases
        .map(|case| wrong(&least("", &format!("{sql}{case}"))))
        .to_vec();
    let command =
        "[release.migrate]\ncommand = [\"a\"]\nproof = { command = [\"b\"] }\npause = \"1s\"\n";
    told.push(wrong(&least("", &format!("{command}{file}"))));
    insta::assert_snapshot!(told.join("\n\n----\n\n"));
}

#[test]
fn addresses_that_clash_or_are_too_open_are_refused() {
    let tables = "[gateway]\nlisten = \"127.0.0.1:21005\"\nadmin = \"0.0.0.0:8081\"\nsticky = \"header\"\n\
                  [server]\nlisten = \"192.0.2.1:8081\"\n";
    let other = "[gateway]\nlisten = 8080\nadmin = \"unix:/run/x\"\nsticky = \"address\"\n\
                 sticky_name = \"a b\"\n";
    insta::assert_snapshot!(
        [wrong(&least("", tables)), wrong(&least("", other))].join("\n\n----\n\n")
    );
}

#[test]
fn places_without_a_value_are_refused_where_they_stand() {
    let tables = "env = { HOST = \"{hots}\" }\n\
                  [[release]]\nversion = \"1.0\"\nartifact = \"~/dhash\"\n\
                  command = [\"{artifact}\", \"--to={store.libary}\", \"{\\\"a\\\": 1}\"]\n\
                  [[store]]\nname = \"library\"\nkind = \"file\"\npath = \"x\"\n";
    let service = "[service.metrics]\npath = \"/m\"\nfigures = {}\n[[service.smoke]]\n\
                   path = \"/{what}\"\njson = { version = 1, \"/v\" = \"{releas}\" }\n";
    insta::assert_snapshot!(wrong(&least(service, tables)));
}

/// Whatever is wrong with an environment variable, its value is not shown.
#[test]
fn values_of_environment_variables_are_never_quoted() {
    let cases = [
        "env = { PASSWORD = 8461937 }",
        "env = { PASSWORD = \"8461937\", B = \"{nothing}\" }",
        "env = { PASSWORD = \"8461937\", B = 1, B = 2 }",
        "evn = { PASSWORD = \"8461937\" }",
        "env = [\"8461937\"]",
        "[release.env]\nPASSWORD = 8461937",
        "env.PASSWORD = 8461937",
        "env = { PASSWORD = \"8461937\" B = 1 }",
        "env = { PASSWORD = \"8461937",
        "env = 8461937x",
        "[release.env]\nPASSWORD = 8461937 x\nOTHER = [8461937",
        "[release.\"env\"]\nPASSWORD = \"8461937\n[data]\nx = = 1",
    ];
    for env in cases {
        let told = wrong(&least("", env));
        assert!(!told.contains("8461937"), "{told}");
    }
    // So broken that no release can be made out.
    let broken = [
        "[[release]\nenv = { PASSWORD = \"8461937\" x }",
        "[[release\nenv = \"8461937\" \"",
        "[release.env\nPASSWORD = \"8461937\" \"",
        "release = [{ env = { PASSWORD = \"8461937\" } x = 1 }]",
        "release = { env.PASSWORD = \"8461937\" x = 1 }",
        "[[release]\nenv = {\n  A = 1,\n  PASSWORD = \"8461937\" x\n}",
        "releas = [{ env = { PASSWORD = \"8461937\" x } }]",
    ];
    for text in broken {
        let told = wrong(text);
        assert!(!told.contains("8461937"), "{told}");
    }
}

#[test]
fn very_many_problems_are_counted() {
    let text: String = (0..250)
        .map(|index| format!("unknown-{index} = 1\n"))
        .collect();
    let problems = read(&text).expect_err("problems");
    assert_eq!((problems.as_slice().len(), problems.count()), (100, 252));
    assert!(problems.to_string().ends_with("and 152 more"));
}

#[test]
fn grpc_is_asked_only_of_what_speaks_http2() {
    let path = "/grpc.health.v1.Health/Check";
    let smoke = format!("[[service.smoke]]\npath = \"{path}\"\n");
    let health = format!("[gateway]\nhealth = {{ path = \"{path}\" }}\n");
    let upstream = "[[gateway.upstream]]\nname = \"a\"\nserver = [{ address = \"127.0.0.1:1\" }]\n";
    let upstream = format!(
        "{upstream}health = {{ path = \"{path}\" }}\n[[gateway.route]]\nname = \"r\"\nto = \"a\"\n"
    );
    for tables in [&smoke, &health, &upstream] {
        let told = wrong(&least("", tables));
        assert!(
            told.contains("asked in gRPC, which HTTP/1.1 cannot carry"),
            "{told}"
        );
        assert!(told.contains("add protocol = \"http2\""), "{told}");
        assert_eq!(told.matches("HTTP/1.1 cannot").count(), 1, "{told}");
    }
    for tables in [&smoke, &health] {
        let config = read(&least("protocol = \"http2\"", tables));
        assert!(config.is_ok(), "{config:?}");
    }
    let spoken = upstream.replacen("name", "protocol = \"http2\"\nname", 1);
    assert!(read(&least("", &spoken)).is_ok());
    insta::assert_snapshot!(wrong(&least("protocol = \"http3\"", "")));
}
