//! portcullis.toml: what a user writes, read strictly and explained kindly.
//!
//! [`parse`] turns a text into a [`Config`] in which everything was found to be right, or into
//! [`Problems`]: all of them at once, each with file, line, column, key, what was found, what was
//! expected and, where there is a good guess, what was probably meant. Reading goes in two named steps:
//! values with their places (unknown keys, wrong types, units), then the comparison of values with each
//! other. Neither reads a clock, the environment or the network; the disk is only looked at by
//! [`load`], for the file itself, and by [`Config::check_files`].
//!
//! The table of keys that the parser uses is also the reference for users, see [`reference()`].

mod bounds;
mod config;
mod keys;
mod origin;
mod parse;
mod problem;
mod problems;
mod raw;
mod reference;
mod render;
mod report;
mod similar;
mod source;
mod table;
mod template;
mod units;
mod validate;

pub use config::{
    Config, GatewayConfig, HealthConfig, Listen, PortRange, PortRangeRefused, ReleaseConfig,
    ServerConfig, ServiceConfig, StateConfig, StickyConfig,
};
pub use parse::{load, parse};
pub use problem::{Code, Problem};
pub use problems::Problems;
pub use reference::reference;
pub use template::{TemplateOptions, TemplateStore, template};
