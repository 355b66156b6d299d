use proptest::prelude::*;

use super::*;

fn config(attempts_max: u32, statuses: &[u16]) -> RetryConfig {
    RetryConfig {
        attempts_max,
        budget_percent: 20,
        statuses: statuses.to_vec(),
        hedge_after_ms: Some(50),
    }
}

fn tried(method: &Method, failure: Failure) -> Tried<'_> {
    Tried {
        method,
        body: BodyLeft::Empty,
        answer_begun: false,
        attempts: 1,
        free_used: false,
        failure,
    }
}

#[test]
fn what_was_not_sent_is_always_tried_once_more() {
    let config = config(1, &[]);
    let mut post = tried(&Method::POST, Failure::NotSent);
    post.body = BodyLeft::Whole;
    assert_eq!(decide(&config, &post), Verdict::AgainForFree);
    post.free_used = true;
    assert_eq!(decide(&config, &post), Verdict::Stop(Stop::Attempts));
}

#[test]
fn what_was_sent_is_repeated_only_if_that_does_no_harm() {
    let config = config(3, &[503]);
    let mut put = tried(&Method::PUT, Failure::Broken);
    put.body = BodyLeft::Whole;
    assert_eq!(decide(&config, &put), Verdict::AgainWithinBudget);
    put.body = BodyLeft::Gone;
    assert_eq!(decide(&config, &put), Verdict::Stop(Stop::BodyGone));
    let post = tried(&Method::POST, Failure::Broken);
    assert_eq!(decide(&config, &post), Verdict::Stop(Stop::NotIdempotent));
    let patch = tried(&Method::PATCH, Failure::TimedOut);
    assert_eq!(decide(&config, &patch), Verdict::Stop(Stop::NotIdempotent));
    let mut begun = tried(&Method::GET, Failure::Broken);
    begun.answer_begun = true;
    assert_eq!(decide(&config, &begun), Verdict::Stop(Stop::AnswerBegun));
}

#[test]
fn only_named_answers_are_repeated() {
    let config = config(2, &[503]);
    let answered = |status| tried(&Method::GET, Failure::Answered(status));
    let busy = answered(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(decide(&config, &busy), Verdict::AgainWithinBudget);
    let broken = answered(StatusCode::BAD_GATEWAY);
    assert_eq!(decide(&config, &broken), Verdict::Stop(Stop::NotConfigured));
    let slow = tried(&Method::GET, Failure::TimedOut);
    assert_eq!(decide(&config, &slow), Verdict::Stop(Stop::NotConfigured));
    let config = self::config(2, &[504]);
    assert_eq!(decide(&config, &slow), Verdict::AgainWithinBudget);
}

#[test]
fn hedging_is_for_requests_that_may_be_repeated() {
    let config = config(2, &[]);
    let hedge = |method: Method, body, attempts| hedge_after_ms(&config, &method, body, attempts);
    assert_eq!(hedge(Method::GET, BodyLeft::Empty, 1), Some(50));
    assert_eq!(hedge(Method::PUT, BodyLeft::Whole, 1), Some(50));
    assert_eq!(hedge(Method::POST, BodyLeft::Empty, 1), None);
    assert_eq!(hedge(Method::PUT, BodyLeft::Gone, 1), None);
    assert_eq!(hedge(Method::GET, BodyLeft::Empty, 2), None);
}

fn some_failure() -> impl Strategy<Value = Failure> {
    let status = prop::sample::select(vec![200u16, 404, 429, 500, 502, 503, 504]);
    prop_oneof![
        Just(Failure::NotSent),
        Just(Failure::Broken),
        Just(Failure::TimedOut),
        status.prop_map(|status| Failure::Answered(StatusCode::from_u16(status).expect("status"))),
    ]
}

proptest! {
    #[test]
    fn no_request_has_more_attempts_than_it_may_and_none_is_repeated_blindly(
        method in prop::sample::select(vec!["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "X"]),
        body in prop::sample::select(vec![BodyLeft::Empty, BodyLeft::Whole, BodyLeft::Gone]),
        failures in prop::collection::vec(some_failure(), 20),
        attempts_max in 1..=5u32,
        statuses in prop::sample::subsequence(vec![429u16, 502, 503, 504], 0..=4),
    ) {
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        let config = config(attempts_max, &statuses);
        let (mut attempts, mut free_used) = (1, false);
        for failure in failures {
            let tried =
                Tried { method: &method, body, answer_begun: false, attempts, free_used, failure };
            let verdict = decide(&config, &tried);
            if !matches!(verdict, Verdict::Stop(_)) {
                prop_assert!(failure == Failure::NotSent || is_idempotent(&method));
                prop_assert!(body != BodyLeft::Gone);
            }
            match verdict {
                Verdict::AgainForFree => {
                    prop_assert!(!free_used && failure == Failure::NotSent);
                    free_used = true;
                }
                Verdict::AgainWithinBudget => attempts += 1,
                Verdict::Stop(_) => break,
            }
            prop_assert!(attempts <= attempts_max);
        }
    }
}

#[test]
fn only_a_kept_connection_that_closes_at_once_and_without_a_word_is_nobodys_fault() {
    let broke = Broke {
        method: &Method::GET,
        was_kept: true,
        closed_unanswered: true,
        after_us: RESEND_WITHIN_MS * 1_000,
    };
    assert!(broke.is_nobodys_fault());
    let delete = Broke {
        method: &Method::DELETE,
        ..broke
    };
    assert!(delete.is_nobodys_fault());
    let others = [
        Broke {
            method: &Method::POST,
            ..broke
        },
        Broke {
            method: &Method::PATCH,
            ..broke
        },
        Broke {
            was_kept: false,
            ..broke
        },
        Broke {
            closed_unanswered: false,
            ..broke
        },
        Broke {
            after_us: broke.after_us + 1,
            ..broke
        },
    ];
    for other in others {
        assert!(!other.is_nobodys_fault(), "{other:?}");
    }
}
