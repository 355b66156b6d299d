//! What concerns browsers.

use super::{media_type, text};
use crate::Code;
use crate::config::{CorsConfig, SecurityHeaders, UploadConfig};
use crate::raw::{RawCors, RawRoute, RawUpload};
use crate::report::{Report, Wrong};
use crate::units::bytes_text;

/// Which pages of other origins may use a route.
pub(super) fn cors(raw: &RawCors, report: &Report<'_>) -> CorsConfig {
    let credentials = raw.credentials.as_ref().is_some_and(|at| at.value);
    if let Some(all) = raw.origins.iter().find(|origin| origin.value == "*") {
        if raw.origins.len() > 1 {
            let message = "\"*\" admits all origins, so the others say nothing";
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(&all.spot, wrong.hint("keep \"*\" alone, or remove it"));
        }
        if credentials {
            let message = "every page could act with its visitors' cookies and authorisation";
            let hint = "name the origins, or set credentials = false";
            report.add(
                &all.spot,
                Wrong::new(Code::Contradiction, message).hint(hint),
            );
        }
    }
    CorsConfig {
        origins: raw.origins.iter().map(|at| at.value.clone()).collect(),
        methods: raw.methods.clone(),
        headers: raw.headers.clone(),
        expose: raw.expose.clone(),
        credentials,
        max_age_s: raw.max_age_s,
    }
}

/// Which headers a route's answers get.
pub(super) fn security_headers(raw: &RawRoute) -> SecurityHeaders {
    match text(raw.security_headers.as_ref()) {
        Some("basic") => SecurityHeaders::Basic,
        Some("strict") => SecurityHeaders::Strict,
        _ => SecurityHeaders::Off,
    }
}

/// What may be uploaded, of which the largest fits into a body.
pub(super) fn upload(raw: &RawUpload, route: &RawRoute, report: &Report<'_>) -> UploadConfig {
    if let (Some(file), Some(body)) = (&raw.bytes_max, &route.body_bytes_max)
        && file.value > body.value
    {
        let message = format!(
            "a file of {} would not fit into a body of {}",
            bytes_text(file.value),
            bytes_text(body.value)
        );
        let hint = "raise body_max, or lower this";
        report.add(
            &file.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    for media_type in &raw.types {
        media_type::check(media_type, report);
    }
    UploadConfig {
        types: raw.types.iter().map(|at| at.value.clone()).collect(),
        bytes_max: raw.bytes_max.as_ref().map_or(u64::MAX, |at| at.value),
    }
}
