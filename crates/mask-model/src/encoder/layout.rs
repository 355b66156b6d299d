//! What the tensors are called.

use super::is_distilled;
use crate::settings::Family;

/// The names of the tensors of a family. Files that were made from old ones write `gamma` and `beta` for the numbers of a
/// normalization.
pub(super) struct Layout {
    /// What all names of the encoder begin with.
    base: &'static str,
    is_distilled: bool,
}

/// The parts of a layer.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Query,
    Key,
    Value,
    AttentionOutput,
    AttentionNorm,
    Inner,
    Output,
    OutputNorm,
}

impl Layout {
    pub(super) fn of(family: Family) -> Layout {
        let base = match family {
            Family::Bert => "bert",
            Family::DistilBert => "distilbert",
            Family::Roberta => "roberta",
        };
        Layout {
            base,
            is_distilled: is_distilled(family),
        }
    }

    /// A tensor of the embeddings.
    pub(super) fn embedding(&self, part: &str) -> Vec<String> {
        vec![format!("{}.embeddings.{part}", self.base)]
    }

    /// The normalization of the embeddings.
    pub(super) fn embedding_norm(&self) -> String {
        format!("{}.embeddings.LayerNorm", self.base)
    }

    /// A part of a layer.
    pub(super) fn part(&self, layer: usize, part: Part) -> String {
        let base = self.base;
        if self.is_distilled {
            let part = match part {
                Part::Query => "attention.q_lin",
                Part::Key => "attention.k_lin",
                Part::Value => "attention.v_lin",
                Part::AttentionOutput => "attention.out_lin",
                Part::AttentionNorm => "sa_layer_norm",
                Part::Inner => "ffn.lin1",
                Part::Output => "ffn.lin2",
                Part::OutputNorm => "output_layer_norm",
            };
            return format!("{base}.transformer.layer.{layer}.{part}");
        }
        let part = match part {
            Part::Query => "attention.self.query",
            Part::Key => "attention.self.key",
            Part::Value => "attention.self.value",
            Part::AttentionOutput => "attention.output.dense",
            Part::AttentionNorm => "attention.output.LayerNorm",
            Part::Inner => "intermediate.dense",
            Part::Output => "output.dense",
            Part::OutputNorm => "output.LayerNorm",
        };
        format!("{base}.encoder.layer.{layer}.{part}")
    }
}
