//! Names that announce a secret: `password`, `DB_PASSWORD`, `clientSecret`, "the API key for staging", "mat khau".

use unicode_normalization::char::decompose_canonical;

/// What a name announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A password, which may be any word.
    Password,
    /// A random-looking token.
    Secret,
    /// The name of a header whose value holds credentials after a scheme.
    Authorization,
}

/// A name that announces something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// What it announces.
    pub(crate) kind: Kind,
    /// Whether the word means other things as well (`pass`, `auth`), so that the value must say more.
    pub(crate) is_faint: bool,
    /// Whether it is written all in capitals, as names of environment variables are.
    pub(crate) is_loud: bool,
    /// Whether it stands in quotes, as keys of JSON and of dictionaries do.
    pub(crate) is_quoted: bool,
    /// Whether it is a member of the object at hand: `self.password`.
    pub(crate) is_member: bool,
    /// Whether a service is named whose keys have no form of their own.
    pub(crate) has_service: bool,
}

impl Name {
    /// A name of which nothing else is known.
    pub(crate) const fn plain(kind: Kind, is_faint: bool) -> Name {
        Name {
            kind,
            is_faint,
            is_loud: false,
            is_quoted: false,
            is_member: false,
            has_service: false,
        }
    }
}

/// How many bytes of a name are read.
pub(crate) const LIMIT: usize = 56;

/// Words at the end of a name, and what they announce; longer ones first where one ends another. Spaces stand for any
/// separator or none.
const WORDS: &[(&str, Option<Kind>, bool)] = &[
    ("public key token", None, false),
    ("proxy pass", None, false),
    ("by pass", None, false),
    ("continuation token", None, false),
    ("next page token", None, false),
    ("page token", None, false),
    ("next token", None, false),
    ("sync token", None, false),
    ("cancellation token", None, false),
    ("cancel token", None, false),
    ("pad token", None, false),
    ("eos token", None, false),
    ("bos token", None, false),
    ("unk token", None, false),
    ("per token", None, false),
    ("last token", None, false),
    ("kubernetes secret", None, false),
    ("forgot password", None, false),
    ("one time password", Some(Kind::Password), true),
    ("password", Some(Kind::Password), false),
    ("passwords", Some(Kind::Password), false),
    ("passwd", Some(Kind::Password), false),
    ("pass word", Some(Kind::Password), false),
    ("pwd", Some(Kind::Password), false),
    ("pw", Some(Kind::Password), true),
    ("mk wifi", Some(Kind::Password), false),
    ("pass wifi", Some(Kind::Password), false),
    ("pswd", Some(Kind::Password), false),
    ("passphrase", Some(Kind::Password), false),
    ("pass phrase", Some(Kind::Password), false),
    ("passcode", Some(Kind::Password), true),
    ("passwort", Some(Kind::Password), false),
    ("kennwort", Some(Kind::Password), false),
    ("contrasena", Some(Kind::Password), false),
    ("mot de passe", Some(Kind::Password), false),
    ("senha", Some(Kind::Password), false),
    ("clave", Some(Kind::Password), true),
    ("wachtwoord", Some(Kind::Password), false),
    ("haslo", Some(Kind::Password), false),
    ("losenord", Some(Kind::Password), false),
    ("salasana", Some(Kind::Password), false),
    ("sifre", Some(Kind::Password), false),
    ("parola", Some(Kind::Password), true),
    ("adgangskode", Some(Kind::Password), false),
    ("passord", Some(Kind::Password), false),
    ("heslo", Some(Kind::Password), false),
    ("jelszo", Some(Kind::Password), false),
    ("lozinka", Some(Kind::Password), false),
    ("kata sandi", Some(Kind::Password), false),
    ("kata laluan", Some(Kind::Password), false),
    ("mat khau", Some(Kind::Password), false),
    ("pass", Some(Kind::Password), true),
    ("psw", Some(Kind::Password), true),
    ("mk", Some(Kind::Password), true),
    ("authorization", Some(Kind::Authorization), false),
    ("secret", Some(Kind::Secret), false),
    ("token", Some(Kind::Secret), false),
    ("api key", Some(Kind::Secret), false),
    ("access key", Some(Kind::Secret), false),
    ("secret key", Some(Kind::Secret), false),
    ("private key", Some(Kind::Secret), false),
    ("private key id", Some(Kind::Secret), false),
    ("encryption key", Some(Kind::Secret), false),
    ("decryption key", Some(Kind::Secret), false),
    ("signing key", Some(Kind::Secret), false),
    ("auth key", Some(Kind::Secret), false),
    ("master key", Some(Kind::Secret), false),
    ("account key", Some(Kind::Secret), false),
    ("shared key", Some(Kind::Secret), false),
    ("storage key", Some(Kind::Secret), false),
    ("service key", Some(Kind::Secret), false),
    ("service role key", Some(Kind::Secret), false),
    ("app key", Some(Kind::Secret), false),
    ("application key", Some(Kind::Secret), false),
    ("client key", Some(Kind::Secret), false),
    ("consumer key", Some(Kind::Secret), false),
    ("subscription key", Some(Kind::Secret), false),
    ("session key", Some(Kind::Secret), false),
    ("security key", Some(Kind::Secret), false),
    ("deploy key", Some(Kind::Secret), false),
    ("admin key", Some(Kind::Secret), false),
    ("license key", Some(Kind::Secret), true),
    ("hmac key", Some(Kind::Secret), false),
    ("jwt key", Some(Kind::Secret), false),
    ("recovery key", Some(Kind::Secret), false),
    ("secret key base", Some(Kind::Secret), false),
    ("recovery code", Some(Kind::Secret), true),
    ("backup code", Some(Kind::Secret), true),
    ("session id", Some(Kind::Secret), true),
    ("php sess id", Some(Kind::Secret), true),
    ("session cookie", Some(Kind::Secret), true),
    ("session", Some(Kind::Secret), true),
    ("credential", Some(Kind::Secret), false),
    ("credentials", Some(Kind::Secret), false),
    ("salt", Some(Kind::Secret), true),
    ("auth", Some(Kind::Secret), true),
    ("sig", Some(Kind::Secret), true),
    ("khoa api", Some(Kind::Secret), false),
    ("ma api", Some(Kind::Secret), false),
    ("khoa bi mat", Some(Kind::Secret), false),
    ("ma bi mat", Some(Kind::Secret), false),
    ("khoa truy cap", Some(Kind::Secret), false),
];

