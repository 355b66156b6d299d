use super::*;

#[test]
fn a_path_has_the_readings_of_servers_that_undo_cut_and_merge() {
    let none: [&str; 0] = [];
    for (path, wanted) in [
        ("/a/b", &none[..]),
        ("/a%20b", &none[..]),
        ("/a%252Fb", &none[..]),
        ("/a%2Fb", &["/a/b"]),
        ("/a;b/c", &["/a/c"]),
        ("/a%3Bb/c", &["/a/c", "/a;b/c"]),
        ("/;x/a", &["/a", "//a"]),
        ("/a%2F%2Fb", &["/a/b", "/a//b"]),
        ("/a;b%2Fc", &["/a/c", "/a", "/a;b/c"]),
        ("/a%2Fb;c", &["/a/b", "/a/b;c", "/a%2Fb"]),
        (
            "/a%3Bb%2Fc;d",
            &["/a/c", "/a;b/c", "/a;b/c;d", "/a%3Bb%2Fc"],
        ),
    ] {
        assert_eq!(of(path), wanted, "{path}");
    }
}
