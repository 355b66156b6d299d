//! The keys of who may use a route.

use super::NONE;
use crate::bounds::SKEW_MS_MAX;
use crate::keys::{Kind, Preset, Section, TextForm, key};

pub(super) static ACCESS: Section = Section {
    header: "[[gateway.access]]",
    about: "Who may use the routes that name it in `access`. Everything that is given must hold; \
            of `keys` and `jwt` one is enough. Repeat the table for each.",
    keys: &[
        key("name", Kind::Name, Preset::Required, "Its name."),
        key(
            "allow",
            Kind::List(&Kind::Network, 1),
            Preset::Absent("all"),
            "Addresses that are let in.",
        ),
        key(
            "deny",
            Kind::List(&Kind::Network, 0),
            Preset::Value("[]"),
            "Addresses that are not let in, also when `allow` names them.",
        ),
        key(
            "scopes",
            Kind::List(&Kind::Text, 0),
            Preset::Value("[]"),
            "Scopes of which the key or token must have all.",
        ),
        key(
            "keys",
            Kind::Table(&KEYS),
            Preset::Absent("none is asked for"),
            "API keys.",
        ),
        key(
            "jwt",
            Kind::Table(&JWT),
            Preset::Absent("none is asked for"),
            "Tokens.",
        ),
    ],
};

static KEYS: Section = Section {
    header: "[gateway.access.keys]",
    about: "API keys, kept as hashes in a file.",
    keys: &[
        key(
            "file",
            Kind::Path,
            Preset::Required,
            "The file; `portcullis gateway key` writes it. It is read again when it changes.",
        ),
        key(
            "header",
            Kind::Form(TextForm::Header),
            Preset::Value("\"x-api-key\""),
            "The header with the key; `authorization` means `Authorization: Bearer KEY`.",
        ),
        key(
            "hide",
            Kind::Boolean,
            Preset::Value("true"),
            "Whether the key is taken out of the request before it is sent on.",
        ),
    ],
};

static JWT: Section = Section {
    header: "[gateway.access.jwt]",
    about: "JSON Web Tokens (RFC 7519) in `Authorization: Bearer`. One of `jwks_file` and \
            `jwks_url` must be given.",
    keys: &[
        key(
            "jwks_file",
            Kind::Path,
            NONE,
            "The keys that sign them, a JSON Web Key Set (RFC 7517). It is read again when it \
             changes.",
        ),
        key(
            "jwks_url",
            Kind::Form(TextForm::SecureUrl),
            NONE,
            "Where that set is; asked again when a key is not known and now and then.",
        ),
        key(
            "algorithms",
            Kind::List(&Kind::Choice(&["RS256", "ES256", "EdDSA"]), 1),
            Preset::Value("[\"RS256\", \"ES256\", \"EdDSA\"]"),
            "Signatures that are taken. Symmetric ones and `none` never are.",
        ),
        key(
            "issuer",
            Kind::Text,
            Preset::Absent("any"),
            "Who must have issued it, claim `iss`.",
        ),
        key(
            "audiences",
            Kind::List(&Kind::Text, 1),
            Preset::Required,
            "For whom it must be, claim `aud`: one of these.",
        ),
        key(
            "skew",
            Kind::DurationWithin(0, SKEW_MS_MAX),
            Preset::Value("\"60s\""),
            "How far clocks may differ, in whole seconds: a token is believed for so long after its end.",
        ),
    ],
};
