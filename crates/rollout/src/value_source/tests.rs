use super::*;

#[test]
fn references_are_told_from_literals_by_their_first_word() {
    let cases = [
        ("env:TOKEN", ValueSource::Variable("TOKEN")),
        ("file:/run/token", ValueSource::File("/run/token")),
        ("cmd:pass show a:b", ValueSource::Command("pass show a:b")),
        ("text:env:TOKEN", ValueSource::Literal("env:TOKEN")),
        ("text:", ValueSource::Literal("")),
        (
            "https://example.org",
            ValueSource::Literal("https://example.org"),
        ),
        ("ENV:TOKEN", ValueSource::Literal("ENV:TOKEN")),
        ("", ValueSource::Literal("")),
    ];
    for (text, wanted) in cases {
        assert_eq!(ValueSource::of(text), wanted, "{text}");
        let literal = matches!(wanted, ValueSource::Literal(_));
        assert_eq!(wanted.is_reference(), !literal);
    }
}

#[test]
fn another_database_of_a_url_is_named_by_reference() {
    let text = ValueSource::database("copy_7", "env:NOTES_URL");
    let (name, url) = ("copy_7", "env:NOTES_URL");
    assert_eq!(ValueSource::of(&text), ValueSource::Database { name, url });
    assert!(ValueSource::of(&text).is_reference());
    for (url, wanted) in [
        (
            "postgres://a:b@h:1/notes?sslmode=require",
            "postgres://a:b@h:1/copy?sslmode=require",
        ),
        ("postgresql://h", "postgresql://h/copy"),
        (
            "postgres://a@/x?dbname=notes&host=/run",
            "postgres://a@/copy?host=/run",
        ),
    ] {
        assert_eq!(
            ValueSource::with_database(url, "copy").as_deref(),
            Some(wanted)
        );
    }
    assert_eq!(ValueSource::with_database("mysql://h/notes", "copy"), None);
}
