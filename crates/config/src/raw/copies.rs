//! Encrypted backups and their copies elsewhere.

use toml::de::DeValue;

use crate::Code;
use crate::keys::Kind;
use crate::raw::{reference, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::Table;
use crate::units;

/// `[backup.encryption]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawEncryption {
    pub(crate) recipients: Vec<At<String>>,
    pub(crate) identities: Vec<At<String>>,
}

/// A `[[backup.copy]]` as written.
#[derive(Debug)]
pub(crate) struct RawCopy {
    pub(crate) name: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) endpoint: Option<At<String>>,
    pub(crate) region: Option<At<String>>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) access_key: Option<At<String>>,
    pub(crate) account: Option<At<String>>,
    pub(crate) secret: Option<At<String>>,
    pub(crate) required: bool,
    pub(crate) lock_ms: Option<At<u64>>,
    pub(crate) lock_mode: Option<At<String>>,
    /// Last, days, hourly, daily, weekly, monthly, yearly.
    pub(crate) keep: [Option<u32>; 7],
    pub(crate) spot: Spot,
}

impl RawEncryption {
    pub(crate) fn read(table: Table<'_>) -> RawEncryption {
        let identities = table.list("identities", |value| {
            super::metric::secret(Kind::Secret, value)
        });
        RawEncryption {
            recipients: value_or_default(table.list("recipients", recipient)),
            identities: value_or_default(identities),
        }
    }
}

impl RawCopy {
    pub(crate) fn read(table: Table<'_>) -> RawCopy {
        let keep = |name| table.count(name).map(|at| at.value);
        RawCopy {
            name: table.text("name"),
            url: table.read("url", url),
            endpoint: table.read("endpoint", endpoint),
            region: table.text("region"),
            ca: table.text("ca"),
            access_key: table.read("access_key", access_key),
            account: table.text("account"),
            secret: table.read("secret", super::metric::secret),
            required: value_or_default(table.boolean("required")),
            lock_ms: table.duration_ms("lock"),
            lock_mode: table.text("lock_mode"),
            keep: [
                keep("keep_last"),
                keep("keep_days"),
                keep("keep_hourly"),
                keep("keep_daily"),
                keep("keep_weekly"),
                keep("keep_monthly"),
                keep("keep_yearly"),
            ],
            spot: table.spot.clone(),
        }
    }
}

/// How many characters an X25519 recipient has.
const RECIPIENT_CHARACTERS: usize = 62;

/// A public key. A secret one in its place is not quoted.
fn recipient(value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(Kind::Text, value)?;
    if text.trim().to_ascii_uppercase().starts_with("AGE-SECRET") {
        let message =
            "this is a secret key, which does not belong into a file that is read by many";
        let hint = "give the public key, which begins with age1; and make a new pair if others saw this one";
        return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_one =
        text.starts_with("age1") && text.len() == RECIPIENT_CHARACTERS && text.bytes().all(plain);
    // Its last characters are a checksum of the others.
    let is_whole =
        bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text).is_ok();
    match (is_one, is_whole) {
        (true, true) => Ok(text.to_owned()),
        (true, false) => {
            let message = format!("{} is mistyped: its checksum is wrong", units::quoted(text));
            let hint = "copy it again from where it was made";
            Err(Wrong::new(Code::BadValue, message).hint(hint))
        }
        (false, _) => {
            let message = format!(
                "expected a recipient, \"age1\" and 58 characters of a-z and 0-9, found {}",
                units::quoted(text)
            );
            let hint = "`portcullis backup key new` makes a pair and prints its recipient";
            Err(Wrong::new(Code::BadValue, message).hint(hint))
        }
    }
}

/// The ID of a key may be a reference.
pub(super) fn access_key(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(kind, value)?;
    reference(text)?;
    Ok(text.to_owned())
}

/// The address of a bucket.
pub(super) fn url(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(kind, value)?;
    let rest = ["s3://", "gs://", "az://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let good = rest.is_some_and(|rest| {
        let mut parts = rest.trim_end_matches('/').split('/');
        let named = |part: &str| !part.is_empty() && part != "." && part != "..";
        rest.chars().all(plain) && parts.all(named)
    });
    if good {
        return Ok(text.to_owned());
    }
    let message = format!(
        "expected \"s3://BUCKET/PREFIX\", \"gs://BUCKET/PREFIX\" or \"az://CONTAINER/PREFIX\" of letters, digits, \
         \"-\", \"_\" and \".\", found {}",
        units::quoted(text)
    );
    Err(Wrong::new(Code::BadValue, message))
}

/// Another server. Nothing goes over a network in the clear.
pub(super) fn endpoint(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = units::text(kind, value)?;
    let wrong = |message: String, hint: &str| {
        Err(Wrong::new(Code::BadValue, message).hint(hint.to_owned()))
    };
    let secure = text.strip_prefix("https://");
    let Some(rest) = secure.or(text.strip_prefix("http://")) else {
        let message = format!("expected a URL, found {}", units::quoted(text));
        return wrong(message, "such as \"https://s3.example.org\"");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        let message = "expected a URL with a host and without a user".to_owned();
        return wrong(message, "give keys as `access_key` and `secret`");
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let address = host.parse::<std::net::IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match secure.is_some() || local {
        true => Ok(text.to_owned()),
        false => wrong(
            "nothing is encrypted on the way to this server, which is not on this machine"
                .to_owned(),
            "use https://",
        ),
    }
}
