//! Every format but JPEG, through the `image` crate.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader};

use super::pixel_buffer::with_buffer;
use super::{DecodeError, Decoded, Finding, ImageFormat, check_size};
use crate::extract::HashOptions;
use crate::grid::Grid;
use crate::luma::PixelLayout;
use crate::resample::{Pixels, shrink};

pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    options: &HashOptions,
) -> Result<Decoded, DecodeError> {
    let reader = ImageReader::with_format(Cursor::new(bytes), to_crate(format));
    let mut decoder = reader
        .into_decoder()
        .map_err(|error| explain(format, error))?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, &options.limits)?;
    let mut decoder_limits = image::Limits::default();
    decoder_limits.max_alloc = Some(options.limits.memory_max_bytes);
    // A decoder that cannot keep to the limit refuses here, before it allocates.
    decoder
        .set_limits(decoder_limits)
        .map_err(|error| explain(format, error))?;

    let mut findings = inspect(bytes, format, &mut decoder);
    let grid = read_pixels(decoder, format, options, &mut findings)?.ok_or_else(|| {
        DecodeError::Unreadable {
            format,
            detail: "it has no pixels".to_owned(),
        }
    })?;
    Ok(Decoded {
        grid,
        width,
        height,
        findings,
    })
}

fn read_pixels(
    decoder: impl ImageDecoder,
    format: ImageFormat,
    options: &HashOptions,
    findings: &mut Vec<Finding>,
) -> Result<Option<Grid>, DecodeError> {
    let (width, height) = decoder.dimensions();
    let order = options.algorithm.pass_order(width, height);
    let (width, height) = (width as usize, height as usize);
    let Some((layout, deep)) = layout_of(decoder.color_type()) else {
        let image = DynamicImage::from_decoder(decoder).map_err(|error| explain(format, error))?;
        let (rgb, layout) = (image.to_rgb8(), PixelLayout::Rgb);
        return Ok(shrink(
            Pixels {
                width,
                height,
                layout,
                bytes: rgb.as_raw(),
            },
            order,
        ));
    };
    let size = decoder.total_bytes();
    if size > options.limits.memory_max_bytes {
        return Err(DecodeError::Unreadable {
            format,
            detail: "it needs too much memory".into(),
        });
    }
    with_buffer(size as usize, |buffer| {
        decoder
            .read_image(buffer)
            .map_err(|error| explain(format, error))?;
        if format == ImageFormat::Gif && buffer.chunks_exact(4).any(|pixel| pixel[3] == 0) {
            // What lies under them is the canvas here and the palette's entry there.
            findings.push(Finding::ReferenceDiffers {
                detail: "a GIF with transparent pixels",
            });
        }
        let bytes = if deep {
            keep_high_bytes(buffer)
        } else {
            buffer
        };
        Ok(shrink(
            Pixels {
                width,
                height,
                layout,
                bytes,
            },
            order,
        ))
    })
}

fn inspect(bytes: &[u8], format: ImageFormat, decoder: &mut impl ImageDecoder) -> Vec<Finding> {
    let mut findings = Vec::new();
    let color = decoder.color_type();
    if color == ColorType::L16 {
        // Pillow cuts such samples off at 255 in some versions and scales them in others.
        findings.push(Finding::ReferenceDiffers {
            detail: "16-bit grey samples",
        });
    }
    if matches!(color, ColorType::Rgb32F | ColorType::Rgba32F) {
        findings.push(Finding::ReferenceDiffers {
            detail: "floating-point samples",
        });
    }
    if format == ImageFormat::Tiff
        && !matches!(
            decoder.orientation(),
            Ok(Orientation::NoTransforms) | Err(_)
        )
    {
        findings.push(Finding::ReferenceDiffers {
            detail: "a TIFF with an orientation tag",
        });
    }
    if format == ImageFormat::Tiff && color.has_alpha() && color.bytes_per_pixel() > 4 {
        findings.push(Finding::ReferenceDiffers {
            detail: "a TIFF with 16-bit alpha",
        });
    }
    if format == ImageFormat::Bmp && (color.has_alpha() || !is_plain_bitmap(bytes)) {
        findings.push(Finding::ReferenceDiffers {
            detail: "a bitmap with a palette, compression or transparency",
        });
    }
    findings
}

/// Whether a bitmap's header promises 24 bits per pixel, uncompressed.
fn is_plain_bitmap(bytes: &[u8]) -> bool {
    bytes
        .get(28..34)
        .is_some_and(|fields| fields == [24, 0, 0, 0, 0, 0])
}

/// The layout of a colour type, and whether its samples have 16 bits.
const fn layout_of(color: ColorType) -> Option<(PixelLayout, bool)> {
    match color {
        ColorType::L8 => Some((PixelLayout::Gray, false)),
        ColorType::La8 => Some((PixelLayout::GrayAlpha, false)),
        ColorType::Rgb8 => Some((PixelLayout::Rgb, false)),
        ColorType::Rgba8 => Some((PixelLayout::Rgba, false)),
        ColorType::L16 => Some((PixelLayout::Gray, true)),
        ColorType::La16 => Some((PixelLayout::GrayAlpha, true)),
        ColorType::Rgb16 => Some((PixelLayout::Rgb, true)),
        ColorType::Rgba16 => Some((PixelLayout::Rgba, true)),
        _ => None,
    }
}

/// Cuts 16-bit samples to their high bytes, as Pillow does with colours, in place.
fn keep_high_bytes(bytes: &mut [u8]) -> &[u8] {
    let count = bytes.len() / 2;
    for index in 0..count {
        let sample = u16::from_ne_bytes([bytes[2 * index], bytes[2 * index + 1]]);
        bytes[index] = (sample >> 8) as u8;
    }
    &bytes[..count]
}

fn explain(format: ImageFormat, error: ImageError) -> DecodeError {
    if let ImageError::IoError(source) = &error
        && source.kind() == std::io::ErrorKind::UnexpectedEof
    {
        return DecodeError::Truncated {
            format,
            detail: "the data ends early".to_owned(),
        };
    }
    DecodeError::Unreadable {
        format,
        detail: error.to_string(),
    }
}

const fn to_crate(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::Bmp => image::ImageFormat::Bmp,
        ImageFormat::Webp => image::ImageFormat::WebP,
        ImageFormat::Tiff => image::ImageFormat::Tiff,
        ImageFormat::Pnm => image::ImageFormat::Pnm,
    }
}
