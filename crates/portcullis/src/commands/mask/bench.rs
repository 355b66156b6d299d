//! `portcullis mask bench`: how fast data is found here.

use std::path::PathBuf;

use portcullis_mask::{Mapping, Masker, Style};
use serde::Serialize;

use super::chosen::Chosen;
use super::texts::{self, Text};
use crate::clock;
use crate::command_error::{CommandError, Exit};
use crate::output;

/// A chat message with data of many kinds; invented, with numbers that their authorities reserve for examples.
const CHAT: &str = "Hi, I am writing about my order from last week. My name is on the account that belongs to \
jane.doe@example.com, and my colleague is jon+shop@mail.example.co.uk. You can call me at +1 415 555 2671 between 9:00 \
and 17:00, the office is open from Monday to Friday. The card that was charged is 4111 1111 1111 1111, and the refund \
should go to DE89 3704 0044 0532 0130 00. Our server at 192.168.10.24 could not reach 203.0.113.77 nor 2001:db8::8a2e:370:7334, \
see https://status.example.com/incidents/42 for the time line. ";
/// A message without any.
const CLEAN: &str = "Hello there, could you please summarise the following paragraph for me in two short sentences? The \
migration of birds has puzzled people for a long while, and only in the last decades have we begun to understand how \
they find their way over such distances. Some follow the coast, others the stars, and a few seem to sense the field of \
the earth itself. Young birds fly with older ones and learn the way, while others know it from the day they hatch. ";
/// The length of our texts, in bytes.
const TEXT_BYTES: usize = 1024;

/// What was measured, as JSON.
#[derive(Debug, Serialize)]
struct Measured {
    text: String,
    bytes: usize,
    spans: usize,
    /// Median time to find everything in the text, in microseconds.
    find_us: f64,
    /// Median time to find and replace everything, in microseconds.
    mask_us: f64,
    find_mb_per_s: f64,
    rounds: usize,
}

pub(super) fn run(
    json: bool,
    files: &[PathBuf],
    seconds: u64,
    chosen: Chosen,
) -> Result<Exit, CommandError> {
    let masker = chosen.masker()?;
    let mut all = Vec::new();
    let mut each = |name: String, text: &str| {
        let measured = measure(name, text, seconds, &masker)?;
        if !json {
            output::result(&sentence(&measured));
        }
        all.push(measured);
        Ok(())
    };
    if files.is_empty() {
        each("a chat message with data".to_owned(), &repeated(CHAT))?;
        each("a chat message without".to_owned(), &repeated(CLEAN))?;
    } else {
        texts::whole(files, |text: &Text| each(text.name(), &text.text))?;
    }
    if json {
        output::json(&serde_json::json!({ "schema": "portcullis.mask-bench/1", "texts": all }));
    }
    Ok(Exit::Done)
}

fn measure(
    name: String,
    text: &str,
    seconds: u64,
    masker: &Masker,
) -> Result<Measured, CommandError> {
    let until_us = clock::monotonic_us() + seconds * 1_000_000;
    let (mut finds_us, mut masks_us) = (Vec::new(), Vec::new());
    let mut spans = 0;
    // A round repeats a short text until it lasts long enough for the clock.
    let repeats = match masker.finder().rules().asks_a_model() {
        true => 1,
        false => (64 * 1024 / text.len().max(1)).max(1),
    };
    while finds_us.is_empty() || clock::monotonic_us() < until_us {
        let begun_us = clock::monotonic_us();
        for _ in 0..repeats {
            let found = masker.finder().find_all(std::hint::black_box(text), None);
            let found = found.map_err(|error| CommandError::of(Exit::Failed, &error))?;
            spans = std::hint::black_box(found).len();
        }
        let found_us = clock::monotonic_us();
        for _ in 0..repeats {
            let mut mapping = Mapping::new(Style::Plain, super::UNLIMITED);
            let masked = masker.mask(std::hint::black_box(text), None, &mut mapping);
            std::hint::black_box(masked.map_err(|error| CommandError::of(Exit::Failed, &error))?);
        }
        let masked_us = clock::monotonic_us();
        finds_us.push((found_us - begun_us) as f64 / repeats as f64);
        masks_us.push((masked_us - found_us) as f64 / repeats as f64);
    }
    let find_us = median(&mut finds_us);
    Ok(Measured {
        text: name,
        bytes: text.len(),
        spans,
        find_us,
        mask_us: median(&mut masks_us),
        find_mb_per_s: text.len() as f64 / find_us.max(f64::MIN_POSITIVE),
        rounds: finds_us.len(),
    })
}

fn sentence(measured: &Measured) -> String {
    let Measured {
        text,
        bytes,
        spans,
        find_us,
        mask_us,
        find_mb_per_s,
        rounds,
    } = measured;
    format!(
        "{text} ({bytes} bytes, {spans} found): {find_us:.1} us to find, {mask_us:.1} us to find and replace; \
         {find_mb_per_s:.0} MB/s (median of {rounds} rounds)"
    )
}

/// A text of [`TEXT_BYTES`], from whole characters.
fn repeated(text: &str) -> String {
    text.chars().cycle().take(TEXT_BYTES).collect()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
