//! `portcullis gateway key`: the file of API keys that a `[[gateway.access]]` names.
//!
//! Works on the file alone: the gateway looks every second whether it changed, so nothing must run, and whoever
//! changes keys is told how long it may take.

mod list;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis_gateway::protect::{ApiKeyError, ApiKeyRecord, ApiKeysEdit, ApiKeysFile, NewApiKey};
use secrecy::ExposeSecret;

use crate::bounds::KEYS_READ_WITHIN_S;
use crate::cli::{Expiry, Key, KeyAdd, KeyFile, KeyRotate};
use crate::clock::{local, now_ms};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;
use crate::site::Site;

pub(super) fn run(site: &Site, json: bool, command: &Key) -> Result<Exit, CommandError> {
    match command {
        Key::Add(args) => add(&found(site, &args.file)?, args, json),
        Key::List { file } => list::run(&found(site, file)?, json),
        Key::Rotate(args) => rotate(&found(site, &args.file)?, args, json),
        Key::Revoke { id, file } => revoke(&found(site, file)?, id, json),
    }
}

fn add(path: &Path, args: &KeyAdd, json: bool) -> Result<Exit, CommandError> {
    let mut edit = ApiKeysEdit::begin(path).map_err(failed)?;
    let now = now();
    let expires = args.expires.and_then(|expiry| end_of(now, expiry));
    let made = edit
        .keys
        .create(&args.name, unique(&args.scopes), now, expires);
    let made = made.map_err(failed)?;
    edit.save().map_err(failed)?;
    tell(path, &made, None, json);
    Ok(Exit::Done)
}

fn rotate(path: &Path, args: &KeyRotate, json: bool) -> Result<Exit, CommandError> {
    let mut edit = ApiKeysEdit::begin(path).map_err(failed)?;
    let old = record(&edit.keys, &args.id)?.clone();
    let now = now();
    if old.expires.is_some_and(|expires| expires <= now) {
        let what = format!(
            "the key {} has expired; there is nothing to hand over",
            old.id
        );
        return Err(CommandError::new(Exit::Failed, what)
            .hint("`portcullis gateway key add` makes a new one"));
    }
    let expires = match (args.expires, old.expires) {
        (Some(expiry), _) => end_of(now, expiry),
        (None, None) => None,
        (None, Some(_)) => {
            let what = format!(
                "the key {} expires, and of the new one nobody knows when",
                old.id
            );
            return Err(CommandError::new(Exit::Usage, what)
                .code(ErrorCode::MissingArgument)
                .hint("say how long it is good for: --expires 90d, or --expires never"));
        }
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => free_name(&edit.keys, &old.id),
    };
    let made = edit.keys.rotate(&old.id, &name, now, args.overlap, expires);
    let made = made.map_err(failed)?;
    let old = record(&edit.keys, &old.id)?.clone();
    edit.save().map_err(failed)?;
    tell(path, &made, Some(&old), json);
    Ok(Exit::Done)
}

fn revoke(path: &Path, id: &str, json: bool) -> Result<Exit, CommandError> {
    let mut edit = ApiKeysEdit::begin(path).map_err(failed)?;
    let id = record(&edit.keys, id)?.id.clone();
    let gone = edit.keys.revoke(&id).map_err(failed)?;
    edit.save().map_err(failed)?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-key-revoked/1",
            "file": path,
            "id": gone.id,
            "prefix": gone.prefix,
            "takes_effect_within_s": KEYS_READ_WITHIN_S,
        }));
    } else {
        output::result(&format!(
            "{} ({}...) is revoked; a running gateway lets nobody in with it after {KEYS_READ_WITHIN_S} seconds",
            gone.id, gone.prefix
        ));
        output::talk(
            "this cannot be undone: the key is not kept; `portcullis gateway key add` makes another one",
        );
    }
    Ok(Exit::Done)
}

/// Shows a new key, the only time that anything can.
fn tell(path: &Path, made: &NewApiKey, old: Option<&ApiKeyRecord>, json: bool) {
    let (record, key) = (&made.record, made.key.expose_secret());
    // The old key's end is not put back by taking the new one away.
    let undo = match old {
        None => Some(format!("portcullis gateway key revoke {}", record.id)),
        Some(_) => None,
    };
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-key/1",
            "file": path,
            "key": key,
            "id": record.id,
            "prefix": record.prefix,
            "scopes": record.scopes,
            "created": record.created,
            "expires": record.expires,
            "replaces": record.replaces,
            "old_expires": old.and_then(|old| old.expires),
            "takes_effect_within_s": KEYS_READ_WITHIN_S,
            "undo": undo,
        }));
        return;
    }
    output::result(key);
    let expires = match record.expires {
        Some(expires) => format!("good until {}", shown(expires)),
        None => "good for ever".to_owned(),
    };
    let scopes = match record.scopes.is_empty() {
        true => "without scopes".to_owned(),
        false => format!("scopes {}", record.scopes.join(" ")),
    };
    output::talk(&format!(
        "key {} for {}, {scopes}, {expires}; its hash is in {}",
        record.prefix,
        record.id,
        path.display()
    ));
    output::talk("keep it now: nothing can show it again");
    output::talk(&format!(
        "a running gateway lets it in after {KEYS_READ_WITHIN_S} seconds at the latest"
    ));
    if let Some((old, until)) = old.and_then(|old| Some((&old.id, old.expires?))) {
        output::talk(&format!(
            "the old key {old} stays valid until {} and ends then, also if {} is revoked",
            shown(until),
            record.id
        ));
    }
    if let Some(undo) = undo {
        output::talk(&format!("undo: {undo}"));
    }
}

