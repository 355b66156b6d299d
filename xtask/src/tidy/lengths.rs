//! How long files and functions may be.

/// Lines of a file that are not tests.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 70;
/// The transition function stays in one piece: its match is the specification.
const MAY_BE_LONG: &str = "crates/rollout/src/apply.rs";

/// Checks one file.
pub fn check(name: &str, text: &str, findings: &mut Vec<String>) {
    let is_test =
        name.contains("/tests/") || name.ends_with("/tests.rs") || name.ends_with("/it.rs");
    let lines: Vec<&str> = text.lines().collect();
    let tests_from = lines.iter().position(|line| line.trim() == "#[cfg(test)]");
    let code = tests_from.unwrap_or(lines.len());
    if !is_test && code > FILE_LINES_MAX && name != MAY_BE_LONG {
        findings.push(format!("{name}: {code} lines, at most {FILE_LINES_MAX}"));
    }
    if is_test || name == MAY_BE_LONG {
        return;
    }
    for (start, length) in functions(&lines[..code]) {
        if length > FUNCTION_LINES_MAX {
            let line = start + 1;
            findings.push(format!(
                "{name}:{line}: {length} lines, at most {FUNCTION_LINES_MAX}"
            ));
        }
    }
}

/// Start and length of each function. Formatted code closes a function at the indentation at which it
/// began.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let words = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub async fn ",
        ];
        let more = [
            "pub(crate) async fn ",
            "pub(super) async fn ",
            "const fn ",
            "pub const fn ",
        ];
        if !words.iter().chain(&more).any(|word| body.starts_with(word)) {
            continue;
        }
        let indent = &line[..line.len() - body.len()];
        let close = format!("{indent}}}");
        let end = lines[start..].iter().position(|line| *line == close);
        // A declaration in a trait has no body: its own statement ends before anything is opened.
        let opens = lines[start..]
            .iter()
            .position(|line| line.ends_with('{') || line.ends_with('}'));
        let ends = lines[start..].iter().position(|line| line.ends_with(';'));
        if ends.is_some_and(|ends| opens.is_none_or(|opens| ends < opens)) {
            continue;
        }
        if let Some(end) = end {
            found.push((start, end + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_long_function_is_found() {
        let body = "    let x = 1;\n".repeat(80);
        let text = format!("fn short() {{\n}}\n\nfn long() {{\n{body}}}\n");
        let mut findings = Vec::new();
        super::check("crates/x/src/lib.rs", &text, &mut findings);
        assert_eq!(findings, ["crates/x/src/lib.rs:4: 82 lines, at most 70"]);
    }

    #[test]
    fn a_declaration_is_no_long_function() {
        let body = "    let x = 1;\n".repeat(80);
        let text =
            format!("trait X {{\n    fn x(\n        y: u8,\n    ) -> u8;\n}}\n{body}    }}\n");
        let mut findings = Vec::new();
        super::check("crates/x/src/lib.rs", &text, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
    }
}
