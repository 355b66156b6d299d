//! What config.json says of a model.

use std::path::Path;

use serde_json::Value;

use crate::ModelError;
use crate::bounds::{
    LABELS_MAX, LAYERS_MAX, POSITIONS_MIN, POSITIONS_USED_MAX, VOCABULARY_MAX, WIDTH_MAX,
};
use crate::labels::Label;

/// The kinds of models that are known, as config.json names them.
const KNOWN: &str = "bert, distilbert, roberta, xlm-roberta or camembert";

/// How the encoder is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    DistilBert,
    /// BERT whose positions begin after that of the padding.
    Roberta,
}

/// The function between the two halves of a layer's inner network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x times the normal distribution's share below x.
    Gelu,
    /// Its approximation by the hyperbolic tangent.
    GeluTanh,
    Relu,
}

/// What config.json says of a model.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) family: Family,
    pub(crate) vocabulary: usize,
    pub(crate) width: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) inner_width: usize,
    /// Rows of the table of positions.
    pub(crate) positions: usize,
    /// The row of the first token.
    pub(crate) first_position: usize,
    /// Rows of the table of segments; 0 where there is none.
    pub(crate) segments: usize,
    pub(crate) epsilon: f32,
    pub(crate) activation: Activation,
    /// By the number that the classifier gives.
    pub(crate) labels: Vec<Label>,
}

impl Settings {
    /// Reads config.json.
    pub(crate) fn read(text: &[u8], file: &Path) -> Result<Settings, ModelError> {
        let json = serde_json::from_slice(text).map_err(|error| ModelError::Content {
            file: file.to_owned(),
            what: format!("expected JSON: {error}"),
        })?;
        Keys { json: &json, file }.settings()
    }

    /// How many tokens a window has, those at its ends included.
    pub(crate) fn window(&self) -> usize {
        (self.positions - self.first_position).min(POSITIONS_USED_MAX)
    }
}

/// The keys of config.json.
struct Keys<'a> {
    json: &'a Value,
    file: &'a Path,
}

