use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn ms(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap()
}

fn keys(path: &Path, header: &str) -> ApiKeys {
    ApiKeys::new(&ApiKeysConfig {
        file: path.to_owned(),
        header: header.to_owned(),
        hide: true,
    })
    .unwrap()
}

fn sent(header: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header, HeaderValue::from_str(value).unwrap());
    headers
}

fn scopes(list: &[&str]) -> Vec<String> {
    list.iter().map(|scope| (*scope).to_owned()).collect()
}

#[test]
fn a_key_that_was_made_is_let_in_and_any_other_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let made = file
        .create("ci", scopes(&["read", "write"]), now(), None)
        .unwrap();
    file.write(&path).unwrap();
    let keys = keys(&path, "x-api-key");
    let text = made.key.expose_secret();
    let at = ms(now());
    let before = keys.check(&sent("x-api-key", text), &[], at);
    assert_eq!(
        before,
        Err(KeyDenied::Unknown),
        "nobody is let in before the file was read"
    );
    assert!(matches!(keys.refresh(), KeyRefresh::Loaded { keys: 1 }));
    let found = keys
        .check(&sent("x-api-key", text), &scopes(&["read"]), at)
        .unwrap();
    assert_eq!(
        (found.id.as_str(), found.prefix.as_str()),
        ("ci", &text[..11])
    );
    assert!(text.starts_with("pk_") && text.len() == 3 + 8 + 1 + 43 + 6);
    let other = ApiKeysFile::default()
        .create("ci", Vec::new(), now(), None)
        .unwrap();
    let other = keys.check(&sent("x-api-key", other.key.expose_secret()), &[], at);
    assert_eq!(other, Err(KeyDenied::Unknown));
    let missing = keys.check(&HeaderMap::new(), &[], at);
    assert_eq!(missing, Err(KeyDenied::Missing));
    let narrow = keys.check(&sent("x-api-key", text), &scopes(&["read", "admin"]), at);
    assert_eq!(narrow, Err(KeyDenied::Scope));
    let mut twice = sent("x-api-key", text);
    twice.append("x-api-key", HeaderValue::from_static("pk_x"));
    assert_eq!(keys.check(&twice, &[], at), Err(KeyDenied::Malformed));
    keys.hide(&mut twice);
    assert!(twice.is_empty());
}

#[test]
fn a_prefix_with_another_secret_is_not_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let made = file.create("ci", Vec::new(), now(), None).unwrap();
    let hash = made.record.sha256;
    file.keys[0].sha256[31] ^= 1;
    file.write(&path).unwrap();
    let keys = keys(&path, "authorization");
    keys.refresh();
    let value = format!("bEaRer   {}", made.key.expose_secret());
    let denied = keys.check(&sent("authorization", &value), &[], 0);
    assert_eq!(denied, Err(KeyDenied::Unknown));
    file.keys[0].sha256 = hash;
    file.write(&path).unwrap();
    assert!(matches!(keys.refresh(), KeyRefresh::Loaded { keys: 1 }));
    keys.check(&sent("authorization", &value), &[], 0).unwrap();
    let basic = keys.check(&sent("authorization", "Basic cGs6"), &[], 0);
    assert_eq!(basic, Err(KeyDenied::Missing));
    let empty = keys.check(&sent("authorization", "Bearer "), &[], 0);
    assert_eq!(empty, Err(KeyDenied::Missing));
}

#[test]
fn every_single_typo_is_told_from_an_unknown_key() {
    let made = ApiKeysFile::default()
        .create("ci", Vec::new(), now(), None)
        .unwrap();
    let text = made.key.expose_secret();
    assert!(KeyText::parse(text.as_bytes()).is_some());
    for index in 0..text.len() {
        let mut typo = text.as_bytes().to_vec();
        typo[index] = if typo[index] == b'7' { b'8' } else { b'7' };
        assert!(KeyText::parse(&typo).is_none(), "at {index}");
        let mut short = text.as_bytes().to_vec();
        short.remove(index);
        assert!(KeyText::parse(&short).is_none(), "without {index}");
    }
    assert!(KeyText::parse(&vec![b'p'; 10_000]).is_none());
}

#[test]
fn a_replaced_key_is_valid_until_the_overlap_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let old = file.create("ci", scopes(&["read"]), now(), None).unwrap();
    let day = SignedDuration::from_hours(24);
    let new = file.rotate("ci", "ci-2", now(), day, None).unwrap();
    assert_eq!(new.record, file.keys[1]);
    assert_eq!(new.record.replaces.as_deref(), Some("ci"));
    assert_eq!(new.record.scopes, ["read"]);
    file.write(&path).unwrap();
    let keys = keys(&path, "x-api-key");
    keys.refresh();
    let with = |made: &NewApiKey, at: Timestamp| {
        let headers = sent("x-api-key", made.key.expose_secret());
        keys.check(&headers, &[], ms(at)).map(|key| key.id)
    };
    let end = now() + day;
    let just_before = end - SignedDuration::from_millis(1);
    assert_eq!(with(&old, just_before).unwrap(), "ci");
    assert_eq!(with(&old, end), Err(KeyDenied::Expired));
    assert_eq!(with(&new, end).unwrap(), "ci-2");
    // A second rotation does not make the first key valid for longer.
    file.rotate("ci", "ci-3", now(), day * 10, Some(end))
        .unwrap();
    assert_eq!(file.keys[0].expires, Some(end));
    assert_eq!(file.keys[2].expires, Some(end));
    assert!(matches!(
        file.rotate("x", "y", now(), day, None),
        Err(ApiKeyError::NoSuchKey { .. })
    ));
    let taken = file.rotate("ci", "ci-2", now(), day, None);
    assert!(matches!(taken, Err(ApiKeyError::IdTaken { .. })));
    assert_eq!(file.revoke("ci-2").unwrap().id, "ci-2");
    file.write(&path).unwrap();
    keys.refresh();
    assert_eq!(with(&new, now()), Err(KeyDenied::Unknown));
}

