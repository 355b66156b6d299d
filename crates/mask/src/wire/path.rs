//! Paths of requests against the patterns of a table.

/// A path pattern: words, and names in braces for segments of any content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern(Vec<Part>);

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(Box<str>),
    Any(Box<str>),
}

impl PathPattern {
    /// The pattern of `/conversations/{conversation_id}/name` behind a prefix.
    pub(super) fn new(prefix: &str, path: &str) -> PathPattern {
        let segments = prefix.split('/').chain(path.split('/'));
        let parts = segments.filter(|segment| !segment.is_empty());
        PathPattern(
            parts
                .map(|part| {
                    let name = part
                        .strip_prefix('{')
                        .and_then(|part| part.strip_suffix('}'));
                    name.map_or_else(|| Part::Word(part.into()), |name| Part::Any(name.into()))
                })
                .collect(),
        )
    }

    /// Whether the segments of a path fit.
    pub(super) fn fits(&self, segments: &[&str]) -> bool {
        self.0.len() == segments.len()
            && self
                .0
                .iter()
                .zip(segments)
                .all(|(part, segment)| match part {
                    Part::Word(word) => **word == **segment,
                    Part::Any(_) => is_plain(segment),
                })
    }

    /// The named segments of a path that fits.
    pub(super) fn captures<'p>(&self, segments: &[&'p str]) -> Vec<(Box<str>, &'p str)> {
        let pairs = self.0.iter().zip(segments);
        pairs
            .filter_map(|(part, segment)| match part {
                Part::Any(name) if !name.is_empty() => Some((name.clone(), *segment)),
                _ => None,
            })
            .collect()
    }
}

/// The segments of a path without its query. None when a server may read the path in another way than it looks.
pub(super) fn segments(path: &str) -> Option<Vec<&str>> {
    let path = path.split(['?', '#']).next()?;
    let inner = path.strip_prefix('/')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<&str> = inner.split('/').collect();
    let is_plain = segments.iter().all(|segment| !segment.is_empty());
    is_plain.then_some(segments)
}

/// Whether a segment can be nothing but one segment: no dots that lead upwards, no encoded slashes.
fn is_plain(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let has_slash = ["%2f", "%5c", "\\", "%00"]
        .iter()
        .any(|slash| lower.contains(slash));
    !has_slash && !matches!(lower.replace("%2e", ".").as_str(), "." | "..")
}
