use std::collections::BTreeMap;

use portcullis_rollout::{Artifact, Check, Command, ReleaseId, ServiceName, Target};

use super::*;

fn record(release: &str) -> Record {
    let ready = Check {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        body_file: None,
        status: 200,
        json: BTreeMap::new(),
        contains: None,
        timeout_ms: 1,
    };
    let launch = Launch {
        service: ServiceName::new("shop/../etc"),
        release: ReleaseId::new(release),
        target: Target {
            name: "local".to_owned(),
            driver: "process".to_owned(),
            address: "127.0.0.1:41001".to_owned(),
        },
        artifact: Artifact {
            path: "/bin/true".into(),
            sha256: String::new(),
        },
        command: Command {
            argv: vec![],
            env: BTreeMap::new(),
            folder: "/".into(),
        },
        ready,
        ready_timeout_ms: 1,
        stop_timeout_ms: 1,
    };
    Record {
        marker: "abc".to_owned(),
        boot_id: "run".to_owned(),
        process: Some(ProcessId {
            pid: 1,
            start_ticks: 2,
        }),
        started_at_ms: 3,
        restarts: 4,
        last_end: None,
        state: InstanceState::Running,
        supervised: true,
        launch,
    }
}

#[test]
fn names_stay_within_their_folder() {
    assert_eq!(file_name("1.1-rc_2"), "1.1-rc_2");
    assert_eq!(file_name("../x"), "%2E.%2Fx");
    assert_eq!(file_name(".."), "%2E.");
    assert_eq!(record("1.1").key().stem(), "1.1@127.0.0.1_41001");
}

#[test]
fn a_record_is_read_back_set_aside_and_pruned() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = tempfile::tempdir().unwrap();
    let records = Records::open(scratch.path().join("instances")).unwrap();
    let first = record("1.0");
    assert_eq!(records.load(&first.key()).unwrap(), None);
    records.save(&first).unwrap();
    assert_eq!(records.load(&first.key()).unwrap(), Some(first.clone()));
    let file = records.file(&first.key(), LIVE);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(records.all().unwrap().len(), 1);

    records.set_aside(&first.key()).unwrap();
    records.set_aside(&first.key()).unwrap();
    assert_eq!(records.load(&first.key()).unwrap(), None);
    assert!(records.file(&first.key(), STOPPED).exists());
    for number in 0..STOPPED_RECORDS_KEPT + 5 {
        let stopped = record(&format!("2.{number}"));
        records.save(&stopped).unwrap();
        records.set_aside(&stopped.key()).unwrap();
    }
    assert_eq!(
        entries(file.parent().unwrap()).unwrap().len(),
        STOPPED_RECORDS_KEPT
    );
    assert_eq!(records.all().unwrap().len(), 0);
}
