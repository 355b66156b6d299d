//! The texts that a command reads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::is_standard_input;
use crate::command_error::{CommandError, ErrorCode};

/// The longest line, in bytes: what one line may keep in memory.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What standard input is called.
const STANDARD_INPUT: &str = "standard input";

/// A whole text.
pub(super) struct Text {
    file: Option<PathBuf>,
    /// Its content.
    pub(super) text: String,
}

impl Text {
    /// What messages call it.
    pub(super) fn name(&self) -> String {
        name(self.file.as_deref())
    }
}

/// Hands over every text as a whole, in the order in which they were named.
pub(super) fn whole(
    files: &[PathBuf],
    mut each: impl FnMut(&Text) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    for file in sources(files) {
        let mut bytes = Vec::new();
        let read = open(file)?.read_to_end(&mut bytes);
        read.map_err(|error| unreadable(file, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            not_utf8(file, &format!("byte {at}"))
        })?;
        each(&Text {
            file: file.map(Path::to_owned),
            text,
        })?;
    }
    Ok(())
}

/// Hands over every line of every text with what ends it, as soon as it is there.
pub(super) fn lines(
    files: &[PathBuf],
    each: &mut impl FnMut(&str, &str) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    for file in sources(files) {
        let mut reader = BufReader::new(open(file)?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = reader
                .by_ref()
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line);
            if read.map_err(|error| unreadable(file, &error))? == 0 {
                break;
            }
            if line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
                let most = LINE_BYTES_MAX / 1024 / 1024;
                let message = format!("{}: line {number} is longer than {most} MiB", name(file));
                return Err(
                    CommandError::coded(ErrorCode::BadValue, message).hint("leave out --lines")
                );
            }
            let text = std::str::from_utf8(&line)
                .map_err(|_| not_utf8(file, &format!("line {number}")))?;
            let content = text.trim_end_matches(['\r', '\n']);
            each(content, &text[content.len()..])?;
        }
    }
    Ok(())
}

/// What is read: `None` for standard input.
fn sources(files: &[PathBuf]) -> Vec<Option<&Path>> {
    if files.is_empty() {
        return vec![None];
    }
    files
        .iter()
        .map(|file| (!is_standard_input(file)).then_some(file.as_path()))
        .collect()
}

fn open(file: Option<&Path>) -> Result<Box<dyn Read>, CommandError> {
    match file {
        None => Ok(Box::new(std::io::stdin())),
        Some(path) => match File::open(path) {
            Ok(opened) => Ok(Box::new(opened)),
            Err(error) => Err(unreadable(file, &error)),
        },
    }
}

fn name(file: Option<&Path>) -> String {
    file.map_or_else(
        || STANDARD_INPUT.to_owned(),
        |file| file.display().to_string(),
    )
}

fn unreadable(file: Option<&Path>, error: &std::io::Error) -> CommandError {
    let message = format!("{} cannot be read", name(file));
    CommandError::coded(ErrorCode::NotFound, message).cause(error.to_string())
}

fn not_utf8(file: Option<&Path>, place: &str) -> CommandError {
    let message = format!("{} is not UTF-8 at {place}", name(file));
    CommandError::coded(ErrorCode::BadValue, message)
        .hint("convert it, for example with `iconv -t UTF-8`")
}
