//! Bundled dictionaries. None is on unless the rules name it: names of companies and words such as `server` are no
//! personal data in most texts, and hiding them costs the model its understanding.

/// A list of words that comes with the program.
pub(crate) struct Bundled {
    /// Its name in the rules.
    pub(crate) id: &'static str,
    /// The label of its words' entity.
    pub(crate) entity: &'static str,
    /// Its words, one a line.
    words: &'static str,
    /// Whether case counts: a name that is also an ordinary word counts only with its capital.
    pub(crate) is_case_sensitive: bool,
}

impl Bundled {
    /// Its words.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.words
            .lines()
            .map(str::trim)
            .filter(|word| !word.is_empty())
    }

    /// The dictionary of this name.
    pub(crate) fn named(id: &str) -> Option<&'static Bundled> {
        ALL.iter().find(|bundled| bundled.id == id)
    }

    /// The names of all of them, for messages.
    pub(crate) fn names() -> String {
        ALL.iter()
            .map(|bundled| bundled.id)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// All bundled dictionaries.
const ALL: &[Bundled] = &[
    Bundled {
        id: "organizations",
        entity: "ORG",
        words: include_str!("dictionary/organizations.txt"),
        is_case_sensitive: false,
    },
    Bundled {
        id: "hostnames",
        entity: "HOSTNAME",
        words: include_str!("dictionary/hostnames.txt"),
        is_case_sensitive: false,
    },
];
