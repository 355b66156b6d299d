//! The built `dhash` program from outside: files in, lines and exit codes out, HTTP on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test helper that cannot go on should panic"
)]

mod commands;
mod reference;
mod service;
mod stage;
