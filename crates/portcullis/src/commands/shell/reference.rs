//! The reference of the command line as Markdown, from the table of commands.

use std::fmt::Write;

use clap::{Arg, Command};

/// docs/reference/cli.md.
pub(in super::super) fn markdown(command: &Command) -> String {
    let mut command = command.clone().disable_help_subcommand(true);
    command.build();
    let mut out = String::from(
        "<!-- Generated from crates/portcullis/src/cli.rs; a test compares it. -->\n# Commands\n\n\
         `portcullis COMMAND --help` prints the same text. Results go to standard output, everything else \
         to standard error. [Exit codes](exit-codes.md) and [error codes](errors.md) have pages of their \
         own.\n\n## Options of every command\n\n",
    );
    let global: Vec<&Arg> = arguments(&command)
        .filter(|arg| arg.is_global_set())
        .collect();
    table(&mut out, &global);
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        section(&mut out, below, "##");
    }
    out
}

fn section(out: &mut String, command: &Command, level: &str) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = write!(out, "\n{level} `{name}`\n\n{}\n", about.trim());
    let own: Vec<&Arg> = arguments(command)
        .filter(|arg| !arg.is_global_set())
        .collect();
    if !own.is_empty() {
        out.push('\n');
        table(out, &own);
    }
    if let Some(example) = command.get_after_long_help() {
        let example = example.to_string();
        let lines = example.lines().skip(1).map(str::trim_start);
        let lines: Vec<&str> = lines.collect();
        let _ = write!(out, "\n```\n{}\n```\n", lines.join("\n"));
    }
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        section(out, below, "###");
    }
}

pub(super) fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    let built_in = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter(built_in)
}

fn table(out: &mut String, arguments: &[&Arg]) {
    out.push_str("| option | default | meaning |\n|---|---|---|\n");
    for arg in arguments {
        let default: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .filter(|value| !value.is_empty())
            .collect();
        let default = default.join(" ");
        let flag = !arg.get_action().takes_values();
        let default = if flag || default.is_empty() {
            String::new()
        } else {
            format!("`{default}`")
        };
        let meaning = arg.get_long_help().or_else(|| arg.get_help());
        let mut meaning = meaning.map(ToString::to_string).unwrap_or_default();
        if let Some(variable) = arg.get_env() {
            let _ = write!(meaning, " Also from `{}`.", variable.to_string_lossy());
        }
        let cells = [
            format!("`{}`", written(arg)),
            default,
            meaning.replace('\n', " "),
        ];
        let _ = writeln!(
            out,
            "| {} |",
            cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
        );
    }
}

/// How an argument is typed, for example `-n, --lines LINES`.
fn written(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" "));
    let value = value.unwrap_or_default();
    let names: Vec<String> = [
        arg.get_short().map(|short| format!("-{short}")),
        arg.get_long().map(|long| format!("--{long}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (names.is_empty(), arg.get_action().takes_values()) {
        (true, _) if arg.is_required_set() => value,
        (true, _) => format!("[{value}]"),
        (false, true) => format!("{} {value}", names.join(", ")),
        (false, false) => names.join(", "),
    }
}
