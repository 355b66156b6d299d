//! The reference that is kept with the documents.

use std::path::Path;

use portcullis_config::{Code, reference};

#[test]
fn the_reference_in_docs_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/config.md");
    let made = reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/config.md is not what the parser knows; run the tests of portcullis-config \
         once with UPDATE_REFERENCE=1"
    );
}

#[test]
fn codes_are_written_the_same_everywhere() {
    for &code in Code::all() {
        assert_eq!(serde_json::to_value(code).unwrap(), code.number());
        assert!(reference().contains(&format!(
            "| {code} | {} | {} |",
            code.meaning(),
            code.remedy()
        )));
        assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'));
    }
}
