use portcullis_api::gateway::Arm;

use super::*;

fn state(epoch: u64) -> SavedState {
    let stable = Arm {
        release: "1.0".to_owned(),
        address: "127.0.0.1:80".to_owned(),
    };
    let split = Some(Split {
        stable,
        canary: None,
        weight_percent: 0,
        closed: None,
        mirror_only: false,
    });
    let service = SavedService {
        epoch,
        changes: 2,
        changed_at_ms: 3,
        split,
    };
    SavedState {
        services: BTreeMap::from([("shop".to_owned(), service)]),
        ..SavedState::default()
    }
}

#[test]
fn what_is_written_is_read_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.json");
    assert_eq!(SavedState::read(&path).unwrap(), SavedState::default());
    for epoch in [1, 2] {
        state(epoch).write(&path).unwrap();
        assert_eq!(SavedState::read(&path).unwrap(), state(epoch));
    }
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["splits.json"]);
}

#[test]
fn every_cut_of_the_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.json");
    state(1).write(&path).unwrap();
    let text = fs::read(&path).unwrap();
    // All but the last byte, the newline.
    for length in 0..text.len() - 1 {
        fs::write(&path, &text[..length]).unwrap();
        assert!(
            matches!(SavedState::read(&path), Err(StateFileError::Damaged { .. })),
            "{length}"
        );
    }
}

#[test]
fn a_failed_write_leaves_the_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.json");
    state(1).write(&path).unwrap();
    // The temporary name is taken by a folder, so the new version cannot be written.
    fs::create_dir(folder.path().join("splits.json.new")).unwrap();
    assert!(
        state(2)
            .write(&path)
            .unwrap_err()
            .to_string()
            .contains("splits.json")
    );
    assert_eq!(SavedState::read(&path).unwrap(), state(1));
}
