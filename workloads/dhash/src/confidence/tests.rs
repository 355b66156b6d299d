use super::*;

#[test]
fn a_flat_image_has_none() {
    assert_eq!(confidence(&Grid([128; Grid::SAMPLES]), &[]), 0.0);
}

#[test]
fn clear_steps_have_all_of_it() {
    let mut grid = Grid([0; Grid::SAMPLES]);
    for (index, sample) in grid.0.iter_mut().enumerate() {
        *sample = (index % Grid::COLUMNS * 20) as u8;
    }
    assert_eq!(confidence(&grid, &[]), 1.0);
    // One pair of the 64 becomes a near tie.
    grid.0[1] = grid.0[0] + 1;
    assert_eq!(confidence(&grid, &[]), 0.984);
}

#[test]
fn doubtful_pixels_cost_confidence_and_stray_bytes_do_not() {
    let mut grid = Grid([0; Grid::SAMPLES]);
    for (index, sample) in grid.0.iter_mut().enumerate() {
        *sample = (index % 2 * 200) as u8;
    }
    let whole = confidence(&grid, &[]);
    assert_eq!(
        confidence(&grid, &[Finding::StrayBytes { count: 3 }]),
        whole
    );
    let damaged = Finding::Damaged {
        detail: "a bad code".to_owned(),
    };
    assert_eq!(confidence(&grid, &[damaged]), whole / 2.0);
}
