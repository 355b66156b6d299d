//! What clients may do, as far as one key of it depends on another.

use crate::Code;
use crate::raw::RawClients;
use crate::report::{Report, Wrong};

/// Not everybody is believed, and no address may have more connections than all together.
pub(super) fn check(raw: &RawClients, report: &Report<'_>) {
    for net in &raw.trusted_proxies {
        if net.value.prefix_len() == 0 {
            let message = format!(
                "{} is everybody: each client could then say which address it has",
                net.value
            );
            let hint = "name the networks of your own proxies, such as \"10.0.0.0/8\"";
            let wrong = Wrong::new(Code::BadValue, message).hint(hint);
            report.add(&net.spot, wrong);
        }
    }
    if let (Some(all), Some(one)) = (&raw.connections_max, &raw.connections_per_address_max)
        && all.given
        && one.given
        && one.value > all.value
    {
        let message = format!(
            "one address may have {} connections and all together {} (connections_max), so one client could \
             take every place",
            one.value, all.value
        );
        let hint = "lower this or raise connections_max";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&one.spot, wrong);
    }
}
