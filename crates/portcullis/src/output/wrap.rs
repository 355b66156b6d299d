//! Lines of a bounded width.

/// Breaks a text at blanks; a word that is longer than a line stands alone.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.lines() {
        let mut line = String::new();
        let mut length = 0;
        for word in part.split_whitespace() {
            let word_length = word.chars().count();
            if length > 0 && length + 1 + word_length > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += word_length;
        }
        lines.push(line);
    }
    lines
}

/// Breaks each line that is longer than `width`. What goes on stands as far in as the line did and
/// `hang` further. Shorter lines, and all without a width, stay as they are.
pub(crate) fn fitted(text: &str, width: Option<usize>, hang: usize) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let lines = text.split('\n').map(|line| {
        if line.chars().count() <= width {
            return line.to_owned();
        }
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let room = width.saturating_sub(blanks + hang).max(1);
        let first = " ".repeat(blanks);
        let next = format!("\n{}", " ".repeat(blanks + hang));
        first + &wrap(line, room).join(&next)
    });
    lines.collect::<Vec<_>>().join("\n")
}
