use super::*;

#[test]
fn a_curve_is_straight_between_its_points_and_jumps_where_two_have_one_time() {
    let drift = Curve::through([(0, 0.0), (100, 1.0)]);
    assert_eq!(drift.at(25), 0.25);
    assert_eq!(drift.at(1000), 1.0);
    let incident = Curve::incident(0.01, 100, 50, 0.5);
    let values = [0, 99, 100, 149, 150, 900].map(|ms| incident.at(ms));
    assert_eq!(values, [0.01, 0.01, 0.5, 0.5, 0.01, 0.01]);
}

#[test]
fn numbers_that_cannot_be_simulated_are_named() {
    assert_eq!(Scenario::new(100.0, 0.1, 1000, 0.0).problem(), None);
    let said = |scenario: Scenario| scenario.problem().unwrap().to_string();
    assert_eq!(
        said(Scenario::new(0.0, 0.1, 1000, 0.0)),
        "the number of requests a second must be above 0"
    );
    assert_eq!(
        said(Scenario::new(1.0, 1.1, 1000, 0.0)),
        "the canary's share must be above 0 % and at most 100 %"
    );
    assert_eq!(
        said(Scenario::new(1.0, 0.5, 1000, f64::NAN)),
        "the error rate must be between 0 % and 100 %"
    );
}
