//! What servers say, in few words.

/// How much of what a server says is told.
const WORDS_MAX: usize = 300;

/// What went wrong in few words: the code and the message of the server, or the innermost cause. Never a URL's query,
/// which may have a signature in it.
pub(crate) fn said(error: &object_store::Error) -> String {
    said_of(&error.to_string())
}

/// The same of the text of an answer.
pub(crate) fn said_of(text: &str) -> String {
    let within = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>"))
            .map(|(words, _)| words)
    };
    let words = match (within("Code"), within("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => text.rsplit(" - ").next().unwrap_or(text).to_owned(),
    };
    let words = words.lines().next().unwrap_or_default();
    let plain = words.split(' ').map(|word| match word.contains("://") {
        true => word.split('?').next().unwrap_or_default(),
        false => word,
    });
    let words: String = plain.collect::<Vec<_>>().join(" ");
    words.chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    #[test]
    fn signatures_are_not_told() {
        let told = said(&answer(
            "Error performing GET https://a.example/b?sv=1&sig=SECRET in 1ms - could not connect to \
             https://a.example/b?sig=SECRET now",
        ));
        assert_eq!(told, "could not connect to https://a.example/b now");
    }

    #[test]
    fn what_a_server_says_is_told_by_its_code_and_message() {
        let text = "x - Server returned non-2xx status code: 403 Forbidden: <?xml?><Error>\
                    <Code>AccessDenied</Code><Message>Access Denied</Message><Key>AKIA</Key></Error>";
        assert_eq!(said(&answer(text)), "AccessDenied: Access Denied");
    }
}
