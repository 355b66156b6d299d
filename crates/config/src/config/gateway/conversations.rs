//! Where the gateway keeps which placeholder stands for which value.

use crate::SecretText;

/// Which placeholder stands for which value, kept while a conversation lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationsConfig {
    /// Where it is kept.
    pub keep: ConversationStore,
    /// How long a conversation is kept after its last use, in milliseconds; from one minute to ten years.
    pub ttl_ms: u64,
    /// The most different values of one conversation; at least 1. A request with more is refused.
    pub values_max: u32,
}

/// Where conversations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationStore {
    /// In memory, under keys that are made anew: a restart forgets them.
    Memory {
        /// The most conversations, at least 1; the oldest go first.
        conversations_max: u32,
        /// The most memory for all of them together, in bytes; the oldest go first.
        bytes_max: u64,
    },
    /// In a file of the state folder.
    File {
        /// The keys that seal them, newest first, or a reference to them; `None` makes one in the state folder.
        keys: Option<SecretText>,
    },
    /// On the server of `[gateway.shared]`, which the configuration then has.
    Shared {
        /// The keys that seal them, newest first, or a reference to them.
        keys: SecretText,
    },
}
