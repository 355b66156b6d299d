//! Tests of the crate as others use it.

#![allow(clippy::expect_used)] // A test that cannot go on fails.

mod corpus;
mod pitfalls;
mod seed_cases;
mod streamed;
