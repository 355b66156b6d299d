//! `portcullis mask detect`: which version of Dify a server runs.

use std::path::Path;

use portcullis_gateway::{DetectError, DifyQuestion, DifyServer, detect_dify};
use portcullis_mask::wire::DifyVersion;
use serde_json::json;

use crate::cli::Detect;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;

/// Asks the server.
pub(crate) async fn run(json: bool, args: &Detect) -> Result<Exit, CommandError> {
    let key =
        match &args.key {
            None => None,
            Some(reference) => {
                let key = portcullis_driver::resolve_secret(reference, Path::new("")).await;
                Some(key.map_err(|error| {
                    CommandError::of(Exit::Usage, &error).code(ErrorCode::BadValue)
                })?)
            }
        };
    let question = DifyQuestion {
        url: &args.url,
        ca_file: args.ca.as_deref(),
        key: key.as_ref(),
        timeout_ms: args.timeout * 1000,
    };
    let server = detect_dify(question).await.map_err(|error| told(&error))?;
    let setting = setting(server.table);
    let why = why(&server);
    if json {
        output::json(&json!({
            "schema": "portcullis.mask-detect/1",
            "url": args.url,
            "application": "dify",
            "version": server.version,
            "source": server.source.map(|source| source.word()),
            "known": server.is_exact,
            "adapter": format!("dify-{setting}"),
            "why": why,
            "welcome_says": server.otherwise,
        }));
    } else {
        person(&server, &why);
    }
    match server.is_exact {
        true => Ok(Exit::Done),
        false => Ok(Exit::Inconclusive),
    }
}

fn person(server: &DifyServer, why: &str) {
    match (&server.version, server.source) {
        (Some(version), Some(source)) => {
            output::result(&format!("Dify {version} (told by its {})", source.word()));
        }
        _ => output::result("Dify, of a version that it does not tell"),
    }
    output::result(&format!("adapter dify-{}: {why}", setting(server.table)));
    if let Some(otherwise) = &server.otherwise {
        output::talk(&format!(
            "note: the welcome says {otherwise}; the header counts, because it is of the server that answers requests"
        ));
    }
    if !server.is_exact {
        output::talk(
            "hint: try it with mode = \"shadow\" first; refusals for unknown paths show in /masking/stats",
        );
    }
}

/// Why this adapter.
fn why(server: &DifyServer) -> String {
    match (&server.version, server.is_exact, server.table) {
        (_, true, _) => "it was written for this version".to_owned(),
        (None, ..) => {
            "as long as no version is told, that of 1.x is used, which has all paths of 0.15"
                .to_owned()
        }
        (Some(_), _, DifyVersion::V0_15) => {
            "nothing was written for this version; this is the nearest, of 0.15".to_owned()
        }
        (Some(_), _, DifyVersion::V1) => {
            "nothing was written for this version; this is the nearest, of 1.x".to_owned()
        }
    }
}

/// As `version` of a mask names it.
fn setting(table: DifyVersion) -> &'static str {
    match table {
        DifyVersion::V0_15 => "0.15",
        DifyVersion::V1 => "1",
    }
}

fn told(error: &DetectError) -> CommandError {
    let (exit, code) = match error {
        DetectError::Url { .. } | DetectError::Key | DetectError::Authorities(_) => {
            (Exit::Usage, ErrorCode::BadValue)
        }
        DetectError::Unreachable { .. } => (Exit::Unreachable, ErrorCode::NoApplication),
        DetectError::NotDify { .. } => (Exit::Failed, ErrorCode::NotDify),
    };
    let told = CommandError::of(exit, error).code(code);
    match error {
        DetectError::Url { .. } => {
            told.hint("give the URL of the service API, for example http://127.0.0.1:5001")
        }
        DetectError::Authorities(_) => told.hint("give a PEM file with `--ca FILE`"),
        DetectError::Key => told,
        DetectError::Unreachable { .. } | DetectError::NotDify { .. } => {
            told.hint(format!("`portcullis explain {code}` says more"))
        }
    }
}
