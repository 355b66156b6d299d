//! Anthropic's messages.
//!
//! Thinking (`thinking`, `redacted_thinking`) passes as it is in both directions. It is signed together with the
//! placeholders in it and comes back with the next request, where a single changed character makes the service refuse
//! it; so the client sees placeholders there.

pub(super) mod events;

use super::route::{Fields, RouteSpec, route};
use crate::json::Treatment::{File, FreeText, Leave, Link, MaybeJson, Media, Text};

/// Where its paths begin.
pub(super) const PREFIXES: &[&str] = &["/v1", "/anthropic/v1"];

/// A conversation.
const MESSAGES: Fields = &[
    (
        Leave,
        &[
            "model",
            "metadata.user_id",
            "messages[*].role",
            "messages[*].content[*]{type=thinking}.**",
            "messages[*].content[*]{type=redacted_thinking}.**",
        ],
    ),
    (FreeText, &["messages[*].content[*].input.**"]),
    (Text, &["messages[*].content.**.source{type=text}.data"]),
    (
        Media,
        &["messages[*].content.**{type=image}.source{type=base64}.data"],
    ),
    (File, &["messages[*].content.**.source.data"]),
    (
        Link,
        &[
            "messages[*].content.**.source.url",
            "mcp_servers[*].url",
            "tools[*].allowed_domains[*]",
            "tools[*].blocked_domains[*]",
            "tools[*].input_schema.**.$schema",
        ],
    ),
    (
        Leave,
        &[
            "messages[*].content[*].type",
            "messages[*].content[*].id",
            "messages[*].content[*]{type=tool_use}.name",
            "messages[*].content[*]{type=server_tool_use}.name",
            "messages[*].content[*]{type=mcp_tool_use}.name",
            "messages[*].content[*].tool_use_id",
            "messages[*].content.**.source.file_id",
            "messages[*].content.**.encrypted_content",
            "messages[*].content.**.encrypted_index",
            "messages[*].content.**.encrypted_stdout",
            "messages[*].content[*].content[*].type",
            "tools[*].name",
            "tool_choice.name",
            "container",
            "mcp_servers[*].authorization_token",
        ],
    ),
    // What tools say is JSON more often than not.
    (
        MaybeJson,
        &[
            "messages[*].content[*]{type=tool_result}.content",
            "messages[*].content[*]{type=tool_result}.content[*].text",
        ],
    ),
    (
        Text,
        &[
            "messages[*].content",
            "messages[*].content[*].**",
            "system",
            "system[*].text",
            "stop_sequences[*]",
        ],
    ),
    (
        FreeText,
        &["tools[*].input_schema.**", "tools[*].input_examples.**"],
    ),
];

/// A message of the model.
const ANSWER: Fields = &[
    (
        Leave,
        &[
            "content[*]{type=thinking}.**",
            "content[*]{type=redacted_thinking}.**",
            "content[*].type",
            "content[*].id",
            "content[*].name",
            "content[*].tool_use_id",
            "content[*].**.url",
            "content[*].**.encrypted_content",
            "content[*].**.encrypted_index",
            "content[*].**.file_id",
        ],
    ),
    (FreeText, &["content[*].input.**"]),
    (Text, &["content[*].**", "stop_sequence"]),
];

/// The whole texts of events.
pub(super) const EVENT: Fields = &[
    (
        Leave,
        &[
            "content_block{type=thinking}.**",
            "content_block{type=redacted_thinking}.**",
            "content_block.type",
            "content_block.id",
            "content_block.name",
            "content_block.tool_use_id",
            "content_block.**.url",
            "content_block.**.encrypted_content",
            "content_block.**.encrypted_index",
            "content_block.**.file_id",
        ],
    ),
    (FreeText, &["content_block.input.**"]),
    (
        Text,
        &[
            "content_block.**",
            "delta.citation.cited_text",
            "delta.citation.document_title",
            "delta.citation.title",
            "delta.stop_sequence",
            "error.message",
        ],
    ),
];

/// The paths.
pub(super) fn routes() -> Vec<RouteSpec> {
    vec![
        route("POST", "/messages").json(MESSAGES).streams(ANSWER),
        route("POST", "/messages/count_tokens").json(MESSAGES),
        route("GET", "/models"),
        route("GET", "/models/{model}"),
    ]
}
