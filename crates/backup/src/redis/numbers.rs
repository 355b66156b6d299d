//! The numbered databases of a server: which is empty, and which we made.
//!
//! A database that a restore fills has a key of ours in it, and what a restore replaced gets one. Nothing is ever
//! emptied that does not have the first of these; the second is for people and for a restore that is repeated.

use redis::{Pipeline, Value};
use serde::{Deserialize, Serialize};

use super::RedisProblem;
use super::connection::Connection;
use super::server::Server;
use crate::bounds::REDIS_NUMBERS_MAX;

/// The name of the key. It is part of no backup and of no digest.
pub(super) const MARK: &[u8] = b"portcullis:mark";

/// What a database is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) what: Marked,
    /// The number of the database that was to be replaced, or was.
    pub(super) of: u64,
    /// The time of the restore, as its caller gave it.
    pub(super) time: String,
    /// The name of the backup.
    pub(super) backup: String,
    /// Tells this attempt from all others, also of the same time.
    #[serde(default)]
    pub(super) attempt: String,
}

/// What a marked database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Marked {
    /// What is being restored, or what a restore that was cut off left.
    Unfinished,
    /// What a restore replaced. It is kept until a person empties it.
    Replaced,
}

/// The databases with a mark.
pub(super) fn marks(
    connection: &mut Connection,
    server: &Server,
) -> Result<Vec<(u64, Mark)>, RedisProblem> {
    let mut found = Vec::new();
    for (number, _) in &server.keys {
        if let Some(mark) = mark(connection, *number)? {
            found.push((*number, mark));
        }
    }
    Ok(found)
}

