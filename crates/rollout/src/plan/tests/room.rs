//! The room that pre-flight is told to look for.

use super::closing::cut_over;
use super::*;

fn need(request: &PlanRequest) -> Option<RoomNeed> {
    let plan = Plan::build(request).unwrap();
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Preflight(order) => order.room.clone(),
        _ => None,
    })
}

#[test]
fn a_release_that_is_rehearsed_and_restored_needs_room_for_both() {
    let needed = RoomNeed {
        copies: Some("/srv/scratch".into()),
        put_back: Some(BesideStores::Needed),
        backups: 1,
    };
    assert_eq!(need(&request()), Some(needed));
}

#[test]
fn a_release_that_goes_back_with_migrated_data_needs_room_for_its_rehearsal() {
    let mut request = request();
    request.policy.restore = false;
    let needed = need(&request).unwrap();
    assert_eq!((needed.put_back, needed.copies.is_some()), (None, true));
}

#[test]
fn a_cut_over_has_two_backups_when_data_is_put_back() {
    let needed = need(&cut_over()).unwrap();
    assert_eq!(needed.backups, 2);
    assert_eq!(needed.put_back, Some(BesideStores::Needed));
}

#[test]
fn with_a_reverse_the_backup_is_put_back_only_if_that_fails() {
    let mut request = request();
    request.policy.reverse = true;
    let Some(Migration::Command(migration)) = &mut request.release.migration else {
        panic!("the request migrates by a command");
    };
    migration.reverse = Some(words(&["{artifact}", "unmigrate"]));
    let needed = need(&request).unwrap();
    assert_eq!(needed.put_back, Some(BesideStores::IfReverseFails));
}

#[test]
fn a_release_without_a_migration_needs_room_for_its_backup_alone() {
    let mut request = request();
    request.release.migration = None;
    assert_eq!(need(&request), None);
}
