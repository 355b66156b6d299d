//! Markdown as plain text for a terminal: headings stand out, tables are aligned, code is indented.
//!
//! Without bold letters the result is plain text, fit for a file and for reading aloud.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

mod grid;

use crate::output::wrap;
use grid::grid;

/// How a page looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Lines are at most this many characters, but for code and single long words.
    pub(super) width: usize,
    /// Whether headings are in bold letters.
    pub(super) bold: bool,
}

/// The text of a page.
pub(super) fn page(markdown: &str, look: Look) -> String {
    let mut made = Page {
        look,
        out: String::new(),
        text: String::new(),
        lists: Vec::new(),
        marker: None,
        rows: Vec::new(),
        code: false,
        link: None,
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        made.take(event);
    }
    made.out.trim_end().to_owned()
}

/// A page while it is made.
struct Page {
    look: Look,
    out: String,
    /// The paragraph, heading or cell that is being read.
    text: String,
    /// The lists that are open, each with the number of its next item if it has numbers.
    lists: Vec<Option<u64>>,
    /// What stands before the first line of the item.
    marker: Option<String>,
    rows: Vec<Vec<String>>,
    code: bool,
    link: Option<String>,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => self.text.push_str(&text),
            Event::Code(code) => {
                self.text.push('`');
                self.text.push_str(&code);
                self.text.push('`');
            }
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Rule => self.block("---"),
            // Comments such as "Generated from" are for whoever edits the file.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::CodeBlock(kind) => {
                self.flush();
                self.code = true;
                debug_assert!(matches!(
                    kind,
                    CodeBlockKind::Fenced(_) | CodeBlockKind::Indented
                ));
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => {
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                });
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.to_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph => self.flush(),
            TagEnd::CodeBlock => {
                self.code = false;
                let text = std::mem::take(&mut self.text);
                let lines: Vec<String> = text
                    .trim_end()
                    .lines()
                    .map(|line| format!("    {line}").trim_end().to_owned())
                    .collect();
                self.block(&lines.join("\n"));
            }
            TagEnd::Item => {
                self.flush();
                self.marker = None;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.out.push('\n');
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.block(&grid(&rows, self.look.width));
            }
            TagEnd::Link => {
                // A link within the repository leads nowhere from a terminal.
                if let Some(link) = self.link.take().filter(|link| link.contains("://")) {
                    self.text.push_str(&format!(" ({link})"));
                }
            }
            _ => {}
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = std::mem::take(&mut self.text).replace('`', "");
        let text = if self.look.bold {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else if level == HeadingLevel::H1 {
            format!("{text}\n{}", "=".repeat(text.chars().count()))
        } else {
            format!("{text}\n{}", "-".repeat(text.chars().count()))
        };
        self.block(&text);
    }

    /// Writes the paragraph or item that was read.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        if self.lists.is_empty() {
            let lines = wrap(&text, self.look.width);
            self.block(&lines.join("\n"));
            return;
        }
        let indent = "  ".repeat(self.lists.len() - 1);
        let marker = self.marker.take();
        let blank = " ".repeat(marker.as_ref().map_or(2, |marker| marker.len()));
        let marker = marker.unwrap_or_else(|| blank.clone());
        let width = self.look.width.saturating_sub(indent.len() + marker.len());
        for (at, line) in wrap(&text, width).iter().enumerate() {
            let before = if at == 0 { &marker } else { &blank };
            self.out.push_str(&format!("{indent}{before}{line}\n"));
        }
    }

    /// Writes a block and a blank line.
    fn block(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str("\n\n");
    }
}
