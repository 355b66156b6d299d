//! Which fields of Dify's bodies are text.

use crate::json::Treatment::{FreeText, Leave, Link, MaybeJson, Text};
use crate::wire::route::Fields;

/// Names of models and of who provides them, and who asks.
const MODELS: &[&str] = &[
    "user",
    "embedding_model",
    "embedding_model_provider",
    "retrieval_model.reranking_model.reranking_provider_name",
    "retrieval_model.reranking_model.reranking_model_name",
];

/// `query` and `inputs`. A file among the inputs is told by how it is transferred: its address and its ids stay.
pub(super) const CHAT: Fields = &[
    (
        Link,
        &[
            "files[*].url",
            "files[*].remote_url",
            "inputs.*{transfer_method}.url",
            "inputs.*{transfer_method}.remote_url",
            "inputs.*[*]{transfer_method}.url",
            "inputs.*[*]{transfer_method}.remote_url",
        ],
    ),
    (
        Leave,
        &[
            "user",
            "conversation_id",
            "parent_message_id",
            "trace_id",
            "files[*].id",
            "files[*].upload_file_id",
            "files[*].related_id",
            "files[*].tenant_id",
            "inputs.*{transfer_method}.id",
            "inputs.*{transfer_method}.upload_file_id",
            "inputs.*{transfer_method}.related_id",
            "inputs.*{transfer_method}.tenant_id",
            "inputs.*[*]{transfer_method}.id",
            "inputs.*[*]{transfer_method}.upload_file_id",
            "inputs.*[*]{transfer_method}.related_id",
            "inputs.*[*]{transfer_method}.tenant_id",
        ],
    ),
    (Text, &["query"]),
    (FreeText, &["inputs.**"]),
];

/// An answer of an app, when it comes as a whole.
pub(super) const CHAT_ANSWER: Fields = &[
    (
        Text,
        &[
            "answer",
            "message",
            "metadata.annotation_reply.account.name",
        ],
    ),
    (
        Text,
        &[
            "metadata.retriever_resources[*].content",
            "metadata.retriever_resources[*].document_name",
            "metadata.retriever_resources[*].dataset_name",
            "metadata.retriever_resources[*].title",
        ],
    ),
    (
        FreeText,
        &["metadata.retriever_resources[*].doc_metadata.**"],
    ),
    (
        Leave,
        &[
            "data.outputs.*{transfer_method}.**",
            "data.outputs.*[*]{transfer_method}.**",
        ],
    ),
    (MaybeJson, &["data.outputs"]),
    (Text, &["data.error"]),
    (FreeText, &["data.outputs.**"]),
];

/// A run of a workflow as it is kept; 0.15 gives `inputs` and `outputs` as JSON in a string.
pub(super) const RUN_ANSWER: Fields = &[
    (
        Leave,
        &["*.*{transfer_method}.**", "*.*[*]{transfer_method}.**"],
    ),
    (MaybeJson, &["inputs", "outputs"]),
    (Text, &["error"]),
    (FreeText, &["inputs.**", "outputs.**"]),
];

/// Logs of workflows.
pub(super) const LOGS_ANSWER: Fields = &[(Text, &["data[*].workflow_run.error"])];

/// Messages as they are kept.
pub(super) const MESSAGES_ANSWER: Fields = &[
    (
        Leave,
        &[
            "data[*].inputs.*{transfer_method}.**",
            "data[*].inputs.*[*]{transfer_method}.**",
        ],
    ),
    (
        MaybeJson,
        &[
            "data[*].inputs",
            "data[*].agent_thoughts[*].tool_input",
            "data[*].agent_thoughts[*].observation",
        ],
    ),
    (
        Text,
        &[
            "data[*].query",
            "data[*].answer",
            "data[*].error",
            "data[*].message_files[*].filename",
            "data[*].feedback.content",
            "data[*].agent_thoughts[*].thought",
            "data[*].retriever_resources[*].content",
            "data[*].retriever_resources[*].document_name",
            "data[*].retriever_resources[*].dataset_name",
            "data[*].retriever_resources[*].title",
            "data[*].annotation.question",
            "data[*].annotation.content",
        ],
    ),
    (
        FreeText,
        &[
            "data[*].inputs.**",
            "data[*].retriever_resources[*].doc_metadata.**",
        ],
    ),
];

/// `content` of feedback.
pub(super) const FEEDBACK: Fields = &[(Leave, &["user"]), (Text, &["content"])];
/// Feedback as it is kept.
pub(super) const FEEDBACKS_ANSWER: Fields = &[(Text, &["data[*].content"])];
/// Questions that a model suggests.
pub(super) const SUGGESTED_ANSWER: Fields = &[(Text, &["data[*]", "data"])];

