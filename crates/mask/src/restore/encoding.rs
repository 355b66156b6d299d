//! How a text is escaped into which values are put.

/// How often the text of a stream is escaped for JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Plain text, as after decoding the JSON that carries it.
    #[default]
    Plain,
    /// The inside of JSON strings, such as the arguments of a tool after decoding the event: values are escaped once.
    Json,
    /// The inside of JSON strings within a JSON string, such as arguments in an event that is not decoded: twice.
    JsonTwice,
}

impl Encoding {
    /// How often escapes are to be read.
    pub(crate) fn depth(self) -> u8 {
        match self {
            Encoding::Plain => 0,
            Encoding::Json => 1,
            Encoding::JsonTwice => 2,
        }
    }

    /// Appends a value, escaped.
    pub(crate) fn write(self, value: &str, output: &mut String) {
        match self {
            Encoding::Plain => output.push_str(value),
            Encoding::Json => escape(value, output),
            Encoding::JsonTwice => {
                let mut once = String::with_capacity(value.len() + 8);
                escape(value, &mut once);
                escape(&once, output);
            }
        }
    }
}

/// Appends a text as it stands within a JSON string (RFC 8259, 7).
fn escape(text: &str, output: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        output.push_str(&text[from..at]);
        from = at + 1;
        if short.is_empty() {
            output.push_str("\\u00");
            output.push(char::from(HEX[usize::from(byte >> 4)]));
            output.push(char::from(HEX[usize::from(byte & 15)]));
        } else {
            output.push_str(short);
        }
    }
    output.push_str(&text[from..]);
}
