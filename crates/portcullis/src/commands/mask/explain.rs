//! `portcullis mask explain`: why something counts or does not.

use std::path::PathBuf;

use portcullis_mask::{Finder, Note, NoteKind, Score};
use serde::Serialize;

use super::chosen::Chosen;
use super::position;
use super::texts::{self, Text};
use crate::command_error::{CommandError, Exit};
use crate::output;

/// A candidate, as JSON.
#[derive(Debug, Serialize)]
struct Told<'t> {
    /// Where there are several texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    line: usize,
    column: usize,
    value: &'t str,
    recognizer: String,
    entity: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_without_context: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

pub(super) fn run(json: bool, files: &[PathBuf], chosen: Chosen) -> Result<Exit, CommandError> {
    let finder = chosen.finder();
    texts::whole(files, |text: &Text| {
        let notes = finder.explain_all(&text.text);
        let mut notes = notes.map_err(|error| CommandError::of(Exit::Failed, &error))?;
        notes.sort_by_key(|note| (note.range.start, note.range.end));
        let file = (files.len() > 1).then(|| text.name());
        for note in &notes {
            let mut told = told(&finder, &text.text, note);
            told.file.clone_from(&file);
            if json {
                output::json_line(&told);
            } else {
                output::result(&sentence(&told));
            }
        }
        if notes.is_empty() && !json {
            output::result(&format!("{}: nothing in it looks like data", text.name()));
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn told<'t>(finder: &Finder, text: &'t str, note: &Note) -> Told<'t> {
    let (line, column) = position(text, note.range.start);
    let rules = finder.rules();
    let recognizer = rules.recognizer_name(note.recognizer).unwrap_or_default();
    let entity = rules
        .recognizer_names()
        .find(|(name, _, _)| *name == recognizer);
    let entity = entity.and_then(|(_, entity, _)| rules.entity_facts(entity));
    let mut told = Told {
        file: None,
        line,
        column,
        value: &text[note.range.clone()],
        recognizer: recognizer.to_owned(),
        entity: entity
            .map(|facts| facts.name.to_string())
            .unwrap_or_default(),
        outcome: "",
        score: None,
        score_without_context: None,
        threshold: None,
        reason: None,
    };
    let scores = |told: &mut Told<'t>, bare: Score, score: Score| {
        told.score = Some(score.fraction());
        told.score_without_context = Some(bare.fraction());
    };
    match note.kind {
        NoteKind::Found { bare, score } => {
            told.outcome = "found";
            scores(&mut told, bare, score);
        }
        NoteKind::TooUnsure {
            bare,
            score,
            threshold,
        } => {
            told.outcome = "too unsure";
            scores(&mut told, bare, score);
            told.threshold = Some(threshold.fraction());
        }
        NoteKind::Allowed => told.outcome = "allowed",
        NoteKind::Invalid(why) => {
            told.outcome = "invalid";
            told.reason = Some(why);
        }
    }
    told
}

fn sentence(told: &Told<'_>) -> String {
    let Told {
        file,
        line,
        column,
        recognizer,
        entity,
        outcome,
        ..
    } = told;
    let file = file.as_ref().map(|file| format!("{file}:"));
    let file = file.unwrap_or_default();
    let place = format!(
        "{file}{line}:{column}: {:?} as {entity} ({recognizer}): {outcome}",
        told.value
    );
    let raised = |score: f64, bare: f64| match score.total_cmp(&bare) {
        std::cmp::Ordering::Greater => format!("{score:.2}; {bare:.2} without the words around"),
        std::cmp::Ordering::Less => format!("{score:.2}; {bare:.2} but for the words around"),
        std::cmp::Ordering::Equal => format!("{score:.2}"),
    };
    match (
        told.score,
        told.score_without_context,
        told.threshold,
        told.reason,
    ) {
        (Some(score), Some(bare), Some(threshold), _) => {
            format!(
                "{place}, score {}, needs {threshold:.2}",
                raised(score, bare)
            )
        }
        (Some(score), Some(bare), None, _) => format!("{place}, score {}", raised(score, bare)),
        (_, _, _, Some(reason)) => format!("{place}: {reason}"),
        _ => place,
    }
}
