//! What is at most taken from a folder.

/// The largest config.json, in bytes.
pub(crate) const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The largest tokenizer.json, in bytes. That of XLM-RoBERTa, with 250,000 pieces, has 17 MB.
pub(crate) const TOKENIZER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The largest model.safetensors, in bytes. XLM-RoBERTa large has 2.2 GB.
pub(crate) const WEIGHTS_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The longest header of model.safetensors, in bytes.
pub(crate) const HEADER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The most layers of an encoder.
pub(crate) const LAYERS_MAX: usize = 128;
/// The widest row of an encoder, and of its inner layer.
pub(crate) const WIDTH_MAX: usize = 32 * 1024;
/// The most pieces of a vocabulary.
pub(crate) const VOCABULARY_MAX: usize = 1 << 21;
/// The most positions that are used, whatever the model has: more make attention slow and gain nothing for names.
pub(crate) const POSITIONS_USED_MAX: usize = 512;
/// The fewest positions with which a window has room for words.
pub(crate) const POSITIONS_MIN: usize = 16;
/// The most labels.
pub(crate) const LABELS_MAX: usize = 1024;
