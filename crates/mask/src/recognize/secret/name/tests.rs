use super::{Kind, announced};

#[test]
fn names_announce_passwords_in_every_writing() {
    for name in [
        "password",
        "Password",
        "PASSWORD",
        "DB_PASSWORD",
        "dbPassword",
        "db.password",
        "spring.datasource.password",
        "userPwd",
        "passwd",
        "PGPASSWORD",
        "admin-password",
        "password2",
        "password_1",
        "new password",
        "M\u{1ead}t kh\u{1ea9}u",
        "mat khau",
        "MATKHAU",
        "Mat_Khau",
        "m\u{1ead}t kh\u{1ea9}u wifi",
        "m\u{1ead}t kh\u{1ea9}u c\u{1ee7}a t\u{f4}i",
        "Password for the staging server",
        "wifi password",
        "passphrase",
        "Contrase\u{f1}a",
        "root password is",
        "password_confirmation",
        "smtp_pass",
        "mk",
    ] {
        assert_eq!(
            announced(name).map(|name| name.kind),
            Some(Kind::Password),
            "{name}"
        );
    }
}

#[test]
fn names_announce_secrets_in_every_writing() {
    for name in [
        "api_key",
        "apiKey",
        "APIKEY",
        "X-Api-Key",
        "OPENAI_API_KEY",
        "access_token",
        "accessToken",
        "client_secret",
        "clientSecret",
        "AWSSecretAccessKey",
        "aws_secret_access_key",
        "secret_key_base",
        "encryptionKey",
        "AccountKey",
        "SharedAccessKey",
        "the API key for staging",
        "_authToken",
        "token",
        "kh\u{f3}a API",
        "m\u{e3} b\u{ed} m\u{1ead}t",
    ] {
        assert_eq!(
            announced(name).map(|name| name.kind),
            Some(Kind::Secret),
            "{name}"
        );
    }
}

#[test]
fn other_names_announce_nothing() {
    for name in [
        "",
        "user",
        "passenger",
        "compass",
        "bypass",
        "surpass",
        "tokenizer",
        "max_tokens",
        "token_type",
        "token_count",
        "password_length",
        "password_hash",
        "password hint",
        "password_policy",
        "passwordField",
        "secret_name",
        "secretName",
        "secretKeyRef",
        "key",
        "primary_key",
        "public_key",
        "PublicKeyToken",
        "next_page_token",
        "monkey",
        "hotkey",
        "keyboard",
        "author",
        "t\u{f4}i",
        "gi\u{e1}",
        "email",
        "basalt",
        "secretary",
        "pad_token",
        "password_file",
        "secret_id_ttl",
        "ch\u{fa} \u{fd}",
    ] {
        assert_eq!(announced(name).map(|name| name.kind), None, "{name}");
    }
}