/// Conversations as they are kept.
pub(super) const CONVERSATIONS_ANSWER: Fields = &[
    (
        Leave,
        &[
            "data[*].inputs.*{transfer_method}.**",
            "data[*].inputs.*[*]{transfer_method}.**",
        ],
    ),
    (Text, &["data[*].name", "data[*].introduction"]),
    (FreeText, &["data[*].inputs.**"]),
];

/// The name of a conversation, a data set, a tag.
pub(super) const NAME: Fields = &[(Leave, MODELS), (Text, &["name", "description"])];
/// A conversation that was renamed.
pub(super) const CONVERSATION_ANSWER: Fields = &[
    (
        Leave,
        &[
            "inputs.*{transfer_method}.**",
            "inputs.*[*]{transfer_method}.**",
        ],
    ),
    (Text, &["name", "introduction"]),
    (FreeText, &["inputs.**"]),
];
/// The variables of a conversation; a value may be JSON in a string.
pub(super) const VARIABLES_ANSWER: Fields = &[
    (MaybeJson, &["data[*].value"]),
    (FreeText, &["data[*].value.**"]),
    (Text, &["data[*].description", "value", "description"]),
];

/// What was said in a recording, or what is to be spoken.
pub(super) const SPOKEN: Fields = &[(Leave, &["user", "voice"]), (Text, &["text"])];
/// The name of a file.
pub(super) const FILE_ANSWER: Fields = &[(Text, &["name"])];

/// Questions with their answers.
pub(super) const ANNOTATION: Fields = &[(Text, &["question", "answer"])];
/// The same as they are kept.
pub(super) const ANNOTATIONS_ANSWER: Fields = &[(
    Text,
    &[
        "data[*].question",
        "data[*].answer",
        "question",
        "answer",
        "error_msg",
    ],
)];

/// Names of data sets, documents, tags and their metadata.
pub(super) const NAMES_ANSWER: Fields = &[
    (
        Text,
        &[
            "name",
            "description",
            "[*].name",
            "data[*].name",
            "data[*].description",
            "data[*].error",
            "document.name",
        ],
    ),
    (
        FreeText,
        &[
            "doc_metadata.**",
            "data[*].doc_metadata.**",
            "document.doc_metadata.**",
        ],
    ),
];
/// A document's text.
pub(super) const DOCUMENT: Fields = &[
    (Leave, MODELS),
    (Leave, &["doc_metadata[*].id", "doc_metadata.**.id"]),
    (Text, &["name", "text"]),
    (FreeText, &["doc_metadata.**"]),
];
/// Values of metadata.
pub(super) const METADATA: Fields =
    &[(Text, &["name", "operation_data[*].metadata_list[*].value"])];

/// Pieces of documents.
pub(super) const SEGMENTS: Fields = &[(
    Text,
    &[
        "segments[*].content",
        "segments[*].answer",
        "segments[*].keywords[*]",
        "segment.content",
        "segment.answer",
        "segment.keywords[*]",
        "content",
    ],
)];
/// The same as they are kept.
pub(super) const SEGMENTS_ANSWER: Fields = &[(
    Text,
    &[
        "data[*].content",
        "data[*].sign_content",
        "data[*].answer",
        "data[*].keywords[*]",
        "data[*].child_chunks[*].content",
        "data[*].error",
        "data.content",
        "data.sign_content",
        "data.answer",
        "data.keywords[*]",
        "data.child_chunks[*].content",
        "data.error",
    ],
)];

/// What is looked for in a data set.
pub(super) const RETRIEVE: Fields = &[(Leave, MODELS), (Text, &["query"])];
/// What was found.
pub(super) const RETRIEVE_ANSWER: Fields = &[
    (
        Text,
        &[
            "query.content",
            "records[*].segment.content",
            "records[*].segment.sign_content",
            "records[*].segment.answer",
            "records[*].segment.keywords[*]",
            "records[*].segment.document.name",
            "records[*].child_chunks[*].content",
        ],
    ),
    (FreeText, &["records[*].segment.document.doc_metadata.**"]),
];

/// A call of an app as a server of the Model Context Protocol (JSON-RPC).
pub(super) const MCP: Fields = &[
    (Leave, &["method", "params.name", "params.protocolVersion"]),
    (FreeText, &["params.arguments.**"]),
];
/// Its answer.
pub(super) const MCP_ANSWER: Fields = &[
    (Text, &["result.content[*].text", "error.message"]),
    (FreeText, &["result.structuredContent.**"]),
];
