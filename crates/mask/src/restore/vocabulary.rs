//! What a conversation's placeholders stand for, as restoring reads it.

use std::fmt;
use std::sync::Arc;

use crate::placeholder::names::{IssuedNames, Names};
use crate::{Labels, Mapping, Style};

/// The placeholders of a mapping as it was at one time.
///
/// Making one costs the same for 1 and for 10,000 entries: it shares what the mapping holds. A mapping that grows while a
/// vocabulary of it lives copies the list of the label that grows, once. When the mapping has grown, make another one.
#[derive(Clone)]
pub struct Vocabulary {
    style: Style,
    issued: Arc<IssuedNames>,
    labels: Arc<Labels>,
}

impl Vocabulary {
    /// The vocabulary of a mapping. The labels of the rules serve to count look-alikes.
    #[must_use]
    pub fn of(mapping: &Mapping, labels: &Arc<Labels>) -> Vocabulary {
        Vocabulary {
            style: mapping.style().clone(),
            issued: Arc::clone(mapping.issued()),
            labels: Arc::clone(labels),
        }
    }

    /// Whether nothing was issued, so that nothing can be restored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issued.labels.is_empty()
    }

    /// Whether a value has to be escaped where it is put into JSON.
    pub(super) fn has_escaped(&self) -> bool {
        self.issued.has_escaped
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names {
            style: &self.style,
            known: &self.labels,
            issued: &self.issued,
        }
    }
}

/// Shows how much there is, and no value.
impl fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vocabulary")
            .field("style", &self.style)
            .field("labels", &self.issued.labels.len())
            .finish_non_exhaustive()
    }
}
