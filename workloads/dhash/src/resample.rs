//! Reducing an image to a [`Grid`], exactly as Pillow's `resize((9, 8), Image.LANCZOS)` does it
//! (`libImaging/Resample.c`).
//!
//! Exactness rests on three points: coefficients are computed in `f64` and normalised, then rounded
//! half away from zero to 22 fractional bits; sums are 32-bit integers that start at one half; and
//! the values between the two passes are cut to eight bits, which is why [`PassOrder`] matters.
//! Pillow leaves a pass out when the size does not change; here it runs with the weight one, which
//! gives the same samples. The image is taken row by row and never held as a grey picture.

use std::f64::consts::PI;

use crate::algorithm::PassOrder;
use crate::grid::Grid;
use crate::luma::PixelLayout;

const FRACTION_BITS: u32 = 22;
const ONE_HALF: i32 = 1 << (FRACTION_BITS - 1);
const LANCZOS_LOBES: f64 = 3.0;

/// A decoded image: its pixels, row by row from the top left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) layout: PixelLayout,
    pub(crate) bytes: &'a [u8],
}

/// Reduces an image. `None` when it has no pixels, or fewer bytes than its size demands.
pub(crate) fn shrink(pixels: Pixels<'_>, order: PassOrder) -> Option<Grid> {
    let Pixels {
        width,
        height,
        layout,
        bytes,
    } = pixels;
    let row_bytes = width.checked_mul(layout.bytes())?;
    if row_bytes == 0 || height == 0 || bytes.len() < row_bytes.checked_mul(height)? {
        return None;
    }
    let rows = bytes.chunks_exact(row_bytes).take(height);
    let mut samples = vec![0; width];
    let (across, down) = (windows(width, Grid::COLUMNS), windows(height, Grid::ROWS));
    let mut grid = Grid([0; Grid::SAMPLES]);
    match order {
        PassOrder::HorizontalFirst => {
            let mut sums = Columns::new(Grid::COLUMNS, &down);
            let mut reduced = [0; Grid::COLUMNS];
            for row in rows {
                layout.weigh_row(row, &mut samples);
                sum_row(&samples, &across, &mut reduced);
                sums.add_row(&reduced);
            }
            grid.0.copy_from_slice(&sums.finish());
        }
        PassOrder::VerticalFirst => {
            let mut sums = Columns::new(width, &down);
            for row in rows {
                layout.weigh_row(row, &mut samples);
                sums.add_row(&samples);
            }
            let reduced = sums.finish();
            for (row, out) in reduced
                .chunks_exact(width)
                .zip(grid.0.chunks_exact_mut(Grid::COLUMNS))
            {
                sum_row(row, &across, out);
            }
        }
    }
    Some(grid)
}

/// The weights of the input samples that make one output sample.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

impl Window {
    fn weight_at(&self, index: usize) -> Option<i32> {
        self.weights.get(index.checked_sub(self.start)?).copied()
    }
}

/// The vertical pass: a row of sums per output row.
struct Columns<'a> {
    windows: &'a [Window],
    width: usize,
    row: usize,
    sums: Vec<i32>,
}

impl<'a> Columns<'a> {
    fn new(width: usize, windows: &'a [Window]) -> Self {
        Self {
            windows,
            width,
            row: 0,
            sums: vec![ONE_HALF; width * windows.len()],
        }
    }

    fn add_row(&mut self, samples: &[u8]) {
        for (window, sums) in self
            .windows
            .iter()
            .zip(self.sums.chunks_exact_mut(self.width))
        {
            if let Some(weight) = window.weight_at(self.row) {
                add_weighted(samples, weight, sums);
            }
        }
        self.row += 1;
    }

    fn finish(self) -> Vec<u8> {
        self.sums.into_iter().map(to_sample).collect()
    }
}

fn windows(input: usize, output: usize) -> Vec<Window> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = LANCZOS_LOBES * stretch;
    (0..output)
        .map(|index| {
            let center = (index as f64 + 0.5) * scale;
            // Truncation towards zero, as the C cast does; below zero it is cut to zero anyway.
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(input);
            let weights: Vec<f64> = (start..end)
                .map(|x| lanczos((x as f64 - center + 0.5) * (1.0 / stretch)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let weights = weights
                .into_iter()
                .map(|weight| to_fixed(weight, sum))
                .collect();
            Window { start, weights }
        })
        .collect()
}

fn to_fixed(weight: f64, sum: f64) -> i32 {
    let normalised = if sum == 0.0 { weight } else { weight / sum };
    let scaled = normalised * f64::from(1 << FRACTION_BITS);
    (scaled + 0.5_f64.copysign(normalised)) as i32
}

fn lanczos(x: f64) -> f64 {
    if (-LANCZOS_LOBES..LANCZOS_LOBES).contains(&x) {
        sinc(x) * sinc(x / LANCZOS_LOBES)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (x * PI).sin() / (x * PI)
    }
}

#[multiversion::multiversion(targets = "simd")]
fn sum_row(samples: &[u8], windows: &[Window], reduced: &mut [u8]) {
    for (window, reduced) in windows.iter().zip(reduced) {
        let covered = samples[window.start..].iter().zip(&window.weights);
        let sum = covered.fold(ONE_HALF, |sum, (&sample, &weight)| {
            sum.wrapping_add(i32::from(sample).wrapping_mul(weight))
        });
        *reduced = to_sample(sum);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn add_weighted(samples: &[u8], weight: i32, sums: &mut [i32]) {
    for (sum, &sample) in sums.iter_mut().zip(samples) {
        *sum = sum.wrapping_add(i32::from(sample).wrapping_mul(weight));
    }
}

#[inline(always)]
fn to_sample(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests;
