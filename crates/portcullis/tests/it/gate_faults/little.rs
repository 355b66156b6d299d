//! Too little traffic, or none: the gate asks, and says what it needs.

use super::load::{Load, Who};
use super::shop::{Shop, gate};

#[test]
fn one_request_a_second_asks_and_says_how_many_more_it_needs() {
    let shop = Shop::serving(&gate("10s", ""));
    for release in ["1.0", "1.1"] {
        shop.behave(release, "");
    }
    let users = Load::start(shop.rig.gateway(), 1.0, Who::Strangers);
    let (code, end) = shop.release();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(
        (code, end.state.as_str()),
        (5, "paused"),
        "{}",
        end.sentence
    );
    let told = &end.sentence;
    assert!(
        told.starts_with("Paused at 50 %, cannot decide: error rate "),
        "{told}"
    );
    assert!(
        told.contains("needs about ") && told.contains(" more requests, "),
        "{told}"
    );
    assert!(told.contains(" at this rate"), "{told}");
}

#[test]
fn no_traffic_at_all_asks_and_says_how_many_requests_it_needs() {
    let shop = Shop::serving(&gate("4s", ""));
    let (code, end) = shop.release();
    assert_eq!(
        (code, end.state.as_str()),
        (5, "paused"),
        "{}",
        end.sentence
    );
    let told = &end.sentence;
    assert!(
        told.starts_with(
            "Paused at 50 %, cannot decide: error rate: 0 requests of the new release so far"
        ),
        "{told}"
    );
    assert!(
        told.contains("needs about ") && told.contains(" more requests"),
        "{told}"
    );
    // A person may say that it goes on all the same.
    shop.rig.ok(&["abort", "--reason", "nobody came"]);
    assert_eq!(shop.end().state, "rolled back");
}
