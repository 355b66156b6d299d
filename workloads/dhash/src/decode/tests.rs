use std::io::Cursor;

use image::{DynamicImage, ImageFormat as CrateFormat, RgbImage};

use super::*;
use crate::bounds::FILE_LIMITS;

fn picture(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| image::Rgb([x * 3, y * 5, x * y / 7].map(|value| value as u8));
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
}

fn encode(format: CrateFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture(120, 90).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn encode_jpeg(progressive: bool) -> Vec<u8> {
    let picture = picture(120, 90).to_rgb8();
    libjpeg_turbo_rs::Encoder::new(&picture, 120, 90, libjpeg_turbo_rs::PixelFormat::Rgb)
        .progressive(progressive)
        .encode()
        .unwrap()
}

fn read(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let format = ImageFormat::sniff(bytes).ok_or(DecodeError::UnknownFormat)?;
    decode(bytes, format, &HashOptions::default())
}

#[test]
fn every_format_gives_the_same_picture() {
    let expected = read(&encode(CrateFormat::Png)).unwrap().grid;
    for (format, ours) in [
        (CrateFormat::Bmp, ImageFormat::Bmp),
        (CrateFormat::Tiff, ImageFormat::Tiff),
        (CrateFormat::WebP, ImageFormat::Webp),
        (CrateFormat::Pnm, ImageFormat::Pnm),
    ] {
        let bytes = encode(format);
        assert_eq!(ImageFormat::sniff(&bytes), Some(ours));
        let decoded = read(&bytes).unwrap();
        assert_eq!(decoded.grid, expected, "{ours}");
        assert_eq!((decoded.width, decoded.height), (120, 90));
        assert_eq!(decoded.findings, [], "{ours}");
    }
}

#[test]
fn a_jpeg_cut_anywhere_is_refused() {
    for progressive in [false, true] {
        let whole = encode_jpeg(progressive);
        assert!(read(&whole).is_ok());
        for length in (3..whole.len() - 1).step_by(7) {
            let error = read(&whole[..length]).unwrap_err();
            assert!(
                matches!(
                    error,
                    DecodeError::Truncated { .. } | DecodeError::Unreadable { .. }
                ),
                "progressive {progressive}, {length} of {} bytes: {error}",
                whole.len()
            );
        }
    }
}

#[test]
fn a_jpeg_cut_and_ended_is_refused() {
    // The end marker alone must not make half a picture whole.
    let whole = encode_jpeg(false);
    let mut cut = whole[..whole.len() * 2 / 3].to_vec();
    cut.extend([0xFF, 0xD9]);
    let error = read(&cut).unwrap_err();
    assert!(matches!(error, DecodeError::Truncated { .. }), "{error}");
}

#[test]
fn other_formats_cut_anywhere_are_refused_or_have_all_pixels() {
    for format in [
        CrateFormat::Png,
        CrateFormat::Bmp,
        CrateFormat::Tiff,
        CrateFormat::Pnm,
    ] {
        let whole = encode(format);
        let expected = read(&whole).unwrap().grid;
        for length in (0..whole.len()).step_by(97) {
            // A file may end after its last pixel without harm (checksums, trailers).
            if let Ok(decoded) = read(&whole[..length]) {
                assert_eq!(
                    decoded.grid,
                    expected,
                    "{format:?}, {length} of {}",
                    whole.len()
                );
            }
        }
    }
}

#[test]
fn rubbish_is_refused_and_never_ends_the_process() {
    assert!(matches!(read(b""), Err(DecodeError::UnknownFormat)));
    assert!(matches!(
        read(b"hello, world"),
        Err(DecodeError::UnknownFormat)
    ));
    let mut random = 1_u32;
    for mut bytes in [
        encode_jpeg(false),
        encode_jpeg(true),
        encode(CrateFormat::Png),
    ] {
        for _ in 0..200 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = random as usize % (bytes.len() - 16) + 16;
            bytes[place] ^= (random >> 24) as u8 | 1;
            let _ = read(&bytes);
        }
    }
}

#[test]
fn damage_inside_a_jpeg_is_found() {
    let mut bytes = encode_jpeg(false);
    let middle = bytes.len() / 2;
    // Stuffed bytes, so that no marker arises: a run of ones, which is no code of any table.
    for pair in bytes[middle..middle + 40].chunks_exact_mut(2) {
        pair.copy_from_slice(&[0xFF, 0x00]);
    }
    let decoded = read(&bytes).unwrap();
    assert!(
        decoded.findings.iter().any(Finding::needs_review),
        "{:?}",
        decoded.findings
    );
}

#[test]
fn a_huge_image_is_refused_before_it_is_decoded() {
    // A PNG header alone: 40000 x 40000 pixels, and a JPEG frame of 65000 x 65000.
    let mut png = encode(CrateFormat::Png);
    png[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let mut jpeg = encode_jpeg(false);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFD, 0xE8, 0xFD, 0xE8]);

    for bytes in [png, jpeg] {
        let error = read(&bytes).unwrap_err();
        let limit = FILE_LIMITS.pixels_max;
        let named =
            matches!(error, DecodeError::TooLarge { pixels_max, .. } if pixels_max == limit);
        assert!(named, "{error}");
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn the_fast_mode_says_that_it_is_approximate() {
    let options = HashOptions {
        speed: crate::Speed::Fast,
        ..HashOptions::default()
    };
    let decoded = decode(&encode_jpeg(false), ImageFormat::Jpeg, &options).unwrap();
    assert_eq!(decoded.findings, [Finding::Approximate]);
}
