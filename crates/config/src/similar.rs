//! Guessing what was meant.

/// The candidate nearest to a mistyped word, if one is near enough that it was probably meant.
///
/// Upper case, hyphens and underscores count as nothing; otherwise one slip (a letter wrong, missing,
/// added, or two swapped: Damerau-Levenshtein distance) is allowed up to four letters, and one more
/// for every four further ones.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let word = plain(word);
    let slips_max = 1 + word.chars().count().saturating_sub(1) / 4;
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &plain(candidate)),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= slips_max && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Words as a sentence has them: `a, b or c`.
pub(crate) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests;
