//! Which fields of OpenAI's bodies are text.

use crate::json::Treatment::{
    DropIfChanged, File, FreeText, JsonText, Leave, Link, MaybeJson, Media, Text, TextOrTokens,
};
use crate::wire::route::Fields;

/// A chat.
pub(super) const CHAT: Fields = &[
    (File, &["messages[*].**.file_data.**"]),
    (
        Media,
        &["messages[*].audio.data", "messages[*].**.input_audio.data"],
    ),
    (
        Link,
        &[
            "messages[*].**.image_url.**",
            "messages[*].**.video_url.**",
            "messages[*].**.audio_url.**",
            "messages[*].**.file_url.**",
            "messages[*].**.file_id",
            "tools[*].function.parameters.**.$schema",
            "response_format.json_schema.schema.**.$schema",
            "tools[*].server_url",
        ],
    ),
    (
        Leave,
        &[
            "model",
            "models[*]",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "messages[*].role",
            "messages[*].tool_call_id",
            "messages[*]{role=function}.name",
            "messages[*]{role=tool}.name",
            "messages[*].audio.id",
            "messages[*].content[*].type",
            "messages[*].tool_calls[*].id",
            "messages[*].tool_calls[*].type",
            "messages[*].tool_calls[*].function.name",
            "messages[*].tool_calls[*].custom.name",
            "messages[*].function_call.name",
            "messages[*].reasoning_details[*].id",
            "messages[*].reasoning_details[*].type",
            "messages[*].reasoning_details[*].data",
            "messages[*].reasoning_details[*].signature",
            "tools[*].function.name",
            "tools[*].custom.name",
            "tool_choice.function.name",
            "tool_choice.custom.name",
            "tool_choice.allowed_tools.tools[*].function.name",
            "tools[*].authorization",
            "tools[*].headers.**",
            "functions[*].name",
            "function_call.name",
            "response_format.json_schema.name",
        ],
    ),
    (
        JsonText,
        &[
            "messages[*].tool_calls[*].function.arguments",
            "messages[*].function_call.arguments",
        ],
    ),
    // What tools say is JSON more often than not.
    (
        MaybeJson,
        &[
            "messages[*]{role=tool}.content",
            "messages[*]{role=tool}.content[*].text",
            "messages[*]{role=function}.content",
            "guided_json",
        ],
    ),
    (Text, &["messages[*].**", "stop", "stop[*]"]),
    (
        FreeText,
        &[
            "tools[*].function.parameters.**",
            "functions[*].parameters.**",
            "response_format.json_schema.schema.**",
            "metadata.**",
            "documents[*].**",
        ],
    ),
];

/// An answer of a chat.
pub(super) const CHAT_ANSWER: Fields = &[
    (DropIfChanged, &["choices[*].logprobs"]),
    (
        Leave,
        &[
            "choices[*].message.role",
            "choices[*].message.audio.data",
            "choices[*].message.audio.id",
            "choices[*].message.tool_calls[*].id",
            "choices[*].message.tool_calls[*].type",
            "choices[*].message.tool_calls[*].function.name",
            "choices[*].message.tool_calls[*].custom.name",
            "choices[*].message.function_call.name",
            "choices[*].message.annotations[*].type",
            "choices[*].message.annotations[*].url_citation.url",
            "choices[*].message.reasoning_details[*].id",
            "choices[*].message.reasoning_details[*].type",
            "choices[*].message.reasoning_details[*].data",
            "choices[*].message.reasoning_details[*].signature",
        ],
    ),
    (
        JsonText,
        &[
            "choices[*].message.tool_calls[*].function.arguments",
            "choices[*].message.function_call.arguments",
        ],
    ),
    (Text, &["choices[*].message.**"]),
    (FreeText, &["metadata.**"]),
];

/// A completion of a text, as it was before chats.
pub(super) const COMPLETION: Fields = &[
    (Leave, &["model", "user"]),
    (TextOrTokens, &["prompt", "prompt[*]", "prompt[*][*]"]),
    (Text, &["suffix", "stop", "stop[*]"]),
];
/// Its answer.
pub(super) const COMPLETION_ANSWER: Fields = &[
    (DropIfChanged, &["choices[*].logprobs"]),
    (Text, &["choices[*].text"]),
];

/// Texts to be embedded or judged.
pub(super) const INPUT: Fields = &[
    (Link, &["input[*].**.image_url.**"]),
    (Leave, &["model", "user", "input[*].type"]),
    (TextOrTokens, &["input", "input[*]", "input[*][*]"]),
    (Text, &["input[*].**"]),
];

