//! What the end of a name says: the public suffix list (<https://publicsuffix.org>), and how likely a name under a
//! top-level domain is one rather than a file or a piece of source code.

use std::borrow::Cow;

use psl::{List, Psl, Type};

/// The longest top-level domain that is looked up; the longest listed one has 24 bytes in Punycode.
const TLD_MAX: usize = 63;

/// How likely a name under a top-level domain is a domain at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `com`, `org` and their like, internationalized ones, and second levels such as `co.uk` and `github.io`.
    Strong,
    /// A country's, where its two letters are no usual word, file ending or attribute.
    Country,
    /// One that companies and people use, but source code as well: `io`, `dev`, `shop`.
    Web,
    /// A word that stands after dots in source code and file names: `name`, `id`, `zip`, `rs`.
    Word,
    /// Reserved for private use, tests and examples (RFC 2606, RFC 6761, RFC 6762 appendix G, RFC 7686, ICANN's `internal`).
    Reserved,
}

const STRONG: &[&str] = &["com", "org", "net", "edu", "gov", "mil", "biz"];

const COUNTRY: &[&str] = &[
    "ae", "ar", "au", "bg", "br", "ca", "ch", "cn", "cr", "cz", "de", "dk", "ec", "ee", "eu", "fi",
    "fr", "gh", "gr", "hk", "hr", "hu", "ie", "il", "ir", "jp", "ke", "kh", "kp", "kr", "kz", "lk",
    "lt", "lu", "lv", "mx", "my", "ng", "nl", "np", "nz", "pe", "ph", "pk", "pt", "ro", "ru", "se",
    "sg", "si", "sk", "su", "th", "tr", "tw", "tz", "ua", "ug", "uk", "uy", "uz", "vn", "za",
];

const WEB: &[&str] = &[
    "academy",
    "agency",
    "ai",
    "app",
    "asia",
    "bank",
    "bet",
    "blog",
    "boutique",
    "capital",
    "careers",
    "cat",
    "clinic",
    "cloud",
    "club",
    "co",
    "community",
    "company",
    "consulting",
    "dev",
    "digital",
    "education",
    "email",
    "engineering",
    "enterprises",
    "es",
    "expert",
    "finance",
    "foundation",
    "fun",
    "fund",
    "global",
    "gmbh",
    "guru",
    "hosting",
    "hotel",
    "icu",
    "industries",
    "insurance",
    "international",
    "io",
    "lawyer",
    "life",
    "ltd",
    "marketing",
    "media",
    "mobi",
    "network",
    "news",
    "ninja",
    "online",
    "partners",
    "photography",
    "pro",
    "restaurant",
    "sale",
    "school",
    "services",
    "shop",
    "site",
    "software",
    "solutions",
    "space",
    "store",
    "studio",
    "systems",
    "tech",
    "technology",
    "tel",
    "tools",
    "travel",
    "tv",
    "university",
    "ventures",
    "vip",
    "website",
    "wiki",
    "works",
    "world",
    "xyz",
];

const RESERVED: &[&str] = &[
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
];

/// Second levels under which countries let names be registered, so that a name of three labels is one: `co.uk`, `com.vn`.
const SECOND: &[&str] = &[
    "ac", "asso", "biz", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "idv", "ltd", "me",
    "mil", "ne", "net", "nhs", "nom", "or", "org", "plc", "police", "sch", "web",
];

/// What the list says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suffix {
    pub(super) kind: Kind,
    /// How many bytes the suffix has. A name must have more.
    pub(super) len: usize,
}

/// The kind of a top-level domain by itself, without a look at the list: nothing for what can be none.
pub(super) fn kind(tld: &str) -> Option<Kind> {
    if tld.len() < 2 || tld.len() > TLD_MAX {
        return None;
    }
    if !tld.is_ascii() {
        return Some(Kind::Strong);
    }
    let mut buffer = [0_u8; TLD_MAX];
    let lower = &mut buffer[..tld.len()];
    lower.copy_from_slice(tld.as_bytes());
    lower.make_ascii_lowercase();
    if lower.starts_with(b"xn--") {
        return Some(Kind::Strong);
    }
    if !lower.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let lower = std::str::from_utf8(lower).ok()?;
    let is_in = |list: &[&str]| list.contains(&lower);
    Some(if is_in(STRONG) {
        Kind::Strong
    } else if lower.len() == 2 && is_in(COUNTRY) {
        Kind::Country
    } else if is_in(RESERVED) {
        Kind::Reserved
    } else if WEB.binary_search(&lower).is_ok() {
        Kind::Web
    } else {
        Kind::Word
    })
}

/// The suffix of a name with good labels. Nothing when its top-level domain is neither listed nor reserved.
pub(super) fn of(name: &str) -> Option<Suffix> {
    let tld = name.rsplit('.').next()?;
    let kind = kind(tld)?;
    if kind == Kind::Reserved {
        return Some(Suffix {
            kind,
            len: tld.len(),
        });
    }
    let lower: Cow<'_, str> = if name
        .bytes()
        .any(|byte| byte.is_ascii_uppercase() || byte >= 0x80)
    {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let info = List.find(lower.as_bytes().rsplit(|byte| *byte == b'.'));
    let listed = info.typ?;
    if info.len <= tld.len() || lower.len() != name.len() {
        return Some(Suffix {
            kind,
            len: tld.len(),
        });
    }
    let suffix = &lower[lower.len() - info.len..];
    let second = suffix.split('.').next().unwrap_or_default();
    if listed == Type::Private {
        // `github.io` is a name itself; what counts as its suffix is the top-level domain. Names of customers under it
        // stand for themselves, except under ones as short as attributes: `e.id`.
        let is_hosting = lower.len() > info.len && second.len() > 2;
        return Some(Suffix {
            kind: if is_hosting { Kind::Strong } else { kind },
            len: tld.len(),
        });
    }
    let is_known = SECOND.contains(&second) || kind == Kind::Country;
    Some(Suffix {
        kind: if is_known { Kind::Strong } else { kind },
        len: info.len,
    })
}

/// Whether mail may be sent to a domain: its top-level domain is listed or reserved, and it is more than a suffix.
pub(super) fn takes_mail(domain: &str) -> Option<Kind> {
    of(domain)
        .filter(|suffix| domain.len() > suffix.len)
        .map(|suffix| suffix.kind)
}

/// Whether the tables that are searched by halves are in order.
#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    WEB.is_sorted()
}
