//! Portcullis through its built binary, with a real service behind it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod api;
mod command_line;
mod config_command;
mod conformance;
mod control;
mod examples;
mod faults;
mod guide;
mod operations;
mod release;
mod rig;
mod survival;
mod upgrade;
mod watch;
