//! Tests of the drivers with real processes and real connections.

// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin_server;
mod checks;
mod gateway;
mod hooks;
mod logs;
mod meter;
mod migrations;
mod processes;
mod survival;
mod world;
