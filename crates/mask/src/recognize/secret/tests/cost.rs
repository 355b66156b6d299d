use super::*;

/// Texts that were made to cost much.
fn hostile() -> Vec<(&'static str, String)> {
    let million = 1 << 20;
    let filled = |part: &str| part.repeat(million / part.len());
    vec![
        ("base64", body("ABCDEFGHabcdefgh01234567+/", million)),
        ("digits", filled("1")),
        ("json", filled("\"a\":1,\"b\":\"c\",")),
        ("colons", filled(":")),
        ("equals", filled("=")),
        ("dots", filled("a1.")),
        ("names", filled("pwd=")),
        (
            "names and spaces",
            filled(&format!("{} ", "pwd=".repeat(100))),
        ),
        ("secrets", filled("token=\"")),
        ("hyphens", filled("-")),
        ("armours", filled("-----BEGIN PRIVATE KEY-----\n")),
        (
            "armours of four",
            filled("---- BEGIN PRIVATE KEY ----a1b2c3d4e5f6g7\n"),
        ),
        ("putty", filled("PuTTY-User-Key-File-3: x\n")),
        ("prefixes", filled("sk-ant-1.")),
        ("headers", filled("eyJhbGciOiJub25lIn0.")),
        ("addresses", filled("a1://a:")),
        ("google", filled("ya29.")),
        ("options", filled("--password ")),
        ("authorization", filled("Authorization: Basic a")),
        ("tags", filled("<password>1")),
        ("said", filled("password is 1 ")),
        ("tildes", filled("8Q~")),
    ]
}

#[test]
fn hostile_texts_cost_no_more_than_a_fixed_amount_a_byte() {
    let finder = &*crate::tests::FINDER;
    for (_, text) in hostile() {
        // It ends; how long it takes is measured by the ignored test below.
        let _spans = finder.find(&text[..text.floor_char_boundary(1 << 16)]);
    }
}

#[test]
#[ignore = "a measurement, to be read by people"]
#[allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "it measures and tells"
)]
fn how_long_hostile_and_ordinary_texts_take() {
    let finder = &*crate::tests::FINDER;
    let mut texts = hostile();
    let prose = "Xin ch\u{e0}o, t\u{f4}i mu\u{1ed1}n h\u{1ecf}i v\u{1ec1} gi\u{e1} 1.200.000\u{111} ng\u{e0}y 01/02/2024: my order 12345 has not arrived, see https://example.com/a?b=1. ";
    texts.push(("prose", prose.repeat(7000)));
    let secret = format!(
        "{prose}password: hunter2! and key {} for us. ",
        concat!("ghp_zQWBuTSOoRi4A9spHcVY", "5ncnsDkxkJ0mLq17")
    );
    texts.push(("prose with secrets", secret.repeat(4000)));
    for (name, text) in texts {
        let start = std::time::Instant::now();
        let spans = finder.find(&text).len();
        let nanoseconds = start.elapsed().as_nanos() as usize * 1024 / text.len();
        eprintln!("{name}: {nanoseconds} ns per KiB, {spans} spans");
    }
}
