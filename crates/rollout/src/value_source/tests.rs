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
