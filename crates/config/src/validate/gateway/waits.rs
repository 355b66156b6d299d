//! Times and attempts of a route that cannot come true.

use crate::Code;
use crate::raw::RawRoute;
use crate::report::{Report, Wrong};
use crate::units::duration_text;

/// No part of an exchange may take longer than the whole, and retries need a budget.
pub(super) fn check(raw: &RawRoute, report: &Report<'_>) {
    if let Some(whole) = &raw.waits.whole {
        for (name, part) in &raw.waits.parts {
            if part.value <= whole.value {
                continue;
            }
            let message = format!(
                "`{name}` ({}) is above `whole` of `timeouts` ({}), which ends the request before",
                duration_text(part.value),
                duration_text(whole.value)
            );
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(&part.spot, wrong.hint("lower it or raise `whole`"));
        }
    }
    if let (Some(attempts), Some(budget)) = (&raw.retries.attempts_max, &raw.retries.budget_percent)
        && attempts.value > 1
        && budget.value == 0
    {
        let message = format!(
            "without a budget nothing is retried, whatever `attempts` ({}) says",
            attempts.value
        );
        let hint = "set budget = \"20%\", or remove `attempts` and `budget`";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&budget.spot, wrong);
    }
}
