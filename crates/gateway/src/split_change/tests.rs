use portcullis_api::gateway::Arm;

use super::*;

fn arm(number: u16) -> Arm {
    Arm {
        release: number.to_string(),
        address: format!("127.0.0.1:{number}"),
    }
}

fn split(stable: u16, canary: Option<u16>, weight_percent: u8) -> Split {
    Split {
        stable: arm(stable),
        canary: canary.map(arm),
        weight_percent,
        closed: None,
        mirror_only: false,
    }
}

#[test]
fn a_stable_arm_is_checked_when_it_is_new() {
    for (current, next, checked) in [
        (None, split(1, None, 0), true),
        (Some(split(1, None, 0)), split(1, None, 0), false),
        (Some(split(1, Some(2), 50)), split(2, None, 0), false),
        (Some(split(1, Some(2), 50)), split(1, Some(3), 0), false),
        (Some(split(1, None, 0)), split(2, None, 0), true),
        (Some(split(1, None, 0)), split(2, Some(1), 100), false),
    ] {
        assert_eq!(
            must_check_stable(current.as_ref(), &next),
            checked,
            "{current:?} -> {next:?}"
        );
    }
}

#[test]
fn a_canary_is_checked_when_its_share_grows() {
    for (current, next, checked) in [
        (None, split(1, Some(2), 0), false),
        (None, split(1, Some(2), 1), true),
        (Some(split(1, Some(2), 10)), split(1, Some(2), 50), true),
        (Some(split(1, Some(2), 50)), split(1, Some(2), 10), false),
        (Some(split(1, Some(2), 50)), split(1, Some(3), 10), true),
        (Some(split(1, Some(2), 50)), split(1, None, 0), false),
        (Some(split(1, None, 0)), split(2, Some(1), 100), false),
    ] {
        assert_eq!(
            must_check_canary(current.as_ref(), &next),
            checked,
            "{current:?} -> {next:?}"
        );
    }
}

#[test]
fn releases_must_be_visible() {
    let mut wrong = split(1, None, 0);
    for release in ["", "1 0", "1.0\n", "\u{e9}"] {
        wrong.stable.release = release.to_owned();
        assert!(
            validate(&wrong).unwrap_err().starts_with("stable: release"),
            "{release:?}"
        );
    }
    assert_eq!(validate(&split(1, Some(2), 100)), Ok(()));
}
