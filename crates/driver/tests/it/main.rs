//! Tests of the drivers with real processes and real connections.

// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin_server;
mod authority;
mod checks;
mod figures;
mod figures_over_tls;
mod gateway;
mod hooks;
mod locks;
mod logs;
mod meter;
mod migrations;
#[path = "../../../journal/tests/it/postgres_server.rs"]
#[allow(dead_code)] // its own tests use all of it
mod postgres_server;
mod processes;
mod prometheus_server;
mod sql_migrations;
mod survival;
mod synthetic;
mod world;
