use super::*;

#[test]
fn only_references_are_ever_printed() {
    let url = SecretText::new("postgres://u:8461937@h/d".to_owned());
    let printed = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
    assert_eq!(printed, "(hidden) (hidden) \"(hidden)\"");
    assert_eq!(url.expose(), "postgres://u:8461937@h/d");
    let reference = SecretText::new("env:JOURNAL_URL".to_owned());
    let printed = format!(
        "{reference} {reference:?} {}",
        serde_json::to_string(&reference).unwrap()
    );
    assert_eq!(
        printed,
        "env:JOURNAL_URL env:JOURNAL_URL \"env:JOURNAL_URL\""
    );
    assert_ne!(url, reference);
}
