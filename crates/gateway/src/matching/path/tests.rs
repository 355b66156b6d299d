use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<String, PathRefused> {
    RequestPath::read(text).map(|path| path.as_str().to_owned())
}

#[test]
fn equal_spellings_become_one() {
    for (text, normal) in [
        ("/", "/"),
        ("*", "*"),
        ("/v1/x", "/v1/x"),
        ("/v1/x/", "/v1/x/"),
        ("/%76%31/%78", "/v1/x"),
        ("/a%7Eb%7eb%2D%2d", "/a~b~b--"),
        ("/a%2fb%2Fc", "/a%2Fb%2Fc"),
        ("/a%20b%c3%bc", "/a%20b%C3%BC"),
        ("/a%3Fb%23", "/a%3Fb%23"),
        ("/%252e%252e/x", "/%252e%252e/x"),
        ("/...", "/..."),
        ("/.well-known/x", "/.well-known/x"),
        ("/a..b/c.", "/a..b/c."),
        ("/\u{fc}", "/\u{fc}"),
        ("/a;b=c", "/a;b=c"),
        ("/a%3bb", "/a%3Bb"),
        ("/caf%E9", "/caf%E9"),
        ("/%E0%A0%80%F0%90%80%80", "/%E0%A0%80%F0%90%80%80"),
        ("/%C0", "/%C0"),
        ("/M%FCnchen%FF", "/M%FCnchen%FF"),
        ("/%F4%8F%BF%BF", "/%F4%8F%BF%BF"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(normal), "{text}");
    }
}

#[test]
fn what_servers_read_in_different_ways_is_refused() {
    for (text, reason) in [
        ("", PathRefused::NoSlash),
        ("x", PathRefused::NoSlash),
        ("**", PathRefused::NoSlash),
        ("http://a/", PathRefused::NoSlash),
        ("/.", PathRefused::DotSegment),
        ("/..", PathRefused::DotSegment),
        ("/a/../b", PathRefused::DotSegment),
        ("/a/./b", PathRefused::DotSegment),
        ("/a/..", PathRefused::DotSegment),
        ("/%2e%2e/b", PathRefused::DotSegment),
        ("/%2E./b", PathRefused::DotSegment),
        ("/a/%2e", PathRefused::DotSegment),
        ("/a%2F..%2fb", PathRefused::DotSegment),
        ("/..%2Fetc", PathRefused::DotSegment),
        ("/..;/admin", PathRefused::DotSegment),
        ("/..%3B/admin", PathRefused::DotSegment),
        ("/a/%2e.%3bx", PathRefused::DotSegment),
        ("/%2e%2e;a=b/admin", PathRefused::DotSegment),
        ("//", PathRefused::EmptySegment),
        ("//evil.example", PathRefused::EmptySegment),
        ("/a//b", PathRefused::EmptySegment),
        ("/a\\b", PathRefused::Backslash),
        ("/a%5cb", PathRefused::Backslash),
        ("/\\evil.example", PathRefused::Backslash),
        ("/a%00", PathRefused::Nul),
        ("/%", PathRefused::Escape),
        ("/%4", PathRefused::Escape),
        ("/%4g", PathRefused::Escape),
        ("/%+1", PathRefused::Escape),
        ("/%\u{fc}", PathRefused::Escape),
        ("/%a\u{fc}", PathRefused::Escape),
        ("/a%C0%AFb", PathRefused::Overlong),
        ("/%c0%ae%c0%ae/b", PathRefused::Overlong),
        ("/%C1%9C", PathRefused::Overlong),
        ("/%E0%80%AFb", PathRefused::Overlong),
        ("/%F0%80%80%AFb", PathRefused::Overlong),
        ("/%E0%9F%BF", PathRefused::Overlong),
        ("/%F0%8F%BF%BF", PathRefused::Overlong),
        ("/%F8%80%80%80%AFb", PathRefused::Overlong),
        ("/%f8%88%80%80%80", PathRefused::Overlong),
        ("/%FB%BF%BF%BF%BF", PathRefused::Overlong),
        ("/%FC%80%80%80%80%AFb", PathRefused::Overlong),
        ("/%fd%bf%bf%bf%bf%bf", PathRefused::Overlong),
        ("/%FE%80%80%80%80%80%AF", PathRefused::Overlong),
        ("/%FF%80", PathRefused::Overlong),
        ("/a b", PathRefused::Character),
        ("/a\r\nb", PathRefused::Character),
        ("/a?b", PathRefused::Character),
        ("/a#b", PathRefused::Character),
        ("/a\u{7f}", PathRefused::Character),
    ] {
        assert_eq!(read(text), Err(reason), "{text:?}");
    }
}

/// What an old decoder makes of two bytes or more (RFC 2279, 2), which has no check of its own: also the forms of five
/// and six bytes, which are none of UTF-8 any more.
#[test]
fn every_longer_form_of_an_ascii_character_is_refused() {
    for character in 1..0x80_u32 {
        for length in 2..=6_u32 {
            let lead = (0xff00_u32 >> length) as u8 | (character >> (6 * (length - 1))) as u8;
            let rest = (0..length - 1).rev();
            let rest = rest.map(|place| 0x80 | (character >> (6 * place) & 0x3f) as u8);
            let escapes: String = std::iter::once(lead)
                .chain(rest)
                .map(|byte| format!("%{byte:02X}"))
                .collect();
            let text = format!("/a{escapes}b");
            assert_eq!(read(&text), Err(PathRefused::Overlong), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn a_path_that_was_read_is_safe_and_reads_as_itself(
        text in prop_oneof!["/\\PC{0,40}", "/[./%2eEfF5cC;a\\\\]{0,12}", "\\PC{0,10}"]
    ) {
        if let Ok(path) = RequestPath::read(&text) {
            let path = path.as_str();
            prop_assert_eq!(read(path), Ok(path.to_owned()));
            prop_assert!(path == "*" || path.starts_with('/'));
            prop_assert!(!path.contains("//") && !path.contains('\\'));
            let decoded = path.replace("%2F", "/").replace("%5C", "\\");
            prop_assert!(decoded.split('/').all(|segment| segment != "." && segment != ".."));
        }
    }

    #[test]
    fn escaping_an_unreserved_character_changes_nothing(
        path in "(/[a-z0-9_~-]{1,4}){1,4}",
        at in any::<prop::sample::Index>(),
        lower in any::<bool>(),
    ) {
        let at = at.index(path.len());
        let byte = path.as_bytes()[at];
        if byte == b'/' {
            return Ok(());
        }
        let escape = if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
        let spelt = format!("{}{escape}{}", &path[..at], &path[at + 1..]);
        prop_assert_eq!(read(&spelt), Ok(path));
    }
}
