//! The paths of Dify, without what stands before them.

use super::DifyVersion;
use super::fields::*;
use crate::wire::route::{FormSpec, RouteSpec, route};

/// A recording that is to be written down.
const RECORDING: FormSpec = FormSpec {
    texts: &[],
    json: &[],
    files: &[],
    media: &["file"],
    left: &["user"],
};
/// A file for a chat.
const FILE: FormSpec = FormSpec {
    texts: &[],
    json: &[],
    files: &["file"],
    media: &[],
    left: &["user"],
};
/// A file for a data set, with rules in a field of their own.
const DOCUMENT_FILE: FormSpec = FormSpec {
    texts: &[],
    json: &[("data", DOCUMENT)],
    files: &["file"],
    media: &[],
    left: &["user"],
};

/// The paths of a version.
pub(in crate::wire) fn routes(version: DifyVersion) -> Vec<RouteSpec> {
    let mut routes = chats();
    routes.extend(service());
    routes.extend(datasets());
    routes.extend(documents());
    if version >= DifyVersion::V1 {
        routes.extend(only_1x());
    }
    routes
}

/// Running apps and what is kept of it.
fn chats() -> Vec<RouteSpec> {
    vec![
        route("POST", "/chat-messages")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("POST", "/completion-messages")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("POST", "/workflows/run")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("POST", "/workflows/draft/run")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("POST", "/advanced-chat/workflows/draft/run")
            .json(CHAT)
            .streams(CHAT_ANSWER),
        route("POST", "/chat-messages/{task_id}/stop"),
        route("POST", "/completion-messages/{task_id}/stop"),
        route("POST", "/workflows/tasks/{task_id}/stop"),
        route("GET", "/workflows/run/{workflow_run_id}").answers(RUN_ANSWER),
        route("GET", "/workflows/logs")
            .query(&["keyword"])
            .answers(LOGS_ANSWER),
        route("GET", "/messages").answers(MESSAGES_ANSWER),
        route("POST", "/messages/{message_id}/feedbacks").json(FEEDBACK),
        route("GET", "/messages/{message_id}/suggested").answers(SUGGESTED_ANSWER),
        route("GET", "/messages/{message_id}/suggested-questions").answers(SUGGESTED_ANSWER),
        route("GET", "/messages/{message_id}/more-like-this").streams(CHAT_ANSWER),
        route("GET", "/saved-messages").answers(MESSAGES_ANSWER),
        route("POST", "/saved-messages"),
        route("DELETE", "/saved-messages/{message_id}"),
        route("GET", "/conversations").answers(CONVERSATIONS_ANSWER),
        route("DELETE", "/conversations/{conversation_id}"),
        route("PATCH", "/conversations/{conversation_id}/pin"),
        route("PATCH", "/conversations/{conversation_id}/unpin"),
        route("POST", "/conversations/{conversation_id}/name")
            .json(NAME)
            .answers(CONVERSATION_ANSWER),
    ]
}

/// Sound, files, and what an app says of itself.
fn service() -> Vec<RouteSpec> {
    vec![
        route("POST", "/audio-to-text")
            .form(RECORDING)
            .answers(SPOKEN),
        route("POST", "/text-to-audio").json(SPOKEN),
        route("POST", "/files/upload")
            .form(FILE)
            .answers(FILE_ANSWER),
        route("POST", "/remote-files/upload"),
        route("GET", "/remote-files/{url}"),
        route("GET", "/files/upload"),
        route("GET", "/files/support-type"),
        route("GET", "/parameters"),
        route("GET", "/meta"),
        route("GET", "/info"),
        route("GET", "/site"),
        route("GET", "/passport"),
        route("GET", "/system-features"),
        route("GET", "/"),
    ]
}

/// Data sets, and putting documents into them.
fn datasets() -> Vec<RouteSpec> {
    vec![
        route("GET", "/datasets")
            .query(&["keyword"])
            .answers(NAMES_ANSWER),
        route("POST", "/datasets").json(NAME).answers(NAMES_ANSWER),
        route("DELETE", "/datasets/{dataset_id}"),
        route("POST", "/datasets/{dataset_id}/document/create-by-text")
            .json(DOCUMENT)
            .answers(NAMES_ANSWER),
        route("POST", "/datasets/{dataset_id}/document/create_by_text")
            .json(DOCUMENT)
            .answers(NAMES_ANSWER),
        route("POST", "/datasets/{dataset_id}/document/create-by-file")
            .form(DOCUMENT_FILE)
            .answers(NAMES_ANSWER),
        route("POST", "/datasets/{dataset_id}/document/create_by_file")
            .form(DOCUMENT_FILE)
            .answers(NAMES_ANSWER),
        route(
            "POST",
            "/datasets/{dataset_id}/documents/{document_id}/update-by-text",
        )
        .json(DOCUMENT)
        .answers(NAMES_ANSWER),
        route(
            "POST",
            "/datasets/{dataset_id}/documents/{document_id}/update_by_text",
        )
        .json(DOCUMENT)
        .answers(NAMES_ANSWER),
        route(
            "POST",
            "/datasets/{dataset_id}/documents/{document_id}/update-by-file",
        )
        .form(DOCUMENT_FILE)
        .answers(NAMES_ANSWER),
        route(
            "POST",
            "/datasets/{dataset_id}/documents/{document_id}/update_by_file",
        )
        .form(DOCUMENT_FILE)
        .answers(NAMES_ANSWER),
    ]
}

