//! Runs of the characters that tokens are made of: each is walked once, and tokens are looked for where one may begin.

use std::ops::Range;

use super::alphabet::{AZURE, BASE62, BASE64_BODY, DECIMAL, DENSE, HEX, LOWER36, Mixture, URL64};
use super::base64::Decoded;
use super::{API_KEY, JWT, SERVICE_KEY, Seen, jwt, service};
use crate::Score;
use crate::find::Offers;

/// Shorter runs hold no token; the shortest is an access key id of Alibaba or a short `sk-` key.
const RUN_MIN: usize = 16;
/// How many bytes after an AWS access key id its secret is looked for.
const AWS_PAIR: usize = 160;

/// Looks at the run around `start..end`, a word with a digit, unless it was looked at.
pub(crate) fn look(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.run {
        return;
    }
    let bytes = text.as_bytes();
    let before = bytes[seen.run..start]
        .iter()
        .rev()
        .take_while(|byte| DENSE.has(**byte))
        .count();
    let run = start - before..end + DENSE.count(&bytes[end..], usize::MAX);
    seen.run = run.end;
    if bytes.get(run.end) == Some(&b':') {
        telegram(bytes, run.clone(), offers);
    }
    if run.len() >= RUN_MIN {
        tokens(bytes, run, seen, offers);
    }
}

/// Looks for tokens at each place of a run where one may begin.
fn tokens(bytes: &[u8], run: Range<usize>, seen: &mut Seen, offers: &mut Offers<'_>) {
    let mut at = run.start + escape(bytes, run.start);
    while at < run.end {
        while at < run.end && !bytes[at].is_ascii_alphanumeric() {
            at += 1;
        }
        if at == run.end {
            break;
        }
        if let Some(end) = token(bytes, at, seen, offers) {
            at = end;
        }
        at += URL64.count(&bytes[at..run.end], usize::MAX);
    }
    if run.len() >= 34 && bytes[run.clone()].contains(&b'~') {
        azure(bytes, &run, offers);
    }
    if run.len() >= 40 {
        aws_secrets(bytes, run, seen, offers);
    }
}

/// Offers the token that begins at `at`, and gives its end.
fn token(bytes: &[u8], at: usize, seen: &mut Seen, offers: &mut Offers<'_>) -> Option<usize> {
    if bytes[at..].starts_with(b"eyJ")
        && let Some(range) = jwt::at(bytes, at)
    {
        let end = range.end;
        offers.offer_valid(JWT, range, Score::CERTAIN);
        return Some(end);
    }
    if let Some(token) = service::at(bytes, at) {
        let end = token.range.end;
        if let Some(why) = token.refused {
            offers.reject(API_KEY, token.range, why);
            return Some(end);
        }
        if bytes[at] == b'A' && token.range.len() == 20 {
            seen.aws_id = Some(end);
        }
        let recognizer = if token.bare < Score::THRESHOLD {
            SERVICE_KEY
        } else {
            API_KEY
        };
        if token.is_valid {
            offers.offer_valid(recognizer, token.range, token.bare);
        } else {
            offers.offer(recognizer, token.range, token.bare);
        }
        return Some(end);
    }
    irregular(bytes, at, offers)
}

/// How many bytes at the beginning of a run belong to an escape before it: `\n` and the like, or `%3D`.
fn escape(bytes: &[u8], start: usize) -> usize {
    match start.checked_sub(1).map(|before| bytes[before]) {
        Some(b'\\') if matches!(bytes[start], b'n' | b't' | b'r') => 1,
        Some(b'%') if bytes[start..].iter().take(2).all(u8::is_ascii_hexdigit) => 2,
        _ => 0,
    }
}

/// Tokens that do not begin with a prefix, or that need more than one part.
fn irregular(bytes: &[u8], at: usize, offers: &mut Offers<'_>) -> Option<usize> {
    let length = URL64.count(&bytes[at..], 80);
    let part = &bytes[at..at + length];
    let end = match length {
        14 => terraform(bytes, at + length)?,
        24..=30 => discord(bytes, part, at + length)?,
        36 | 37 => mailchimp(part).then_some(at + length)?,
        8..=12 if matches!(part[0], b'T' | b'B') => return slack_hook(bytes, at, offers),
        _ => return None,
    };
    if bytes.get(end).is_some_and(|byte| BASE62.has(*byte)) {
        return None;
    }
    if Mixture::of(&bytes[at..end]).is_filler() {
        offers.reject(API_KEY, at..end, "it is a placeholder");
    } else {
        offers.offer(API_KEY, at..end, Score::of(96));
    }
    Some(end)
}

/// The end of a Terraform Cloud token (fourteen characters, `.atlasv1.`, at least sixty) whose first part ends at `dot`.
fn terraform(bytes: &[u8], dot: usize) -> Option<usize> {
    let rest = bytes[dot..].strip_prefix(b".atlasv1.")?;
    let length = URL64.count(rest, 80);
    (60..=72).contains(&length).then_some(dot + 9 + length)
}

