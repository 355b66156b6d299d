//! JPEG files.
//!
//! The exact mode decodes like Pillow: accurate integer inverse DCT, "fancy" chroma upsampling, RGB
//! out. The fast mode lets the inverse DCT scale the picture down and reads the luma plane alone.
//! The decoder runs leniently because libjpeg does, but it is never believed: a truncation warning
//! or a missing end marker is an error here, any other warning a [`Finding`].

use libjpeg_turbo_rs::{
    ColorSpace, DecodeLimits, DecodeWarning, Decoder, PixelFormat, ScalingFactor,
};

use super::pixel_buffer::with_buffer;
use super::{DecodeError, Decoded, Finding, ImageFormat, check_size, jpeg_markers};
use crate::algorithm::PassOrder;
use crate::bounds::JPEG_SCANS_MAX;
use crate::extract::{HashOptions, Speed};
use crate::grid::Grid;
use crate::luma::PixelLayout;
use crate::resample::{Pixels, shrink};

const FORMAT: ImageFormat = ImageFormat::Jpeg;

/// The fast mode keeps at least this many pixels on the short side.
const FAST_SIDE_MIN: usize = 128;

pub(super) fn decode(bytes: &[u8], options: &HashOptions) -> Result<Decoded, DecodeError> {
    let limits = &options.limits;
    let decode_limits = DecodeLimits {
        max_pixels: limits.pixels_max,
        max_scans: JPEG_SCANS_MAX,
        max_memory: Some(limits.memory_max_bytes),
        ..DecodeLimits::default()
    };
    // Parsed with wide dimension limits first, so that a refusal can name the size.
    let mut decoder = Decoder::new_with_limits(bytes, decode_limits).map_err(unreadable)?;
    let header = decoder.header();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    check_size(width, height, limits)?;
    check_kind(&decoder)?;
    if !jpeg_markers::has_end(bytes) {
        return Err(truncated("it has no end-of-image marker"));
    }

    let channels = decoder.header().components.len();
    let fast = options.speed == Speed::Fast && channels != 4;
    let in_luma = fast && decoder.jpeg_color_space() == ColorSpace::YCbCr;
    let (format, layout) = match channels {
        1 => (PixelFormat::Grayscale, PixelLayout::Gray),
        4 => (PixelFormat::Cmyk, PixelLayout::InvertedCmyk),
        _ if in_luma => (PixelFormat::Grayscale, PixelLayout::Gray),
        _ => (PixelFormat::Rgb, PixelLayout::Rgb),
    };
    decoder.set_output_format(format);
    decoder.set_lenient(true);
    if fast {
        decoder.set_scale(fast_scale(width as usize, height as usize)?);
    }
    let order = options.algorithm.pass_order(width, height);
    let (grid, warnings) = read_pixels(&decoder, layout, order)?;
    let mut findings = inspect(&warnings)?;
    if fast {
        findings.push(Finding::Approximate);
    }
    if channels == 4 {
        findings.push(Finding::ReferenceDiffers {
            detail: "a CMYK JPEG",
        });
    }
    Ok(Decoded {
        grid,
        width,
        height,
        findings,
    })
}

fn read_pixels(
    decoder: &Decoder<'_>,
    layout: PixelLayout,
    order: PassOrder,
) -> Result<(Grid, Vec<DecodeWarning>), DecodeError> {
    let size = decoder.output_buffer_size().map_err(unreadable)?;
    with_buffer(size, |buffer| {
        let image = decoder.decode_image_into(buffer).map_err(unreadable)?;
        let (width, height) = (image.width, image.height);
        let bytes = buffer.get(..image.bytes_written).unwrap_or_default();
        let grid = shrink(
            Pixels {
                width,
                height,
                layout,
                bytes,
            },
            order,
        )
        .ok_or_else(|| unreadable("the decoder returned too few pixels"))?;
        Ok((grid, image.warnings))
    })
}

fn check_kind(decoder: &Decoder<'_>) -> Result<(), DecodeError> {
    let header = decoder.header();
    if header.precision != 8 || header.is_lossless {
        return Err(unreadable("only 8-bit DCT JPEG is read"));
    }
    match header.components.len() {
        1 | 3 | 4 => Ok(()),
        count => Err(unreadable(format!(
            "{count} colour components: expected 1, 3 or 4"
        ))),
    }
}

fn fast_scale(width: usize, height: usize) -> Result<ScalingFactor, DecodeError> {
    let denominator = [8, 4, 2]
        .into_iter()
        .find(|&denominator| width.min(height) / denominator >= FAST_SIDE_MIN)
        .unwrap_or(1);
    ScalingFactor::try_new(1, denominator as u32).map_err(unreadable)
}

fn inspect(warnings: &[DecodeWarning]) -> Result<Vec<Finding>, DecodeError> {
    warnings
        .iter()
        .map(|warning| match warning {
            DecodeWarning::TruncatedData { .. } => Err(truncated(warning.to_string())),
            DecodeWarning::UnsupportedRecovered { detail } => Err(unreadable(detail)),
            DecodeWarning::ExtraneousData { bytes } => Ok(Finding::StrayBytes { count: *bytes }),
            // Entropy errors, and kinds of warnings that a later decoder may add.
            _ => Ok(Finding::Damaged {
                detail: warning.to_string(),
            }),
        })
        .collect()
}

fn truncated(detail: impl ToString) -> DecodeError {
    DecodeError::Truncated {
        format: FORMAT,
        detail: detail.to_string(),
    }
}

fn unreadable(detail: impl ToString) -> DecodeError {
    DecodeError::Unreadable {
        format: FORMAT,
        detail: detail.to_string(),
    }
}
