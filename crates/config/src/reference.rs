//! The reference of keys, made from the table of keys that the parser uses.

use std::fmt::Write;

use crate::Code;
use crate::keys::{Key, Preset, ROOT, Section};

/// The reference of every key of portcullis.toml, as Markdown.
pub fn reference() -> String {
    let mut out = String::from(OPENING);
    for section in ROOT.all() {
        if !section.header.is_empty() {
            let _ = write!(out, "\n## `{}`\n\n{}\n\n", section.header, section.about);
            if section.keys.is_empty() {
                continue;
            }
            out.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
            section.keys.iter().for_each(|key| row(&mut out, key));
            examples(&mut out, section);
        }
    }
    out.push_str(CODES);
    for code in Code::all() {
        let _ = writeln!(out, "| {code} | {} | {} |", code.meaning(), code.remedy());
    }
    out
}

const OPENING: &str = "\
<!-- Generated from crates/config/src/keys.rs; a test compares it. -->
# portcullis.toml

`portcullis check` reads the file and reports everything that is wrong with it at once; it never \
touches the network. Keys that are not listed here are refused.

- **Paths** are relative to the folder of the file.
- **Durations** are a whole number and a unit: `250ms`, `8s`, `10m`, `2h`, `1d`; at most seven days unless said \
otherwise.
- **Rates** of errors are percentages (`\"1%\"`) or fractions (`0.01`); **percentages** elsewhere are \
whole (`\"20%\"`).
- **Sizes** are a whole number and a unit: `100B`, `64KB` (64,000 bytes), `64KiB` (65,536), `10MB`, `2GiB`.
- **Requests per time** are two whole numbers: `100/1m`, `5/10s`; `10/s` is `10/1s`.
- **IP networks** are an address and a length, `10.0.0.0/8`, or an address alone.
- **Places** in commands, environment variables and checks are filled in when a plan is made: \
`{port}`, `{host}`, `{address}` (where the release listens), `{release}` (its version), `{artifact}` \
(its program file) and `{store.NAME}` (a store's path). Write `{{` and `}}` for braces themselves. \
Rehearsals fill in the paths of the copies.
- **Secrets** are given by reference: the value of an environment variable may be `env:NAME` (a \
variable of Portcullis's own environment), `file:PATH` (what a file says) or `cmd:PROGRAM ARG...` (what \
a command prints; no shell is involved). It is read when a process is started; plans, journal and logs \
hold the reference. A variable with a name like `TOKEN` or `DB_PASSWORD` takes nothing else. `text:` in \
front of a value makes it a literal, whatever it is: `text:env:x` is `env:x`.
";

const CODES: &str = "
## Codes

| code | meaning | what to do |
|---|---|---|
";

fn row(out: &mut String, key: &Key) {
    let default = match key.preset {
        Preset::Required => "**required**".to_owned(),
        Preset::Absent("") => String::new(),
        Preset::Absent(words) => words.to_owned(),
        Preset::Value(value) if value.contains('\n') => "see below".to_owned(),
        Preset::Value(value) => format!("`{value}`"),
    };
    let cells = [
        format!("`{}`", key.name),
        key.kind.words(),
        default,
        key.meaning.to_owned(),
    ];
    let _ = writeln!(
        out,
        "| {} |",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    );
}

/// Defaults that do not fit into a cell.
fn examples(out: &mut String, section: &Section) {
    for key in section.keys {
        if let Preset::Value(value) = key.preset
            && value.contains('\n')
        {
            let _ = write!(
                out,
                "\nWithout `{name}` the rules are these (without the comparisons when the strategy is \
                 not canary):\n\n```toml\n{name} = {value}\n```\n",
                name = key.name
            );
        }
    }
}
