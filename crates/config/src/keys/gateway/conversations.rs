//! The keys of conversations.

use super::COUNT_MAX;
use crate::bounds::{
    BYTES_MAX, CONVERSATION_TTL_MS_MAX, CONVERSATION_TTL_MS_MIN, CONVERSATION_VALUES_MAX,
    CONVERSATIONS_BYTES_MIN,
};
use crate::keys::{Kind, Preset, Section, key};

pub(super) static CONVERSATIONS: Section = Section {
    header: "[gateway.conversations]",
    about: "Which placeholder stands for which value, kept while a conversation lasts. It is personal data: \
            outside of the gateway's memory it is sealed. When it cannot be read or kept, requests are refused.",
    keys: &[
        key(
            "keep",
            Kind::Choice(&["memory", "file", "shared"]),
            Preset::Value("\"memory\""),
            "Where: in memory, which a restart forgets; in a file of the state folder; or on the server of \
             `[gateway.shared]`, for several gateways.",
        ),
        key(
            "keys",
            Kind::Secret,
            Preset::Absent("made in the state folder for `file`; must be given for `shared`"),
            "The keys that seal them, by reference: 64 hexadecimal digits each, one a line, the newest first, at \
             most 4. Make one with `openssl rand -hex 32`.",
        ),
        key(
            "ttl",
            Kind::DurationWithin(CONVERSATION_TTL_MS_MIN, CONVERSATION_TTL_MS_MAX),
            Preset::Value("\"30d\""),
            "How long a conversation is kept after its last use. Placeholders of an older one stay in its texts.",
        ),
        key(
            "conversations_max",
            Kind::Whole(1, COUNT_MAX),
            Preset::Absent("`100000`"),
            "`memory` only: the most conversations; the oldest go first.",
        ),
        key(
            "memory_max",
            Kind::Bytes(CONVERSATIONS_BYTES_MIN, BYTES_MAX),
            Preset::Absent("`256MiB`"),
            "`memory` only: the most memory for all of them; the oldest go first.",
        ),
        key(
            "values_max",
            Kind::Whole(1, CONVERSATION_VALUES_MAX),
            Preset::Value("10000"),
            "The most different values in one conversation; a request with more is refused.",
        ),
    ],
};
