//! `portcullis mask` and `portcullis unmask`: hide data in text, and put it back.

mod bench;
mod chosen;
mod detect;
mod entities;
mod explain;
mod map_file;
mod texts;

use std::path::Path;

use portcullis_mask::{
    Encoding, Limits, Mapping, MaskedSpan, Masker, Rules, Style, Tag, Vocabulary, restore,
};
use serde::Serialize;

use crate::cli::{Finding, Mask, MaskCommand, MaskRun, StyleName, Unmask};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;
use crate::site::Site;
use chosen::Chosen;
pub(super) use detect::run as detect;
use texts::Text;

/// Whoever runs a command decides how much it reads.
const UNLIMITED: Limits = Limits {
    entries_max: usize::MAX,
    bytes_max: usize::MAX,
};

/// What a text holds, as JSON.
#[derive(Debug, Serialize)]
struct Told<'t> {
    /// The text as it was; the offsets of spans are in it.
    text: &'t str,
    /// The text with placeholders.
    masked: &'t str,
    spans: Vec<ToldSpan>,
}

/// A place with data, as JSON.
#[derive(Debug, Serialize)]
struct ToldSpan {
    /// In Unicode code points from the beginning of the text.
    start: usize,
    /// Exclusive.
    end: usize,
    entity: String,
    /// What its placeholder begins with: tells apart entities that share a name.
    label: String,
    score: f64,
}

/// Masks texts, or carries out a command about masking.
pub(super) fn run(site: &Site, json: bool, args: &Mask) -> Result<Exit, CommandError> {
    match &args.command {
        None => mask(site, json, &args.run),
        Some(MaskCommand::Explain { files, finding }) => {
            explain::run(json, files, Chosen::of(site, finding)?)
        }
        Some(MaskCommand::Entities) => entities::run(json),
        // It waits for a server, so it is begun elsewhere.
        Some(MaskCommand::Detect(_)) => Ok(Exit::Done),
        Some(MaskCommand::Bench {
            files,
            seconds,
            finding,
        }) => bench::run(json, files, *seconds, Chosen::of(site, finding)?),
    }
}

fn mask(site: &Site, json: bool, args: &MaskRun) -> Result<Exit, CommandError> {
    let chosen = Chosen::of(site, &args.finding)?;
    let style_name = args.style.or(chosen.style).unwrap_or(StyleName::Plain);
    let masker = chosen.masker()?;
    let mapping = match &args.map {
        Some(file) => {
            // Before anything is printed that could not be put back.
            map_file::check_writable(file)?;
            map_file::read(file)?
        }
        None => None,
    };
    let mut mapping = match mapping {
        Some(mapping) => mapping,
        None => Mapping::new(style(style_name)?, UNLIMITED),
    };
    let before = mapping.len();
    let mut each = |text: &str, ending: &str| one(json, &masker, text, ending, &mut mapping);
    let done = match args.lines {
        true => texts::lines(&args.files, &mut each),
        false => texts::whole(&args.files, |text: &Text| each(&text.text, "")),
    };
    // Also when a later input failed: what was printed must not be without its map.
    if let Some(file) = args
        .map
        .as_deref()
        .filter(|file| mapping.len() > before || !file.exists())
    {
        map_file::write(file, &mapping)?;
    }
    done.map(|()| Exit::Done)
}

/// Masks one text and writes it. `ending` is what ends the line, if it is one.
fn one(
    json: bool,
    masker: &Masker,
    text: &str,
    ending: &str,
    mapping: &mut Mapping,
) -> Result<(), CommandError> {
    let masked = masker
        .mask(text, None, mapping)
        .map_err(|error| CommandError::of(Exit::Failed, &error))?;
    if !json {
        output::text(&masked.text);
        output::text(ending);
        return Ok(());
    }
    let spans = told_spans(masker.finder().rules(), text, &masked.spans);
    let masked = &masked.text;
    output::json_line(&Told {
        text,
        masked,
        spans,
    });
    Ok(())
}

/// Spans with their offsets in code points. They come from left to right, so one pass is enough.
fn told_spans(rules: &Rules, text: &str, spans: &[MaskedSpan]) -> Vec<ToldSpan> {
    let (mut at, mut points) = (0, 0);
    let mut code_points = |offset: usize| {
        points += text[at..offset].chars().count();
        at = offset;
        points
    };
    let told = |span: &MaskedSpan| {
        let facts = rules.entity_facts(span.entity)?;
        Some(ToldSpan {
            start: code_points(span.start),
            end: code_points(span.end),
            entity: facts.name.to_string(),
            label: facts.label.to_string(),
            score: span.score.fraction(),
        })
    };
    spans.iter().filter_map(told).collect()
}

/// Puts values back.
pub(super) fn unmask(site: &Site, json: bool, args: &Unmask) -> Result<Exit, CommandError> {
    let Some(mapping) = map_file::read(&args.map)? else {
        let message = format!("there is no map {}", args.map.display());
        let hint = "make one by `portcullis mask --map FILE`";
        return Err(CommandError::coded(ErrorCode::NotFound, message).hint(hint));
    };
    let masker = Chosen::of(site, &Finding::everything())?.masker()?;
    let vocabulary = Vocabulary::of(&mapping, masker.labels());
    texts::whole(&args.files, |text: &Text| {
        let restored = restore(&vocabulary, &text.text, Encoding::Plain);
        if json {
            output::json_line(&serde_json::json!({
                "text": restored.text,
                "restored": restored.counts.restored,
                "unrestored": restored.counts.look_alikes,
            }));
        } else {
            output::text(&restored.text);
        }
        if !json && restored.counts.look_alikes > 0 {
            let name = text.name();
            let count = restored.counts.look_alikes;
            output::talk(&format!(
                "note: {name}: {count} like a placeholder that the map does not have; left as they are"
            ));
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// The style of a new mapping.
fn style(name: StyleName) -> Result<Style, CommandError> {
    match name {
        StyleName::Plain => Ok(Style::Plain),
        StyleName::Brackets => Ok(Style::Brackets),
        StyleName::Angles => Ok(Style::Angles),
        StyleName::Tagged => {
            let mut random = [0; 4];
            getrandom::fill(&mut random).map_err(|error| CommandError::of(Exit::Failed, &error))?;
            let tag: String = random
                .iter()
                .map(|byte| char::from(b'a' + byte % 26))
                .collect();
            let tag = Tag::new(tag).map_err(|error| CommandError::of(Exit::Internal, &error))?;
            Ok(Style::Tagged(tag))
        }
    }
}

/// A position as people count: line and column, from 1 on, columns in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// Whether a name means standard input.
fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

#[cfg(test)]
mod tests;
