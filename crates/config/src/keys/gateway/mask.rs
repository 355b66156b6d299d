//! The keys of masks.

use portcullis_mask::Regions;

use super::NONE;
use crate::bounds::{
    MASKED_BODY_BYTES_MAX, MASKED_BODY_BYTES_MIN, MODEL_TEXT_BYTES_MAX, MODEL_TEXT_BYTES_MIN,
};
use crate::keys::{Kind, Preset, Section, TextForm, key};

mod custom;

use custom::{DICTIONARY, RECOGNIZER};

/// What is done with data; what is masked comes back in answers, what is redacted does not.
pub(crate) const ACTIONS: &[&str] = &["mask", "redact", "block", "report"];
/// The dictionaries that the mask crate brings.
pub(crate) const BUNDLED: &[&str] = &["organizations", "hostnames"];

pub(super) static MASK: Section = Section {
    header: "[[gateway.mask]]",
    about: "What is hidden in the requests of the routes that name it in `mask`, and restored in their \
            answers: personal and secret data becomes placeholders such as `EMAIL_1` before a request is \
            sent on. Kinds of data are named by their entity (`EMAIL_ADDRESS`) or its label (`EMAIL`); \
            `portcullis mask entities` lists them. Only \
            `name` and `application` must be given: then everything that is known is masked. Repeat the table \
            for each.",
    keys: &[
        key("name", Kind::Name, Preset::Required, "Its name."),
        key(
            "application",
            Kind::Choice(&["dify", "openai", "anthropic", "json"]),
            Preset::Required,
            "Whose messages they are, which says where in them is text: Dify's service API, OpenAI's API and \
             what speaks it, Anthropic's API, or any JSON by `fields`.",
        ),
        key(
            "version",
            Kind::Choice(&["detect", "0.15", "1"]),
            Preset::Absent("`detect`"),
            "Dify only: its version. `detect` takes it from the server's answers; `1` is 1.0 and later.",
        ),
        key(
            "mode",
            Kind::Choice(&["enforce", "shadow"]),
            Preset::Value("\"enforce\""),
            "`shadow` changes nothing and counts what would be hidden.",
        ),
        key(
            "placeholders",
            Kind::Choice(&["plain", "brackets", "angles", "tagged"]),
            Preset::Value("\"plain\""),
            "How a placeholder is written: `EMAIL_1`, `[[EMAIL_1]]`, `<EMAIL_1>`, or `EMAIL_1_k7q2` with a tag \
             of the conversation.",
        ),
        key(
            "action",
            Kind::Choice(ACTIONS),
            Preset::Value("\"mask\""),
            "What is done with data that `actions` does not name: `mask` puts a placeholder and restores it, \
             `redact` puts the label for good, `block` refuses the request, `report` counts it and lets it pass.",
        ),
        key(
            "actions",
            Kind::Actions,
            Preset::Value("{}"),
            "What is done with single kinds of data, such as `{ PRIVATE_KEY = \"block\" }`. A label counts before \
             a name that covers several.",
        ),
        key(
            "only",
            Kind::List(&Kind::Text, 0),
            Preset::Absent("everything is looked for"),
            "What is looked for alone: entities, labels or recognizers. What the mask brings itself is looked for \
             in any case.",
        ),
        key(
            "without",
            Kind::List(&Kind::Text, 0),
            Preset::Value("[]"),
            "What is not looked for: entities, labels or recognizers; not together with `only`.",
        ),
        key(
            "threshold",
            Kind::Score,
            Preset::Value("0.5"),
            "How sure a recognizer must be.",
        ),
        key(
            "thresholds",
            Kind::Scores,
            Preset::Value("{}"),
            "The same for single kinds of data, such as `{ PHONE_NUMBER = 0.6 }`.",
        ),
        key(
            "phone_regions",
            Kind::List(&Kind::Choice(&Regions::CODES), 0),
            Preset::Absent("all of them"),
            "Whose telephone numbers are found as people of the country write them, by ISO 3166 code, such as \
             `[\"VN\", \"US\"]`. Numbers with a country's calling code (`+84`) are found in any case, for `[]` they alone.",
        ),
        key(
            "allow",
            Kind::List(&Kind::Text, 0),
            Preset::Value("[]"),
            "Values that are never hidden; case is ignored.",
        ),
        key(
            "allow_patterns",
            Kind::List(&Kind::Text, 0),
            Preset::Value("[]"),
            "Regular expressions; a value that one of them matches as a whole is never hidden.",
        ),
        key(
            "dictionaries",
            Kind::List(&Kind::Choice(BUNDLED), 0),
            Preset::Value("[]"),
            "Bundled dictionaries that are used: names of well-known organizations, words for hosts.",
        ),
        key(
            "model",
            Kind::Path,
            Preset::Absent("no model is asked"),
            "A folder with a token-classification model (BERT, DistilBERT or RoBERTa as `transformers` saves them), which \
             finds names of people, organizations and places. Only for a portcullis that was built with the feature \
             `model`. Names are not looked for in answers.",
        ),
        key(
            "model_text_max",
            Kind::Bytes(MODEL_TEXT_BYTES_MIN, MODEL_TEXT_BYTES_MAX),
            Preset::Value("\"32KiB\""),
            "The most text of one request that the model reads; a request with more is answered with 413.",
        ),
        key(
            "fields",
            Kind::List(&Kind::Form(TextForm::FieldPointer), 1),
            Preset::Absent("must be given for `json`"),
            "`json` only: which strings of requests are masked. JSON pointers with `*` for any member or element \
             and `**` for any number of them.",
        ),
        key(
            "answer_fields",
            Kind::List(&Kind::Form(TextForm::FieldPointer), 1),
            Preset::Absent("every string"),
            "`json` only: which strings of answers are restored, written as `fields`.",
        ),
        key(
            "select_inputs",
            Kind::List(&Kind::Text, 0),
            Preset::Absent("none"),
            "Dify only: names of inputs whose value is one of given options; they are never masked, because Dify \
             refuses any other value.",
        ),
        key(
            "body_max",
            Kind::Bytes(MASKED_BODY_BYTES_MIN, MASKED_BODY_BYTES_MAX),
            Preset::Value("\"10MiB\""),
            "The largest body of a request, which is kept in memory; a larger one is answered with 413.",
        ),
        key(
            "unknown",
            Kind::Choice(&["refuse", "pass"]),
            Preset::Value("\"refuse\""),
            "What becomes of a request that the application does not know, or whose content type cannot be looked \
             into. `pass` sends it on unmasked.",
        ),
        key(
            "leaks",
            Kind::Choice(&["off", "report", "mask", "block"]),
            Preset::Value("\"off\""),
            "What becomes of data in answers that this conversation did not hide: it is counted, replaced by its \
             label, or the answer is withheld.",
        ),
        key(
            "datasets",
            Kind::Choice(&["pass", "mask", "refuse"]),
            Preset::Absent("`pass`"),
            "Dify only: what becomes of requests of the knowledge API, whose texts are documents.",
        ),
        key(
            "dictionary",
            Kind::Tables(&DICTIONARY),
            NONE,
            "Words of your own.",
        ),
        key(
            "recognizer",
            Kind::Tables(&RECOGNIZER),
            NONE,
            "Expressions of your own.",
        ),
    ],
};
