use super::*;
use portcullis_analysis::Bound;

fn rule(signal: Signal, test: Test) -> Rule {
    Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, test)
    }
}

#[test]
fn a_limit_is_shown_by_no_fewer_requests_than_the_arithmetic_allows() {
    let limit = Test::AtMost {
        max: 0.01,
        matters: 0.02,
    };
    let limit = rule(Signal::ErrorRate, limit);
    let budget = Budget::default();
    let needed = requests_to_pass(&limit, &budget, 0.1).unwrap();
    // 0.98^n = 1/20 is n = 148.
    assert!((148..400).contains(&needed), "{needed}");
    let failed = requests_to_fail(&limit, &budget, 0.1).unwrap();
    assert!(failed <= 6, "{failed}");
    // However the traffic is divided, looks of many requests are none of the number.
    for share in [0.01, 0.5, 1.0] {
        let failed = requests_to_fail(&limit, &budget, share).unwrap();
        assert!((1..=6).contains(&failed), "{share}: {failed}");
    }
    let mut plain = limit;
    plain.enough = Enough::Requests;
    assert_eq!(requests_to_pass(&plain, &budget, 0.1), None);
}

#[test]
fn latencies_are_shown_too() {
    let test = Test::NotWorse {
        tolerated: Bound {
            ratio: 1.2,
            margin: 20.0,
        },
        matters: Bound {
            ratio: 1.8,
            margin: 40.0,
        },
    };
    let rule = rule(Signal::Latencies, test);
    let needed = requests_to_pass(&rule, &Budget::default(), 0.1).unwrap();
    assert!((20..2000).contains(&needed), "{needed}");
    assert!(requests_to_fail(&rule, &Budget::default(), 0.1).unwrap() < 40);
}

#[test]
fn a_rule_that_never_has_enough_says_so() {
    let nothing = Bound {
        ratio: 1.0,
        margin: 0.0,
    };
    let nearly = Bound {
        ratio: 1.000_001,
        margin: 0.0,
    };
    let test = Test::NotWorse {
        tolerated: nothing,
        matters: nearly,
    };
    let rule = rule(Signal::ErrorRate, test);
    assert_eq!(requests_to_pass(&rule, &Budget::default(), 0.1), None);
}
