use proptest::prelude::*;

use super::*;

#[test]
fn paths_that_leave_their_root_are_refused() {
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/..",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a/.",
        "a/./b",
        "a\0b",
    ] {
        assert!(RelativePath::new(path).is_err(), "{path:?}");
    }
    for path in [".", "a", "a/b", "...", ".a", "a..", "..a/b", "-", " "] {
        assert_eq!(RelativePath::new(path).unwrap().to_string(), path);
    }
}

#[test]
fn text_is_escaped_as_documented() {
    let text = |bytes: &[u8]| escape(OsStr::from_bytes(bytes));
    assert_eq!(text("Zoë 猫".as_bytes()), "Zoë 猫");
    assert_eq!(text(b"a\\b"), "a\\\\b");
    assert_eq!(text(b"a\nb\x7f\0"), "a\\x0ab\\x7f\\x00");
    assert_eq!(text(b"\xff\xc3"), "\\xff\\xc3");
    for never_written in [
        "\\",
        "\\x",
        "\\x4",
        "\\x41",
        "\\xFF",
        "\\n",
        "a\nb",
        "\\xc3\\xab",
    ] {
        assert_eq!(unescape(never_written), None, "{never_written:?}");
    }
}

#[test]
fn parents() {
    let path = |text: &str| text.parse::<RelativePath>().unwrap();
    assert_eq!(path("a/b/c").parent(), path("a/b"));
    assert_eq!(path("a").parent(), RelativePath::root());
    assert_eq!(RelativePath::root().parent(), RelativePath::root());
    assert_eq!(RelativePath::root().join(OsStr::new("a")), path("a"));
    assert_eq!(path("a").join(OsStr::new("b")), path("a/b"));
    assert_eq!(path("a/b").components().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(RelativePath::root().components().count(), 0);
}

proptest! {
    #[test]
    fn any_bytes_survive_as_text_in_one_line(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let name = OsString::from_vec(bytes);
        let text = escape(&name);
        prop_assert!(!text.chars().any(|c| c.is_ascii_control()));
        prop_assert_eq!(unescape(&text), Some(name));
    }

    #[test]
    fn text_has_one_meaning(text in "[\\\\x0-9a-f./é]{0,12}") {
        if let Some(name) = unescape(&text) {
            prop_assert_eq!(escape(&name), text);
        }
    }
}
