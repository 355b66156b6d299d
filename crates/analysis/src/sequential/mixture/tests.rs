use super::*;

#[test]
fn the_weights_of_all_beginnings_sum_to_one() {
    let begun: f64 = (0..10_000).map(|k| remaining(k) - remaining(k + 1)).sum();
    assert!((begun + remaining(10_000) - 1.0).abs() < 1e-12);
}

#[test]
fn without_events_the_evidence_stays_one() {
    let mut mixture = Mixture::default();
    mixture.observe(&[0.0; ALTERNATIVES]);
    assert_eq!(mixture.blocks(), 0);
    assert!(mixture.log_e().abs() < 1e-12, "{}", mixture.log_e());
}

#[test]
fn the_recursion_is_the_sum_over_all_beginnings() {
    let blocks: Vec<[f64; ALTERNATIVES]> = (0..7)
        .map(|block| std::array::from_fn(|at| ((block * 31 + at * 17) % 11) as f64 / 5.0 - 1.0))
        .collect();
    let mut mixture = Mixture::default();
    blocks.iter().for_each(|block| mixture.observe(block));
    let mut late = remaining(7);
    for start in 0..7 {
        let weight = remaining(start) - remaining(start + 1);
        let mean: f64 = (0..ALTERNATIVES)
            .map(|at| exp(blocks[start as usize..].iter().map(|b| b[at]).sum()))
            .sum::<f64>()
            / ALTERNATIVES as f64;
        late += weight * mean;
    }
    let whole: f64 = (0..ALTERNATIVES)
        .map(|at| exp(blocks.iter().map(|b| b[at]).sum()))
        .sum::<f64>()
        / ALTERNATIVES as f64;
    let expected = log((1.0 - LATE_SHARE) * whole + LATE_SHARE * late);
    // It is rounded down, by less than a ten-millionth for each block.
    let less = expected - mixture.log_e();
    assert!((0.0..1e-6).contains(&less), "{less}");
}

#[test]
fn evidence_beyond_all_numbers_stays_finite_and_is_written_and_read() {
    let mut mixture = Mixture::default();
    for _ in 0..10 {
        mixture.observe(&[1e6; ALTERNATIVES]);
    }
    assert!(mixture.log_e().is_finite());
    let text = serde_json::to_string(&mixture).unwrap();
    assert_eq!(serde_json::from_str::<Mixture>(&text).unwrap(), mixture);
    for _ in 0..10 {
        mixture.observe(&[-1e6; ALTERNATIVES]);
    }
    assert!(mixture.log_e().is_finite());
    assert!(mixture.log_highest() > 100.0, "proof once is proof");
}