impl Keys<'_> {
    fn settings(&self) -> Result<Settings, ModelError> {
        let family = self.family()?;
        let is_distilled = family == Family::DistilBert;
        let named = |bert, distilbert| if is_distilled { distilbert } else { bert };
        let width = self.count(named("hidden_size", "dim"), None, WIDTH_MAX)?;
        let heads_key = named("num_attention_heads", "n_heads");
        let heads = self.count(heads_key, None, width)?;
        if !width.is_multiple_of(heads) {
            return Err(self.wrong(
                heads_key,
                &format!("expected a divisor of the width {width}"),
            ));
        }
        let positions = self.count("max_position_embeddings", Some(512), VOCABULARY_MAX)?;
        let first_position = match family {
            Family::Roberta => 1 + self.count_or_none("pad_token_id", 1, positions)?,
            _ => 0,
        };
        if positions < first_position + POSITIONS_MIN {
            let expected = format!("expected {POSITIONS_MIN} at least");
            return Err(self.wrong("max_position_embeddings", &expected));
        }
        if let Some(other) = self
            .json
            .get("position_embedding_type")
            .and_then(Value::as_str)
            && other != "absolute"
        {
            return Err(self.wrong("position_embedding_type", "expected \"absolute\""));
        }
        Ok(Settings {
            family,
            vocabulary: self.count("vocab_size", None, VOCABULARY_MAX)?,
            width,
            layers: self.count(named("num_hidden_layers", "n_layers"), None, LAYERS_MAX)?,
            heads,
            inner_width: self.count(named("intermediate_size", "hidden_dim"), None, WIDTH_MAX)?,
            positions,
            first_position,
            segments: match is_distilled {
                true => 0,
                false => self.count_or_none("type_vocab_size", 2, LABELS_MAX)?,
            },
            epsilon: self.epsilon()?,
            activation: self.activation(named("hidden_act", "activation"))?,
            labels: self.labels()?,
        })
    }

    fn family(&self) -> Result<Family, ModelError> {
        let family = match self.json.get("model_type").and_then(Value::as_str) {
            Some("bert") => Family::Bert,
            Some("distilbert") => Family::DistilBert,
            Some("roberta" | "xlm-roberta" | "camembert") => Family::Roberta,
            _ => return Err(self.wrong("model_type", &format!("expected {KNOWN}"))),
        };
        let architectures = self.json.get("architectures").and_then(Value::as_array);
        let mut names = architectures
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        if architectures.is_some() && !names.any(|name| name.ends_with("ForTokenClassification")) {
            let expected = "expected one that ends in ForTokenClassification: a model that was trained to label \
                            each token";
            return Err(self.wrong("architectures", expected));
        }
        Ok(family)
    }

    fn epsilon(&self) -> Result<f32, ModelError> {
        match self.json.get("layer_norm_eps") {
            None => Ok(1e-12),
            Some(given) => match given.as_f64() {
                Some(epsilon) if epsilon > 0.0 && epsilon < 1.0 => Ok(epsilon as f32),
                _ => Err(self.wrong("layer_norm_eps", "expected a number between 0 and 1")),
            },
        }
    }

    fn activation(&self, key: &str) -> Result<Activation, ModelError> {
        match self.json.get(key).map(Value::as_str) {
            None | Some(Some("gelu" | "gelu_python")) => Ok(Activation::Gelu),
            Some(Some("gelu_new" | "gelu_pytorch_tanh")) => Ok(Activation::GeluTanh),
            Some(Some("relu")) => Ok(Activation::Relu),
            Some(_) => Err(self.wrong(key, "expected gelu, gelu_new or relu")),
        }
    }

    fn labels(&self) -> Result<Vec<Label>, ModelError> {
        let key = "id2label";
        let expected =
            "expected a label for each number from 0 on, such as {\"0\": \"O\", \"1\": \"B-PER\"}";
        let given = self.json.get(key).and_then(Value::as_object);
        let given = given.ok_or_else(|| self.wrong(key, expected))?;
        if given.len() > LABELS_MAX {
            return Err(self.wrong(key, &format!("expected {LABELS_MAX} labels at most")));
        }
        let labels: Option<Vec<Label>> = (0..given.len())
            .map(|number| Some(Label::of(given.get(&number.to_string())?.as_str()?)))
            .collect();
        let labels = labels.ok_or_else(|| self.wrong(key, expected))?;
        if labels.iter().all(|label| label.entity.is_none()) {
            let expected = "none of the labels means a person, an organisation or a place; expected names such as \
                            B-PER, I-ORG or LOC";
            return Err(self.wrong(key, expected));
        }
        Ok(labels)
    }

    /// A count of at least 1.
    fn count(&self, key: &str, absent: Option<usize>, most: usize) -> Result<usize, ModelError> {
        match (self.count_or_none(key, absent.unwrap_or(0), most)?, absent) {
            (0, _) => Err(self.wrong(key, &format!("expected a whole number from 1 to {most}"))),
            (count, _) => Ok(count),
        }
    }

    /// A count that may be 0. What is given as `null` counts as absent.
    fn count_or_none(&self, key: &str, absent: usize, most: usize) -> Result<usize, ModelError> {
        match self.json.get(key) {
            None | Some(Value::Null) => Ok(absent),
            Some(given) => given
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count <= most)
                .ok_or_else(|| self.wrong(key, &format!("expected a whole number up to {most}"))),
        }
    }

    /// What is wrong with a key.
    fn wrong(&self, key: &str, expected: &str) -> ModelError {
        let found = match self.json.get(key) {
            None => "is missing".to_owned(),
            Some(Value::Object(_)) => "is there".to_owned(),
            Some(given) => {
                let given = given.to_string();
                let short: String = given.chars().take(80).collect();
                format!("is {short}")
            }
        };
        ModelError::Content {
            file: self.file.to_owned(),
            what: format!("`{key}` {found}; {expected}"),
        }
    }
}

#[cfg(test)]
mod tests;
