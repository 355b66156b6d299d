//! The text of a scrape: families, samples, escapes. The formats are
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

use std::fmt::Write;

use super::Format;

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; the name of its samples ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper edge.
    Histogram,
}

/// A text in the making.
#[derive(Debug)]
pub(super) struct Exposition {
    format: Format,
    text: String,
    /// The name of the family's samples.
    name: String,
}

/// The names and values of a sample's labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Exposition {
    /// An empty text.
    pub(super) fn new(format: Format) -> Exposition {
        Exposition {
            format,
            text: String::with_capacity(16 * 1024),
            name: String::new(),
        }
    }

    /// Begins a family, to which the samples that follow belong. The name of a counter comes without `_total`.
    pub(super) fn family(&mut self, kind: Kind, name: &str, help: &str) {
        let (word, suffix) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        self.name = format!("{name}{suffix}");
        // OpenMetrics names the family, the older format the samples.
        let title = match self.format {
            Format::Text => self.name.as_str(),
            Format::OpenMetrics => name,
        };
        let _ = writeln!(self.text, "# HELP {title} {}", escape(help));
        let _ = writeln!(self.text, "# TYPE {title} {word}");
    }

    /// A sample of a counter or a gauge that is a whole number.
    pub(super) fn whole(&mut self, labels: Labels<'_>, value: u64) {
        self.begin("", labels, None);
        let _ = writeln!(self.text, " {value}");
    }

    /// A sample of a gauge.
    pub(super) fn number(&mut self, labels: Labels<'_>, value: f64) {
        self.begin("", labels, None);
        let _ = writeln!(self.text, " {value}");
    }

    /// A histogram: for each upper edge in seconds how many values fell below it and above the one before, then
    /// how many were above all, and the sum in seconds.
    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        counts: &[(f64, u64)],
        above: u64,
        sum_s: f64,
    ) {
        let mut count = 0;
        for (edge_s, n) in counts {
            count += n;
            // `1` in the older format, `1.0` in OpenMetrics, which wants its own form of numbers here.
            let edge = match self.format {
                Format::Text => format!("{edge_s}"),
                Format::OpenMetrics => format!("{edge_s:?}"),
            };
            self.begin("_bucket", labels, Some(&edge));
            let _ = writeln!(self.text, " {count}");
        }
        count += above;
        self.begin("_bucket", labels, Some("+Inf"));
        let _ = writeln!(self.text, " {count}");
        self.begin("_sum", labels, None);
        let _ = writeln!(self.text, " {sum_s}");
        self.begin("_count", labels, None);
        let _ = writeln!(self.text, " {count}");
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn begin(&mut self, suffix: &str, labels: Labels<'_>, edge: Option<&str>) {
        self.text.push_str(&self.name);
        self.text.push_str(suffix);
        let edge = edge.map(|edge| ("le", edge));
        let mut opening = '{';
        for (name, value) in labels.iter().copied().chain(edge) {
            let _ = write!(self.text, "{opening}{name}=\"{}\"", escape(value));
            opening = ',';
        }
        if opening == ',' {
            self.text.push('}');
        }
    }
}

/// Escapes what would end a label's value or a line. Plain text has no need for `\"` in a help text, but reads
/// it the same way; help texts are our own and have none.
fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(['\\', '"', '\n']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests;
