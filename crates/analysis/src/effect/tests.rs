use super::*;

fn ratio(value: Option<f64>, low: f64, high: Option<f64>) -> Effect {
    Effect {
        level: 0.99,
        differences: vec![Difference {
            quantile: None,
            canary: None,
            stable: None,
            ratio: Some(Interval { value, low, high }),
        }],
    }
}

#[test]
fn a_difference_is_told_with_what_is_known_of_it() {
    let words = |effect: Effect| effect.words(&Signal::ErrorRate);
    assert_eq!(
        words(ratio(Some(5.12), 3.24, Some(8.87))).as_deref(),
        Some("5.1 times as many errors (3.2 to 8.9, at 99 %)")
    );
    assert_eq!(
        words(ratio(None, 12.4, None)).as_deref(),
        Some("at least 12 times as many errors, at 99 %")
    );
    assert_eq!(
        words(ratio(None, 0.0, Some(0.456))).as_deref(),
        Some("at most 0.46 times as many errors, at 99 %")
    );
    assert_eq!(words(ratio(None, 0.0, None)), None);
}

#[test]
fn one_arm_alone_is_told_in_its_unit() {
    let effect = Effect {
        level: 0.995,
        differences: vec![Difference {
            quantile: Some(0.95),
            canary: Some(Interval {
                value: Some(120.0),
                low: 101.2,
                high: Some(140.9),
            }),
            stable: None,
            ratio: None,
        }],
    };
    let signal = Signal::Latency { quantile: 0.95 };
    assert_eq!(
        effect.words(&signal).as_deref(),
        Some("between 101 ms and 141 ms, at 99.5 %")
    );
    assert_eq!(effect.words(&Signal::ErrorRate), None);
}
