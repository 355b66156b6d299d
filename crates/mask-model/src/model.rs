//! A loaded model.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use portcullis_mask::{NamedEntities, NamedEntitiesError, NamedSpan};

use crate::ModelError;
use crate::bounds::{CONFIG_BYTES_MAX, TOKENIZER_BYTES_MAX};
use crate::encoder::{Encoder, softmax};
use crate::names::{Labelled, names};
use crate::reader::{Reader, Token, windows};
use crate::settings::Settings;
use crate::weights::Weights;

/// The files of a model.
pub(crate) const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];
const SAVE_HINT: &str = "save the model there with `save_pretrained` of transformers";
const TOKENIZER_HINT: &str = "older models have vocab.txt instead: load them once with `AutoTokenizer` of transformers and \
                              save them with `save_pretrained`";
const WEIGHTS_HINT: &str = "older models have pytorch_model.bin instead, which is a program rather than numbers: load \
                            them once with transformers and save them with `save_pretrained`";

/// A token-classification model from a folder. It holds nothing of the texts that it has read.
pub struct Model {
    folder: PathBuf,
    settings: Settings,
    reader: Reader,
    encoder: Encoder,
}

impl Model {
    /// Reads a model. It takes as long as the disk needs, and as much memory as its weights have in single precision: 4
    /// bytes for each number.
    ///
    /// # Errors
    /// What is wrong with the folder: the first file, with the key or tensor.
    pub fn load(folder: &Path) -> Result<Model, ModelError> {
        Model::read(folder, false)
    }

    /// Looks at a folder without reading the weights' numbers: whether all files are there, understood, and of one model.
    /// It takes milliseconds.
    ///
    /// # Errors
    /// As [`Model::load`]; numbers that are none are found by that alone.
    pub fn examine(folder: &Path) -> Result<(), ModelError> {
        Model::read(folder, true).map(|_| ())
    }

    fn read(folder: &Path, is_examined: bool) -> Result<Model, ModelError> {
        if !folder.is_dir() {
            return Err(ModelError::NoFolder {
                folder: folder.to_owned(),
            });
        }
        let [config, tokenizer, weights] = FILES.map(|name| folder.join(name));
        let text = bytes(&config, CONFIG_BYTES_MAX, SAVE_HINT)?;
        let settings = Settings::read(&text, &config)?;
        let json = bytes(&tokenizer, TOKENIZER_BYTES_MAX, TOKENIZER_HINT)?;
        let reader = Reader::read(&json, settings.vocabulary, &tokenizer)?;
        if !weights.exists() {
            return Err(ModelError::Missing {
                file: weights,
                hint: WEIGHTS_HINT,
            });
        }
        let mut weights = Weights::open(&weights, is_examined)?;
        Ok(Model {
            folder: folder.to_owned(),
            encoder: Encoder::read(&settings, &mut weights)?,
            settings,
            reader,
        })
    }

    /// The score of each label (columns) for each token of a text (rows), before any normalization, as the model's
    /// classifier gives it. For tests against other implementations.
    ///
    /// # Errors
    /// As [`NamedEntities::find`].
    pub fn scores(&self, text: &str) -> Result<Array2<f32>, NamedEntitiesError> {
        let tokens = self.tokens(text)?;
        self.scores_of(&tokens)
    }

    fn tokens(&self, text: &str) -> Result<Vec<Token>, NamedEntitiesError> {
        self.reader
            .tokens(text)
            .map_err(|_| failed("its tokenizer failed"))
    }

    fn scores_of(&self, tokens: &[Token]) -> Result<Array2<f32>, NamedEntitiesError> {
        let mut scores = Array2::zeros((tokens.len(), self.settings.labels.len()));
        let (before, after) = self.reader.frame();
        let size = self.settings.window().saturating_sub(before + after).max(1);
        for window in windows(tokens, size) {
            let numbers = self.reader.framed(&tokens[window.shown.clone()]);
            let found = self.encoder.scores(&numbers);
            for place in window.counted {
                let row = found.row(before + place - window.shown.start);
                scores.row_mut(place).assign(&row);
            }
        }
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err(failed("its numbers grew beyond all bounds")),
        }
    }
}

impl NamedEntities for Model {
    fn find(&self, text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
        let tokens = self.tokens(text)?;
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let mut scores = self.scores_of(&tokens)?;
        scores.axis_iter_mut(Axis(0)).for_each(softmax);
        let rows: Vec<Vec<f32>> = scores.rows().into_iter().map(|row| row.to_vec()).collect();
        let labelled = tokens.iter().zip(&rows).map(|(token, row)| Labelled {
            token,
            probabilities: row,
        });
        Ok(names(text, labelled, &self.settings.labels))
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Model({})", self.folder.display())
    }
}

fn failed(why: &str) -> NamedEntitiesError {
    NamedEntitiesError {
        why: why.to_owned(),
    }
}

/// The bytes of a small file.
fn bytes(file: &Path, bytes_max: u64, hint: &'static str) -> Result<Vec<u8>, ModelError> {
    let mut bytes = Vec::new();
    let read =
        File::open(file).and_then(|opened| opened.take(bytes_max + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > bytes_max => Err(ModelError::TooLarge {
            file: file.to_owned(),
            bytes_max,
        }),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ModelError::Missing {
            file: file.to_owned(),
            hint,
        }),
        Err(source) => Err(ModelError::Unreadable {
            file: file.to_owned(),
            source,
        }),
    }
}
