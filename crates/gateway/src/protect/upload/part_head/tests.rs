use super::*;

#[test]
fn parameters_are_read_with_and_without_quotes() {
    let (word, read) =
        parameters(b"Form-Data ; Name=a;; x=\"b;c\\\"d\\e\" ;filename*=UTF-8''f;").unwrap();
    assert_eq!(word, "form-data");
    let expected = [
        ("name", &b"a"[..]),
        ("x", b"b;c\"d\\e"),
        ("filename*", b"UTF-8''f"),
    ];
    let read: Vec<_> = read
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_slice()))
        .collect();
    assert_eq!(read, expected);
    for bad in [
        "a; b",
        "a; =b",
        "a; b=\"c",
        "a; b=c d",
        "a; b=c; B=d",
        "a; b=\"c\"d",
        "a; b=\"c\\\"",
    ] {
        assert!(parameters(bad.as_bytes()).is_none(), "{bad}");
    }
}

#[test]
fn a_value_is_a_part_without_file_name_and_type() {
    let head = b"Content-Disposition: form-data; name=\"a\"\r\nX-Other: 1";
    assert_eq!(read(head), Ok(PartKind::Value));
    let head = b"content-disposition: form-data; name=\"a\"; filename=\"\"";
    assert_eq!(read(head), Ok(PartKind::File));
}
