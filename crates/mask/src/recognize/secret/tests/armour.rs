use super::*;

const LINES: &str = "MIIEpAIBAAKCAQEA04up8hoqzS1+APIB0RhjXyObwHQnOzhAk5Bd7mhkSbPkyhP1\niWlX9HNavcydATJc1f0DpzF0u4zY8PY24RVoW8vk+bJANPp1o2IAkeajCaF3w9nf\nq/SyqAWVmvwYuIhDiHaBcwd=";

fn armoured(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{LINES}\n-----END {label}-----")
}

#[test]
fn private_keys_are_found_from_begin_to_end() {
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "DSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
        "ANY PRIVATE KEY",
    ] {
        let key = armoured(label);
        assert_one(&key, &key, "PRIVATE_KEY");
        assert_one(
            &format!("Here is my key:\n{key}\nthanks"),
            &key,
            "PRIVATE_KEY",
        );
        assert_one(
            &format!("x\r\n{}\r\ny", key.replace('\n', "\r\n")),
            &key.replace('\n', "\r\n"),
            "PRIVATE_KEY",
        );
        let escaped = key.replace('\n', "\\n");
        assert_one(
            &format!("{{\"k\": \"{escaped}\\n\"}}"),
            &escaped,
            "PRIVATE_KEY",
        );
        let indented = key.replace('\n', "\n    ");
        assert_one(
            &format!("key: |\n    {indented}\nnext: 1"),
            &indented,
            "PRIVATE_KEY",
        );
        let one_line = key.replace('\n', " ");
        assert_one(&format!("KEY='{one_line}'"), &one_line, "PRIVATE_KEY");
    }
}

#[test]
fn headers_within_the_armour_belong_to_the_key() {
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,D54228DB5838E32589695E83A22595C7\n\n{LINES}\n-----END RSA PRIVATE KEY-----"
    );
    assert_one(&key, &key, "PRIVATE_KEY");
    let pgp = format!(
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{LINES}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----"
    );
    assert_one(&pgp, &pgp, "PRIVATE_KEY");
    let ssh2 = format!(
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"x\"\n{LINES}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----"
    );
    assert_one(&ssh2, &ssh2, "PRIVATE_KEY");
}

#[test]
fn a_key_that_was_cut_off_is_found_to_its_last_line() {
    let cut = format!("-----BEGIN RSA PRIVATE KEY-----\n{LINES}");
    assert_one(&cut, &cut, "PRIVATE_KEY");
    assert_one(
        &format!("{cut}\n\nWhy does this key not work?"),
        &cut,
        "PRIVATE_KEY",
    );
    let escaped = cut.replace('\n', "\\n");
    assert_one(&format!("\"{escaped}\""), &escaped, "PRIVATE_KEY");
}

#[test]
fn two_keys_are_two_spans() {
    let text = format!(
        "{}\nand\n{}",
        armoured("EC PRIVATE KEY"),
        armoured("PRIVATE KEY")
    );
    assert_eq!(secrets(&text).len(), 2);
}

#[test]
fn public_keys_certificates_and_talk_about_armours_stay() {
    for label in [
        "PUBLIC KEY",
        "CERTIFICATE",
        "CERTIFICATE REQUEST",
        "RSA PUBLIC KEY",
        "PGP PUBLIC KEY BLOCK",
        "EC PARAMETERS",
    ] {
        assert_none(&armoured(label));
    }
    assert_clean(&[
        "A PEM key begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----.",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n<your key>\n-----END RSA PRIVATE KEY-----",
        "if line.startswith('-----BEGIN RSA PRIVATE KEY-----'):\n    return True",
        "-----BEGIN PRIVATE KEY-----",
        "a -- b --- c ---- d ----- e",
        "---\ntitle: x\n---",
    ]);
}

#[test]
fn a_key_of_putty_is_found_whole() {
    let key = format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: eddsa-key-20240101\nPublic-Lines: 2\nAAAAC3NzaC1lZDI1NTE5AAAAIJ\nQmFzZTY0\nPrivate-Lines: 1\nAAAAIDnfv8Ho4MmCWmDDYiGu\nPrivate-MAC: {}",
        hex(64)
    );
    assert_one(&key, &key, "PRIVATE_KEY");
    assert_one(&format!("my key\n{key}\n\nok"), &key, "PRIVATE_KEY");
    let cut = key.split("\nPrivate-MAC").next().unwrap();
    assert_one(cut, cut, "PRIVATE_KEY");
}

#[test]
fn an_end_line_that_is_cut_within_characters_is_survived() {
    for padding in 0..4 {
        let text = format!(
            "-----BEGIN PRIVATE KEY-----\n{LINES}\n-----END PRIVATE{}{}",
            "x".repeat(padding),
            "\u{fffd}".repeat(60)
        );
        let found = secrets(&text);
        assert!(found[0].0.starts_with("-----BEGIN"), "{found:?}");
    }
}
