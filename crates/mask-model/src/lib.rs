//! Names of people, organisations and places, found by a token-classification model that an operator puts on the disk.
//!
//! A model is a folder as Hugging Face's `transformers` saves it: `config.json`, `tokenizer.json` and
//! `model.safetensors`. Encoders of the kinds BERT, DistilBERT and RoBERTa (XLM-RoBERTa and CamemBERT among them) are
//! known. Nothing is ever fetched, and nothing of a folder is executed: weights are numbers.
//!
//! - `settings`: config.json.
//! - `labels`: what the model calls names.
//! - `weights`: model.safetensors.
//! - `encoder`: the computation.
//! - `reader`: from a text to tokens, and in which windows they are shown to the encoder.
//! - `names`: from the labels of tokens to spans.
//! - `shared`: one copy of each folder in a process.
//!
//! [`Model::find`](portcullis_mask::NamedEntities::find) computes on the thread that calls it, for milliseconds up to
//! seconds. ADR 0012 says why it is built like this.

mod bounds;
mod encoder;
mod error;
mod labels;
mod model;
mod names;
mod reader;
mod settings;
mod shared;
mod weights;

pub use error::ModelError;
pub use model::Model;
pub use shared::shared;
