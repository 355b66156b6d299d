//! How fast things are found: `cargo run --release -p portcullis-mask --example find_bench [PART-OF-A-NAME]`.
//!
//! For each text the median over many rounds, in microseconds for the text and MB/s.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // A bench prints, and reads the time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use portcullis_mask::{Finder, Rules};

/// How long one text is measured.
const MEASURED: Duration = Duration::from_millis(400);
/// How many finds make one round, so that a round is long against the clock's step.
const ROUND: usize = 8;

const CHAT: &str = "Hi, this is Anna Schmidt from the Hanoi office. I moved last week and would like to change the data \
of my account, could you please help me with that? My new e-mail address is anna.schmidt@example.com and you can \
call me on +84 912 345 678 or in the evening on (415) 555-2671. I was born on 17 May 1990 and my SSN is 536-22-8145. \
Please charge the yearly fee to my Visa card 4111 1111 1111 1111 as before, or take it from my bank account with the \
IBAN DE89 3704 0044 0532 0130 00 if that is easier for you. By the way, I could not log in yesterday: the page \
https://shop.example.com/login?next=orders only said that something went wrong, and our administrator told me that \
requests from 203.0.113.7 and 192.168.1.15 are blocked by your firewall. My order from Monday has not arrived either, \
I paid $1,299.00 for it and was told that it takes 3 to 5 days. Thank you very much for your help, and have a nice \
weekend! Kind regards, Anna";

const PROSE: &str = "The old harbour lies below the town, and in the morning the boats come back with the first light. \
People stand on the quay and talk about the weather, about prices, and about whoever has not come back yet. There is \
a small market where the fish is sold before breakfast; later in the day only cats and children are left there. Most \
of the houses were built after the great fire, with narrow windows and steep roofs, and they lean on each other like \
tired men. If you walk along the wall to the lighthouse you can see the islands, and on clear days even the mountains \
behind the bay. Nobody knows any more who planted the trees on the hill, but everybody agrees that they must not be \
cut down, because ships find their way home by them. ";

const VIETNAMESE: &str = "Hà Nội mùa thu có những buổi sáng se lạnh, người đi làm dừng lại bên gánh hàng rong để mua một \
gói xôi nóng. Trên những con phố cổ, tiếng rao hàng hòa lẫn với tiếng xe máy, và mùi hoa sữa thoang thoảng khắp nơi. \
Các cụ già tập thể dục quanh hồ, trẻ con cắp sách đến trường, còn các bà nội trợ thì chuẩn bị bữa cơm cho cả gia đình. \
Ai đã từng sống ở đây đều nhớ mãi cảm giác bình yên ấy, dù có đi đâu xa cũng mong một ngày được trở về. ";

const LOG: &str = "2024-11-21T10:20:30.123Z INFO  server::http request{id=42 method=GET uri=/api/v1/users/42}: latency=12.345ms status=200\n\
203.0.113.7 - - [21/Nov/2024:10:20:30 +0700] \"GET /index.html HTTP/1.1\" 200 5316 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n\
Nov 21 10:20:31 web01 sshd[12345]: Failed password for root from 198.51.100.23 port 51234 ssh2\n\
I1121 10:20:30.123456       1 main.go:42] Starting controller version=v1.29.0 pod=web-7d4b9c6f5d-x2k9p\n\
2024-11-21 10:20:30,123 [main] ERROR com.example.app.Service - Failed to process order 1234567890\n";

const CODE: &str = "use std::collections::HashMap;\n\n/// Counts the words of a text.\npub fn count(text: &str) -> HashMap<String, usize> {\n    \
let mut counts = HashMap::new();\n    for word in text.split_whitespace() {\n        *counts.entry(word.to_lowercase()).or_insert(0) += 1;\n    }\n    \
counts\n}\n\nfn main() {\n    let text = std::env::args().nth(1).unwrap_or_default();\n    for (word, count) in &count(&text) {\n        \
if *count > 10 && word.len() >= 3 {\n            println!(\"{word}: {count}\");\n        }\n    }\n}\n\n#[test]\nfn counts() { assert_eq!(count(\"a b a\")[\"a\"], 2); }\n\n";

const JSON: &str = "{\"id\":1234567890,\"created\":1732190400,\"name\":\"Widget\",\"tags\":[\"a\",\"b\"],\"price\":19.99,\"stock\":{\"hanoi\":120,\"hue\":45},\
\"updated\":\"2024-11-21T10:20:30Z\",\"ok\":true,\"uuid\":\"550e8400-e29b-41d4-a716-446655440000\",\"sizes\":[10,20,30,40]},";

/// Pieces of which long texts are made that could cost more than their length.
const HOSTILE: &[&str] = &[
    "1",
    "@",
    "a.",
    "a1://a:",
    "1234567890, ",
    "phone 4155552671 order ",
    "CCCD 079203001234, ",
    "1 2 3 4 ",
    "a:b=",
    "::1",
    "\u{1ed1}1",
    "eyJhbGciOi1J9.",
];

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let finder = Finder::new(Rules::default());
    for (name, text, length) in [
        ("chat with data, 1 KiB", CHAT, 1024),
        ("clean prose, 1 KiB", PROSE, 1024),
        ("clean prose, 64 KiB", PROSE, 64 << 10),
        ("Vietnamese prose, 1 KiB", VIETNAMESE, 1024),
        ("log lines, 10 KiB", LOG, 10 << 10),
        ("code, 10 KiB", CODE, 10 << 10),
        ("minified JSON, 10 KiB", JSON, 10 << 10),
        ("chat with data, 10 KiB", CHAT, 10 << 10),
    ] {
        if name.contains(&only) {
            measure(name, &repeated(text, length), &finder);
        }
    }
    // The time for a byte must not grow with the length.
    for piece in HOSTILE {
        for length in [16 << 10, 256 << 10] {
            let name = format!("hostile {piece:?}, {} KiB", length >> 10);
            if name.contains(&only) {
                measure(&name, &repeated(piece, length), &finder);
            }
        }
    }
}

/// A text of this length, made by repeating a piece.
fn repeated(piece: &str, length: usize) -> String {
    let mut text = piece.repeat(length.div_ceil(piece.len()));
    text.truncate(text.floor_char_boundary(length));
    text
}

fn measure(name: &str, text: &str, finder: &Finder) {
    let finds = finder.find(text).len();
    let mut rounds = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < MEASURED {
        let from = Instant::now();
        for _ in 0..ROUND {
            black_box(finder.find(black_box(text)));
        }
        rounds.push(from.elapsed().as_secs_f64() / ROUND as f64);
    }
    rounds.sort_by(f64::total_cmp);
    let (best, median) = (rounds[0], rounds[rounds.len() / 2]);
    println!(
        "{name:42} {:9.2} us  {:8.1} MB/s  (best {:.2} us, {finds} finds)",
        median * 1e6,
        text.len() as f64 / median / 1e6,
        best * 1e6,
    );
}
