//! The spellings of rules: paths like `data[*].answer`, and JSON pointers.

use super::Step;

/// The steps of a path.
pub(super) fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            steps.push(if index == "*" {
                Step::AnyIndex
            } else {
                Step::Index(index.parse().ok()?)
            });
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('{') {
            let (condition, after) = inside.split_once('}')?;
            steps.push(match condition.split_once('=') {
                Some((key, value)) => Step::When(key.into(), Some(value.into())),
                None => Step::When(condition.into(), None),
            });
            rest = after;
        } else {
            rest = match rest.strip_prefix('.') {
                Some(_) if steps.is_empty() => return None,
                Some(after) => after,
                None if steps.is_empty() => rest,
                None => return None,
            };
            let end = rest.find(['.', '[', '{']).unwrap_or(rest.len());
            steps.push(match &rest[..end] {
                "" => return None,
                "*" => Step::AnyKey,
                "**" => Step::Rest,
                name => Step::Key(name.into()),
            });
            rest = &rest[end..];
        }
    }
    Some(steps)
}

/// The steps of a JSON pointer.
pub(super) fn parse_pointer(pointer: &str) -> Option<Vec<Step>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let parts = pointer.strip_prefix('/')?.split('/');
    let steps = parts.map(|part| match part {
        "*" => Step::Any,
        "**" => Step::Rest,
        name => Step::KeyOrIndex(name.replace("~1", "/").replace("~0", "~").into()),
    });
    Some(steps.collect())
}
