//! The routes of one host by their paths: a tree of the prefixes' segments.

use std::sync::Arc;

use http::{HeaderMap, Method};
use portcullis_config::PathPattern;

use super::Map;
use super::conditions::Conditions;

/// A route that has the host and the path.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Its place in the settings.
    pub(super) route: usize,
    /// What else it asks for.
    pub(super) conditions: Arc<Conditions>,
}

/// The routes of one host. Lists of candidates are in the order in which they are tried.
#[derive(Debug)]
pub(super) struct PathIndex {
    exact: Map<Vec<Candidate>>,
    /// The tree of prefixes; the first node is the root, which stands for the empty path.
    nodes: Vec<Node>,
    any: Vec<Candidate>,
}

#[derive(Debug, Default)]
struct Node {
    parent: usize,
    children: Map<usize>,
    /// Routes whose prefix ends here without a slash: they take this path and those below it.
    here: Vec<Candidate>,
    /// Routes whose prefix ends with a slash: they take the paths below this one only.
    below: Vec<Candidate>,
}

impl Default for PathIndex {
    fn default() -> PathIndex {
        PathIndex {
            exact: Map::default(),
            nodes: vec![Node::default()],
            any: Vec::new(),
        }
    }
}

impl PathIndex {
    /// Adds a route; [`PathIndex::sort`] must follow the last one.
    pub(super) fn insert(&mut self, pattern: &PathPattern, candidate: Candidate) {
        let list = match pattern {
            PathPattern::Any => &mut self.any,
            PathPattern::Exact(path) => self.exact.entry(path.as_str().into()).or_default(),
            PathPattern::Prefix(path) => {
                let stem = path.strip_suffix('/');
                let node = self.node(stem.unwrap_or(path));
                match stem {
                    Some(_) => &mut self.nodes[node].below,
                    None => &mut self.nodes[node].here,
                }
            }
        };
        // The same host may be named twice.
        if list.last().is_none_or(|last| last.route != candidate.route) {
            list.push(candidate);
        }
    }

    /// Puts all lists in order: more conditions first, then the earlier in the file.
    pub(super) fn sort(&mut self) {
        let nodes = self.nodes.iter_mut();
        let lists = nodes.flat_map(|node| [&mut node.here, &mut node.below]);
        for list in lists.chain(self.exact.values_mut()).chain([&mut self.any]) {
            list.sort_by_key(|candidate| {
                (usize::MAX - candidate.conditions.count(), candidate.route)
            });
        }
    }

    /// The most specific route that takes a request.
    pub(super) fn find(&self, path: &str, method: &Method, headers: &HeaderMap) -> Option<usize> {
        let take = |list: &[Candidate]| {
            let mut list = list.iter();
            let found = list.find(|candidate| candidate.conditions.hold(method, headers));
            found.map(|candidate| candidate.route)
        };
        if !self.exact.is_empty()
            && let Some(found) = self.exact.get(path).and_then(|list| take(list))
        {
            return Some(found);
        }
        self.find_prefix(path, take).or_else(|| take(&self.any))
    }

    fn find_prefix(
        &self,
        path: &str,
        take: impl Fn(&[Candidate]) -> Option<usize>,
    ) -> Option<usize> {
        let mut rest = Some(path.strip_prefix('/')?);
        let mut at = 0;
        while let Some(text) = rest {
            let (segment, after) = match text.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (text, None),
            };
            let children = &self.nodes[at].children;
            match children.get(segment) {
                Some(child) if !children.is_empty() => (at, rest) = (*child, after),
                _ => break,
            }
        }
        // From the deepest node that the path reaches back to the root.
        let mut goes_on = rest.is_some();
        loop {
            let node = &self.nodes[at];
            let found = goes_on.then(|| take(&node.below)).flatten();
            if let Some(found) = found.or_else(|| take(&node.here)) {
                return Some(found);
            }
            if at == 0 {
                return None;
            }
            (at, goes_on) = (node.parent, true);
        }
    }

    /// The node of a prefix without a slash at its end, made if it is not there.
    fn node(&mut self, stem: &str) -> usize {
        let mut at = 0;
        for segment in stem.split('/').skip(1) {
            let next = self.nodes.len();
            let child = *self.nodes[at]
                .children
                .entry(segment.into())
                .or_insert(next);
            if child == next {
                self.nodes.push(Node {
                    parent: at,
                    ..Node::default()
                });
            }
            at = child;
        }
        at
    }
}
