//! `portcullis docs`: the documentation that is in the binary, in the terminal.

use std::io::IsTerminal;

use clap::CommandFactory;

use crate::cli::{Cli, Docs};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;

mod library;
mod page;

use library::Topic;
use page::{Look, page};

/// The widest that lines become, in characters.
const WIDTH_MAX: usize = 100;

pub(super) fn run(json: bool, plain: bool, args: &Docs) -> Result<Exit, CommandError> {
    let topics = library::topics(
        super::explain::markdown(),
        super::shell::markdown(&Cli::command()),
    );
    let Some(wanted) = &args.topic else {
        list(&topics, json);
        return Ok(Exit::Done);
    };
    let Some(topic) = find(&topics, wanted) else {
        return Err(unknown(&topics, wanted));
    };
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.docs/1",
            "topic": topic.name,
            "title": topic.title,
            "markdown": topic.text,
        }));
        return Ok(Exit::Done);
    }
    let terminal = std::io::stdout().is_terminal();
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let look = Look {
        width: width.unwrap_or(WIDTH_MAX).clamp(40, WIDTH_MAX),
        bold: terminal && !plain && !no_colour,
    };
    output::result(&page(&topic.text, look));
    Ok(Exit::Done)
}

fn list(topics: &[Topic], json: bool) {
    if json {
        let rows: Vec<_> = topics
            .iter()
            .map(|topic| serde_json::json!({ "topic": topic.name, "title": topic.title }))
            .collect();
        output::json(&serde_json::json!({ "schema": "portcullis.docs/1", "topics": rows }));
        return;
    }
    let width = topics.iter().map(|topic| topic.name.len()).max();
    let width = width.unwrap_or_default();
    for topic in topics {
        output::result(&format!("{:width$}  {}", topic.name, topic.title));
    }
    output::talk("one of them: portcullis docs gate");
}

/// The topic of a name; plural and singular are the same.
fn find<'a>(topics: &'a [Topic], wanted: &str) -> Option<&'a Topic> {
    let wanted = wanted.trim().to_ascii_lowercase();
    let plain = wanted.trim_matches(['[', ']']);
    let singular = plain.strip_suffix('s').unwrap_or(plain);
    let by = |name: &str| topics.iter().find(|topic| topic.name == name);
    by(plain)
        .or_else(|| by(singular))
        .or_else(|| by(&format!("{plain}s")))
}

fn unknown(topics: &[Topic], wanted: &str) -> CommandError {
    let shown: String = wanted.chars().take(40).collect();
    let near = topics
        .iter()
        .min_by_key(|topic| strsim::damerau_levenshtein(topic.name.as_str(), wanted))
        .filter(|topic| strsim::damerau_levenshtein(topic.name.as_str(), wanted) <= 3);
    // The beginning of a name, such as `exit`, is nearer than another name of the same length.
    let begins = |topic: &&Topic| wanted.len() > 1 && topic.name.starts_with(wanted);
    let near = topics.iter().find(begins).or(near);
    let error = CommandError::coded(
        ErrorCode::UnknownTopic,
        format!("there is no topic `{}`", shown.escape_debug()),
    );
    let error = match near {
        Some(topic) => error.hint(format!("did you mean `portcullis docs {}`?", topic.name)),
        None => error,
    };
    error.hint("`portcullis docs` lists all topics")
}

#[cfg(test)]
mod tests;
