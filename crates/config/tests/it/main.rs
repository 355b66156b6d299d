//! The crate as its users see it.

// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod buckets;
mod continuous;
mod disk;
mod environments;
mod explain;
mod gateway;
mod good;
mod hostile;
mod masks;
mod metrics;
mod mistakes;
mod plain_limits;
mod properties;
mod reference;
mod schedules;
mod schema;
mod synthetic;

use std::path::Path;

use portcullis_config::{Config, Problems, parse};

/// Reads a text as the file `/srv/dhash/portcullis.toml`.
fn read(text: &str) -> Result<Config, Problems> {
    parse(text, Path::new("/srv/dhash/portcullis.toml"))
}

/// The rendering of everything that is wrong with a text, under a short name.
fn wrong(text: &str) -> String {
    match parse(text, Path::new("portcullis.toml")) {
        Ok(_) => panic!("nothing is wrong with:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

/// The least that a file must have, with more lines for `[service]` and more tables.
fn least(service: &str, tables: &str) -> String {
    format!(
        "[service]\nname = \"dhash\"\nready = {{ path = \"/health\" }}\n{service}\n\
         [[release]]\nversion = \"1.0\"\nartifact = \"dhash\"\n\
         command = [\"{{artifact}}\", \"--port\", \"{{port}}\"]\n{tables}\n"
    )
}
