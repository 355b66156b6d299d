//! The environment that services and commands run in: a short list of inherited variables, so that
//! whatever secrets Portcullis itself was started with stay with it, and a marker.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use crate::secret_reference::resolve_all;

/// Set for every process that is started, to a value that no other has: it finds a process again that
/// was started just before Portcullis was killed, and children that left the session.
pub(crate) const MARKER: &str = "PORTCULLIS_INSTANCE";

/// What is inherited, besides every variable that starts with `LC_`.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

/// The whole environment of a process: what is inherited, then what is configured, then the marker.
/// References to secrets are resolved, now and not before; relative paths in them start at `folder`.
///
/// # Errors
/// When a reference has no value; names the variable and the reference.
pub(crate) async fn environment(
    configured: &BTreeMap<String, String>,
    folder: &Path,
    marker: &str,
) -> io::Result<BTreeMap<OsString, OsString>> {
    let configured = resolve_all(configured, folder).await?;
    let inherited = std::env::vars_os().filter(|(name, _)| is_inherited(name));
    Ok(inherited
        .chain(configured)
        .chain([(MARKER.into(), marker.into())])
        .collect())
}

fn is_inherited(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| INHERITED.contains(&name) || name.starts_with("LC_"))
}
