//! Users who stay with a release: their errors are not independent.

use super::load::{Load, Who};
use super::shop::{ERRORS, Shop, USUAL, gate, number};

/// One user whose session is broken asks all the time and happens to have the new release: a tenth of its answers
/// fail, and it is as good as the old one.
#[test]
fn one_broken_session_sends_no_release_back() {
    let shop = Shop::serving(&gate("12s", ERRORS));
    let users = Load::start(shop.rig.gateway(), 90.0, Who::Regulars(300));
    shop.open_the_gate();
    let broken = shop.users_of("1.1", 1).remove(0);
    for release in ["1.0", "1.1"] {
        let behaviour = format!("{USUAL}broken_users = [\"{broken}\"]");
        shop.behave(release, &behaviour);
    }
    for _ in 0..200 {
        shop.rig.get("/", &broken);
    }
    let end = shop.end();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert!(
        ["promoted", "paused"].contains(&end.state.as_str()),
        "{}",
        end.sentence
    );
    let seen = shop.seen();
    let (canary, stable) = (
        number(&seen, "/evidence/0/observed"),
        number(&seen, "/evidence/0/baseline"),
    );
    assert!(
        canary > 0.05 && canary > 4.0 * stable,
        "the session was not heard: {canary} and {stable}"
    );
}

#[test]
fn errors_that_many_users_meet_who_stay_go_back() {
    let shop = Shop::serving(&gate("3m", ERRORS));
    shop.behave("1.1", "errors = 0.05");
    let users = Load::start(shop.rig.gateway(), 120.0, Who::Regulars(1_000));
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (3, "rolled back"),
        "{}",
        end.sentence
    );
    assert_eq!(
        end.failed_rule(),
        ("error_rate".to_owned(), "not_worse".to_owned())
    );
}
