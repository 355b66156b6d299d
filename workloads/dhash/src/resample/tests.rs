use super::*;
use crate::algorithm::Algorithm;
use crate::hash::Hash;

type Formula = fn(u32, u32) -> [u32; 3];

const WAVES: Formula = |x, y| [x * x + 3 * y, 5 * x + y * y / 7, x * y / 11];
const STEPS: Formula = |x, y| [x / 7 * 37, y / 5 * 53, (x / 9 + y / 13) * 71];

/// Hashes that Python's imagehash 4.3.2 gives for these formulas (each value modulo 256) on Pillow
/// 12.0.0 and on Pillow 13.0.0.
const REFERENCE: [(Formula, u32, u32, &str, &str); 18] = [
    (WAVES, 256, 256, "d5928ca8558c3155", "d5928ca8558c3155"),
    (WAVES, 64, 48, "fcfdf9f3e78f3ef8", "fcfdf9f3e78f3ef8"),
    (WAVES, 37, 201, "ffd43768d9972ecc", "ffd43768d9972ecc"),
    (WAVES, 100, 900, "c690d2a5a59218e6", "c69092a5a5d218e6"),
    (WAVES, 9, 8, "ffffffffffffffff", "ffffffffffffffff"),
    (WAVES, 9, 300, "ff48e7fee9ffd8fb", "ff48e7fee9ffd8fb"),
    (WAVES, 300, 8, "999999d9d9d9d9d9", "999999d9d9d9d9d9"),
    (WAVES, 5, 40, "ffffffffffffffff", "ffffffffffffff7f"),
    (WAVES, 1, 1, "0000000000000000", "0000000000000000"),
    (WAVES, 3, 2, "3f3f3f3f3f3f3f3f", "3f3f3f3f3f3f3f3f"),
    (WAVES, 200, 50, "b5a5adab6a5695a9", "b5a5adab6a5695a9"),
    (STEPS, 256, 256, "95b5b5a595b5b595", "95b5b5a595b5b595"),
    (STEPS, 64, 48, "f5f5ededfddcf979", "f5f5ededfddcf979"),
    (STEPS, 37, 201, "ffffffffffffffff", "ffffffffffffffbf"),
    (STEPS, 100, 900, "e7e7e7e7e7e7e7e7", "e7e7e7e7e7e7e7e7"),
    (STEPS, 9, 8, "0202020202020202", "0202020202020202"),
    (STEPS, 300, 8, "9191919191919191", "9191919191919191"),
    (STEPS, 200, 50, "adadadadadadadad", "adadadadadadadad"),
];

fn hash_of(formula: Formula, width: u32, height: u32, algorithm: Algorithm) -> String {
    let bytes: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| formula(x, y)))
        .map(|value| (value % 256) as u8)
        .collect();
    let (layout, order) = (PixelLayout::Rgb, algorithm.pass_order(width, height));
    let pixels = Pixels {
        width: width as usize,
        height: height as usize,
        layout,
        bytes: &bytes,
    };
    Hash::of_grid(&shrink(pixels, order).unwrap()).to_string()
}

#[test]
fn formulas_hash_as_in_the_reference() {
    for (formula, width, height, pillow12, pillow13) in REFERENCE {
        let size = format!("{width} x {height}");
        assert_eq!(
            hash_of(formula, width, height, Algorithm::Pillow12),
            pillow12,
            "{size}"
        );
        assert_eq!(
            hash_of(formula, width, height, Algorithm::Pillow13),
            pillow13,
            "{size}"
        );
    }
}

#[test]
fn the_pass_order_shows_in_tall_images_only() {
    assert_eq!(
        Algorithm::Pillow13.pass_order(100, 900),
        PassOrder::VerticalFirst
    );
    assert_eq!(
        Algorithm::Pillow12.pass_order(100, 900),
        PassOrder::HorizontalFirst
    );
    // The measured threshold: vertical first if and only if (h - 8) > 2 * (w - 9).
    assert_eq!(
        Algorithm::Pillow13.pass_order(100, 190),
        PassOrder::HorizontalFirst
    );
    assert_eq!(
        Algorithm::Pillow13.pass_order(100, 191),
        PassOrder::VerticalFirst
    );
    assert_ne!(
        hash_of(WAVES, 100, 900, Algorithm::Pillow12),
        hash_of(WAVES, 100, 900, Algorithm::Pillow13)
    );
}

#[test]
fn a_gradient_to_the_right_sets_every_bit_and_a_flat_image_none() {
    for algorithm in Algorithm::ALL {
        assert_eq!(
            hash_of(|x, y| [x, y, 128], 256, 256, algorithm),
            "ffffffffffffffff"
        );
        assert_eq!(
            hash_of(|x, y| [255 - x, y, 128], 256, 256, algorithm),
            "0000000000000000"
        );
        assert_eq!(
            hash_of(|_, _| [77, 77, 77], 256, 256, algorithm),
            "0000000000000000"
        );
        assert_eq!(
            hash_of(|_, _| [77, 77, 77], 1, 1, algorithm),
            "0000000000000000"
        );
        assert_eq!(
            hash_of(|_, _| [9, 200, 3], 2048, 2048, algorithm),
            "0000000000000000"
        );
    }
}

#[test]
fn a_grid_of_the_right_size_stays_as_it_is() {
    let bytes: Vec<u8> = (0..Grid::SAMPLES)
        .map(|index| (index * 97 % 256) as u8)
        .collect();
    for order in [PassOrder::HorizontalFirst, PassOrder::VerticalFirst] {
        let (width, height, layout) = (Grid::COLUMNS, Grid::ROWS, PixelLayout::Gray);
        let grid = shrink(
            Pixels {
                width,
                height,
                layout,
                bytes: &bytes,
            },
            order,
        )
        .unwrap();
        assert_eq!(grid.0.as_slice(), bytes);
    }
}

#[test]
fn too_few_bytes_are_refused() {
    let layout = PixelLayout::Rgb;
    for (width, height, count) in [(0, 4, 0), (4, 0, 0), (4, 4, 47), (usize::MAX, 4, 48)] {
        let bytes = vec![0; count];
        let pixels = Pixels {
            width,
            height,
            layout,
            bytes: &bytes,
        };
        assert_eq!(shrink(pixels, PassOrder::HorizontalFirst), None);
    }
}
