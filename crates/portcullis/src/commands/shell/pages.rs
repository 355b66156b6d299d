//! Man pages: one for the program, one for each command.

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::reference::arguments;

/// Exit codes as the main page tells them; docs/reference/exit-codes.md has the same in full.
pub(super) const EXIT_CODES: [(&str, &str); 11] = [
    ("0", "Done."),
    ("1", "Failed or refused."),
    ("2", "The command line or the configuration is wrong."),
    (
        "3",
        "A gate failed, or could not decide and is told to roll back then, and the release was rolled back.",
    ),
    (
        "4",
        "A person is needed: the rollout is held, or waits for an approval.",
    ),
    ("5", "A gate could not decide; the rollout is paused."),
    ("6", "Another Portcullis acts on the state folder."),
    ("8", "No server answers."),
    ("9", "The token is missing or wrong."),
    ("70", "A mistake in Portcullis."),
    ("130", "Detached by an interrupt; the rollout goes on."),
];
const FILES: [(&str, &str); 7] = [
    (
        "portcullis.toml",
        "The configuration: the service, its data, its gates and its releases.",
    ),
    (
        ".portcullis/",
        "The state folder, mode 0700; another one with [state] folder.",
    ),
    (
        ".portcullis/journal.db",
        "The journal: everything that was decided and done.",
    ),
    (
        ".portcullis/token",
        "The token that every call to the server needs, mode 0600.",
    ),
    (
        ".portcullis/vault/",
        "The backups; better on another disk, with [state] vault.",
    ),
    (
        ".portcullis/audit.jsonl",
        "Which bypasses of the split there were: who, when, why, until when.",
    ),
    (".portcullis/logs/", "What the releases wrote."),
];
const ENVIRONMENT: [(&str, &str); 7] = [
    ("PORTCULLIS_FILE", "The configuration file, as --file."),
    ("PORTCULLIS_ENV", "The environment, as --env."),
    (
        "PORTCULLIS_PLAIN",
        "Words instead of colours and bars, as --plain.",
    ),
    (
        "PORTCULLIS_USER",
        "Who is asking, for the record; otherwise USER or LOGNAME.",
    ),
    (
        "PORTCULLIS_LOG",
        "How much `serve` logs, for example debug; info when not given.",
    ),
    ("NO_COLOR", "No colours, when it is not empty."),
    (
        "PATH",
        "Where `init` looks for programs, and where releases find theirs.",
    ),
];

/// The name of a page's file, for example `portcullis-backup-create.1`.
pub(super) fn file_name(command: &Command) -> String {
    Man::new(command.clone()).get_filename()
}

/// A page's text, for `man`.
pub(super) fn page(command: &Command) -> String {
    let man = Man::new(command.clone())
        .manual("Portcullis")
        .source(format!("portcullis {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    // Writing into memory does not fail.
    let _ = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| synopsis(command).to_writer(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text));
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let mut roff = Roff::new();
    if command.has_subcommands() {
        roff.control("SH", ["COMMANDS"]);
        for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
            let about = below.get_about().map(ToString::to_string);
            roff.control("TP", []);
            roff.text([bold(below.get_name())]);
            roff.text([roman(about.unwrap_or_default())]);
        }
    }
    let main = !command.get_bin_name().unwrap_or_default().contains(' ');
    if let Some(example) = command.get_after_long_help() {
        roff.control("SH", ["EXAMPLE"]);
        roff.control("nf", []);
        for line in example.to_string().lines().skip(1) {
            roff.text([roman(line.trim_start())]);
        }
        roff.control("fi", []);
    }
    // Whoever looks up one command does not want to look up another page for these.
    pairs(&mut roff, "EXIT STATUS", &EXIT_CODES, bold);
    if main {
        pairs(&mut roff, "FILES", &FILES, italic);
    }
    pairs(&mut roff, "ENVIRONMENT", &ENVIRONMENT, bold);
    see_also(&mut roff, command, main);
    text.push_str(&roff.render());
    text
}

/// How a command is typed, with the values of its options.
fn synopsis(command: &Command) -> Roff {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut line = vec![bold(name)];
    let (own, global): (Vec<&Arg>, Vec<&Arg>) =
        arguments(command).partition(|arg| !arg.is_global_set());
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) =
        own.into_iter().partition(|arg| arg.is_positional());
    for arg in options.into_iter().chain(global).chain(positional) {
        let (open, close) = match arg.is_required_set() {
            true => (" ", ""),
            false => (" [", "]"),
        };
        line.push(roman(open));
        if let Some(long) = arg.get_long() {
            line.push(bold(format!("--{long}")));
        }
        if arg.get_action().takes_values() {
            let names = arg.get_value_names().unwrap_or_default();
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            let space = if arg.is_positional() { "" } else { " " };
            line.push(roman(space));
            line.push(italic(names.join(" ")));
        }
        line.push(roman(close));
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("COMMAND")]);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text(line);
    roff
}

fn pairs(roff: &mut Roff, title: &str, pairs: &[(&str, &str)], look: fn(String) -> Inline) {
    roff.control("SH", [title]);
    for (word, meaning) in pairs {
        roff.control("TP", []);
        roff.text([look((*word).to_owned())]);
        roff.text([roman(*meaning)]);
    }
}

fn see_also(roff: &mut Roff, command: &Command, main: bool) {
    roff.control("SH", ["SEE ALSO"]);
    if !main {
        roff.text([
            bold("portcullis"),
            roman("(1), "),
            bold("portcullis-explain"),
            roman("(1)"),
        ]);
        return;
    }
    let mut words = Vec::new();
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        words.push(bold(format!("portcullis-{}", below.get_name())));
        words.push(roman("(1), "));
    }
    words.push(roman("and "));
    words.push(bold("portcullis docs"));
    words.push(roman(", which has the whole documentation."));
    roff.text(words);
}
