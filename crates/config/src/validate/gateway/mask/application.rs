//! Whose messages a mask is for, and the keys that only some of them have.

use super::values;
use crate::Code;
use crate::config::{DatasetRequests, DifyApi, MaskApplication};
use crate::raw::{RawMask, value_or_default};
use crate::report::{Report, Spot, Wrong};
use crate::validate::text;

/// The application with its own settings.
pub(super) fn application(raw: &RawMask, report: &Report<'_>) -> MaskApplication {
    let name = text(raw.application.as_ref());
    let spots: [(&str, &str, Option<&Spot>); 5] = [
        ("dify", "version", raw.version.as_ref().map(|at| &at.spot)),
        (
            "dify",
            "select_inputs",
            raw.select_inputs.as_ref().map(|at| &at.spot),
        ),
        ("dify", "datasets", raw.datasets.as_ref().map(|at| &at.spot)),
        ("json", "fields", raw.fields.as_ref().map(|at| &at.spot)),
        (
            "json",
            "answer_fields",
            raw.answer_fields.as_ref().map(|at| &at.spot),
        ),
    ];
    for (home, key, spot) in spots {
        if let (Some(name), Some(spot)) = (name.filter(|name| *name != home), spot) {
            let message = format!("application = \"{name}\" has no `{key}`");
            let hint = format!("remove it, or set application = \"{home}\"");
            report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
        }
    }
    match name {
        Some("openai") => MaskApplication::OpenAi,
        Some("anthropic") => MaskApplication::Anthropic,
        Some("json") => json(raw, report),
        _ => dify(raw),
    }
}

fn dify(raw: &RawMask) -> MaskApplication {
    MaskApplication::Dify {
        version: match text(raw.version.as_ref()) {
            Some("0.15") => DifyApi::V0_15,
            Some("1") => DifyApi::V1,
            _ => DifyApi::Detect,
        },
        select_inputs: values(&value_or_default(raw.select_inputs.clone())),
        datasets: match text(raw.datasets.as_ref()) {
            Some("mask") => DatasetRequests::Mask,
            Some("refuse") => DatasetRequests::Refuse,
            _ => DatasetRequests::Pass,
        },
    }
}

fn json(raw: &RawMask, report: &Report<'_>) -> MaskApplication {
    if let (false, Some(application)) = (raw.fields_given, &raw.application) {
        let message = "application = \"json\" needs `fields`: nothing else says where text is";
        let hint = "add fields = [\"/prompt\"], or whichever strings people write; \"/**\" is every string";
        report.add(
            &application.spot,
            Wrong::new(Code::MissingKey, message).hint(hint),
        );
    }
    MaskApplication::Json {
        fields: values(&value_or_default(raw.fields.clone())),
        answer_fields: values(&value_or_default(raw.answer_fields.clone())),
    }
}
