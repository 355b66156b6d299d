//! Values that stand beside their label in other ways than after a sign: right after it, glued to it in scripts without
//! spaces, after the name of a user, under it, or in its column of a table.

use std::ops::Range;

use super::Seen;
use super::assigned::offer;
use super::judge::Joint;
use super::name::{self, Kind, Name};
use super::value::{self, Value};
use crate::find::Offers;

/// `WITH PASSWORD 'hunter2'`, `IDENTIFIED BY 'hunter2'`, "my password Hanoi@2024": nothing joins the name and the value at `left`,
/// so the value must be quoted or hold a sign that words do not.
pub(super) fn next_to(
    text: &str,
    left: usize,
    head: &str,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    const LAST: [&str; 8] = [
        "password",
        "passwd",
        "identified by",
        "pwd",
        "passphrase",
        "kh\u{1ea9}u",
        " pass",
        "sshpass -p",
    ];
    let ends_with = |last: &&str| {
        let place = head.len().checked_sub(last.len());
        place
            .and_then(|place| head.get(place..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(last))
    };
    let Some(last) = LAST.iter().find(|last| ends_with(last)) else {
        token_next_to(text, left, head, seen, offers);
        return;
    };
    let Some(value) = value::after(text, left) else {
        return;
    };
    let piece = &text[value.range.clone()];
    let has_sign = piece.contains(['@', '#', '$', '!', '%', '^', '&', '*']);
    if !value.is_quoted && !has_sign && !is_made_up(piece) && *last != "sshpass -p" {
        return;
    }
    let name = Name::plain(Kind::Password, false);
    offer(text, &name, Joint::Is, value, seen, offers);
}

/// `bearer 3f2a...`, "my API token 3f2a...": a long token directly after a word for one.
fn token_next_to(text: &str, left: usize, head: &str, seen: &mut Seen, offers: &mut Offers<'_>) {
    const LAST: [&str; 8] = [
        "bearer",
        "api token",
        "api key",
        "access token",
        "auth token",
        "secret key",
        "access key",
        "apikey",
    ];
    /// Shorter ones may be words and versions.
    const LENGTH_MIN: usize = 20;
    let is_announced = LAST.iter().any(|last| {
        let place = head.len().checked_sub(last.len());
        place
            .and_then(|place| head.get(place..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(last))
    });
    if !is_announced {
        return;
    }
    let Some(value) = value::after(text, left).filter(|value| value.range.len() >= LENGTH_MIN)
    else {
        return;
    };
    let name = Name::plain(Kind::Secret, false);
    offer(text, &name, Joint::Is, value, seen, offers);
}

/// A label in a script without spaces that is glued to its value: with the wide colon, with a particle, or with nothing. The
/// run without spaces is `run`. Says whether there is such a label.
pub(super) fn wide(
    text: &str,
    run: Range<usize>,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) -> bool {
    const JOINTS: [&str; 9] = [
        "\u{ff1a}", ":", "\u{306f}", "\u{662f}", "\u{4e3a}", "\u{70ba}", "\u{b294}", "\u{c740}",
        "\u{c774}",
    ];
    let Some(piece) = text.get(run.clone()) else {
        return false;
    };
    let colon = piece.find('\u{ff1a}').filter(|at| {
        name::announced(&piece[..*at]).is_some_and(|name| name.kind == Kind::Password)
    });
    let word = || {
        name::OTHER_SCRIPTS
            .iter()
            .find_map(|word| piece.find(word).map(|at| at + word.len()))
    };
    let Some(at) = colon.or_else(word) else {
        return false;
    };
    let rest = &piece[at..];
    let joint = JOINTS
        .iter()
        .find(|joint| rest.starts_with(**joint))
        .map_or(0, |joint| joint.len());
    let start = run.start + at + joint;
    // What is not ASCII belongs to the sentence again.
    let length = text[start..run.end]
        .find(|character: char| !character.is_ascii())
        .unwrap_or(run.end - start);
    let range = start
        ..start
            + text[start..start + length]
                .trim_end_matches([',', '.', ';'])
                .len();
    if range.is_empty() {
        return false;
    }
    let value = Value {
        next: text.as_bytes().get(range.end).copied().unwrap_or(b'\n'),
        range,
        is_quoted: false,
        is_template: false,
        is_last: true,
        is_spaced: false,
    };
    let name = Name::plain(Kind::Password, false);
    offer(text, &name, Joint::Colon, value, seen, offers);
    true
}

/// `credentials: admin / hunter2`, `user/pass: admin:hunter2`: a name and a password after a label for both. Says whether
/// there is such a label before the colon at `at`, and a pair after it.
pub(super) fn pair(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) -> bool {
    const LABELS: [&str; 10] = [
        "credentials",
        "creds",
        "login",
        "user/pass",
        "user/password",
        "username/password",
        "login/password",
        "tk/mk",
        "t\u{e0}i kho\u{1ea3}n/m\u{1ead}t kh\u{1ea9}u",
        "logins",
    ];
    /// The most bytes of a user's name.
    const USER_MAX: usize = 48;
    let bytes = text.as_bytes();
    if !matches!(
        bytes[at - 1],
        b's' | b'S' | b'n' | b'N' | b'd' | b'D' | b'k' | b'K' | 0xa9
    ) {
        return false;
    }
    let is_announced = LABELS.iter().any(|label| {
        at.checked_sub(label.len())
            .and_then(|from| text.get(from..at))
            .is_some_and(|piece| piece.eq_ignore_ascii_case(label))
    });
    if !is_announced {
        return false;
    }
    let user_start = at + 1 + usize::from(bytes.get(at + 1) == Some(&b' '));
    let user = bytes[user_start..]
        .iter()
        .take(USER_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(byte))
        .count();
    let rest = &text[user_start + user..];
    let Some(joint) = [" / ", "/", ":", " | ", " : "]
        .iter()
        .find(|joint| rest.starts_with(**joint))
    else {
        return false;
    };
    if name::is_announcing(&text[user_start..user_start + user]) {
        return false;
    }
    let from = user_start + user + joint.len();
    if user < 2 || rest[joint.len()..].starts_with(['/', ' ']) {
        return false;
    }
    let Some(value) = value::after(text, from) else {
        return false;
    };
    let name = Name::plain(Kind::Password, true);
    offer(text, &name, Joint::Colon, value, seen, offers);
    true
}

/// A label alone in a line, and the value alone in the next, which begins at `left`.
pub(super) fn below(text: &str, left: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    let head = text[..left].trim_end();
    let from = head.floor_char_boundary(head.len().saturating_sub(name::LIMIT));
    let line = match head[from..].rfind('\n') {
        Some(line) => &head[from + line + 1..],
        None if from == 0 => head,
        None => return,
    };
    let label = line
        .trim_end_matches([':', '*', '\u{ff1a}'])
        .trim_start_matches(['#', '*', '-', ' ']);
    if left - head.len() > 4
        || label.split(' ').count() > 4
        || label.contains([',', ';', '|', '\t'])
    {
        return;
    }
    let Some(name) = name::announced(label) else {
        return;
    };
    if let Some(value) = value::after(text, left)
        && name.kind != Kind::Authorization
        && !name.is_faint
        && value.is_last
        && text[value.range.end..]
            .trim_start_matches(['"', '\'', '`', ' ', '\r'])
            .bytes()
            .next()
            .is_none_or(|next| next == b'\n')
    {
        offer(text, &name, Joint::Tag, value, seen, offers);
    }
}

/// A cell of a table whose column has a label.
pub(super) fn in_column(
    text: &str,
    label: &Range<usize>,
    cell: &Range<usize>,
    seen: &mut Seen,
    offers: &mut Offers<'_>,
) {
    if cell.end <= seen.value {
        return;
    }
    let is_edge =
        |character: char| character.is_whitespace() || matches!(character, '"' | '*' | '`');
    let Some(name) = name::announced(text[label.clone()].trim_matches(is_edge)) else {
        return;
    };
    let start = cell.end - text[cell.clone()].trim_start_matches(is_edge).len();
    let range = start..start + text[start..cell.end].trim_end_matches(is_edge).len();
    if range.is_empty() || name.kind == Kind::Authorization {
        return;
    }
    let value = Value {
        range,
        is_quoted: false,
        is_template: false,
        is_last: true,
        is_spaced: false,
        next: b'\n',
    };
    offer(text, &name, Joint::Tag, value, seen, offers);
}

/// Whether a value of letters and digits is hardly a word of prose: eight characters at least with both in it, or digits
/// only, and not the name of a hash.
fn is_made_up(piece: &str) -> bool {
    const HASHES: [&str; 5] = ["sha", "md5", "argon", "bcrypt", "pbkdf"];
    let bytes = piece.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    (8..=64).contains(&bytes.len())
        && digits >= 2
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && !HASHES
            .iter()
            .any(|hash| piece.to_ascii_lowercase().starts_with(hash))
}
