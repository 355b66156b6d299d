//! The keys of what a mask looks for besides what is built in.

use crate::keys::gateway::NONE;
use crate::keys::{Key, Kind, Preset, Section, TextForm, key};

const NAME: Key = key(
    "name",
    Kind::Name,
    Preset::Required,
    "Its name, different from that of every other recognizer.",
);
const ENTITY: Key = key(
    "entity",
    Kind::Form(TextForm::Entity),
    Preset::Required,
    "What it finds: an entity or label that is known, or a new one of capitals, digits and single underscores.",
);
const CONTEXT: Key = key(
    "context",
    Kind::List(&Kind::Text, 0),
    Preset::Value("[]"),
    "Words that raise the score when one of them stands near.",
);
const AGAINST: Key = key(
    "against",
    Kind::List(&Kind::Text, 0),
    Preset::Value("[]"),
    "Words that lower it.",
);
const FINDS: Key = key(
    "finds",
    Kind::List(&Kind::Text, 0),
    Preset::Value("[]"),
    "Examples in each of which it must find something. They are tried whenever the file is read.",
);
const PASSES: Key = key(
    "passes",
    Kind::List(&Kind::Text, 0),
    Preset::Value("[]"),
    "Examples in none of which it may find anything.",
);

pub(super) static DICTIONARY: Section = Section {
    header: "[[gateway.mask.dictionary]]",
    about: "Words that are found wherever they stand. One of `words` and `file` must be given. Repeat the \
            table for each.",
    keys: &[
        NAME,
        ENTITY,
        key(
            "words",
            Kind::List(&Kind::Text, 1),
            NONE,
            "The words or phrases.",
        ),
        key(
            "file",
            Kind::Path,
            NONE,
            "A file with them, one a line, as UTF-8; at most 4 MiB.",
        ),
        key(
            "case_sensitive",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether only the spelling that is given counts.",
        ),
        key(
            "within_words",
            Kind::Boolean,
            Preset::Value("false"),
            "Whether a word also counts within a longer one.",
        ),
        key(
            "score",
            Kind::Score,
            Preset::Value("0.85"),
            "How sure a word is without context.",
        ),
        CONTEXT,
        AGAINST,
        FINDS,
        PASSES,
    ],
};

pub(super) static RECOGNIZER: Section = Section {
    header: "[[gateway.mask.recognizer]]",
    about: "Regular expressions that find something. Repeat the table for each.",
    keys: &[
        NAME,
        ENTITY,
        key(
            "patterns",
            Kind::List(&Kind::Text, 1),
            Preset::Required,
            "The expressions, in the syntax of Rust's `regex`: no look-around, no back-references. Where one has a \
             group `(?P<value>...)`, that is what is found. Single quotes spare doubled backslashes.",
        ),
        key(
            "score",
            Kind::Score,
            Preset::Value("0.6"),
            "How sure a match is without context.",
        ),
        CONTEXT,
        AGAINST,
        FINDS,
        PASSES,
    ],
};