/// A request of the responses API.
pub(super) const RESPONSE: Fields = &[
    (
        File,
        &["input[*].**.file_data.**", "prompt.variables.*.file_data"],
    ),
    (
        Media,
        &[
            "input[*].**.input_audio.data",
            "input[*]{type=image_generation_call}.result",
        ],
    ),
    (
        Link,
        &[
            "input[*].**.image_url.**",
            "input[*].**.file_url.**",
            "input[*].**.file_id",
            "prompt.variables.*.image_url.**",
            "prompt.variables.*.file_url",
            "prompt.variables.*.file_id",
            "tools[*].server_url",
            "tools[*].input_image_mask.image_url",
            "tools[*].filters.allowed_domains[*]",
            "tools[*].filters.blocked_domains[*]",
            "tools[*].parameters.**.$schema",
            "text.format.schema.**.$schema",
        ],
    ),
    (
        Leave,
        &[
            "model",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "conversation",
            "input[*].id",
            "input[*].type",
            "input[*].role",
            "input[*].call_id",
            "input[*]{type=function_call}.name",
            "input[*]{type=custom_tool_call}.name",
            "input[*]{type=mcp_call}.name",
            "input[*]{type=mcp_approval_request}.name",
            "input[*].approval_request_id",
            "input[*].container_id",
            "input[*].encrypted_content",
            "input[*].content[*].type",
            "input[*].output.**.type",
            "input[*].summary[*].type",
            "tools[*].name",
            "tools[*].authorization",
            "tools[*].headers.**",
            "tools[*].container",
            "tool_choice.name",
            "tool_choice.tools[*].name",
            "text.format.name",
        ],
    ),
    (JsonText, &["input[*].arguments"]),
    (MaybeJson, &["input[*].output", "input[*].output[*].text"]),
    (
        Text,
        &[
            "instructions",
            "instructions[*].content",
            "instructions[*].content[*].text",
            "input",
            "input[*].**",
        ],
    ),
    (
        FreeText,
        &[
            "prompt.variables.**",
            "tools[*].parameters.**",
            "tools[*].filters.**",
            "text.format.schema.**",
            "metadata.**",
        ],
    ),
];

/// An answer of the responses API.
pub(super) const RESPONSE_ANSWER: Fields = &[
    (DropIfChanged, &["output[*].content[*].logprobs"]),
    (
        Leave,
        &[
            "output[*].encrypted_content",
            "output[*].result",
            "output[*].**.id",
            "output[*].**.type",
            "output[*].**.url",
            "output[*].**.call_id",
            "output[*].**.file_id",
            "output[*].name",
        ],
    ),
    (JsonText, &["output[*].arguments"]),
    (
        Text,
        &[
            "output[*].**",
            "output_text",
            "instructions",
            "instructions[*].content",
            "instructions[*].content[*].text",
            "error.message",
        ],
    ),
    // What was asked for is said again.
    (
        FreeText,
        &["tools[*].**", "text.**", "prompt.**", "metadata.**"],
    ),
];

/// What was given to a response.
pub(super) const RESPONSE_ITEMS_ANSWER: Fields = &[
    (
        Leave,
        &[
            "data[*].id",
            "data[*].type",
            "data[*].role",
            "data[*].status",
            "data[*].call_id",
            "data[*].name",
            "data[*].encrypted_content",
            "data[*].content[*].type",
            "data[*].content[*].image_url",
            "data[*].content[*].file_id",
        ],
    ),
    (JsonText, &["data[*].arguments"]),
    (Text, &["data[*].**"]),
];

/// The whole texts of events of the responses API: of parts, items and the response.
pub(in crate::wire) const RESPONSE_EVENT: Fields = &[
    (
        DropIfChanged,
        &[
            "logprobs",
            "part.logprobs",
            "item.content[*].logprobs",
            "response.output[*].content[*].logprobs",
        ],
    ),
    (
        Leave,
        &[
            "response.output[*].encrypted_content",
            "response.output[*].result",
            "response.output[*].name",
            "response.output[*].**.id",
            "response.output[*].**.type",
            "response.output[*].**.url",
            "response.output[*].**.call_id",
            "response.output[*].**.file_id",
            "item.encrypted_content",
            "item.result",
            "item.name",
            "item.**.id",
            "item.**.type",
            "item.**.url",
            "item.**.call_id",
            "item.**.file_id",
            "part.type",
            "part.**.url",
            "part.**.file_id",
        ],
    ),
    (
        JsonText,
        &[
            "arguments",
            "item.arguments",
            "response.output[*].arguments",
        ],
    ),
    (
        Text,
        &[
            "text",
            "refusal",
            "input",
            "code",
            "transcript",
            "message",
            "part.**",
            "item.**",
            "annotation.title",
            "response.output[*].**",
            "response.instructions",
            "response.instructions[*].content",
            "response.instructions[*].content[*].text",
            "response.error.message",
            "error.message",
        ],
    ),
    (
        FreeText,
        &[
            "response.tools[*].**",
            "response.text.**",
            "response.prompt.**",
            "response.metadata.**",
        ],
    ),
];

/// Text to be spoken.
pub(super) const SPEECH: Fields = &[
    (Leave, &["model", "voice"]),
    (Text, &["input", "instructions"]),
];
/// What was said.
pub(super) const TRANSCRIPT_ANSWER: Fields =
    &[(Text, &["text", "segments[*].text", "words[*].word"])];
/// A picture to be drawn.
pub(super) const IMAGE: Fields = &[(Leave, &["model", "user"]), (Text, &["prompt"])];
/// How the model understood it.
pub(super) const IMAGE_ANSWER: Fields = &[(Text, &["data[*].revised_prompt"])];
/// Texts to be put in order.
pub(super) const RERANK: Fields = &[
    (Leave, &["model", "user"]),
    (Text, &["query"]),
    (FreeText, &["documents[*].**"]),
];
/// The texts in their order.
pub(super) const RERANK_ANSWER: Fields = &[(FreeText, &["results[*].document.**"])];
/// A file.
pub(super) const FILE_ANSWER: Fields = &[(Text, &["filename"])];
