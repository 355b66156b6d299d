//! A masker and a restorer that are simple enough to be seen through.

use std::borrow::Cow;

use crate::json::{Style, encode};
use crate::wire::{Encoding, Mask, Unmask, Unmasks};

/// What is hidden, and behind what. The last one needs escapes wherever it goes.
pub(super) const SECRETS: [(&str, &str); 3] = [
    ("jane@example.org", "EMAIL_1"),
    ("bob@example.net", "EMAIL_10"),
    ("\u{1ea4}n \"Q\"\\\n\u{1f600}", "PERSON_2"),
];

/// Hides the secrets; refuses what says `forbidden`.
#[derive(Default)]
pub(in crate::wire) struct Hider {
    /// The fields that were shown.
    pub(super) fields: Vec<String>,
}

impl Mask for Hider {
    type Refusal = &'static str;

    fn mask<'t>(&mut self, text: &'t str, field: &str) -> Result<Cow<'t, str>, &'static str> {
        self.fields.push(field.to_owned());
        if text.contains("forbidden") {
            return Err("forbidden");
        }
        let mut masked = text.to_owned();
        for (secret, placeholder) in SECRETS {
            masked = masked.replace(secret, placeholder);
        }
        Ok(if masked == text {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(masked)
        })
    }
}

/// Puts them back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knower;

/// One text being restored.
pub(super) struct Restoring {
    encoding: Encoding,
    held: String,
}

impl Unmasks for Knower {
    type Text = Restoring;

    fn text(&self, encoding: Encoding) -> Restoring {
        Restoring {
            encoding,
            held: String::new(),
        }
    }
}

impl Unmask for Restoring {
    fn push(&mut self, piece: &str, out: &mut String) {
        self.held.push_str(piece);
        self.settle(false, out);
    }

    fn finish(&mut self, out: &mut String) {
        self.settle(true, out);
    }

    fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }
}

impl Restoring {
    fn settle(&mut self, is_end: bool, out: &mut String) {
        let text = std::mem::take(&mut self.held);
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let may_grow = SECRETS
                .iter()
                .any(|(_, name)| name.len() > rest.len() && name.starts_with(rest));
            if may_grow && !is_end {
                self.held = rest.to_owned();
                return;
            }
            let longest = SECRETS
                .iter()
                .filter(|(_, name)| rest.starts_with(name))
                .max_by_key(|(_, name)| name.len());
            match longest {
                Some((secret, name)) => {
                    self.put(secret, out);
                    rest = &rest[name.len()..];
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
    }

    fn put(&self, secret: &str, out: &mut String) {
        match self.encoding {
            Encoding::Text => out.push_str(secret),
            Encoding::JsonText => {
                let mut escaped = Vec::new();
                encode(secret, Style::default(), &mut escaped);
                out.push_str(&String::from_utf8(escaped).unwrap());
            }
        }
    }
}

/// A whole text restored.
pub(super) fn restored(encoding: Encoding, text: &str) -> String {
    let mut out = String::new();
    let mut restoring = Knower.text(encoding);
    restoring.push(text, &mut out);
    restoring.finish(&mut out);
    out
}
