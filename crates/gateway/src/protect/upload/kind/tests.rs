use super::*;

#[test]
fn known_types_are_told_by_their_first_bytes() {
    for (bytes, expected) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"MZ\x90\0", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01", "application/x-executable"),
        (b"#!/bin/sh\n", "text/x-shellscript"),
    ] {
        // Some formats are told only when there is a little more of them.
        let long = [bytes, &[0; 600]].concat();
        let found = [media_type(bytes), media_type(&long)];
        assert!(found.contains(&expected), "{expected}: {found:?}");
    }
}

#[test]
fn markup_is_never_plain_text() {
    for (text, expected) in [
        ("<!DOCTYPE html><p>", "text/html"),
        ("  \r\n<html>", "text/html"),
        ("<ScRiPt>alert(1)</ScRiPt>", "text/html"),
        ("<x-a onload=1>", "text/html"),
        ("</p>", "text/html"),
        ("<!-- x -->", "text/html"),
        ("\u{feff}<svg onload=1>", "image/svg+xml"),
        ("\n<SVG>", "image/svg+xml"),
        ("<?php system(1);", "text/xml"),
        ("<?xml version=\"1.0\"?><svg/>", "text/xml"),
        ("< 3 is a number", "text/plain"),
        ("<3", "text/plain"),
        ("<", "text/plain"),
        ("a < b <script>", "text/plain"),
        ("{\"json\": true}", "text/plain"),
        ("", "text/plain"),
    ] {
        assert_eq!(media_type(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn binary_bytes_are_those_of_the_standard() {
    for byte in 0..=255_u8 {
        let binary = byte < 0x20 && ![b'\t', b'\n', b'\r', 0x0c, 0x1b].contains(&byte);
        assert_eq!(is_text(&[b'a', byte]), !binary, "{byte:#x}");
    }
    assert_eq!(media_type(b"ab\0cd"), UNKNOWN);
}
