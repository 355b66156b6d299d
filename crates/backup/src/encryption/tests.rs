use super::*;

fn key() -> NewKey {
    NewKey::generate("2026-11-22")
}

#[test]
fn a_new_key_is_read_as_it_is_written() {
    let key = key();
    let text = key.identity_file.expose_secret();
    let encryption = Encryption::for_recipients(std::slice::from_ref(&key.recipient))
        .unwrap()
        .with_identities(text)
        .unwrap();
    assert_eq!(
        encryption.recipients(),
        std::slice::from_ref(&key.recipient)
    );
    assert_eq!(encryption.opens_for(), [key.recipient]);
    assert!(encryption.encrypts());
}

#[test]
fn nothing_quotes_a_secret() {
    let key = key();
    let text = key.identity_file.expose_secret().to_owned();
    let secret = text.lines().last().unwrap().to_owned();
    let encryption = Encryption::default().with_identities(&text).unwrap();
    assert!(!format!("{encryption:?}").contains(&secret));
    let error = Encryption::for_recipients(std::slice::from_ref(&secret)).unwrap_err();
    assert_eq!(error, KeyRefused::SecretAsRecipient { number: 1 });
    let broken = format!(
        "# mine\n\n{}\n",
        secret.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1X")
    );
    let error = Encryption::default().with_identities(&broken).unwrap_err();
    assert_eq!(error, KeyRefused::Identity { line: 3 });
    assert!(!error.to_string().contains(&secret[20..]), "{error}");
}

#[test]
fn what_is_no_key_is_refused_with_what_is_wrong() {
    for text in ["", "age1", "ssh-ed25519 AAAA", "age1qqqq"] {
        let error = Encryption::for_recipients(&[text.to_owned()]).unwrap_err();
        assert!(error.to_string().contains("is no recipient"), "{error}");
    }
    let mistyped = {
        let mut text = key().recipient;
        let last = text.pop().unwrap();
        text.push(if last == 'q' { 'p' } else { 'q' });
        text
    };
    assert!(Encryption::for_recipients(&[mistyped]).is_err());
    assert_eq!(
        Encryption::default()
            .with_identities("# nothing\n")
            .unwrap_err(),
        KeyRefused::NoIdentity
    );
}
