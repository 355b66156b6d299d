//! Styled lines as data: what a screen consists of, before anything is painted.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text expresses. Colours follow from it, and never say what the words do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What matters less.
    Dim,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// A person should look.
    Warn,
    /// It is under way.
    Active,
}

/// A piece of text in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// One line of a screen; never contains a control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) spans: Vec<Span>,
}

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Line {
        Line::default()
    }

    /// A line of one piece.
    pub(crate) fn of(tone: Tone, text: impl AsRef<str>) -> Line {
        Line::new().with(tone, text)
    }

    /// This line with one more piece. Control characters, which would move the cursor, become spaces.
    #[must_use]
    pub(crate) fn with(mut self, tone: Tone, text: impl AsRef<str>) -> Line {
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.as_ref().chars().map(visible).collect();
        if !text.is_empty() {
            self.spans.push(Span { tone, text });
        }
        self
    }

    /// The columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.width()).sum()
    }

    /// This line without spaces at its end.
    #[must_use]
    pub(crate) fn trimmed(mut self) -> Line {
        while let Some(mut last) = self.spans.pop() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                self.spans.push(last);
                break;
            }
        }
        self
    }

    /// The text alone.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    /// This line cut to `width` columns; a cut one ends with `ellipsis`.
    #[must_use]
    pub(crate) fn clip(self, width: usize, ellipsis: &str) -> Line {
        if self.width() <= width {
            return self;
        }
        let room = width.saturating_sub(ellipsis.width());
        let mut cut = Line::new();
        let mut used = 0;
        for span in self.spans {
            let mut text = String::new();
            for c in span.text.chars() {
                let wide = c.width().unwrap_or(0);
                if used + wide > room {
                    cut = cut.with(span.tone, text.trim_end());
                    return cut.with(span.tone, if used == 0 { "" } else { ellipsis });
                }
                used += wide;
                text.push(c);
            }
            cut = cut.with(span.tone, text);
        }
        cut
    }
}

/// Text broken at spaces into lines of at most `width` columns; a longer word is broken where it must be.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if line.width() + gap + word.width() <= width {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if !line.is_empty() && line.width() + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Text with spaces behind it up to `width` columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// A number with thousands separated by commas.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time that is still running, without fractions that would flicker.
pub(super) fn seconds(ms: u64) -> String {
    match ms / 1000 {
        whole @ 0..60 => format!("{whole} s"),
        whole @ 60..3600 if whole % 60 == 0 => format!("{} min", whole / 60),
        whole @ 60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
