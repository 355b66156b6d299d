//! Bytes of an image file to a grid of grey samples, under limits.
//!
//! JPEG goes through `libjpeg-turbo-rs`, whose output is that of libjpeg-turbo (and so Pillow's) to
//! the byte; everything else through the `image` crate. What is not read whole is refused: half a
//! picture has a hash, but it is the wrong one. No EXIF orientation is applied, and alpha is ignored,
//! because the reference does neither.

mod jpeg;
mod jpeg_markers;
mod pixel_buffer;
mod raster;

use std::fmt;

use crate::bounds::Limits;
use crate::extract::HashOptions;
use crate::grid::Grid;

/// The file formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG, baseline or progressive, 8 bits.
    Jpeg,
    /// Portable Network Graphics.
    Png,
    /// Graphics Interchange Format; the first frame counts.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// WebP, lossy or lossless; the first frame counts.
    Webp,
    /// Tagged Image File Format; the first page counts.
    Tiff,
    /// Portable any map (PBM, PGM, PPM, PAM).
    Pnm,
}

/// Something about an image that makes its hash less certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The file has errors that the decoder could cover up, as the reference's does.
    Damaged {
        /// What the decoder said.
        detail: String,
    },
    /// The reference is known to treat such files differently, or differently in its versions.
    ReferenceDiffers {
        /// In which point.
        detail: &'static str,
    },
    /// The hash was made from a scaled-down decoding.
    Approximate,
    /// Harmless: bytes that belong to no part of the image.
    StrayBytes {
        /// How many.
        count: usize,
    },
}

/// Why an image gave no grid.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The content is of no format that is read.
    #[error("not an image of a known format: expected JPEG, PNG, GIF, BMP, WebP, TIFF or PNM")]
    UnknownFormat,
    /// The image ends before its last pixel.
    #[error("the {format} is truncated: {detail}")]
    Truncated {
        /// The format that the content claims to be.
        format: ImageFormat,
        /// Where it ended.
        detail: String,
    },
    /// The image is broken, or of a kind that is not read.
    #[error("the {format} cannot be decoded: {detail}")]
    Unreadable {
        /// The format that the content claims to be.
        format: ImageFormat,
        /// What the decoder said.
        detail: String,
    },
    /// The image is larger than the limits allow.
    #[error("the image is too large: {width} x {height} pixels, at most {pixels_max} are decoded")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in pixels.
        pixels_max: u64,
    },
    /// The decoder failed in a way that it should not have.
    #[error("the decoder gave up on this {format} by a fault of its own")]
    Fault {
        /// The format that the content claims to be.
        format: ImageFormat,
    },
}

/// An image that was read whole.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) grid: Grid,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) findings: Vec<Finding>,
}

impl ImageFormat {
    /// Recognises a format by the first bytes of a file, never by its name.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            return Some(Self::Jpeg);
        }
        match image::guess_format(bytes).ok()? {
            image::ImageFormat::Png => Some(Self::Png),
            image::ImageFormat::Gif => Some(Self::Gif),
            image::ImageFormat::Bmp => Some(Self::Bmp),
            image::ImageFormat::WebP => Some(Self::Webp),
            image::ImageFormat::Tiff => Some(Self::Tiff),
            image::ImageFormat::Pnm => Some(Self::Pnm),
            _ => None,
        }
    }

    /// The lower-case name of the format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Webp => "webp",
            Self::Tiff => "tiff",
            Self::Pnm => "pnm",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Finding {
    /// What the confidence is multiplied with because of this finding.
    #[must_use]
    pub const fn factor(&self) -> f64 {
        match self {
            Self::Damaged { .. } | Self::ReferenceDiffers { .. } => 0.5,
            Self::Approximate => 0.9,
            Self::StrayBytes { .. } => 1.0,
        }
    }

    /// Whether the finding alone puts an image into the low-confidence queue.
    #[must_use]
    pub const fn needs_review(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::ReferenceDiffers { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { detail } => write!(formatter, "damaged: {detail}"),
            Self::ReferenceDiffers { detail } => {
                write!(formatter, "the reference may differ: {detail}")
            }
            Self::Approximate => formatter.write_str("fast mode: not bit-identical"),
            Self::StrayBytes { count } => write!(formatter, "{count} stray bytes ignored"),
        }
    }
}

/// Reads an image. A panic inside a decoder becomes [`DecodeError::Fault`].
pub(crate) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    options: &HashOptions,
) -> Result<Decoded, DecodeError> {
    let read = || match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, options),
        _ => raster::decode(bytes, format, options),
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or(Err(DecodeError::Fault { format }))
}

fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), DecodeError> {
    let pixels_max = limits.pixels_max;
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(DecodeError::TooLarge {
            width,
            height,
            pixels_max,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
