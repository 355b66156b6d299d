//! Models on the disk: computed as `transformers` computes them, and what is wrong with a folder.

mod folders;
mod reference;
