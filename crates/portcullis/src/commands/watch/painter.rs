//! Draws screens in place: each frame over the one before, the last one stays where it is.

use anstyle::{AnsiColor, Style};

use crate::output;
use crate::render::screen::{Line, Screen, Tone};

/// Terminals that know it show a frame only when it is complete; others ignore it.
const FRAME_BEGIN: &str = "\x1b[?2026h";
const FRAME_END: &str = "\x1b[?2026l";
const CLEAR_TO_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// What is on the terminal, and how to replace it.
#[derive(Debug)]
pub(super) struct Painter {
    colour: bool,
    /// The columns of each line of the last frame.
    drawn: Vec<usize>,
    last: Option<(Screen, usize)>,
}

impl Painter {
    pub(super) fn new(colour: bool) -> Painter {
        Painter {
            colour,
            drawn: Vec::new(),
            last: None,
        }
    }

    /// Draws a screen in the place of the last one, on a terminal of `columns`. What is there already is
    /// not drawn again.
    pub(super) fn draw(&mut self, screen: Screen, columns: usize) {
        let frame = (screen, columns);
        if self.last.as_ref() != Some(&frame) {
            output::paint(&self.frame(&frame.0, columns));
            self.last = Some(frame);
        }
    }

    fn frame(&mut self, screen: &Screen, columns: usize) -> String {
        let mut text = String::from(FRAME_BEGIN);
        // A terminal that became narrower has broken the old lines.
        let rows = |width: &usize| width.div_ceil(columns.max(1)).max(1);
        let up: usize = self.drawn.iter().map(rows).sum();
        text.push('\r');
        if up > 0 {
            text.push_str(&format!("\x1b[{up}A"));
        }
        for line in &screen.lines {
            self.line(&mut text, line);
            text.push_str(CLEAR_TO_LINE_END);
            text.push_str("\r\n");
        }
        text.push_str(CLEAR_BELOW);
        text.push_str(FRAME_END);
        self.drawn = screen.lines.iter().map(Line::width).collect();
        text
    }

    fn line(&self, text: &mut String, line: &Line) {
        for span in &line.spans {
            let style = style(span.tone);
            if self.colour && style != Style::new() {
                text.push_str(&format!("{style}{}{style:#}", span.text));
            } else {
                text.push_str(&span.text);
            }
        }
    }
}

fn style(tone: Tone) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Dim => Style::new().dimmed(),
        Tone::Good => colour(AnsiColor::Green),
        Tone::Bad => colour(AnsiColor::Red).bold(),
        Tone::Warn => colour(AnsiColor::Yellow).bold(),
        Tone::Active => colour(AnsiColor::Cyan),
    }
}

#[cfg(test)]
mod tests;
