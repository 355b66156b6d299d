//! The room that a plan needs besides its backups: whatever its steps will write to disks is looked for in the first of them.

use crate::{Action, BesideStores, RoomNeed, Step, Undo};

/// Tells the pre-flight what the other steps write: the copies of a rehearsal, and data that is put back.
pub(super) fn look_first(steps: &mut [Step]) {
    let copies = steps.iter().find_map(|step| match &step.action {
        Action::Rehearse(rehearsal) => Some(rehearsal.scratch.clone()),
        _ => None,
    });
    let any = |wanted: fn(&Step) -> bool| steps.iter().any(wanted);
    let puts_back = |step: &Step| {
        matches!(step.undo, Undo::Restore { .. }) || matches!(step.action, Action::Restore(_))
    };
    let reverses = |step: &Step| matches!(step.undo, Undo::Reverse { .. });
    let put_back = match (any(puts_back), any(reverses)) {
        (true, _) => Some(BesideStores::Needed),
        (false, true) => Some(BesideStores::IfReverseFails),
        (false, false) => None,
    };
    let backups = steps
        .iter()
        .filter(|step| matches!(step.action, Action::Backup(_)));
    let backups = backups.count() as u32;
    for step in steps {
        if let Action::Preflight(order) = &mut step.action {
            order.room = (copies.is_some() || put_back.is_some()).then_some(RoomNeed {
                copies,
                put_back,
                backups,
            });
            return;
        }
    }
}
