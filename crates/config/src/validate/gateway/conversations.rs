//! Where it is kept which placeholder stands for which value.

use portcullis_rollout::ValueSource;

use super::{Context, text};
use crate::Code;
use crate::config::{ConversationStore, ConversationsConfig, SecretText};
use crate::origin::Wanted;
use crate::raw::{RawConversations, RawGateway, value_or_default};
use crate::report::{At, Report, Spot, Wrong};
use crate::validate::places;

/// Conversations, unless the file says otherwise: so many in so many bytes of memory.
const CONVERSATIONS_MAX: u32 = 100_000;
const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where conversations are kept.
pub(super) fn conversations(
    gateway: &RawGateway,
    context: &mut Context<'_>,
) -> ConversationsConfig {
    let raw = &gateway.conversations;
    unused(gateway, context.report);
    let keep = text(raw.keep.as_ref()).unwrap_or("memory");
    memory_alone(raw, keep, context.report);
    let keys = raw.keys.as_ref().map(|at| self::keys(at, context));
    ConversationsConfig {
        keep: match keep {
            "file" => ConversationStore::File { keys },
            "shared" => {
                shared(gateway, context.report);
                ConversationStore::Shared {
                    keys: keys.unwrap_or_else(|| SecretText::new(String::new())),
                }
            }
            _ => ConversationStore::Memory {
                conversations_max: raw
                    .conversations_max
                    .as_ref()
                    .map_or(CONVERSATIONS_MAX, |at| at.value),
                bytes_max: raw
                    .memory_bytes_max
                    .as_ref()
                    .map_or(MEMORY_BYTES_MAX, |at| at.value),
            },
        },
        ttl_ms: raw.ttl_ms,
        values_max: raw.values_max,
    }
}

/// Without a mask there is nothing to keep.
fn unused(gateway: &RawGateway, report: &Report<'_>) {
    if let (true, Some(spot)) = (gateway.masks.is_empty(), &gateway.conversations.spot) {
        let message = "there is no mask, so nothing is kept";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(
            spot,
            wrong.hint("add a [[gateway.mask]], or remove [gateway.conversations]"),
        );
    }
}

/// Limits are those of memory, and keys those of what leaves it.
fn memory_alone(raw: &RawConversations, keep: &str, report: &Report<'_>) {
    let tell = |spot: &Spot, message: String, hint: &str| {
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    };
    if keep == "memory" {
        if let Some(keys) = &raw.keys {
            let message = "keep = \"memory\" needs no keys: nothing leaves the gateway".to_owned();
            let hint = "remove `keys`, or set keep = \"file\" or keep = \"shared\"";
            tell(&keys.spot, message, hint);
        }
        return;
    }
    let limits = [
        (
            "conversations_max",
            raw.conversations_max.as_ref().map(|at| &at.spot),
        ),
        (
            "memory_max",
            raw.memory_bytes_max.as_ref().map(|at| &at.spot),
        ),
    ];
    for (key, spot) in limits {
        if let Some(spot) = spot {
            let message = format!(
                "`{key}` limits what is kept in memory, and keep = \"{keep}\" keeps nothing there"
            );
            tell(spot, message, "remove it, or set keep = \"memory\"");
        }
    }
}

/// Several gateways share a server and keys.
fn shared(gateway: &RawGateway, report: &Report<'_>) {
    let raw = &gateway.conversations;
    let Some(keep) = &raw.keep else {
        return;
    };
    if gateway.shared.is_none() {
        let message = "keep = \"shared\" keeps conversations on the server of [gateway.shared], and there is none";
        let hint = "add [gateway.shared] with redis = \"env:REDIS_URL\", or set keep = \"file\"";
        report.add(
            &keep.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    if !raw.keys_given {
        let message = "keep = \"shared\" needs `keys`: all gateways must have the same";
        let hint = "add keys = \"env:PORTCULLIS_MASK_KEYS\"; make one with `openssl rand -hex 32`";
        report.add(&keep.spot, Wrong::new(Code::MissingKey, message).hint(hint));
    }
}

fn keys(at: &At<String>, context: &mut Context<'_>) -> SecretText {
    match ValueSource::of(&at.value) {
        ValueSource::File(path) if !places::begins_with_place(path) => {
            let path = context.absolute(path);
            context.needs(&path, Wanted::Secret, &at.spot);
        }
        _ => context.marks.push(at.spot.clone()),
    }
    SecretText::new(context.referenced(value_or_default(Some(at.clone()))))
}
