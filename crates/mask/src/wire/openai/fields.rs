//! Which fields of OpenAI's bodies are text.

use crate::json::Treatment::{
    DropIfChanged, File, JsonText, Leave, Link, MaybeJson, Media, Text, TextOrTokens,
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
        ],
    ),
    (
        Leave,
        &[
            "messages[*].role",
            "messages[*].tool_call_id",
            "messages[*]{role=function}.name",
            "messages[*]{role=tool}.name",
            "messages[*].audio.id",
            "messages[*].content[*].type",
            "messages[*].content[*].input_audio.format",
            "messages[*].content[*].cache_control.**",
            "messages[*].tool_calls[*].id",
            "messages[*].tool_calls[*].type",
            "messages[*].tool_calls[*].function.name",
            "messages[*].tool_calls[*].custom.name",
            "messages[*].function_call.name",
            "messages[*].reasoning_details[*].id",
            "messages[*].reasoning_details[*].type",
            "messages[*].reasoning_details[*].format",
            "messages[*].reasoning_details[*].data",
            "messages[*].reasoning_details[*].signature",
            "messages[*].cache_control.**",
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
        ],
    ),
    (Text, &["messages[*].**"]),
    (
        Leave,
        &[
            "tools[*].function.parameters.**.type",
            "tools[*].function.parameters.**.format",
            "tools[*].function.parameters.**.pattern",
            "tools[*].function.parameters.**.$ref",
            "tools[*].function.parameters.**.required[*]",
            "functions[*].parameters.**.type",
            "functions[*].parameters.**.pattern",
            "functions[*].parameters.**.required[*]",
        ],
    ),
    (
        Text,
        &[
            "tools[*].function.description",
            "tools[*].function.parameters.**",
            "tools[*].custom.description",
            "functions[*].description",
            "functions[*].parameters.**",
            "prediction.content",
            "prediction.content[*].text",
            "stop",
            "stop[*]",
            "metadata.*",
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
    (Text, &["choices[*].message.**", "metadata.*"]),
];

/// A completion of a text, as it was before chats.
pub(super) const COMPLETION: Fields = &[
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
    (Leave, &["input[*].type"]),
    (TextOrTokens, &["input", "input[*]", "input[*][*]"]),
    (Text, &["input[*].**"]),
];

/// A request of the responses API.
pub(super) const RESPONSE: Fields = &[
    (File, &["input[*].**.file_data.**"]),
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
        ],
    ),
    (
        Leave,
        &[
            "input[*].id",
            "input[*].type",
            "input[*].role",
            "input[*].status",
            "input[*].call_id",
            "input[*].name",
            "input[*].server_label",
            "input[*].approval_request_id",
            "input[*].container_id",
            "input[*].encrypted_content",
            "input[*].content[*].type",
            "input[*].content[*].detail",
            "input[*].content[*].input_audio.format",
            "input[*].output.**.type",
            "input[*].summary[*].type",
            "tools[*].parameters.**.type",
            "tools[*].parameters.**.pattern",
            "tools[*].parameters.**.$ref",
            "tools[*].parameters.**.required[*]",
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
            "prompt.variables.**",
            "tools[*].description",
            "tools[*].parameters.**",
            "metadata.*",
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
            "metadata.*",
            "error.message",
            "tools[*].description",
            "tools[*].parameters.**.description",
        ],
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
            "response.metadata.*",
            "response.error.message",
            "response.tools[*].description",
            "response.tools[*].parameters.**.description",
            "error.message",
        ],
    ),
];

/// Text to be spoken.
pub(super) const SPEECH: Fields = &[(Text, &["input", "instructions"])];
/// What was said.
pub(super) const TRANSCRIPT_ANSWER: Fields =
    &[(Text, &["text", "segments[*].text", "words[*].word"])];
/// A picture to be drawn.
pub(super) const IMAGE: Fields = &[(Text, &["prompt"])];
/// How the model understood it.
pub(super) const IMAGE_ANSWER: Fields = &[(Text, &["data[*].revised_prompt"])];
/// Texts to be put in order.
pub(super) const RERANK: Fields = &[(Text, &["query", "documents[*].**"])];
/// The texts in their order.
pub(super) const RERANK_ANSWER: Fields = &[(Text, &["results[*].document.**"])];
/// A file.
pub(super) const FILE_ANSWER: Fields = &[(Text, &["filename"])];
