//! Real files of every format against Python's imagehash 4.3.2 on Pillow 12.0.0 and 13.0.0.
//!
//! `bench/fixtures.py` made the files and printed these hashes.

use crate::stage::{data, dhash};

/// File, hash on Pillow 12.0.0; Pillow 13.0.0 gives the same but for the tall image.
const REFERENCE: [(&str, &str); 17] = [
    ("bmp.bmp", "feece9cb58d197b4"),
    ("gif.gif", "feece9cb1ad19695"),
    ("jpeg-420.jpg", "feece9cb58d197b4"),
    ("jpeg-422.jpg", "feece9cb58d197b4"),
    ("jpeg-444.jpg", "feece9cb58d197b4"),
    ("jpeg-cmyk.jpg", "feece9cb58d197b4"),
    ("jpeg-exif-rotated.jpg", "feece9cb58d197b4"),
    ("jpeg-gray.jpg", "feece9cb58d197b4"),
    ("jpeg-progressive.jpg", "feece9cb58d197b4"),
    ("jpeg-tall.jpg", "fff04bfce28fd892"),
    ("png-gray-alpha.png", "feece9cb58d197b4"),
    ("png-palette-transparent.png", "feece9cb5ed11695"),
    ("png-rgb.png", "feece9cb58d197b4"),
    ("png-rgba.png", "feece9cb58d197b4"),
    ("tiff-lzw.tiff", "feece9cb58d197b4"),
    ("webp-lossless.webp", "feece9cb58d197b4"),
    ("webp-lossy.webp", "feece9cb18d197b4"),
];

const TALL: &str = "jpeg-tall.jpg";
const TALL_ON_PILLOW_13: &str = "fff047fce28fd892";

fn hashes(algorithm: &str) -> Vec<String> {
    let files = REFERENCE.map(|(name, _)| data(name));
    let output = dhash()
        .args(["hash", "--algorithm", algorithm])
        .args(&files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .zip(&files)
        .map(|(line, file)| {
            let (hash, path) = line.split_once("  ").unwrap();
            assert_eq!(
                path,
                file.to_str().unwrap(),
                "the order is that of the arguments"
            );
            hash.to_owned()
        })
        .collect()
}

#[test]
fn files_hash_as_in_the_reference() {
    let expected = REFERENCE.map(|(_, hash)| hash.to_owned());
    assert_eq!(hashes("imagehash4/pillow<=12"), expected);

    let on_pillow_13 = |(name, hash)| {
        if name == TALL {
            TALL_ON_PILLOW_13
        } else {
            hash
        }
    };
    let expected = REFERENCE.map(|entry| on_pillow_13(entry).to_owned());
    assert_eq!(hashes("imagehash4/pillow13"), expected);
}

#[test]
fn files_that_the_reference_treats_otherwise_are_queued() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    for name in [
        "png-gray-16-bit.png",
        "tiff-rotated.tiff",
        "jpeg-cmyk.jpg",
        "png-rgb.png",
    ] {
        std::fs::copy(data(name), images.join(name)).unwrap();
    }
    let library = folder.path().join("library.json");
    let status = dhash()
        .arg("build")
        .arg("--images")
        .arg(&images)
        .arg("--library")
        .arg(&library)
        .status()
        .unwrap();
    assert!(status.success());
    let library = dhash::Library::open(&library).unwrap();
    assert_eq!(library.images.len(), 4);
    let mut queued: Vec<_> = library
        .queue
        .iter()
        .map(|entry| {
            (
                entry.path.as_str(),
                entry.reason.contains("the reference may differ"),
            )
        })
        .collect();
    queued.sort_unstable();
    let expected = ["jpeg-cmyk.jpg", "png-gray-16-bit.png", "tiff-rotated.tiff"];
    assert_eq!(queued, expected.map(|name| (name, true)));
}