/// Words for passwords in scripts that are not folded.
pub(crate) const OTHER_SCRIPTS: &[&str] = &[
    // Japanese: pasuwado, ansho bango. Chinese: mima, kouling. Korean: bimilbeonho, amho.
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "\u{6697}\u{8a3c}\u{756a}\u{53f7}",
    "\u{5bc6}\u{7801}",
    "\u{5bc6}\u{78bc}",
    "\u{53e3}\u{4ee4}",
    "\u{be44}\u{bc00}\u{bc88}\u{d638}",
    "\u{c554}\u{d638}",
    "\u{d328}\u{c2a4}\u{c6cc}\u{b4dc}",
    // Russian and Ukrainian: parol. Thai: rahat phan. Hindi: pasvard. Arabic: kalimat almurur.
    "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
    "\u{41f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
    "\u{41f}\u{410}\u{420}\u{41e}\u{41b}\u{42c}",
    "\u{e23}\u{e2b}\u{e31}\u{e2a}\u{e1c}\u{e48}\u{e32}\u{e19}",
    "\u{92a}\u{93e}\u{938}\u{935}\u{930}\u{94d}\u{921}",
    "\u{643}\u{644}\u{645}\u{629} \u{627}\u{644}\u{645}\u{631}\u{648}\u{631}",
];

/// Names in capitals that end with `_KEY` but hold no secret.
const OPEN_KEYS: &[&str] = &[
    "PUBLIC_KEY",
    "PRIMARY_KEY",
    "FOREIGN_KEY",
    "PARTITION_KEY",
    "SORT_KEY",
    "CACHE_KEY",
    "ROUTING_KEY",
    "IDEMPOTENCY_KEY",
    "HOST_KEY",
];

/// Words that may follow a name before its value: "the password for staging is".
const TAILS: &[&str] = &[
    "for",
    "of",
    "to",
    "on",
    "in",
    "is",
    "was",
    "here",
    "wifi",
    "cua",
    "cho",
    "moi",
    "cu",
    "la",
    "dang",
    "tai",
    "root",
    "admin",
    "hien",
    "ban",
    "mac",
    "vao",
    "confirm",
    "confirmation",
    "again",
    "value",
    "string",
    "str",
    "text",
    "new",
    "old",
    "now",
    "toi",
    "he",
    "email",
    "gmail",
    "facebook",
];

/// Services whose keys have no form of their own.
const SERVICES: &[&str] = &[
    "aws",
    "amazon",
    "heroku",
    "cloudflare",
    "datadog",
    "twilio",
    "azure",
    "algolia",
    "wandb",
    "cohere",
    "mistral",
    "fastly",
    "snyk",
    "okta",
    "pagerduty",
    "trello",
    "newrelic",
    "pinecone",
    "deepl",
    "mapbox",
    "dd_api",
    "secret access key",
    "secretaccesskey",
    "secret_access_key",
    "accountkey",
    "sharedaccesskey",
];

/// What the words before a sign announce.
pub(crate) fn announced(piece: &str) -> Option<Name> {
    if !piece.is_ascii() && is_of_other_script(piece) {
        return Some(Name::plain(Kind::Password, false));
    }
    let mut plain = [0_u8; LIMIT];
    let folded = folded(piece, &mut plain);
    let folded = without_digits(folded);
    let (kind, is_faint) = kind_of(folded).or_else(|| loud_key(folded))?;
    Some(Name {
        kind,
        is_faint,
        is_quoted: false,
        is_member: contains(folded, b"self.") || contains(folded, b"this."),
        is_loud: !folded.iter().any(u8::is_ascii_lowercase),
        has_service: SERVICES
            .iter()
            .any(|service| contains(folded, service.as_bytes())),
    })
}

