//! What a streamed answer costs: `cargo run --release -p portcullis-mask --example stream_bench`.
//!
//! For each stream the time per event of the whole way of an answer through masking (frames, JSON, the fields of the
//! adapter, restoring, writing) and of restoring the texts alone, in microseconds. Every event comes by itself, and a
//! fifth of those in the streams with data have a placeholder, some cut in two.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // A bench prints, and reads the time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_mask::wire::{
    Adapter, AnswerPlan, DifyVersion, Encoding, EventRules, EventStream, Unmask, Unmasks, Wire,
    WireOptions,
};
use portcullis_mask::{FieldRestorers, Labels, Limits, Mapping, Style, Vocabulary};

/// How long one stream is measured.
const MEASURED: Duration = Duration::from_millis(600);
/// Events of one stream.
const EVENTS: usize = 500;
/// Values that the conversation has hidden.
const VALUES: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut mapping = Mapping::new(Style::default(), Limits::default());
    for number in 1..=VALUES {
        let mut out = String::new();
        mapping.write_placeholder("EMAIL", &format!("ann.{number}@example.com"), &mut out)?;
    }
    let vocabulary = Arc::new(Vocabulary::of(&mapping, &Arc::new(Labels::default())));
    let clean = |number: usize| [" a", " few", " more", " words,", " and"][number % 5].to_owned();
    let data = |number: usize| match number % 10 {
        3 => " EMAIL_1".to_owned(),
        6 => " EMA".to_owned(),
        7 => format!("IL_{} is", number % VALUES + 1),
        _ => clean(number),
    };
    let texts: [(&str, &dyn Fn(usize) -> String); 2] = [("clean", &clean), ("with data", &data)];
    let wires = [
        ("OpenAI chat", Adapter::OpenAi, "/v1/chat/completions"),
        (
            "Dify chat",
            Adapter::Dify(DifyVersion::V1),
            "/v1/chat-messages",
        ),
    ];
    println!(
        "{:24} {:>12} {:>12} {:>14}",
        "", "whole", "best", "restoring"
    );
    for (name, adapter, path) in wires {
        let wire = Wire::new(&adapter, &WireOptions::default())?;
        let exchange = wire.exchange("POST", path, Some("application/json"));
        let AnswerPlan::Events(rules) = exchange.answer(200, Some("text/event-stream")) else {
            return Err("the answer is no stream".into());
        };
        for (kind, text) in texts {
            let texts: Vec<String> = (0..EVENTS).map(text).collect();
            let events: Vec<String> = texts.iter().map(|text| event(&adapter, text)).collect();
            let (median, best) = measure(|| stream(rules, &vocabulary, &events));
            let (alone, _) = measure(|| restore(&vocabulary, &texts));
            println!("{name:12} {kind:11} {median:9.2} us {best:9.2} us {alone:11.2} us");
        }
    }
    Ok(())
}

/// One event as the application writes it.
fn event(adapter: &Adapter, text: &str) -> String {
    match adapter {
        Adapter::OpenAi => format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":\
             [{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        ),
        _ => format!(
            "data: {{\"event\":\"message\",\"task_id\":\"900bbd43-dc0b-4383-a372-aa6e6c414227\",\"id\":\
             \"663c5084-a254-4040-8ad3-51f2a3c1a77c\",\"conversation_id\":\"45701982-8118-4bc5-8e9b-64562b4555f2\",\
             \"answer\":\"{text}\",\"created_at\":1705398420}}\n\n"
        ),
    }
}

fn stream(rules: &Arc<EventRules>, vocabulary: &Arc<Vocabulary>, events: &[String]) {
    let mut stream = EventStream::new(rules, FieldRestorers::new(Arc::clone(vocabulary)));
    let mut out = Vec::new();
    for event in events {
        out.clear();
        // These events are what the adapter expects.
        let pushed = stream.push(black_box(event.as_bytes()), &mut out);
        assert!(pushed.is_ok());
        black_box(&out);
    }
    stream.finish(&mut out);
}

fn restore(vocabulary: &Arc<Vocabulary>, texts: &[String]) {
    let mut restorer = FieldRestorers::new(Arc::clone(vocabulary)).text(Encoding::Text);
    let mut out = String::new();
    for text in texts {
        out.clear();
        restorer.push(black_box(text), &mut out);
        black_box(&out);
    }
    restorer.finish(&mut out);
}

/// The median and the best time for one event, in microseconds.
fn measure(mut once: impl FnMut()) -> (f64, f64) {
    let mut rounds = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < MEASURED {
        let from = Instant::now();
        once();
        rounds.push(from.elapsed().as_secs_f64() / EVENTS as f64 * 1e6);
    }
    rounds.sort_by(f64::total_cmp);
    (rounds[rounds.len() / 2], rounds[0])
}