/// The file that is meant.
fn found(site: &Site, asked: &KeyFile) -> Result<PathBuf, CommandError> {
    if let Some(path) = &asked.keys_file {
        return Ok(path.clone());
    }
    let config = portcullis_config::load_environment(&site.file, site.environment.as_deref())?;
    let with_keys = config.gateway.access.iter().filter_map(|access| {
        let keys = access.keys.as_ref()?;
        Some((access.name.as_ref(), &keys.file))
    });
    let known: Vec<(&str, &PathBuf)> = with_keys.collect();
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let file = site.file.display();
    if let Some(asked) = &asked.access {
        let found = known.iter().find(|(name, _)| name == asked);
        return found.map(|(_, path)| (*path).clone()).ok_or_else(|| {
            let what = format!("{file} has no [[gateway.access]] {asked} with API keys");
            let hint = match known.is_empty() {
                true => "none has any; --keys-file names a file directly".to_owned(),
                false => format!("those with keys are: {names}"),
            };
            CommandError::new(Exit::Usage, what)
                .code(ErrorCode::BadValue)
                .hint(hint)
        });
    }
    match known.as_slice() {
        [] => {
            let what = format!("{file} has no [[gateway.access]] with API keys");
            Err(CommandError::new(Exit::Usage, what)
                .code(ErrorCode::MissingArgument)
                .hint(
                    "give one `keys = { file = \"keys.json\" }`, or name a file with --keys-file",
                ))
        }
        [(_, first), others @ ..] if others.iter().all(|(_, path)| path == first) => {
            Ok((*first).clone())
        }
        _ => {
            let what = format!("{file} has API keys in several files");
            Err(CommandError::new(Exit::Usage, what)
                .code(ErrorCode::MissingArgument)
                .hint(format!("say which with --access: {names}")))
        }
    }
}

/// The key of this name or with this beginning.
fn record<'a>(keys: &'a ApiKeysFile, id: &str) -> Result<&'a ApiKeyRecord, CommandError> {
    let mut all = keys.keys.iter();
    let found = all.find(|key| key.id == id || key.prefix == id);
    found.ok_or_else(|| failed(ApiKeyError::NoSuchKey { id: id.to_owned() }))
}

/// The name with the next number behind it.
fn free_name(keys: &ApiKeysFile, old: &str) -> String {
    let stem = match old.rsplit_once('-') {
        Some((stem, number)) if !stem.is_empty() && number.parse::<u32>().is_ok() => stem,
        _ => old,
    };
    let mut number = 2_u64;
    loop {
        let name = format!("{stem}-{number}");
        if keys.keys.iter().all(|key| key.id != name) {
            return name;
        }
        number += 1;
    }
}

/// Each scope once, in the order given.
fn unique(scopes: &[String]) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for scope in scopes {
        if !list.contains(scope) {
            list.push(scope.clone());
        }
    }
    list
}

fn now() -> Timestamp {
    i64::try_from(now_ms())
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default()
}

fn end_of(now: Timestamp, expiry: Expiry) -> Option<Timestamp> {
    match expiry {
        Expiry::Never => None,
        Expiry::After(time) => Some(now.saturating_add(time).unwrap_or(Timestamp::MAX)),
    }
}

fn shown(at: Timestamp) -> String {
    let at_ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
    local(at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Says what to do about it.
fn failed(error: ApiKeyError) -> CommandError {
    let made = CommandError::of(Exit::Failed, &error);
    match &error {
        ApiKeyError::Read { .. } => made.hint("check its owner and mode; only its owner may read it"),
        ApiKeyError::Write { .. } => made
            .code(ErrorCode::FileUnwritable)
            .hint("check that its folder is there and may be written; the keys are as they were"),
        ApiKeyError::Busy { .. } => made.hint("try again when it has ended; nothing was changed"),
        ApiKeyError::TooLarge { .. } | ApiKeyError::Format { .. } | ApiKeyError::Record { .. } => {
            made.hint(
                "it was not changed; mend the place or put a copy of it back. The gateway goes on with the \
                 keys that it read last",
            )
        }
        ApiKeyError::NoSuchKey { .. } => made.hint("`portcullis gateway key list` shows all of them"),
        ApiKeyError::IdTaken { .. } => made.hint("`portcullis gateway key rotate` replaces it"),
        ApiKeyError::Header { .. } | ApiKeyError::NoRandomness => made,
    }
}

#[cfg(test)]
mod tests;
