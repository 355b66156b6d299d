use std::fs;

use image::RgbImage;
use tempfile::TempDir;

use super::*;
use crate::collect::collect;

/// A folder with a library of three images by the old algorithm; the tall one changes.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("images/deep");
        fs::create_dir_all(&images).unwrap();
        for (name, width, height) in [("tall", 100, 900), ("wide", 90, 70), ("small", 12, 10)] {
            let pixel = |x: u32, y: u32| {
                let values = [x * x + 3 * y, 5 * x + y * y / 7, x * y / 11];
                image::Rgb(values.map(|value| (value % 256) as u8))
            };
            let path = images.join(name).with_extension("png");
            RgbImage::from_fn(width, height, pixel).save(path).unwrap();
        }
        let place = Self { folder };
        let images = place.folder.path().join("images");
        collect(&images, &place.library(), Algorithm::Pillow12, 1).unwrap();
        place
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("library.json")
    }

    fn image(&self, name: &str) -> PathBuf {
        self.folder.path().join("images/deep").join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.library()).unwrap()
    }

    fn migrate(&self, options: &MigrateOptions) -> Result<MigrateReport, MigrateError> {
        migrate(&self.library(), options)
    }
}

fn to_newest() -> MigrateOptions {
    MigrateOptions {
        algorithm: Some(Algorithm::Pillow13),
        schema: Some(2),
        ..Default::default()
    }
}

#[test]
fn hashes_and_schema_are_migrated_and_counted() {
    let place = Place::new();
    let before = Library::open(&place.library()).unwrap();
    assert_eq!(before.root, "images");
    let report = place.migrate(&to_newest()).unwrap();
    assert_eq!((report.changed, report.unchanged, report.failed), (1, 2, 0));
    // c690d2a5a59218e6 became c69092a5a5d218e6, as under real Pillow 12.0.0 and 13.0.0.
    assert_eq!(report.bits_changed, BTreeMap::from([(0, 2), (2, 1)]));
    assert!(report.written);

    let after = Library::open(&place.library()).unwrap();
    assert_eq!(
        (after.schema, after.algorithm.as_str()),
        (2, "imagehash4/pillow13")
    );
    assert_eq!(after.digest, report.digest_to);
    assert_eq!(after.created_at, before.created_at);
    assert!(after.migrated_at.is_some());
    let tall = after
        .images
        .iter()
        .find(|image| image.path == "deep/tall.png")
        .unwrap();
    assert_eq!(tall.hash.to_string(), "c69092a5a5d218e6");
    let content = fs::read(place.image("tall.png")).unwrap();
    assert_eq!(tall.bytes, Some(content.len() as u64));
    assert_eq!(tall.sha256, Some(hex::encode(Sha256::digest(content))));
}

#[test]
fn a_second_run_changes_not_one_byte() {
    let place = Place::new();
    place.migrate(&to_newest()).unwrap();
    let text = place.text();
    let report = place.migrate(&to_newest()).unwrap();
    assert!(!report.written);
    assert_eq!(report.changed, 0);
    assert_eq!(place.text(), text);
}

#[test]
fn a_dry_run_reports_and_changes_nothing() {
    let place = Place::new();
    let text = place.text();
    let options = MigrateOptions {
        dry_run: true,
        ..to_newest()
    };
    let report = place.migrate(&options).unwrap();
    assert_eq!(
        (report.changed, report.unchanged, report.written),
        (1, 2, false)
    );
    assert_eq!(place.text(), text);
    assert_eq!(
        fs::read_dir(place.folder.path()).unwrap().count(),
        2,
        "no file was left behind"
    );
}

#[test]
fn a_migration_can_be_taken_back() {
    let place = Place::new();
    let before = Library::open(&place.library()).unwrap();
    place.migrate(&to_newest()).unwrap();
    let back = MigrateOptions {
        algorithm: Some(Algorithm::Pillow12),
        schema: Some(1),
        ..Default::default()
    };
    place.migrate(&back).unwrap();
    let after = Library::open(&place.library()).unwrap();
    assert_eq!(after.images, before.images);
}

#[test]
fn one_bad_image_stops_everything_unless_it_may_move_to_the_queue() {
    let place = Place::new();
    let text = place.text();
    let image = place.image("wide.png");
    let content = fs::read(&image).unwrap();
    fs::write(&image, &content[..content.len() / 2]).unwrap();

    let error = place.migrate(&to_newest()).unwrap_err();
    assert!(error.to_string().contains("deep/wide.png"), "{error}");
    assert!(error.to_string().contains("1 of 3 images"), "{error}");
    assert_eq!(place.text(), text);

    let report = place
        .migrate(&MigrateOptions {
            queue_failures: true,
            ..to_newest()
        })
        .unwrap();
    assert_eq!((report.changed, report.unchanged, report.failed), (1, 1, 1));
    let library = Library::open(&place.library()).unwrap();
    assert_eq!(library.images.len(), 2);
    let queued: Vec<_> = library
        .queue
        .iter()
        .filter(|entry| entry.status == QueueStatus::Failed)
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(queued, ["deep/wide.png"]);
}

#[test]
fn images_may_be_elsewhere() {
    let place = Place::new();
    let moved = place.folder.path().join("moved");
    fs::rename(place.folder.path().join("images"), &moved).unwrap();
    assert!(matches!(
        place.migrate(&to_newest()),
        Err(MigrateError::Failures { count: 3, .. })
    ));
    let options = MigrateOptions {
        images: Some(moved),
        ..to_newest()
    };
    assert_eq!(place.migrate(&options).unwrap().changed, 1);
}

#[test]
fn nobody_else_may_be_writing() {
    let place = Place::new();
    let _lock = Lock::take(&place.library()).unwrap();
    let error = place.migrate(&to_newest()).unwrap_err();
    assert!(
        matches!(error, MigrateError::Library(LibraryError::Locked { .. })),
        "{error}"
    );
    // Reading is not writing.
    assert!(
        place
            .migrate(&MigrateOptions {
                dry_run: true,
                ..to_newest()
            })
            .is_ok()
    );
}

#[test]
fn a_damaged_library_is_not_migrated() {
    let place = Place::new();
    let damaged = place.text().replacen("tall", "TALL", 1);
    fs::write(place.library(), &damaged).unwrap();
    let error = place.migrate(&to_newest()).unwrap_err();
    assert!(
        matches!(
            error,
            MigrateError::Library(LibraryError::WrongDigest { .. })
        ),
        "{error}"
    );
    assert_eq!(place.text(), damaged);
}

#[test]
fn building_twice_gives_the_same_bytes_but_for_the_time() {
    let place = Place::new();
    let without_times = |text: &str| {
        text.lines()
            .filter(|line| !line.contains("created_at") && !line.contains("digest"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let first = place.text();
    let images = place.folder.path().join("images");
    collect(&images, &place.library(), Algorithm::Pillow12, 1).unwrap();
    assert_eq!(without_times(&place.text()), without_times(&first));
}
