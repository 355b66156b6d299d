//! The hooks.

use super::{Context, text};
use crate::origin::Wanted;
use crate::raw::{RawHook, value_or_default};
use crate::report::{At, Report, Wrong};
use crate::{Code, HookConfig, HookFailure, HookPoint};

/// The hooks, in the order of the file.
pub(super) fn hooks(raw: Vec<RawHook>, context: &mut Context<'_>) -> Vec<HookConfig> {
    for (index, hook) in raw.iter().enumerate() {
        let Some(name) = &hook.name else { continue };
        let same = |other: &RawHook| text(other.name.as_ref()) == Some(&name.value);
        if raw[..index].iter().any(same) {
            let message = format!("another hook is already named `{}`", name.value);
            let wrong = Wrong::new(Code::Duplicate, message);
            context.report.add(&name.spot, wrong);
        }
    }
    raw.into_iter()
        .map(|hook| self::hook(hook, context))
        .collect()
}

fn hook(raw: RawHook, context: &mut Context<'_>) -> HookConfig {
    context.needs_secrets(&raw.env);
    let program = raw.command.as_ref().and_then(|words| words.value.first());
    // A name without a folder is looked for where the system looks when the hook is run.
    if let Some(program) = program.filter(|program| program.value.contains('/')) {
        let path = context.absolute(&program.value);
        context.needs(&path, Wanted::Hook, &program.spot);
    }
    if let Some(on) = &raw.on {
        points(on, context.report);
    }
    let on_failure = on_failure(&raw, context.report);
    let on_failure_back = match text(raw.on_failure_back.as_ref()) {
        Some("fail") => HookFailure::Fail,
        _ => HookFailure::Note,
    };
    let words = value_or_default(raw.command);
    let env = raw.env.into_iter();
    HookConfig {
        name: value_or_default(raw.name),
        on: value_or_default(raw.on)
            .into_iter()
            .map(|at| at.value)
            .collect(),
        command: words.into_iter().map(|word| word.value).collect(),
        folder: context.folder.to_owned(),
        env: env
            .map(|(name, at)| (name, context.referenced(at.value)))
            .collect(),
        timeout_ms: raw.timeout_ms,
        on_failure,
        on_failure_back,
    }
}

/// There is at least one point, and none twice.
fn points(on: &At<Vec<At<HookPoint>>>, report: &Report<'_>) {
    if on.value.is_empty() {
        let message = "a hook needs to know when it is run";
        let wrong = Wrong::new(Code::BadValue, message);
        report.add(&on.spot, wrong.hint("for example on = [\"after-promote\"]"));
    }
    for (index, point) in on.value.iter().enumerate() {
        if on.value[..index]
            .iter()
            .any(|other| other.value == point.value)
        {
            let message = format!("\"{}\" is already in this list", point.value);
            report.add(&point.spot, Wrong::new(Code::Duplicate, message));
        }
    }
}

/// A notice has nothing that could fail.
fn on_failure(raw: &RawHook, report: &Report<'_>) -> HookFailure {
    let points = raw.on.as_ref().map_or(&[][..], |on| &on.value);
    let notice = points.iter().find(|point| point.value == HookPoint::Notice);
    let word = text(raw.on_failure.as_ref());
    if let (Some(_), Some("fail"), Some(at)) = (notice, word, &raw.on_failure) {
        let message =
            "a notice is told when something has happened: there is nothing that could fail";
        let hint = "set on_failure = \"note\", or use before-KIND and after-KIND";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    let mixed = points.iter().any(|point| point.value != HookPoint::Notice);
    if let (Some(notice), None, true) = (notice, word, mixed) {
        let message =
            "this hook is run at steps, which it could fail, and on notices, which it could not";
        let hint = "set on_failure = \"note\", or make two hooks of it";
        report.add(
            &notice.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    match (word, notice) {
        (Some("note"), _) | (None, Some(_)) => HookFailure::Note,
        _ => HookFailure::Fail,
    }
}
