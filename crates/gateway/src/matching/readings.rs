//! The other paths that servers may take a path for.
//!
//! A path is matched as it is, with `%2F` as a part of a segment and with parameters. Servers differ: some undo
//! escapes before they look at slashes, some cut parameters off every segment (RFC 3986, 3.3; Servlet
//! containers do), in either order, and some merge the slashes that come of it. Which one stands behind a route is not
//! known here, so what guards `/api` would not hold for `/api%2Fusers` or `/api;x/users`. A path goes on only
//! when all its readings lead to the same route.

/// The readings of a path in its normal form that differ from it; most often none or one.
pub(super) fn of(path: &str) -> Vec<String> {
    let undone = undo(path);
    let cut_off = cut(path);
    let mut readings: Vec<String> = Vec::new();
    for reading in [
        cut(&undone),
        // What a parameter had in it may be one again.
        cut(&undo(&cut_off)),
        undo(&cut_off),
        undone,
        cut_off,
    ] {
        let merged = reading.contains("//").then(|| merge(&reading));
        for reading in merged.into_iter().chain([reading]) {
            if reading != path && !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// Escapes of what separates segments and parameters are undone.
fn undo(path: &str) -> String {
    path.replace("%2F", "/").replace("%3B", ";")
}

/// Parameters are cut off.
fn cut(path: &str) -> String {
    let mut rest = String::with_capacity(path.len());
    let mut is_parameter = false;
    for letter in path.chars() {
        is_parameter = letter == ';' || is_parameter && letter != '/';
        if !is_parameter {
            rest.push(letter);
        }
    }
    rest
}

/// Slashes in a row are made one.
fn merge(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    merged
}

#[cfg(test)]
mod tests;
