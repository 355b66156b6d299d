//! The nine by eight grey samples that an image is reduced to.

/// Eight rows of nine grey samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid(pub [u8; Grid::SAMPLES]);

impl Grid {
    /// Columns.
    pub const COLUMNS: usize = 9;
    /// Rows.
    pub const ROWS: usize = 8;
    /// Samples in all.
    pub const SAMPLES: usize = Self::COLUMNS * Self::ROWS;

    /// The 64 pairs of neighbours, left then right, row by row.
    pub fn neighbours(&self) -> impl Iterator<Item = (u8, u8)> {
        self.0
            .chunks_exact(Self::COLUMNS)
            .flat_map(|row| row.windows(2))
            .map(|pair| (pair[0], pair[1]))
    }
}
