use std::os::unix::fs::PermissionsExt;

use super::*;

fn entry(at_ms: u64) -> AuditEntry {
    AuditEntry {
        at_ms,
        event: AuditEvent::BypassBegun,
        service: "shop".to_owned(),
        by: "ana".to_owned(),
        reason: "the canary\nloses \"orders\"".to_owned(),
        until_ms: at_ms + 1,
    }
}

#[test]
fn what_was_appended_is_read_in_order_and_only_its_owner_may() {
    let folder = tempfile::tempdir().unwrap();
    let trail = AuditTrail::beside(&folder.path().join("gateway.json"));
    assert_eq!(trail.read().unwrap(), AuditRead::default());
    for at_ms in 1..=3 {
        trail.append(&entry(at_ms)).unwrap();
    }
    let read = trail.read().unwrap();
    assert_eq!(read.entries, [entry(1), entry(2), entry(3)]);
    assert!(read.unreadable.is_empty());
    let text = std::fs::read_to_string(trail.path()).unwrap();
    assert_eq!(text.lines().count(), 3);
    let mode = std::fs::metadata(trail.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_line_that_was_broken_off_is_named_and_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let trail = AuditTrail::beside(&folder.path().join("gateway.json"));
    trail.append(&entry(1)).unwrap();
    let text = std::fs::read_to_string(trail.path()).unwrap();
    for end in 1..text.len() {
        std::fs::write(trail.path(), format!("{text}{}", &text[..end])).unwrap();
        trail.append(&entry(2)).unwrap();
        let read = trail.read().unwrap();
        match end == text.len() - 1 {
            // Only its end was missing.
            true => assert_eq!(read.entries, [entry(1), entry(1), entry(2)]),
            false => {
                assert_eq!(read.entries, [entry(1), entry(2)], "cut at {end}");
                assert_eq!(read.unreadable, [2]);
            }
        }
    }
}

#[test]
fn a_record_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let trail = AuditTrail::beside(&folder.path().join("none/gateway.json"));
    trail.append(&entry(1)).unwrap_err();
}
