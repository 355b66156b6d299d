use proptest::prelude::*;

use super::*;

#[test]
fn a_quiet_route_has_a_few_retries_and_then_none() {
    let budget = RetryBudget::new(1);
    budget.request(0, 0);
    let taken = (0..10).filter(|_| budget.take(0, 20, 5)).count();
    assert_eq!(taken, 3);
    assert!(budget.take(0, 20, 10_000), "the window has moved on");
}

#[test]
fn a_share_of_nothing_allows_nothing() {
    let budget = RetryBudget::new(1);
    (0..1000).for_each(|_| budget.request(0, 0));
    assert!(!budget.take(0, 0, 0));
}

#[test]
fn retries_are_a_share_of_the_requests_of_all_workers() {
    let budget = RetryBudget::new(4);
    for request in 0..1000 {
        budget.request(request % 4, request as u64);
    }
    let taken = (0..1000).filter(|n| budget.take(n % 4, 20, 1_500)).count();
    assert_eq!(taken, 200);
}

#[test]
fn what_is_older_than_ten_seconds_does_not_count() {
    let budget = RetryBudget::new(1);
    (0..100).for_each(|_| budget.request(0, 999));
    assert_eq!(budget.window(9_999), (100, 0));
    assert_eq!(budget.window(10_000), (0, 0));
    budget.request(0, 16_500);
    assert_eq!(budget.window(16_999), (1, 0), "the slot is used again");
}

proptest! {
    #[test]
    fn the_window_counts_what_a_list_counts(
        steps in prop::collection::vec((0..2500u64, 0..3usize, any::<bool>()), 0..80),
        percent in 0..=100u32,
    ) {
        let budget = RetryBudget::new(3);
        let (mut requests, mut retries, mut now_ms) = (Vec::new(), Vec::new(), 0);
        for (pause_ms, worker, is_request) in steps {
            now_ms += pause_ms;
            if is_request {
                budget.request(worker, now_ms);
                requests.push(now_ms / 1000);
            } else if budget.take(worker, percent, now_ms) {
                retries.push(now_ms / 1000);
            }
            let recent = |list: &[u64]| {
                list.iter().filter(|second| **second + 10 > now_ms / 1000).count() as u64
            };
            let (asked, taken) = (recent(&requests), recent(&retries));
            prop_assert_eq!(budget.window(now_ms), (asked, taken));
        }
    }
}
