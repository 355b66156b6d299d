//! The numbers of model.safetensors, read one tensor at a time so that they are never in memory twice.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use ndarray::{Array1, Array2};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::ModelError;
use crate::bounds::{HEADER_BYTES_MAX, WEIGHTS_BYTES_MAX};

/// The bytes that say how long the header is.
const LENGTH_BYTES: u64 = 8;

/// An opened model.safetensors.
pub(crate) struct Weights {
    file: PathBuf,
    opened: File,
    metadata: Metadata,
    /// Where the numbers begin.
    start: u64,
    /// Whether tensors are looked at only: their numbers are zeros then.
    is_examined: bool,
}

impl Weights {
    /// Opens a file and reads its header. When it is examined only, no numbers are read.
    pub(crate) fn open(file: &Path, is_examined: bool) -> Result<Weights, ModelError> {
        let read = |source| ModelError::Unreadable {
            file: file.to_owned(),
            source,
        };
        let content = |what: String| ModelError::Content {
            file: file.to_owned(),
            what,
        };
        let mut opened = File::open(file).map_err(read)?;
        let bytes = opened.metadata().map_err(read)?.len();
        if bytes > WEIGHTS_BYTES_MAX {
            return Err(ModelError::TooLarge {
                file: file.to_owned(),
                bytes_max: WEIGHTS_BYTES_MAX,
            });
        }
        let mut length = [0; LENGTH_BYTES as usize];
        let expected = || content("expected a safetensors file".to_owned());
        opened.read_exact(&mut length).map_err(|_| expected())?;
        let length = u64::from_le_bytes(length);
        let start = LENGTH_BYTES + length.min(bytes);
        if length > HEADER_BYTES_MAX || start > bytes {
            return Err(expected());
        }
        let mut header = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        opened.read_exact(&mut header).map_err(read)?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| content(format!("its header cannot be read: {error}")))?;
        let end = metadata.data_len() as u64;
        if start.saturating_add(end) != bytes {
            let what = format!(
                "expected {} bytes and found {bytes}; copy it again",
                start.saturating_add(end)
            );
            return Err(content(what));
        }
        Ok(Weights {
            file: file.to_owned(),
            opened,
            metadata,
            start,
            is_examined,
        })
    }

    /// A table of so many rows and columns under the first of these names that is there.
    pub(crate) fn table(
        &mut self,
        names: &[String],
        (rows, columns): (usize, usize),
    ) -> Result<Array2<f32>, ModelError> {
        let numbers = self.numbers(names, &[rows, columns])?;
        if self.is_examined {
            return Ok(Array2::zeros((0, 0)));
        }
        Array2::from_shape_vec((rows, columns), numbers)
            .map_err(|error| self.wrong(error.to_string()))
    }

    /// A row under the first of these names that is there.
    pub(crate) fn row(
        &mut self,
        names: &[String],
        width: usize,
    ) -> Result<Array1<f32>, ModelError> {
        self.numbers(names, &[width]).map(Array1::from_vec)
    }

    fn numbers(&mut self, names: &[String], shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let found = names
            .iter()
            .find_map(|name| Some((name.clone(), self.metadata.info(name)?.clone())));
        let Some((name, info)) = found else {
            let name = names.first().map_or("", String::as_str);
            let what = format!(
                "there is no tensor `{name}`; expected the weights of the model that config.json describes"
            );
            return Err(self.wrong(what));
        };
        if info.shape != shape {
            let what = format!(
                "the tensor `{name}` has the shape {:?}; config.json makes it {shape:?}",
                info.shape
            );
            return Err(self.wrong(what));
        }
        if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let what = format!(
                "the tensor `{name}` has numbers of the type {:?}; expected F32, F16 or BF16",
                info.dtype
            );
            return Err(self.wrong(what));
        }
        if self.is_examined {
            return Ok(Vec::new());
        }
        let bytes = self.bytes(&info)?;
        let numbers = decoded(&bytes, info.dtype);
        if numbers.iter().any(|number| !number.is_finite()) {
            let what = format!("the tensor `{name}` has numbers that are infinite or none at all");
            return Err(self.wrong(what));
        }
        Ok(numbers)
    }

    fn bytes(&mut self, info: &TensorInfo) -> Result<Vec<u8>, ModelError> {
        let (begin, end) = info.data_offsets;
        let mut bytes = vec![0; end - begin];
        let place = SeekFrom::Start(self.start + begin as u64);
        let read = self
            .opened
            .seek(place)
            .and_then(|_| self.opened.read_exact(&mut bytes));
        read.map_err(|source| ModelError::Unreadable {
            file: self.file.clone(),
            source,
        })?;
        Ok(bytes)
    }

    fn wrong(&self, what: String) -> ModelError {
        ModelError::Content {
            file: self.file.clone(),
            what,
        }
    }
}

/// Numbers of one of the three types, in single precision.
fn decoded(bytes: &[u8], dtype: Dtype) -> Vec<f32> {
    let (fours, _) = bytes.as_chunks::<4>();
    let (twos, _) = bytes.as_chunks::<2>();
    match dtype {
        Dtype::F32 => fours.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        Dtype::F16 => twos
            .iter()
            .map(|two| f16::from_le_bytes(*two).to_f32())
            .collect(),
        _ => twos
            .iter()
            .map(|two| bf16::from_le_bytes(*two).to_f32())
            .collect(),
    }
}
