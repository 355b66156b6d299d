use super::*;

fn hash(text: &str) -> Hash {
    text.parse().unwrap()
}

#[test]
fn distance_counts_differing_bits() {
    let zero = hash("0000000000000000");
    assert_eq!(
        hash("a1b2c3d4e5f6789a").distance(hash("a1b2c3d4e5f6789a")),
        0
    );
    assert_eq!(zero.distance(hash("ffffffffffffffff")), 64);
    assert_eq!(zero.distance(hash("0000000000000001")), 1);
}

#[test]
fn only_sixteen_lower_case_digits_are_a_hash() {
    for text in [
        "",
        "0",
        "a1b2c3d4e5f6",
        "A1B2C3D4E5F6789A",
        "0000000000000000 ",
        "+000000000000000",
    ] {
        let error = text.parse::<Hash>().unwrap_err().to_string();
        assert!(
            error.contains("expected 16 lower-case hexadecimal digits"),
            "{error}"
        );
    }
    let long = "g".repeat(10_000).parse::<Hash>().unwrap_err().to_string();
    assert!(long.len() < 200, "the message must not repeat a long input");
}

#[test]
fn text_and_value_convert_both_ways() {
    for text in ["a1b2c3d4e5f6789a", "0000000000000001", "ffffffffffffffff"] {
        assert_eq!(hash(text).to_string(), text);
    }
}

#[test]
fn confidence_gives_the_largest_matching_distance() {
    let cases = [
        (1.0, 0),
        (0.95, 3),
        (0.9, 6),
        (0.85, 9),
        (0.8, 12),
        (0.7, 19),
        (0.5, 32),
    ];
    for (confidence, distance) in cases.into_iter().chain([(0.0, 64)]) {
        assert_eq!(max_hamming(confidence), Ok(distance), "{confidence}");
    }
    for confidence in [-0.1, 1.1, f64::NAN] {
        let error = max_hamming(confidence).unwrap_err().to_string();
        assert!(error.contains("from 0.0 to 1.0"), "{error}");
    }
}

#[test]
fn near_hashes_match_and_opposite_ones_do_not() {
    let zero = hash("0000000000000000");
    let near = zero.distance(hash("0000000000000001"));
    assert!(near <= max_hamming(0.95).unwrap());
    assert_eq!(Hash::likeness(near), 0.984_375);
    let far = zero.distance(hash("ffffffffffffffff"));
    assert!(far > max_hamming(0.9).unwrap());
    assert_eq!(Hash::likeness(far), 0.0);
}

#[test]
fn the_first_comparison_is_the_highest_bit() {
    let mut grid = Grid([0; Grid::SAMPLES]);
    grid.0[1] = 1;
    assert_eq!(Hash::of_grid(&grid).to_string(), "8000000000000000");
    let mut grid = Grid([0; Grid::SAMPLES]);
    grid.0[Grid::SAMPLES - 1] = 1;
    assert_eq!(Hash::of_grid(&grid).to_string(), "0000000000000001");
}
