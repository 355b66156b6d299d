//! In which format a scraper wants its metrics (`Accept`, RFC 9110, 12.5.1).

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format for a request with this `Accept`: OpenMetrics if it is wanted at least as much as plain text.
    /// Who asks for neither, such as a browser, gets plain text.
    pub(crate) fn from_accept(accept: Option<&str>) -> Format {
        let (mut open, mut text) = (0.0, 0.0);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0, None);
            for part in parts {
                match part.split_once('=') {
                    Some(("q" | "Q", value)) => quality = value.parse().unwrap_or(0.0),
                    Some(("version", value)) => version = Some(value.trim_matches('"')),
                    _ => {}
                }
            }
            let known = |wanted| version.is_none_or(|version| version == wanted);
            if name.eq_ignore_ascii_case("application/openmetrics-text") && known("1.0.0") {
                open = f32::max(open, quality);
            } else if name.eq_ignore_ascii_case("text/plain") && known("0.0.4") {
                text = f32::max(text, quality);
            }
        }
        if open > 0.0 && open >= text {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }

    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests;
