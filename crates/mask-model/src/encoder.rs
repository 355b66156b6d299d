//! The computation: from numbers of tokens to a score of each label for each token.
//!
//! The encoder of BERT (Devlin et al. 2018, arXiv:1810.04805; attention by Vaswani et al. 2017, arXiv:1706.03762), as
//! `transformers` computes it: embeddings, layers of attention and an inner network, each added to what went in and
//! normalized afterwards, and a linear classifier at the end. There is one text at a time, so nothing is padded.

mod layer;
mod layout;

use ndarray::{Array1, Array2, Axis};

use crate::ModelError;
use crate::settings::{Family, Settings};
use crate::weights::Weights;
pub(crate) use layer::softmax;
use layer::{Layer, Linear, Norm};
use layout::Layout;

/// A loaded encoder with its classifier.
pub(crate) struct Encoder {
    tokens: Array2<f32>,
    positions: Array2<f32>,
    /// The row of the first segment; texts have no other.
    segment: Option<Array1<f32>>,
    norm: Norm,
    layers: Vec<Layer>,
    classifier: Linear,
    first_position: usize,
}

impl Encoder {
    /// Reads an encoder's weights.
    pub(crate) fn read(settings: &Settings, weights: &mut Weights) -> Result<Encoder, ModelError> {
        let layout = Layout::of(settings.family);
        let width = settings.width;
        let embeddings = |part: &str| layout.embedding(part);
        let segment = match settings.segments {
            0 => None,
            segments => {
                let table = weights.table(
                    &embeddings("token_type_embeddings.weight"),
                    (segments, width),
                )?;
                (table.nrows() > 0).then(|| table.row(0).to_owned())
            }
        };
        let layers =
            (0..settings.layers).map(|number| Layer::read(number, settings, &layout, weights));
        Ok(Encoder {
            layers: layers.collect::<Result<_, _>>()?,
            tokens: weights.table(
                &embeddings("word_embeddings.weight"),
                (settings.vocabulary, width),
            )?,
            positions: weights.table(
                &embeddings("position_embeddings.weight"),
                (settings.positions, width),
            )?,
            segment,
            norm: Norm::read(&layout.embedding_norm(), (width, settings.epsilon), weights)?,
            classifier: Linear::read("classifier", (width, settings.labels.len()), weights)?,
            first_position: settings.first_position,
        })
    }

    /// The score of each label (columns) for each token (rows), before any normalization. At most as many tokens as there
    /// are positions, each below the size of the vocabulary.
    pub(crate) fn scores(&self, tokens: &[u32]) -> Array2<f32> {
        let mut rows = Array2::zeros((tokens.len(), self.positions.ncols()));
        for (place, (token, mut row)) in tokens.iter().zip(rows.axis_iter_mut(Axis(0))).enumerate()
        {
            row += &self.tokens.row(*token as usize);
            row += &self.positions.row(self.first_position + place);
            if let Some(segment) = &self.segment {
                row += segment;
            }
        }
        self.norm.apply(&mut rows);
        for layer in &self.layers {
            rows = layer.apply(rows);
        }
        self.classifier.apply(&rows)
    }
}

/// Whether a family keeps its tensors as DistilBERT does.
fn is_distilled(family: Family) -> bool {
    family == Family::DistilBert
}
