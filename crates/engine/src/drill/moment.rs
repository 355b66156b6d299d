//! Which moment of continuous archives a drill tries out.

use jiff::Timestamp;

use super::Pick;
use super::course::Short;
use super::recovery::Source;
use crate::hands::chain;

/// The moment that is recovered. Of several archives each could give another one as its last: then it is the earliest of
/// those, so that the stores belong together.
pub(super) fn moment(pick: &Pick, archives: &[Source]) -> Result<Option<Timestamp>, Short> {
    let cannot = |error: portcullis_backup::BackupError| Short::could_not(chain(&error));
    match pick {
        Pick::At(at) => Ok(Some(*at)),
        Pick::Named(name) => Err(Short::could_not(format!(
            "{name} is a backup, and no moment of a continuous archive"
        ))),
        Pick::Latest if archives.len() == 1 => Ok(None),
        Pick::Latest => {
            let until = archives.iter().map(|one| {
                let until = one.archive.standing().received_until;
                until.ok_or_else(|| {
                    let store = &one.live.name;
                    Short::could_not(format!("store {store}: nothing was archived yet"))
                })
            });
            let until: Result<Vec<Timestamp>, Short> = until.collect();
            Ok(until?.into_iter().min())
        }
        Pick::Random(number) => {
            let first = archives.first();
            let first = first.ok_or_else(|| Short::could_not("there is no archive"))?;
            let ranges = first.archive.ranges().map_err(cannot)?;
            let spans = ranges.iter().map(|range| {
                let span = range.to.as_microsecond() - range.from.as_microsecond();
                (range.from, u64::try_from(span).unwrap_or(0) + 1)
            });
            let spans: Vec<(Timestamp, u64)> = spans.collect();
            let whole: u64 = spans.iter().map(|(_, span)| span).sum();
            let mut left = number.checked_rem(whole).ok_or_else(|| {
                let store = &first.live.name;
                Short::could_not(format!("store {store}: nothing can be recovered to yet"))
            })?;
            for (from, span) in spans {
                if left < span {
                    let at = from.as_microsecond().saturating_add_unsigned(left);
                    return Ok(Timestamp::from_microsecond(at).ok());
                }
                left -= span;
            }
            Ok(None)
        }
    }
}
