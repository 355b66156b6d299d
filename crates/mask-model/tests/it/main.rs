//! Models on the disk: computed as `transformers` computes them, and what is wrong with a folder.
#![allow(clippy::unwrap_used)]

mod folders;
mod reference;
