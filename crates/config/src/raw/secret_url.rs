//! URLs that may have a password.

use portcullis_rollout::ValueSource;
use toml::de::DeValue;

use crate::Code;
use crate::keys::Kind;
use crate::report::Wrong;

/// A URL with one of some schemes, or a reference to one. No message quotes what was found.
pub(crate) fn secret_url(
    kind: Kind,
    value: &DeValue<'_>,
    schemes: &[&str],
) -> Result<String, Wrong> {
    let expected = || format!("expected {}", kind.expected());
    let DeValue::String(text) = value else {
        return Err(Wrong::new(Code::WrongType, expected()));
    };
    super::reference(text)?;
    if let ValueSource::Literal(url) = ValueSource::of(text) {
        let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
        let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains('\0')) else {
            return Err(Wrong::new(Code::BadValue, expected()));
        };
        if has_password(rest) && !text.starts_with("text:") {
            let message = "this URL has a password, which does not belong into a file";
            let hint = "give the whole URL by reference: \"env:NAME\", \"file:PATH\" or \
                        \"cmd:PROGRAM ARG...\"; to insist, put text: in front of it";
            return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
        }
    }
    Ok(text.clone().into_owned())
}

/// Whether what follows a URL's scheme has a password: before the host, or as a parameter.
pub(crate) fn has_password(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let before_host = authority.rsplit_once('@').map(|(user, _)| user);
    before_host.is_some_and(|user| user.contains(':'))
        || ["password=", "?pass=", "&pass="]
            .iter()
            .any(|parameter| rest.contains(parameter))
}