#[test]
fn a_bad_file_keeps_the_old_keys_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let keys = keys(&path, "x-api-key");
    let KeyRefresh::Kept(error) = keys.refresh() else {
        panic!("a file that is not there was read");
    };
    assert!(error.to_string().contains("keys.json"));
    let mut file = ApiKeysFile::default();
    let made = file.create("ci", Vec::new(), now(), None).unwrap();
    file.write(&path).unwrap();
    assert!(matches!(keys.refresh(), KeyRefresh::Loaded { .. }));
    assert!(matches!(keys.refresh(), KeyRefresh::Unchanged));
    let good = std::fs::read_to_string(&path).unwrap();
    let twice = {
        let mut file = file.clone();
        file.keys.push(file.keys[0].clone());
        serde_json::to_string(&file).unwrap()
    };
    for bad in [
        "".to_owned(),
        "{}".to_owned(),
        good.replace("sha256", "sha"),
        good.replace("pk_", "pk-"),
        good.replace("\"ci\"", "\"\""),
        good.replacen("\"sha256\": \"", "\"sha256\": \"0", 1),
        twice,
    ] {
        std::fs::write(&path, &bad).unwrap();
        let KeyRefresh::Kept(error) = keys.refresh() else {
            panic!("this was taken: {bad}");
        };
        assert!(error.to_string().contains("keys.json"), "{error}");
        let headers = sent("x-api-key", made.key.expose_secret());
        keys.check(&headers, &[], 0).unwrap();
    }
    std::fs::write(&path, good).unwrap();
    assert!(matches!(keys.refresh(), KeyRefresh::Loaded { .. }));
}

#[test]
fn neither_file_nor_debug_output_nor_answers_show_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let made = file.create("ci", Vec::new(), now(), None).unwrap();
    file.write(&path).unwrap();
    let secret = &made.key.expose_secret()[12..];
    let keys = keys(&path, "x-api-key");
    keys.refresh();
    let written = std::fs::read_to_string(&path).unwrap();
    for shown in [
        written,
        format!("{made:?}"),
        format!("{keys:?}"),
        format!("{file:?}"),
    ] {
        assert!(!shown.contains(secret));
        assert!(shown.contains(&made.record.prefix));
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let unknown = keys.denial(KeyDenied::Unknown);
    let expired = keys.denial(KeyDenied::Expired);
    assert_eq!(
        (unknown.detail, unknown.kind),
        (expired.detail, expired.kind)
    );
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.headers[0].0, WWW_AUTHENTICATE);
    assert_eq!(keys.denial(KeyDenied::Scope).status, StatusCode::FORBIDDEN);
}

#[test]
fn made_keys_use_all_digits_evenly() {
    let mut counts = [0_u32; 128];
    for _ in 0..400 {
        let (_, key, _) = key::generate().unwrap();
        for byte in key.expose_secret()[12..55].bytes() {
            counts[usize::from(byte)] += 1;
        }
    }
    let used = counts.iter().filter(|count| **count > 0).count();
    assert_eq!(used, 62);
    let (mean, most) = (400 * 43 / 62, *counts.iter().max().unwrap());
    assert!(most < mean * 8 / 5, "{most} of {mean} expected");
}

#[test]
fn of_many_writers_at_once_none_loses_what_another_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::thread::scope(|threads| {
        for writer in 0..8 {
            let path = &path;
            threads.spawn(move || {
                for number in 0..5 {
                    let mut edit = ApiKeysEdit::begin(path).unwrap();
                    let id = format!("{writer}-{number}");
                    edit.keys.create(&id, Vec::new(), now(), None).unwrap();
                    edit.save().unwrap();
                }
            });
        }
    });
    let written = ApiKeysFile::read(&path).unwrap().unwrap();
    assert_eq!(written.keys.len(), 40);
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["keys.json", "keys.json.lock"]);
}

#[test]
fn a_writer_that_does_not_end_keeps_others_out_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let first = ApiKeysEdit::begin(&path).unwrap();
    let refused = ApiKeysEdit::begin(&path).unwrap_err();
    assert!(matches!(refused, ApiKeyError::Busy { .. }), "{refused}");
    drop(first);
    ApiKeysEdit::begin(&path).unwrap();
}

#[test]
fn a_damaged_file_is_not_taken_for_an_empty_one_and_a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    for bad in ["", "{\n  \"keys\": 7\n}", "{\"keys\":[]} x"] {
        std::fs::write(&path, bad).unwrap();
        let refused = ApiKeysEdit::begin(&path).unwrap_err();
        let place = std::error::Error::source(&refused).unwrap().to_string();
        assert!(place.contains("line "), "{place}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
    }
    std::fs::write(&path, "{\"keys\":[]}").unwrap();
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut edit = ApiKeysEdit::begin(&link).unwrap();
    edit.keys.create("ci", Vec::new(), now(), None).unwrap();
    edit.save().unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(ApiKeysFile::read(&path).unwrap().unwrap().keys.len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_break_it(value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = KeyText::parse(&value);
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            for header in ["x-api-key", "authorization"] {
                let keys = keys(Path::new("/nowhere"), header);
                let mut headers = HeaderMap::new();
                headers.insert(header, value.clone());
                prop_assert!(keys.check(&headers, &[], 0).is_err());
            }
        }
        let _ = ApiKeysFile::parse(Path::new("x"), &value);
    }
}