/// The mark of a database, which is selected.
fn mark(connection: &mut Connection, number: u64) -> Result<Option<Mark>, RedisProblem> {
    connection.select(number)?;
    let doing = "look for a mark of ours";
    match connection.ask(doing, redis::cmd("GET").arg(MARK)) {
        Ok(Value::BulkString(text)) => Ok(serde_json::from_slice(&text).ok()),
        // A key of that name that holds something else is not ours.
        Ok(_) | Err(RedisProblem::Failed { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Marks the last empty database as ours, and selects it.
pub(super) fn claim(
    connection: &mut Connection,
    server: &Server,
    mark: &Mark,
) -> Result<u64, RedisProblem> {
    let doing = "mark an empty database";
    let text = text(connection, mark)?;
    let used = |number: u64| server.keys.iter().any(|(other, _)| *other == number);
    for number in (0..count(connection)?).rev() {
        if number == mark.of || used(number) {
            continue;
        }
        let mut commands = redis::pipe();
        commands.cmd("SELECT").arg(number);
        commands.cmd("DBSIZE");
        commands.cmd("SET").arg(MARK).arg(&text).arg("NX");
        let answers = atomically(connection, doing, &mut commands, 3)?.unwrap_or_default();
        match answers.as_slice() {
            [_, Value::Int(0), Value::Okay] => return Ok(number),
            // Somebody has begun to use it since.
            [_, _, Value::Okay] => drop(connection.ask(doing, redis::cmd("DEL").arg(MARK))?),
            _ => {}
        }
    }
    no_number(connection, server)
}

/// Whether there is an empty database to restore to, beside the one of this number. None is marked.
pub(super) fn may_claim(
    connection: &mut Connection,
    server: &Server,
    own: u64,
) -> Result<(), RedisProblem> {
    let used = |number: u64| server.keys.iter().any(|(other, _)| *other == number);
    match (0..count(connection)?).any(|number| number != own && !used(number)) {
        true => Ok(()),
        false => no_number(connection, server),
    }
}

/// Every database is used. Those that only keep what was replaced are named.
fn no_number<T>(connection: &mut Connection, server: &Server) -> Result<T, RedisProblem> {
    let kept = marks(connection, server)?.into_iter();
    Err(RedisProblem::NoNumber {
        place: connection.place.clone(),
        kept: kept
            .filter(|(_, mark)| mark.what == Marked::Replaced)
            .map(|(number, _)| number)
            .collect(),
    })
}

/// How many databases the server has.
fn count(connection: &mut Connection) -> Result<u64, RedisProblem> {
    let asked = redis::cmd("CONFIG").arg("GET").arg("databases").clone();
    if let Ok(answer) = connection.ask("read its configuration", &asked)
        && let Ok(pairs) = redis::from_redis_value::<Vec<(String, u64)>>(answer)
        && let [(_, count)] = pairs.as_slice()
    {
        return Ok(*count);
    }
    // Many users may not read the configuration.
    for number in 0..REDIS_NUMBERS_MAX {
        match connection.select(number) {
            Ok(()) => {}
            Err(RedisProblem::Failed { .. }) => return Ok(number),
            Err(problem) => return Err(problem),
        }
    }
    Ok(REDIS_NUMBERS_MAX)
}

/// Empties a database if it has the mark of something unfinished, of just this where something is named. Says whether it
/// had.
pub(super) fn empty_unfinished(
    connection: &mut Connection,
    number: u64,
    own: Option<&Mark>,
) -> Result<bool, RedisProblem> {
    let doing = format!("empty the database {number}");
    connection.select(number)?;
    connection.ask(&doing, redis::cmd("WATCH").arg(MARK))?;
    let found = mark(connection, number)?;
    let is_meant = |mark: Mark| match own {
        Some(own) => mark == *own,
        None => mark.what == Marked::Unfinished,
    };
    if !found.is_some_and(is_meant) {
        connection.ask(&doing, &redis::cmd("UNWATCH"))?;
        return Ok(false);
    }
    let mut commands = redis::pipe();
    commands.cmd("FLUSHDB").arg("ASYNC");
    Ok(atomically(connection, &doing, &mut commands, 1)?.is_some())
}

/// Makes the database `new` that of `own.of` in one step, and keeps what that had in the other. Says whether it had
/// anything. Until that step `new` must have been ours: who begins another restore empties it.
pub(super) fn exchange(
    connection: &mut Connection,
    new: u64,
    own: &Mark,
) -> Result<bool, RedisProblem> {
    let kept = Mark {
        what: Marked::Replaced,
        ..own.clone()
    };
    let doing = format!("exchange the databases {} and {new}", own.of);
    let text = text(connection, &kept)?;
    connection.select(new)?;
    connection.ask(&doing, redis::cmd("WATCH").arg(MARK))?;
    let overtaken = |connection: &Connection| RedisProblem::Busy {
        place: connection.place.clone(),
        why: "another restore of it has begun since, and nothing was changed by this one"
            .to_owned(),
    };
    if mark(connection, new)?.as_ref() != Some(own) {
        connection.ask(&doing, &redis::cmd("UNWATCH"))?;
        return Err(overtaken(connection));
    }
    let mut commands = redis::pipe();
    commands.cmd("SELECT").arg(new);
    commands.cmd("DEL").arg(MARK);
    commands.cmd("SWAPDB").arg(own.of).arg(new);
    commands.cmd("DBSIZE");
    commands.cmd("SET").arg(MARK).arg(text);
    let Some(answers) = atomically(connection, &doing, &mut commands, 5)? else {
        return Err(overtaken(connection));
    };
    match answers.as_slice() {
        [_, _, Value::Okay, Value::Int(0), _] => {
            // There was nothing, so there is nothing to keep.
            connection.ask(&doing, redis::cmd("DEL").arg(MARK))?;
            Ok(false)
        }
        [_, _, Value::Okay, Value::Int(_), _] => Ok(true),
        other => {
            let answer = Value::Array(other.to_vec());
            Err(connection.strange(&doing, &answer))
        }
    }
}

/// Whether the user may exchange databases: exchanging one with itself does nothing.
pub(super) fn may_exchange(connection: &mut Connection, number: u64) -> Result<(), RedisProblem> {
    let doing = "exchange two databases";
    connection
        .ask(doing, redis::cmd("SWAPDB").arg(number).arg(number))
        .map(drop)
}

/// Which version of values the server takes: the version of what it gives.
pub(super) fn taken_version(connection: &mut Connection) -> Result<u16, RedisProblem> {
    let doing = "ask for its version of values";
    match connection.ask(doing, redis::cmd("DUMP").arg(MARK))? {
        Value::BulkString(dump) if dump.len() > 10 => {
            let at = dump.len() - 10;
            Ok(u16::from_le_bytes([dump[at], dump[at + 1]]))
        }
        other => Err(connection.strange(doing, &other)),
    }
}

/// Carries commands out in one step. `None` if something that was watched has changed.
fn atomically(
    connection: &mut Connection,
    doing: &str,
    commands: &mut Pipeline,
    count: usize,
) -> Result<Option<Vec<Value>>, RedisProblem> {
    let answers = connection.ask_all(doing, commands.atomic(), count + 2)?;
    match answers.into_iter().next_back() {
        Some(Value::Array(answers)) => {
            let answers: Result<Vec<Value>, _> =
                answers.into_iter().map(Value::extract_error).collect();
            answers.map(Some).map_err(|error| RedisProblem::Failed {
                doing: doing.to_owned(),
                place: connection.place.clone(),
                why: error.to_string(),
            })
        }
        _ => Ok(None),
    }
}

fn text(connection: &Connection, mark: &Mark) -> Result<String, RedisProblem> {
    serde_json::to_string(mark).map_err(|error| RedisProblem::Failed {
        doing: "write a mark".to_owned(),
        place: connection.place.clone(),
        why: error.to_string(),
    })
}
