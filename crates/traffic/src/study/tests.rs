use super::*;

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6
}

/// Of no events the closed form, of five in a hundred the textbook's interval at 95 %.
#[test]
fn the_interval_is_that_of_clopper_and_pearson() {
    let (low, high) = binomial_interval(0, 10_000, 0.05);
    assert_eq!(low, 0.0);
    assert!(is_near(high, 1.0 - 0.05f64.powf(1e-4)), "{high}");
    let (low, high) = binomial_interval(5, 100, 0.025);
    assert!((low - 0.016_431_9).abs() < 1e-6, "{low}");
    assert!((high - 0.112_834_9).abs() < 1e-6, "{high}");
    assert_eq!(binomial_interval(10, 10, 0.05).1, 1.0);
}

#[test]
fn outcomes_are_counted_by_what_they_came_to() {
    let outcome = |verdict, at_ms| Outcome { verdict, at_ms };
    let study: Study = [
        outcome(Verdict::Fail, 30),
        outcome(Verdict::Pass, 100),
        outcome(Verdict::Fail, 10),
        outcome(Verdict::Inconclusive, 100),
        outcome(Verdict::Fail, 20),
    ]
    .into_iter()
    .collect();
    assert_eq!((study.runs(), study.failed()), (5, 3));
    assert_eq!((study.passed(), study.inconclusive()), (1, 1));
    assert_eq!((study.passed_by(99), study.passed_by(100)), (0, 1));
    assert_eq!(study.failed_after_ms(0.5), Some(20));
    assert_eq!(study.failed_after_ms(0.9), Some(30));
    assert_eq!(Study::default().failed_after_ms(0.5), None);
}
