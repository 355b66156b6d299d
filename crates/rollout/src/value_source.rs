//! Where a configured value comes from: it stands there itself, or a reference does.
//!
//! A secret is only ever configured by reference, so that plans and the journal hold the reference. What
//! it refers to is read at the moment at which a process is started, by whoever starts it.

/// A configured value, such as that of an environment variable, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource<'t> {
    /// `env:NAME`: a variable of Portcullis's own environment.
    Variable(&'t str),
    /// `file:PATH`: what a file says, without its last line end.
    File(&'t str),
    /// `cmd:PROGRAM ARG...`: what a command prints, without its last line end.
    Command(&'t str),
    /// Anything else is the value itself. `text:` in front is taken off: it lets a value begin with one of
    /// the words above, and insists on a literal where a reference is expected.
    Literal(&'t str),
}

impl<'t> ValueSource<'t> {
    /// Takes a configured value apart. Whether what it refers to exists is another question.
    pub fn of(text: &'t str) -> ValueSource<'t> {
        match text.split_once(':') {
            Some(("env", name)) => ValueSource::Variable(name),
            Some(("file", path)) => ValueSource::File(path),
            Some(("cmd", line)) => ValueSource::Command(line),
            Some(("text", literal)) => ValueSource::Literal(literal),
            _ => ValueSource::Literal(text),
        }
    }

    /// Whether the value is somewhere else.
    pub fn is_reference(self) -> bool {
        !matches!(self, ValueSource::Literal(_))
    }
}

#[cfg(test)]
mod tests;
