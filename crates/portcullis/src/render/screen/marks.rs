//! Icons and bars, with an ASCII form for terminals that have nothing else. A word stands beside each.

use super::line::{Line, Tone};
use super::standing::Standing;

/// The set of characters to draw with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) unicode: bool,
}

impl Marks {
    fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// The icon and tone of a step.
    pub(super) fn step(self, standing: Standing) -> (&'static str, Tone) {
        match standing {
            Standing::Done => (self.pick("✔", "+"), Tone::Good),
            Standing::Running | Standing::Measuring => (self.pick("●", "*"), Tone::Active),
            Standing::Retries | Standing::InDoubt => (self.pick("◔", "~"), Tone::Warn),
            Standing::Waits => (self.pick("?", "?"), Tone::Warn),
            Standing::Held => (self.pick("⚠", "!"), Tone::Warn),
            Standing::Failed => (self.pick("✖", "x"), Tone::Bad),
            Standing::Undoing => (self.pick("↶", "<"), Tone::Active),
            Standing::Undone => (self.pick("↶", "<"), Tone::Plain),
            Standing::ToCome => (self.pick("◌", "o"), Tone::Dim),
            Standing::NotReached => (self.pick("·", "-"), Tone::Dim),
        }
    }

    /// What marks a step that has an undo.
    pub(super) fn undo(self) -> &'static str {
        self.pick("↶", "<")
    }

    pub(super) fn warning(self) -> &'static str {
        self.pick("⚠", "!")
    }

    pub(super) fn good(self) -> &'static str {
        self.pick("✔", "+")
    }

    pub(super) fn bad(self) -> &'static str {
        self.pick("✖", "x")
    }

    pub(super) fn open(self) -> &'static str {
        self.pick("◌", "o")
    }

    pub(super) fn rule(self) -> &'static str {
        self.pick("─", "-")
    }

    pub(super) fn quote(self) -> &'static str {
        self.pick("│", "|")
    }

    /// What a cut line ends with.
    pub(super) fn ellipsis(self) -> &'static str {
        self.pick("…", "..")
    }

    /// A bar of `width` columns with the first `part` of `whole` filled. A share that is neither nothing
    /// nor everything is never drawn as one of them.
    pub(super) fn bar(self, line: Line, part: u64, whole: u64, width: usize, tone: Tone) -> Line {
        let (full, empty) = if self.unicode {
            ("█", "░")
        } else {
            ("#", ".")
        };
        let exact = if whole == 0 {
            0
        } else {
            (part.min(whole) as f64 / whole as f64 * width as f64).round() as usize
        };
        let filled = match part {
            0 => 0,
            _ if part >= whole => width,
            _ => exact.clamp(1, width.saturating_sub(1).max(1)),
        };
        let (open, close) = if self.unicode { ("", "") } else { ("[", "]") };
        line.with(Tone::Dim, open)
            .with(tone, full.repeat(filled))
            .with(Tone::Dim, empty.repeat(width.saturating_sub(filled)))
            .with(Tone::Dim, close)
    }
}
