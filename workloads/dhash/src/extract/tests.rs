use super::*;
use crate::bounds::REQUEST_LIMITS;

#[test]
fn a_missing_file_is_named() {
    let error = hash_file(Path::new("no/such.jpg"), &HashOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no/such.jpg"), "{error}");
    assert!(matches!(error, ExtractError::Read { .. }));
}

#[test]
fn a_file_over_the_limit_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    std::fs::write(&path, [0; 100]).unwrap();
    let limits = Limits {
        file_max_bytes: 99,
        ..REQUEST_LIMITS
    };
    let options = HashOptions {
        limits,
        ..HashOptions::default()
    };
    let error = hash_file(&path, &options).unwrap_err();
    assert!(error.to_string().contains("at most 99 bytes"), "{error}");
}

#[test]
fn results_are_in_the_order_of_the_files() {
    let names: Vec<PathBuf> = (0..50)
        .map(|number| PathBuf::from(format!("{number}")))
        .collect();
    let outcomes = hash_files(&names, &HashOptions::default(), Some(4));
    let found: Vec<PathBuf> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Err(ExtractError::Read { path, .. }) => path,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, names);
}

#[test]
fn flat_and_doubtful_images_need_review() {
    let mut extraction = Extraction {
        hash: Hash(0),
        confidence: 0.9,
        width: 1,
        height: 1,
        format: ImageFormat::Png,
        findings: vec![Finding::StrayBytes { count: 2 }],
    };
    assert_eq!(extraction.review_reason(), "");
    extraction.confidence = 0.2;
    assert!(extraction.review_reason().starts_with("flat"));
    extraction.findings.push(Finding::Damaged {
        detail: "a bad code".to_owned(),
    });
    assert_eq!(extraction.review_reason(), "damaged: a bad code");
}