/// The end of a Discord token: the number of a user in base64, a time stamp of six characters, at least 27 characters.
fn discord(bytes: &[u8], number: &[u8], dot: usize) -> Option<usize> {
    let rest = bytes[dot..].strip_prefix(b".")?;
    if URL64.count(rest, 8) != 6 || rest.get(6) != Some(&b'.') {
        return None;
    }
    let length = URL64.count(&rest[7..], 48);
    let decoded = Decoded::of(number)?;
    let is_number = decoded.bytes().len() >= 17 && DECIMAL.has_all(decoded.bytes());
    (is_number && (27..=45).contains(&length)).then_some(dot + 8 + length)
}

/// Whether a part is a Mailchimp key: 32 hexadecimal digits and a data centre.
fn mailchimp(part: &[u8]) -> bool {
    HEX.has_all(&part[..32]) && part[32..].starts_with(b"-us") && DECIMAL.has_all(&part[35..])
}

/// The secret path of a Slack web hook; the address from its scheme on is offered.
fn slack_hook(bytes: &[u8], at: usize, offers: &mut Offers<'_>) -> Option<usize> {
    const HOST: &[u8] = b"hooks.slack.com/services/";
    let host = at.checked_sub(HOST.len())?;
    if !bytes[host..].starts_with(HOST) {
        return None;
    }
    let mut end = at;
    for part in 0..3 {
        let length = BASE62.count(&bytes[end..], 40);
        if length < 8 || part < 2 && bytes.get(end + length) != Some(&b'/') {
            return None;
        }
        end += length + usize::from(part < 2);
    }
    let start = ["https://", "http://"]
        .iter()
        .find(|scheme| bytes[..host].ends_with(scheme.as_bytes()))
        .map_or(host, |scheme| host - scheme.len());
    if Mixture::of(&bytes[at..end]).is_filler() || bytes[end - 8..end] == *b"XXXXXXXX" {
        offers.reject(API_KEY, start..end, "it is a placeholder");
    } else {
        offers.offer(API_KEY, start..end, Score::CERTAIN);
    }
    Some(end)
}

/// The token of a Telegram bot: its number, a colon and 35 characters (core.telegram.org/bots/api). The run ends at the colon.
fn telegram(bytes: &[u8], run: Range<usize>, offers: &mut Offers<'_>) {
    let digits = bytes[run.clone()]
        .iter()
        .rev()
        .take(12)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let start = run.end - digits;
    // In an address of the interface the number follows the word "bot".
    let is_free = start == run.start
        || !BASE62.has(bytes[start - 1])
        || bytes[run.start..start].ends_with(b"bot");
    if !(8..=10).contains(&digits) || !is_free {
        return;
    }
    let key = run.end + 1;
    let length = URL64.count(&bytes[key..], 37);
    let mixture = Mixture::of(&bytes[key..key + length]);
    if !(34..=36).contains(&length) || mixture.digits == 0 || mixture.is_filler() {
        return;
    }
    let bare = if bytes[key..].starts_with(b"AA") {
        98
    } else {
        80
    };
    offers.offer(API_KEY, start..key + length, Score::of(bare));
}

/// Client secrets of Azure: three characters, a digit, `Q~`, and about thirty-four more (learn.microsoft.com, Purview's
/// definition "Microsoft Entra client secret").
fn azure(bytes: &[u8], run: &Range<usize>, offers: &mut Offers<'_>) {
    for tilde in memchr::memchr_iter(b'~', &bytes[run.clone()]) {
        let tilde = run.start + tilde;
        let Some(start) = tilde.checked_sub(5).filter(|start| *start >= run.start) else {
            continue;
        };
        let rest = &bytes[tilde + 1..run.end];
        let mut tail = AZURE.count(rest, 40);
        while tail > 0 && rest[tail - 1] == b'.' {
            tail -= 1;
        }
        let is_form = bytes[tilde - 1] == b'Q'
            && bytes[tilde - 2].is_ascii_digit()
            && AZURE.has_all(&bytes[start..tilde])
            && start
                .checked_sub(1)
                .is_none_or(|before| !AZURE.has(bytes[before]))
            && (31..=34).contains(&tail);
        if is_form {
            offers.offer(API_KEY, start..tilde + 1 + tail, Score::of(97));
        }
    }
}

/// Secrets of AWS access keys: forty characters of base64, which much else has too. Only context lifts them, or an id before.
fn aws_secrets(bytes: &[u8], run: Range<usize>, seen: &Seen, offers: &mut Offers<'_>) {
    let mut at = run.start + escape(bytes, run.start);
    while at < run.end {
        let length = BASE64_BODY.count(&bytes[at..run.end], usize::MAX);
        let piece = &bytes[at..at + length];
        let follows = bytes.get(at + length).copied().unwrap_or(b' ');
        if length == 40 && !LOWER36.has_all(piece) && !matches!(follows, b'-' | b'_' | b'=') {
            let mixture = Mixture::of(piece);
            if mixture.is_mixed() && mixture.entropy_bits >= 4.0 && !mixture.is_filler() {
                let is_pair = seen
                    .aws_id
                    .is_some_and(|id| at >= id && at - id <= AWS_PAIR);
                let bare = if is_pair { 80 } else { 25 };
                offers.offer(SERVICE_KEY, at..at + length, Score::of(bare));
            }
        }
        at += length + 1;
    }
}
