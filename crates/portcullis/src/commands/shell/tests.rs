//! Help, man pages, completions and the reference, which all come from one table.

use std::path::Path;

use super::*;

#[test]
fn the_reference_of_commands_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let made = markdown(&Cli::command());
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/cli.md is not what the program knows; run the tests of portcullis once with \
         UPDATE_REFERENCE=1"
    );
}

#[test]
fn the_table_of_commands_is_right() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_ends_with_an_example_and_every_argument_has_a_full_phrase() {
    let command = built();
    for command in all(&command) {
        let name = command.get_bin_name().unwrap_or_default();
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(about.len() > 15, "{name}: {about}");
        if name != "portcullis" && !command.has_subcommands() {
            let example = command.get_after_long_help().map(ToString::to_string);
            let example = example.unwrap_or_default();
            assert!(example.starts_with("Example"), "{name}: {example}");
            let line = example.lines().nth(1).unwrap_or_default().trim();
            assert!(line.contains(name), "{name}: {line}");
        }
        for arg in command.get_arguments() {
            if matches!(arg.get_id().as_str(), "help" | "version") {
                continue;
            }
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let words = help.split_whitespace().count();
            let capital = help.starts_with(|c: char| c.is_ascii_uppercase());
            assert!(words > 2 && capital, "{name} {}: {help}", arg.get_id());
        }
    }
}

#[test]
fn the_examples_are_command_lines_that_can_be_read() {
    let command = built();
    for command in all(&command) {
        let example = command.get_after_long_help().map(ToString::to_string);
        for line in example.unwrap_or_default().lines() {
            let Some(line) = line.trim().strip_prefix("portcullis ") else {
                continue;
            };
            let line = line.split(['|', '>', '#']).next().unwrap_or_default();
            let words = shell_words::split(line).unwrap();
            let read = Cli::command()
                .try_get_matches_from(std::iter::once("portcullis".to_owned()).chain(words));
            read.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}

#[test]
fn the_main_page_has_exit_codes_files_and_environment() {
    let page = pages::page(&built());
    for section in [
        "NAME",
        "SYNOPSIS",
        "COMMANDS",
        "EXIT STATUS",
        "FILES",
        "ENVIRONMENT",
        "SEE ALSO",
    ] {
        assert!(
            page.contains(&format!(".SH \"{section}\""))
                || page.contains(&format!(".SH {section}\n")),
            "{section}"
        );
    }
}

#[test]
fn every_page_has_exit_codes_variables_and_the_values_of_options() {
    let command = built();
    for command in all(&command) {
        let page = pages::page(command);
        for wanted in ["EXIT STATUS", "130", "PORTCULLIS_FILE", "PORTCULLIS_ENV"] {
            assert!(page.contains(wanted), "{}: {wanted}", command.get_name());
        }
    }
    let deploy = all(&command)
        .into_iter()
        .find(|one| one.get_name() == "deploy");
    let page = pages::page(deploy.unwrap());
    let synopsis = page.lines().find(|line| line.contains("portcullis deploy"));
    let synopsis = synopsis.unwrap().replace("\\fB", "").replace("\\fI", "");
    let synopsis = synopsis.replace("\\fR", "").replace("\\-", "-");
    assert!(synopsis.contains("[--release RELEASE]"), "{synopsis}");
    assert!(synopsis.contains("[--env NAME]"), "{synopsis}");
    assert!(synopsis.contains("[PLAN]"), "{synopsis}");
}

#[test]
fn the_exit_codes_of_the_man_page_and_of_the_documents_are_the_same() {
    let document = include_str!("../../../../../docs/reference/exit-codes.md");
    let rows: Vec<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |").map(|row| row.0))
        .take_while(|code| *code != "the rollout")
        .filter(|code| code.parse::<u8>().is_ok())
        .collect();
    let listed: Vec<&str> = pages::EXIT_CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(listed, rows);
}
