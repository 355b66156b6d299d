//! What a change of a split may ask for, and what must be true of its arms before it takes effect.
//! Pure.

use portcullis_api::gateway::Split;

use crate::endpoint::Destination;

/// Checks a split by itself; the error says what is wrong and what to do.
pub(crate) fn validate(split: &Split) -> Result<(), String> {
    if split.weight_percent > 100 {
        return Err(format!(
            "weight_percent is {}; give 0 to 100",
            split.weight_percent
        ));
    }
    for (name, arm) in std::iter::once(("stable", &split.stable))
        .chain(split.canary.as_ref().map(|canary| ("canary", canary)))
    {
        Destination::parse(&arm.address).map_err(|reason| format!("{name}: {reason}"))?;
        if arm.release.is_empty() || !arm.release.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "{name}: release {:?} must be visible ASCII characters without spaces",
                arm.release
            ));
        }
    }
    if split.mirror_only && (split.canary.is_none() || split.weight_percent > 0) {
        return Err("mirror_only needs a canary, and a weight_percent of 0".to_owned());
    }
    match &split.canary {
        None if split.weight_percent > 0 => Err(format!(
            "weight_percent is {} and there is no canary; name one or give 0",
            split.weight_percent
        )),
        Some(canary) if canary.address == split.stable.address => Err(format!(
            "stable and canary have the same address {}; they must be two processes",
            canary.address
        )),
        _ => Ok(()),
    }
}

/// Whether the stable arm must pass a check before `next` replaces `current`: when it takes traffic
/// for the first time. Going back to an arm that is known is never refused, because the way back
/// must be open even when the old release is not well.
pub(crate) fn must_check_stable(current: Option<&Split>, next: &Split) -> bool {
    let known = current.is_some_and(|current| {
        current.stable == next.stable || current.canary.as_ref() == Some(&next.stable)
    });
    !known && next.weight_percent < 100
}

/// Whether the canary must be healthy before `next` replaces `current`: when its share grows.
pub(crate) fn must_check_canary(current: Option<&Split>, next: &Split) -> bool {
    let share = match current {
        Some(current) if current.canary == next.canary => current.weight_percent,
        Some(current) if next.canary.as_ref() == Some(&current.stable) => {
            100 - current.weight_percent
        }
        _ => 0,
    };
    next.weight_percent > share
}

#[cfg(test)]
mod tests;
