use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::{
    Document, Edits, FieldTable, JsonErrorKind, JsonLimits, Kind, Style, Treatment, decode, encode,
};

fn read(source: &str) -> Document<'_> {
    Document::read(source.as_bytes(), JsonLimits::default()).unwrap()
}

fn refused(source: &[u8]) -> JsonErrorKind {
    Document::read(source, JsonLimits::default())
        .unwrap_err()
        .kind
}

/// The paths' texts, in upper case with `!` behind them.
fn shouted(source: &str, treatment: Treatment, paths: &[&str]) -> String {
    let table = FieldTable::builder()
        .rules(treatment, paths)
        .build()
        .unwrap();
    let document = read(source);
    let mut edits = Edits::default();
    table
        .visit(&document, |field| {
            let decoded = field.value.decoded();
            let loud = format!("{}!", decoded.text.to_uppercase());
            edits.say(&document, field.value, &loud, decoded.has_lone);
            Ok::<(), ()>(())
        })
        .unwrap();
    let mut out = Vec::new();
    edits.apply(document.source(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_not_json_is_refused_with_its_kind_and_place() {
    use JsonErrorKind::*;
    for (source, kind) in [
        ("", Truncated),
        ("  ", Truncated),
        ("{\"a\":1", Truncated),
        ("\"abc", Truncated),
        ("\"a\\", Truncated),
        ("\"a\\u12", Truncated),
        ("[1,]", Unexpected),
        ("{\"a\":1,}", Unexpected),
        ("{a:1}", Unexpected),
        ("{\"a\" 1}", Unexpected),
        ("[1}", Unexpected),
        ("'a'", Unexpected),
        ("\u{feff}1", Unexpected),
        ("[tru]", BadScalar),
        ("[-]", BadScalar),
        ("[1.]", BadScalar),
        ("[1e]", BadScalar),
        ("[01]", Unexpected),
        ("\"\\x\"", BadEscape),
        ("\"\\u12g4\"", BadEscape),
        ("\"a\nb\"", ControlCharacter),
        ("1 2", Trailing),
        ("{} x", Trailing),
    ] {
        assert_eq!(refused(source.as_bytes()), kind, "{source:?}");
    }
    assert_eq!(refused(b"\"a\xff\""), NotUtf8);
    assert_eq!(refused("[".repeat(200).as_bytes()), TooDeep);
    let limits = JsonLimits {
        values_max: 3,
        bytes_max: 9,
        ..JsonLimits::default()
    };
    let kind = |source: &str| Document::read(source.as_bytes(), limits).unwrap_err().kind;
    assert_eq!(kind("[1,2,3]"), TooManyValues);
    assert_eq!(kind("[1,      2]"), TooLong);
    let secret = "{\"a\":\"jane@example.org\" oops}";
    let error = Document::read(secret.as_bytes(), JsonLimits::default()).unwrap_err();
    assert!(!error.to_string().contains("jane") && !error.to_string().contains("oops"));
}

#[test]
fn values_are_found_by_name_and_place() {
    let source = r#" {"a":[1,{"b":"x"},null], "\u0063" : "d\n", "n":-1.50e+3} "#;
    let document = read(source);
    let root = document.root();
    assert_eq!(root.kind(), Kind::Object);
    let a = root.get("a").unwrap();
    assert_eq!(a.elements().count(), 3);
    assert_eq!(a.raw(), r#"[1,{"b":"x"},null]"#);
    assert_eq!(a.elements().next().unwrap().as_u64(), Some(1));
    let b = a.elements().nth(1).unwrap().get("b").unwrap();
    assert_eq!(b.as_str().unwrap(), "x");
    assert!(a.elements().nth(2).unwrap().is_null());
    assert_eq!(root.get("c").unwrap().as_str().unwrap(), "d\n");
    assert_eq!(root.get("n").unwrap().raw(), "-1.50e+3");
    assert_eq!(root.get("n").unwrap().as_u64(), None);
    assert!(root.get("x").is_none() && a.get("b").is_none());
    assert_eq!(root.elements().count(), 0);
    assert_eq!(b.members().count(), 0);
}

#[test]
fn everything_but_the_replaced_strings_passes_byte_for_byte() {
    let source =
        "{ \"a\" :\t[1.50, \"x\\/y\"],\r\n \"q\": \"h\\u0069\", \"q\":\"two\", \"z\":\"\\u00e9\" }";
    assert_eq!(
        shouted(source, Treatment::Text, &["q"]),
        "{ \"a\" :\t[1.50, \"x\\/y\"],\r\n \"q\": \"HI!\", \"q\":\"TWO!\", \"z\":\"\\u00e9\" }"
    );
    assert_eq!(shouted(source, Treatment::Text, &["nothing"]), source);
}

#[test]
fn a_text_is_written_in_the_style_of_its_document() {
    assert_eq!(
        shouted(r#"{"q":"\u00e9 \ud83d\ude00"}"#, Treatment::Text, &["q"]),
        r#"{"q":"\u00c9 \ud83d\ude00!"}"#
    );
    assert_eq!(
        shouted(
            "{\"q\":\"\\u00e9 \\\"\u{7f}\",\"b\":\"\u{f6}\"}",
            Treatment::Text,
            &["q"]
        ),
        "{\"q\":\"\u{c9} \\\"\u{7f}!\",\"b\":\"\u{f6}\"}"
    );
    let mut out = Vec::new();
    let style = Style {
        is_ascii: true,
        has_lone: false,
    };
    encode("\"\\\u{8}\u{c}\n\r\t\u{1}/\u{7f}", style, &mut out);
    assert_eq!(out, br#"\"\\\b\f\n\r\t\u0001/\u007f"#);
}

#[test]
fn lone_surrogates_come_out_as_they_went_in() {
    for lone in [
        r"\ud83d",
        r"\ude00",
        r"a\ude00\ud83d",
        r"\ud83d\n\ude00",
        r"\ud800\ud800\udc00",
    ] {
        let decoded = decode(lone);
        assert!(decoded.has_lone);
        let mut out = Vec::new();
        let style = Style {
            is_ascii: false,
            has_lone: true,
        };
        encode(&decoded.text, style, &mut out);
        let again = String::from_utf8(out).unwrap();
        assert_eq!(decode(&again), decoded, "{lone}");
        assert!(again.contains("\\ud8") || again.contains("\\ude"));
    }
    let mixed = decode("\u{10D83D} \\ud83d");
    assert_eq!(mixed.text, "\u{10D83D} \u{fffd}");
    assert!(!mixed.has_lone);
    assert!(!decode("\u{10D83D}\\n").has_lone);
    assert_eq!(
        shouted(r#"{"q":"x \ud83d"}"#, Treatment::Text, &["q"]),
        r#"{"q":"X \ud83d!"}"#
    );
}

#[test]
fn rules_fit_by_name_wildcard_index_condition_and_rest() {
    let source = r#"{"a":"r","b":{"a":"s","c":["t","u"]},"d":[{"type":"text","v":"w"},{"v":"x","type":"url"}]}"#;
    let loud = |paths: &[&str]| -> Vec<String> {
        let out = shouted(source, Treatment::Text, paths);
        out.match_indices('!')
            .map(|(at, _)| out[at - 1..at].to_owned())
            .collect()
    };
    assert_eq!(loud(&["a"]), ["R"]);
    // A rule that names a text names everything in it where an object or a list stands in its place, also keys.
    let all = [
        "R", "A", "S", "C", "T", "U", "E", "T", "V", "W", "V", "X", "E", "L",
    ];
    assert_eq!(loud(&["*"]), all);
    assert_eq!(loud(&["b.*"]), ["S", "T", "U"]);
    assert_eq!(loud(&["b.**"]), ["S", "T", "U"]);
    assert_eq!(loud(&["b.c[1]"]), ["U"]);
    assert_eq!(loud(&["b.c[*]"]), ["T", "U"]);
    assert_eq!(loud(&["**.v"]), ["W", "X"]);
    assert_eq!(loud(&["**.a"]), ["R", "S"]);
    assert_eq!(loud(&["d[*]{type=text}.v"]), ["W"]);
    assert_eq!(loud(&["d[*]{type}.v"]), ["W", "X"]);
    assert_eq!(loud(&["d[*]{none}.v", "b.a"]), ["S"]);
    // A string where an object with a text in it is expected.
    assert_eq!(loud(&["d[*]{none}.v", "a.b"]), ["R"]);
    assert_eq!(loud(&["a", "b.**", "a"]), ["R", "S", "T", "U"]);
    let double = r#"{"d":{"type":"text","v":"w","type":"url"}}"#;
    assert_eq!(
        shouted(double, Treatment::Text, &["d{type=text}.v"]),
        double
    );
    assert_eq!(shouted("\"x\"", Treatment::Text, &["**"]), "\"X!\"");
    assert_eq!(shouted("\"x\"", Treatment::Text, &[""]), "\"X!\"");
}

#[test]
fn the_first_rule_that_fits_decides() {
    let table = FieldTable::builder()
        .rules(Treatment::Leave, &["a.id"])
        .member(Treatment::Leave, "a", "odd.name[0]")
        .rules(Treatment::JsonText, &["a.args"])
        .rules(Treatment::Text, &["a.**"])
        .build()
        .unwrap();
    let document = read(r#"{"a":{"id":"1","args":"{}","x":"y","odd.name[0]":"z","e":{"id":"f"}}}"#);
    let mut seen = Vec::new();
    let result: Result<(), ()> = table.visit(&document, |field| {
        seen.push((field.name.to_owned(), field.treatment));
        Ok(())
    });
    result.unwrap();
    assert_eq!(
        seen,
        [
            ("args".to_owned(), Treatment::JsonText),
            ("x".to_owned(), Treatment::Text),
            ("id".to_owned(), Treatment::Text)
        ]
    );
}

#[test]
fn free_text_has_keys_too_and_elements_bear_the_name_above() {
    assert_eq!(
        shouted(
            r#"{"in":{"var":{"k":["v",1]}}}"#,
            Treatment::FreeText,
            &["in.*.**"]
        ),
        r#"{"in":{"VAR!":{"K!":["V!",1]}}}"#
    );
    assert_eq!(
        shouted(
            r#"{"in":{"var":{"k":["v",1]}}}"#,
            Treatment::FreeText,
            &["in.*.*.**"]
        ),
        r#"{"in":{"var":{"K!":["V!",1]}}}"#
    );
    let table = FieldTable::builder()
        .rules(Treatment::Text, &["**"])
        .build()
        .unwrap();
    let document = read(r#"{"phone":["1",["2"]]}"#);
    let mut names = Vec::new();
    let result: Result<(), ()> = table.visit(&document, |field| {
        names.push(field.name);
        Ok(())
    });
    result.unwrap();
    assert_eq!(names, ["phone", "phone"]);
}

#[test]
fn pointers_name_members_and_elements() {
    let table = FieldTable::builder()
        .pointer(Treatment::Text, "/a/*/t")
        .pointer(Treatment::Text, "/b~1c/1")
        .pointer(Treatment::Text, "/d/1")
        .build()
        .unwrap();
    let document =
        read(r#"{"a":[{"t":"1"}],"a":{"x":{"t":"2"}},"b/c":["no","3"],"d":{"1":"4"},"t":"no"}"#);
    let mut texts = Vec::new();
    let result: Result<(), ()> = table.visit(&document, |field| {
        texts.push(field.value.raw());
        Ok(())
    });
    result.unwrap();
    assert_eq!(texts, ["1", "2", "3", "4"]);
}

#[test]
fn rules_that_cannot_be_used_are_reported() {
    let build = |path: &str| {
        FieldTable::builder()
            .rules(Treatment::Text, &[path])
            .build()
    };
    for path in ["a..b", ".a", "a[x]", "a[", "a{b", "a.", "[*]b"] {
        let error = build(path).unwrap_err().to_string();
        assert!(error.contains(path), "{path} {error}");
    }
    let pointer = FieldTable::builder().pointer(Treatment::Text, "a").build();
    assert!(pointer.unwrap_err().to_string().contains("/messages"));
    let long = vec!["a.b.c.d.e.f.g"; 100];
    let many = FieldTable::builder().rules(Treatment::Text, &long).build();
    assert!(many.unwrap_err().to_string().contains("512"));
}

#[test]
fn hostile_texts_take_linear_time() {
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert!(Document::read(deep.as_bytes(), JsonLimits::default()).is_ok());
    let wide = format!("[{}1]", "{\"a\":\"\\\\\"},".repeat(100_000));
    let out = shouted(&wide, Treatment::Text, &["**.a.**.b", "**.x", "[*]{b=c}.a"]);
    assert_eq!(out, wide);
}

/// Any JSON value as a text, with white space and escapes in it.
fn json_text() -> impl Strategy<Value = String> {
    let string = prop::collection::vec(
        prop_oneof![
            "[a-z ]{0,5}",
            Just("\\n".to_owned()),
            Just("\\u00e9".to_owned()),
            Just("\\ud83d\\ude00".to_owned()),
            Just("\u{1f600}\u{111}".to_owned()),
            Just("\\\"\\\\\\/".to_owned()),
        ],
        0..4,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let leaf = prop_oneof![
        string.clone(),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,3})?([eE][+-]?[0-9])?",
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let space = || prop_oneof![Just(""), Just(" "), Just("\r\n\t")];
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..5), space())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (
                prop::collection::vec((string.clone(), inner), 0..5),
                space()
            )
                .prop_map(|(items, space)| {
                    let members: Vec<String> = items
                        .iter()
                        .map(|(key, value)| format!("{key}{space}:{space}{value}"))
                        .collect();
                    format!("{{{space}{}{space}}}", members.join(&format!("{space},")))
                }),
        ]
    })
}

/// Every string of a value, loud, as [`shouted`] does it.
fn shout(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = format!("{}!", text.to_uppercase()),
        serde_json::Value::Array(items) => items.iter_mut().for_each(shout),
        serde_json::Value::Object(members) => members.values_mut().for_each(shout),
        _ => {}
    }
}

proptest! {
    #[test]
    fn it_reads_what_serde_json_reads(source in json_text(), cut in 0usize..200, put in "[\\[\\]{}\",:\\\\0-9a-z.+\u{1}\u{e9}-]{0,2}") {
        prop_assert!(Document::read(source.as_bytes(), JsonLimits::default()).is_ok());
        let mut at = cut % (source.len() + 1);
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        for damaged in [
            format!("{}{put}{}", &source[..at], &source[at..]),
            format!("{}{put}", &source[..at]),
            format!("{put}{}", &source[at..]),
        ] {
            let theirs = serde_json::from_str::<IgnoredAny>(&damaged).is_ok();
            let ours = Document::read(damaged.as_bytes(), JsonLimits::default()).is_ok();
            prop_assert_eq!(ours, theirs, "{}", damaged);
        }
    }

    #[test]
    fn a_rewrite_changes_the_strings_and_nothing_else(source in json_text()) {
        prop_assert_eq!(&shouted(&source, Treatment::Text, &[]), &source);
        let loud = shouted(&source, Treatment::Text, &["**"]);
        let mut expected: serde_json::Value = serde_json::from_str(&source).unwrap();
        shout(&mut expected);
        let got: serde_json::Value = serde_json::from_str(&loud).unwrap();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn encoding_and_decoding_are_inverse(text in any::<String>(), is_ascii in any::<bool>()) {
        let mut out = Vec::new();
        encode(&text, Style { is_ascii, has_lone: false }, &mut out);
        let raw = String::from_utf8(out).unwrap();
        prop_assert!(!is_ascii || raw.is_ascii());
        let decoded = decode(&raw);
        prop_assert_eq!(decoded.text.as_ref(), text.as_str());
        let theirs: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
        prop_assert_eq!(theirs, text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(source in prop::collection::vec(any::<u8>(), 0..60)) {
        let ours = Document::read(&source, JsonLimits::default()).is_ok();
        prop_assert_eq!(ours, std::str::from_utf8(&source).is_ok() && serde_json::from_slice::<IgnoredAny>(&source).is_ok());
    }
}