/// Whether a piece ends with a word for passwords in another script.
pub(crate) fn is_of_other_script(piece: &str) -> bool {
    let piece = piece.trim_end_matches([' ', '\u{3000}']);
    OTHER_SCRIPTS.iter().any(|word| piece.ends_with(word))
}

/// `MAILGUN_KEY`: a variable of the environment that ends so.
fn loud_key(name: &[u8]) -> Option<(Kind, bool)> {
    let is_loud = name.len() > 5
        && name.ends_with(b"_KEY")
        && !name.iter().any(u8::is_ascii_lowercase)
        && !OPEN_KEYS.iter().any(|open| name.ends_with(open.as_bytes()));
    is_loud.then_some((Kind::Secret, true))
}

/// Whether a value is itself one of the words: a label, not a value. A label has no digits but at its end, and no signs
/// that passwords are given.
pub(crate) fn is_announcing(piece: &str) -> bool {
    let is_label =
        |character: char| character.is_alphabetic() || matches!(character, '_' | '-' | '.');
    let word = piece.trim_end_matches(|character: char| character.is_ascii_digit());
    // Who ends such a word with a year or a counted number has made a password of it.
    piece.len() < word.len() + 3
        && piece.len() <= LIMIT
        && word.chars().all(is_label)
        && announced(piece).is_some()
}

/// The end of a piece without diacritics; capitals stay.
fn folded<'a>(piece: &'a str, plain: &'a mut [u8; LIMIT]) -> &'a [u8] {
    let from = piece.ceil_char_boundary(piece.len().saturating_sub(LIMIT));
    let piece = &piece[from..];
    if piece.is_ascii() {
        return piece.as_bytes();
    }
    let mut length = 0;
    for character in piece.chars() {
        decompose_canonical(character, |part| {
            let byte = match part {
                '\u{111}' => b'd',
                '\u{110}' => b'D',
                '\u{142}' => b'l',
                '\u{131}' => b'i',
                '\u{f8}' => b'o',
                '\u{300}'..='\u{36f}' => return,
                other => u8::try_from(other)
                    .ok()
                    .filter(u8::is_ascii)
                    .unwrap_or(b'?'),
            };
            if let Some(place) = plain.get_mut(length) {
                *place = byte;
                length += 1;
            }
        });
    }
    &plain[..length]
}

/// A name without a number at its end: `password2`, `password_1`.
fn without_digits(name: &[u8]) -> &[u8] {
    let mut end = name.len();
    while end > 0 && (name[end - 1].is_ascii_digit() || is_separator(name[end - 1])) {
        end -= 1;
    }
    &name[..end]
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'_' | b'-' | b'.' | b'\t' | b'(' | b'[')
}

/// What the last words announce, or those before a tail.
fn kind_of(name: &[u8]) -> Option<(Kind, bool)> {
    if let Some(found) = last_words(name) {
        return found;
    }
    let mut end = name.len();
    for _ in 0..6 {
        let place = name[..end].iter().rposition(|byte| is_separator(*byte))?;
        let tail = &name[place + 1..];
        let word = tail
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        end = place;
        if TAILS
            .iter()
            .any(|known| tail[..word].eq_ignore_ascii_case(known.as_bytes()))
        {
            let head = without_digits(&name[..place]);
            if let Some(found) = last_words(head) {
                return found;
            }
        }
    }
    None
}

/// What a name ends with, among the known words.
#[allow(
    clippy::option_option,
    reason = "known to announce nothing is an answer"
)]
fn last_words(name: &[u8]) -> Option<Option<(Kind, bool)>> {
    let last = name.last()?.to_ascii_lowercase();
    WORDS
        .iter()
        .filter(|(words, _, _)| words.as_bytes().last() == Some(&last))
        .find(|(words, _, _)| ends_with(name, words.as_bytes()))
        .map(|(_, kind, is_faint)| kind.map(|kind| (kind, *is_faint)))
}

/// Whether a name ends with words, which may be joined in any way, and which begin a word of the name.
fn ends_with(name: &[u8], words: &[u8]) -> bool {
    let mut at = name.len();
    for byte in words.iter().rev() {
        if *byte == b' ' {
            while at > 0 && is_separator(name[at - 1]) {
                at -= 1;
            }
            continue;
        }
        if at == 0 || !name[at - 1].eq_ignore_ascii_case(byte) {
            return false;
        }
        at -= 1;
    }
    let Some(before) = at.checked_sub(1).map(|at| name[at]) else {
        return true;
    };
    let begins_hump = name[at].is_ascii_uppercase() && before.is_ascii_lowercase();
    // `DBPASSWORD`, `pgpassword`: only words that are long enough to mean nothing else may stand within another.
    let is_long = words.len() >= 8 && words.starts_with(b"passw");
    !before.is_ascii_alphabetic() || begins_hump || is_long
}

/// Whether a name holds a word.
fn contains(name: &[u8], word: &[u8]) -> bool {
    name.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