/// Documents of data sets, their pieces, and looking for them.
fn documents() -> Vec<RouteSpec> {
    vec![
        route("GET", "/datasets/{dataset_id}/documents")
            .query(&["keyword"])
            .answers(NAMES_ANSWER),
        route(
            "GET",
            "/datasets/{dataset_id}/documents/{batch}/indexing-status",
        )
        .answers(NAMES_ANSWER),
        route(
            "GET",
            "/datasets/{dataset_id}/documents/{document_id}/upload-file",
        )
        .answers(FILE_ANSWER),
        route("DELETE", "/datasets/{dataset_id}/documents/{document_id}"),
        route(
            "GET POST",
            "/datasets/{dataset_id}/documents/{document_id}/segments",
        )
        .json(SEGMENTS)
        .query(&["keyword"])
        .answers(SEGMENTS_ANSWER),
        route(
            "POST GET",
            "/datasets/{dataset_id}/documents/{document_id}/segments/{segment_id}",
        )
        .json(SEGMENTS)
        .answers(SEGMENTS_ANSWER),
        route(
            "DELETE",
            "/datasets/{dataset_id}/documents/{document_id}/segments/{segment_id}",
        ),
        route("POST", "/datasets/{dataset_id}/hit-testing")
            .json(RETRIEVE)
            .answers(RETRIEVE_ANSWER),
        route("POST", "/datasets/{dataset_id}/retrieve")
            .json(RETRIEVE)
            .answers(RETRIEVE_ANSWER),
    ]
}

/// What came with 1.x.
fn only_1x() -> Vec<RouteSpec> {
    const CHUNKS: &str =
        "/datasets/{dataset_id}/documents/{document_id}/segments/{segment_id}/child_chunks";
    const CHUNK: &str = "/datasets/{dataset_id}/documents/{document_id}/segments/{segment_id}/child_chunks/{chunk_id}";
    vec![
        route("GET", "/app/feedbacks").answers(FEEDBACKS_ANSWER),
        route("GET", "/conversations/{conversation_id}/variables").answers(VARIABLES_ANSWER),
        route("GET", "/apps/annotations")
            .query(&["keyword"])
            .answers(ANNOTATIONS_ANSWER),
        route("POST", "/apps/annotations")
            .json(ANNOTATION)
            .answers(ANNOTATIONS_ANSWER),
        route("PUT", "/apps/annotations/{annotation_id}")
            .json(ANNOTATION)
            .answers(ANNOTATIONS_ANSWER),
        route("DELETE", "/apps/annotations/{annotation_id}"),
        route("POST", "/apps/annotation-reply/{action}"),
        route("GET", "/apps/annotation-reply/{action}/status/{job_id}").answers(ANNOTATIONS_ANSWER),
        route("GET", "/datasets/{dataset_id}").answers(NAMES_ANSWER),
        route("PATCH", "/datasets/{dataset_id}")
            .json(NAME)
            .answers(NAMES_ANSWER),
        route("GET", "/datasets/{dataset_id}/documents/{document_id}").answers(NAMES_ANSWER),
        route("PATCH", "/datasets/{dataset_id}/documents/status/{action}"),
        route("POST", "/datasets/{dataset_id}/documents/metadata").json(METADATA),
        route("GET", "/datasets/{dataset_id}/metadata").answers(NAMES_ANSWER),
        route("POST", "/datasets/{dataset_id}/metadata")
            .json(METADATA)
            .answers(NAMES_ANSWER),
        route("PATCH", "/datasets/{dataset_id}/metadata/{metadata_id}")
            .json(METADATA)
            .answers(NAMES_ANSWER),
        route("DELETE", "/datasets/{dataset_id}/metadata/{metadata_id}"),
        route("GET", "/datasets/metadata/built-in").answers(NAMES_ANSWER),
        route("GET", "/datasets/{dataset_id}/metadata/built-in").answers(NAMES_ANSWER),
        route("POST", "/datasets/{dataset_id}/metadata/built-in/{action}"),
        route("GET", "/datasets/tags").answers(NAMES_ANSWER),
        route("POST PATCH", "/datasets/tags")
            .json(NAME)
            .answers(NAMES_ANSWER),
        route("DELETE", "/datasets/tags"),
        route("POST", "/datasets/tags/binding"),
        route("POST", "/datasets/tags/unbinding"),
        route("GET POST", "/datasets/{dataset_id}/tags").answers(NAMES_ANSWER),
        route("GET POST", CHUNKS)
            .json(SEGMENTS)
            .query(&["keyword"])
            .answers(SEGMENTS_ANSWER),
        route("PATCH", CHUNK)
            .json(SEGMENTS)
            .answers(SEGMENTS_ANSWER),
        route("DELETE", CHUNK),
        route("GET", "/workspaces/current/models/model-types/{model_type}"),
        route("POST", "/mcp/server/{server_code}/mcp")
            .json(MCP)
            .streams(MCP_ANSWER),
    ]
}
