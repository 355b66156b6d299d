use super::*;

#[test]
fn names_of_secrets_are_told_from_names_about_secrets() {
    for name in [
        "PASSWORD",
        "DB_PASSWORD",
        "github_token",
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "SECRET_KEY_BASE",
        "app.secret",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "MAX_TOKENS",
        "TOKENIZERS_PARALLELISM",
        "DB_PASSWORD_FILE",
        "TOKEN_TTL",
        "KEY",
        "SECRETARY",
        "PORT",
        "",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn references_must_be_well_formed() {
    for text in [
        "env:TOKEN",
        "env:_t1",
        "file:token",
        "file:/run/token",
        "cmd:pass show 'a b'",
        "text:env:",
        "plain",
        "",
    ] {
        assert!(reference(text).is_ok(), "{text}");
    }
    for text in [
        "env:",
        "env:1A",
        "env:A B",
        "file:",
        "file: ",
        "file:///a",
        "cmd:",
        "cmd:a 'b",
        "cmd:''",
    ] {
        assert!(reference(text).is_err(), "{text}");
    }
}
