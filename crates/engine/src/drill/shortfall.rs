//! Archives that cannot give what they announced as received: such a drill fails.

use jiff::Timestamp;
use portcullis_backup::{BackupError, ContinuousProblem, LogGap};
use portcullis_rollout::Fact;

use super::course::Short;
use super::recovery::Source;
use super::report::DrilledArchive;
use crate::hands::chain;

/// Log of an archive that is missing or damaged, so that not everything can be recovered that was announced as received.
fn gaps(archives: &[DrilledArchive]) -> Vec<Fact> {
    let gaps = archives
        .iter()
        .filter_map(|one| Some((&one.store, one.missing.as_ref()?)));
    gaps.map(|(store, missing)| Fact::new(format!("{store} missing"), missing))
        .collect()
}

/// That the archives do not have what was announced, with what was found; `None` if they have.
pub(super) fn fallen_short(archives: &[DrilledArchive], facts: &[Fact]) -> Option<Short> {
    let gaps = gaps(archives);
    let words = archives
        .iter()
        .filter_map(|one| Some(format!("store {}: {}", one.store, one.missing.as_ref()?)));
    let words: Vec<String> = words.collect();
    let evidence = facts.iter().cloned().chain(gaps).collect();
    (!words.is_empty()).then(|| Short::failed(words.join("; ")).with(evidence))
}

/// Why an archive does not give a moment. One that it announced and does not have is its fault.
pub(super) fn refused(source: &Source, moment: Option<Timestamp>, error: &BackupError) -> Short {
    let short = Short::of_backup(error);
    let out_of_range = matches!(error, BackupError::Continuous { problem, .. }
        if matches!(**problem, ContinuousProblem::OutOfRange { .. }));
    let received = source.archive.standing().received_until;
    let announced = moment.is_none_or(|moment| Some(moment) <= received);
    if !(out_of_range && announced) {
        return short;
    }
    let gaps = source.archive.gaps().unwrap_or_default();
    let lost = |gap: &&LogGap| {
        let moment = moment.or(received).unwrap_or(gap.after);
        moment >= gap.after && gap.until.is_none_or(|until| moment < until)
    };
    match gaps.iter().find(lost) {
        None => short,
        Some(gap) => {
            let (store, missing) = (&source.live.name, gap.words());
            let words = format!("{}; store {store}: {missing}", chain(error));
            Short::failed(words).with(vec![Fact::new(format!("{store} missing"), missing)])
        }
    }
}
