//! The faults that Portcullis must survive, each through the built binary. The table of all of them is
//! docs/reference/faults.md; `cargo xtask tidy` checks that each of its rows names a test.
//!
//! What a run of random kills led to is printed: with a failure it tells where to look.
#![allow(clippy::print_stdout)]

pub(crate) mod clocks;
mod damage;
mod diary;
mod disks;
mod growth;
mod kills;
mod migrations;
mod mount;
mod processes;
mod siege;
mod sql_migrations;
mod witness;

pub(crate) use mount::SmallDisk;
