use serde_json::json;

use super::*;

fn entry(path: &str, hash: u64) -> ImageEntry {
    ImageEntry {
        id: ImageEntry::id_of(path),
        path: path.to_owned(),
        hash: Hash(hash),
        width: 4,
        height: 3,
        confidence: 0.75,
        sha256: None,
        bytes: None,
        extra: Map::new(),
    }
}

fn library() -> Library {
    Library {
        schema: 1,
        algorithm: "imagehash4/pillow13".to_owned(),
        created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        migrated_at: None,
        root: "images".to_owned(),
        extra: Map::new(),
        images: vec![
            entry("b.png", 1),
            entry("ä/\"quoted\".png", 2),
            entry("c.png", 3),
        ],
        queue: vec![QueueEntry {
            id: ImageEntry::id_of("d.png"),
            path: "d.png".to_owned(),
            status: QueueStatus::Failed,
            reason: "the png is truncated".to_owned(),
            confidence: 0.0,
            extra: Map::new(),
        }],
        digest: String::new(),
    }
}

fn text_of(library: &mut Library) -> String {
    library.seal(Path::new("library.json")).unwrap()
}

fn parse(text: &str) -> Result<Library, LibraryError> {
    Library::parse(text, Path::new("library.json"))
}

#[test]
fn what_is_written_is_read_back() {
    let mut library = library();
    let text = text_of(&mut library);
    assert_eq!(parse(&text).unwrap(), library);
    assert_eq!(
        text_of(&mut parse(&text).unwrap()),
        text,
        "the same content gives the same bytes"
    );
}

#[test]
fn the_digest_is_the_documented_one() {
    // hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"),
    // ensure_ascii=False).encode()).hexdigest() in Python 3.11, without "digest".
    let document =
        json!({"b": [1, 0.75, null, true], "a": {"z": "ä\"\n", "digest": 1}, "digest": ""});
    assert_eq!(
        digest_of(&document),
        "fdd4fab3239f6ce433e8641f766bf4c0dbbc0f567664402ff657833b71e47b10"
    );
}

#[test]
fn white_space_and_the_order_of_keys_do_not_matter() {
    let text = text_of(&mut library());
    let document: Value = serde_json::from_str(&text).unwrap();
    let Value::Object(fields) = document else {
        panic!("{text}")
    };
    let reversed: Map<String, Value> = fields.into_iter().rev().collect();
    assert!(parse(&Value::Object(reversed).to_string()).is_ok());
}

#[test]
fn any_change_is_noticed() {
    let text = text_of(&mut library());
    for (from, to) in [
        ("0000000000000001", "0000000000000011"),
        ("b.png", "B.png"),
        ("0.75", "0.76"),
        ("\"root\": \"images\"", "\"root\": \"image\""),
        ("is truncated", "is fine"),
        ("\"schema\": 1,", "\"schema\": 1, \"more\": 1,"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let error = parse(&changed).unwrap_err();
        assert!(
            matches!(error, LibraryError::WrongDigest { .. }),
            "{from}: {error}"
        );
    }
}

#[test]
fn unknown_fields_are_kept_and_covered() {
    let mut library = library();
    library
        .extra
        .insert("owner".to_owned(), json!({"team": "photos"}));
    library.images[0]
        .extra
        .insert("tags".to_owned(), json!(["a"]));
    let text = text_of(&mut library);
    assert_eq!(parse(&text).unwrap(), library);
    let error = parse(&text.replacen("photos", "videos", 1)).unwrap_err();
    assert!(matches!(error, LibraryError::WrongDigest { .. }));
}

/// A library with a right digest that breaks another promise.
fn forge(change: impl FnOnce(&mut Value)) -> Result<Library, LibraryError> {
    let mut document: Value = serde_json::from_str(&text_of(&mut library())).unwrap();
    change(&mut document);
    document["digest"] = digest_of(&document).into();
    parse(&document.to_string())
}

#[test]
fn broken_promises_are_named() {
    assert!(forge(|_| ()).is_ok());
    let error = forge(|document| document["schema"] = 3.into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "schema 3 is not supported: expected 1 to 2"
    );
    let error = forge(|document| document["schema"] = 2.into()).unwrap_err();
    assert!(error.to_string().contains("lacks `sha256`"), "{error}");
    let error = forge(|document| {
        let images = document["images"].as_array_mut().unwrap();
        images.reverse();
    })
    .unwrap_err();
    assert!(
        matches!(error, LibraryError::Unsorted { list: "images", .. }),
        "{error}"
    );
    let error = forge(|document| {
        let images = document["images"].as_array_mut().unwrap();
        images.insert(0, images[0].clone());
    })
    .unwrap_err();
    assert!(
        matches!(error, LibraryError::Unsorted { list: "images", .. }),
        "{error}"
    );
    let error = forge(|document| document["images"][0]["hash"] = "XYZ".into()).unwrap_err();
    assert!(matches!(error, LibraryError::Malformed { .. }), "{error}");
}

#[test]
fn no_text_makes_the_reader_panic() {
    let text = text_of(&mut library());
    for length in 0..text.len() {
        if text.is_char_boundary(length) && length + 1 < text.len() {
            assert!(parse(&text[..length]).is_err());
        }
    }
    for text in [
        "null",
        "[]",
        "{}",
        "{\"schema\": \"1\"}",
        &"[".repeat(100_000),
    ] {
        assert!(parse(text).is_err());
    }
}

#[test]
fn saving_replaces_the_file_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.json");
    std::fs::write(&path, "old").unwrap();
    let mut library = library();
    library.save(&path).unwrap();
    assert_eq!(Library::open(&path).unwrap(), library);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["library.json"]);
}

#[test]
fn a_folder_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.json");
    let lock = Lock::take(&path).unwrap();
    assert!(matches!(
        Lock::take(&path),
        Err(LibraryError::Locked { .. })
    ));
    drop(lock);
    assert!(Lock::take(&path).is_ok());
}

#[test]
fn the_root_is_relative_to_the_file_unless_absolute() {
    let mut library = library();
    assert_eq!(
        library.image_root(Path::new("a/library.json")),
        Path::new("a/images")
    );
    assert_eq!(
        library.image_root(Path::new("library.json")),
        Path::new("images")
    );
    library.root = "/photos".to_owned();
    assert_eq!(
        library.image_root(Path::new("a/library.json")),
        Path::new("/photos")
    );
}
