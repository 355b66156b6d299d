//! Pictures for the library.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image::{Rgb, RgbImage};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use walkdir::WalkDir;

use crate::setup;

/// Where Debian's background packages put their photographs.
const BACKGROUNDS: &str = "/usr/share/backgrounds";
/// More pictures than this do not make the demo better, only slower.
const PICTURES_MAX: usize = 48;
/// Larger files are left out: the demo is about releases, not about patience.
const PICTURE_BYTES_MAX: u64 = 2_500_000;
/// How many tall strips are cut out of pictures.
const TALL_CUTS: usize = 12;
/// How many pictures are drawn when there are no photographs.
const DRAWN: u64 = 32;

/// Fills `to` with pictures and says where they are from.
pub fn collect(given: Option<&Path>, to: &Path) -> Result<String> {
    std::fs::create_dir_all(to)?;
    if let Some(folder) = given {
        let copied = copy(folder, to)?;
        if copied == 0 {
            bail!("there are no .jpg or .png pictures in {}", folder.display());
        }
        return Ok(format!(
            "{copied} pictures from {} and tall cuts of some",
            folder.display()
        ));
    }
    let backgrounds = Path::new(BACKGROUNDS);
    if pictures(backgrounds).is_empty()
        && let Err(error) = setup::run(false)
    {
        eprintln!("{error}");
    }
    let copied = copy(backgrounds, to)?;
    if copied > 0 {
        return Ok(format!(
            "{copied} photographs and pictures from {BACKGROUNDS}"
        ));
    }
    for seed in 0..DRAWN {
        draw(seed).save(to.join(format!("drawn-{seed:02}.png")))?;
    }
    Ok(format!(
        "no photographs could be had, so {DRAWN} pictures were drawn; give some with --images"
    ))
}

/// Pictures below a folder, in a fixed order.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|data| data.len() <= PICTURE_BYTES_MAX)
        })
        .map(walkdir::DirEntry::into_path)
        .filter(|path| {
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            ["jpg", "jpeg", "png"]
                .iter()
                .any(|known| extension == *known)
        })
        .take(PICTURES_MAX)
        .collect()
}

/// Cuts tall strips out of the first pictures: tall ones are what release 1.1 hashes differently.
fn cut_tall(from: &[PathBuf], to: &Path) -> Result<()> {
    for (index, path) in from.iter().enumerate().take(TALL_CUTS) {
        let picture = image::open(path).with_context(|| format!("reading {}", path.display()))?;
        let width = picture.width().min(picture.height() / 3);
        let left = (picture.width() - width) / 2;
        let strip = picture.crop_imm(left, 0, width, picture.height()).to_rgb8();
        strip.save(to.join(format!("tall-{index:02}.png")))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<usize> {
    let found = pictures(from);
    cut_tall(&found, to)?;
    for (index, picture) in found.iter().enumerate() {
        let name = picture.file_name().unwrap_or_default().to_string_lossy();
        let copy = to.join(format!("{index:02}-{name}"));
        std::fs::copy(picture, &copy).with_context(|| format!("copying {}", picture.display()))?;
    }
    Ok(found.len())
}

/// Overlapping soft discs on a gradient: different enough from each other to hash apart.
fn draw(seed: u64) -> RgbImage {
    let mut random = StdRng::seed_from_u64(seed);
    // Every other one is tall.
    let height = random.random_range(600..900);
    let width = if seed.is_multiple_of(2) {
        random.random_range(400..900)
    } else {
        height / 3
    };
    let discs: Vec<(f32, f32, f32, [f32; 3])> = (0..12)
        .map(|_| {
            let colour = [0; 3].map(|_| random.random_range(0.0..255.0));
            let at = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
            (at.0, at.1, random.random_range(0.05..0.4), colour)
        })
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut pixel = [x * 200.0, y * 200.0, 120.0];
        for (cx, cy, radius, colour) in &discs {
            let distance = ((x - cx).powi(2) + (y - cy).powi(2)).sqrt();
            let cover = (1.0 - distance / radius).clamp(0.0, 1.0);
            for (value, tint) in pixel.iter_mut().zip(colour) {
                *value = *value * (1.0 - cover) + tint * cover;
            }
        }
        Rgb(pixel.map(|value| value as u8))
    })
}
