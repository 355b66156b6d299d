//! Grey samples from pixels, the way Pillow's `convert('RGB').convert('L')` makes them.
//!
//! Alpha is dropped, not composited. Grey stays as it is, because the weights add up to one.

/// How the bytes of a pixel are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PixelLayout {
    /// One grey byte.
    Gray,
    /// A grey byte and one of alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
    /// Cyan, magenta, yellow, black, each inverted as Adobe writes them.
    InvertedCmyk,
}

impl PixelLayout {
    /// Bytes per pixel.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::InvertedCmyk => 4,
        }
    }

    /// Turns a row of pixels into grey samples, one per place in `samples`.
    pub(crate) fn weigh_row(self, pixels: &[u8], samples: &mut [u8]) {
        match self {
            Self::Gray => samples.copy_from_slice(pixels),
            Self::GrayAlpha => weigh_gray_alpha(pixels, samples),
            Self::Rgb => weigh_rgb(pixels, samples),
            Self::Rgba => weigh_rgba(pixels, samples),
            Self::InvertedCmyk => weigh_cmyk(pixels, samples),
        }
    }
}

/// ITU-R BT.601 weights with 16 fractional bits, rounded: the integers of Pillow's `L24` macro.
#[inline(always)]
const fn weigh(red: u8, green: u8, blue: u8) -> u8 {
    ((19595 * red as u32 + 38470 * green as u32 + 7471 * blue as u32 + 0x8000) >> 16) as u8
}

fn weigh_gray_alpha(pixels: &[u8], samples: &mut [u8]) {
    for (pixel, sample) in pixels.chunks_exact(2).zip(samples) {
        *sample = pixel[0];
    }
}

#[multiversion::multiversion(targets = "simd")]
fn weigh_rgb(pixels: &[u8], samples: &mut [u8]) {
    for (pixel, sample) in pixels.chunks_exact(3).zip(samples) {
        *sample = weigh(pixel[0], pixel[1], pixel[2]);
    }
}

#[multiversion::multiversion(targets = "simd")]
fn weigh_rgba(pixels: &[u8], samples: &mut [u8]) {
    for (pixel, sample) in pixels.chunks_exact(4).zip(samples) {
        *sample = weigh(pixel[0], pixel[1], pixel[2]);
    }
}

fn weigh_cmyk(pixels: &[u8], samples: &mut [u8]) {
    for (pixel, sample) in pixels.chunks_exact(4).zip(samples) {
        let [red, green, blue] = [0, 1, 2].map(|index| uncover(pixel[index], pixel[3]));
        *sample = weigh(red, green, blue);
    }
}

/// Pillow's conversion without a colour profile: `light - ink * light / 255`, rounded.
const fn uncover(inverted_ink: u8, light: u8) -> u8 {
    let product = (255 - inverted_ink) as u32 * light as u32 + 128;
    (light as u32).saturating_sub(((product >> 8) + product) >> 8) as u8
}
