//! Configuration files.

use std::path::Path;
use std::sync::OnceLock;

use portcullis_config::Config;

use crate::matching::RouteIndex;

const ONE_ROUTE: &str = include_str!("../../../config/tests/it/gateway.toml");

/// A file is read or explained, the same way each time; what was read can be served.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let file = Path::new("/etc/portcullis.toml");
    let read = portcullis_config::parse(text, file);
    match &read {
        Ok(config) => {
            let index = RouteIndex::new(&config.gateway.routes);
            assert!(index.is_ok(), "checked routes can be compiled: {index:?}");
        }
        Err(problems) => {
            assert!(problems.count() > 0);
            let lines = text.split('\n').count();
            for problem in problems {
                let there = (1..=lines).contains(&problem.line) && problem.column >= 1;
                assert!(there, "line {} of {lines}", problem.line);
                assert!(!problem.message.is_empty());
            }
            assert!(!problems.to_string().contains(['\r', '\u{1b}', '\0']));
        }
    }
    let again = portcullis_config::parse(text, file);
    assert_eq!(
        read.map_err(|p| p.to_string()),
        again.map_err(|p| p.to_string())
    );
}

/// A file with all that the gateway can have.
pub(super) fn with_one_route() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    let file = Path::new("/etc/portcullis.toml");
    CONFIG.get_or_init(|| portcullis_config::parse(ONE_ROUTE, file).unwrap())
}
