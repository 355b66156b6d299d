//! What is done with what was found.

use serde::{Deserialize, Serialize};

use crate::{Entity, Rules};

/// What is done with one kind of data.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is replaced by a placeholder, and restored in the answer.
    #[default]
    Mask,
    /// It is replaced by its label in brackets, `[EMAIL]`, for good. All values of a kind become the same text, so that
    /// nothing of them is left, not even which of them are equal.
    Redact,
    /// The whole request is refused.
    Block,
    /// It is counted, and passes as it is.
    Report,
}

impl Action {
    /// Its name, as settings and metrics have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::Mask => "mask",
            Action::Redact => "redact",
            Action::Block => "block",
            Action::Report => "report",
        }
    }
}

/// What is done with each kind of data. Unless said otherwise, everything is masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    default: Action,
    /// By the entity's index; what lies beyond is done by default.
    actions: Vec<Option<Action>>,
}

impl Policy {
    /// The policy that does the same with everything.
    #[must_use]
    pub fn new(default: Action) -> Policy {
        Policy {
            default,
            actions: Vec::new(),
        }
    }

    /// Says what is done with the entities of a name (`IP_ADDRESS`) or label (`IP_PRIVATE`). A name covers all entities
    /// that share it; what is said later counts.
    ///
    /// # Errors
    /// When the rules have no such entity, or when it is `LITERAL`: look-alikes of placeholders are always masked, because
    /// otherwise somebody could have any value told by typing its placeholder.
    pub fn with(
        mut self,
        rules: &Rules,
        name: &str,
        action: Action,
    ) -> Result<Policy, PolicyError> {
        let mut is_known = false;
        for index in 0..=u16::MAX {
            let Some(facts) = rules.entity_facts(Entity(index)) else {
                break;
            };
            if facts.name != name && facts.label != name {
                continue;
            }
            if Entity(index) == Entity::LITERAL {
                return Err(PolicyError::Literal);
            }
            is_known = true;
            let index = usize::from(index);
            if self.actions.len() <= index {
                self.actions.resize(index + 1, None);
            }
            self.actions[index] = Some(action);
        }
        if is_known {
            Ok(self)
        } else {
            Err(PolicyError::Unknown {
                name: name.to_owned(),
            })
        }
    }

    /// What is done with an entity.
    #[must_use]
    pub fn action(&self, entity: Entity) -> Action {
        if entity == Entity::LITERAL {
            return Action::Mask;
        }
        self.actions
            .get(usize::from(entity.0))
            .copied()
            .flatten()
            .unwrap_or(self.default)
    }
}

/// A policy that cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// No entity is called so.
    #[error(
        "there is no entity {name:?}: expected a name such as EMAIL_ADDRESS or a label such as EMAIL"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Look-alikes are always masked.
    #[error(
        "LITERAL is always masked: otherwise a placeholder that somebody types could be turned into a value"
    )]
    Literal,
}

#[cfg(test)]
mod tests;
