//! Upstreams, limits, policies and masks that no route names.
//!
//! Each has an effect only where a route names it. Who forgot that would believe a route guarded that is open.

use super::upstream::SERVICE;
use crate::Code;
use crate::raw::RawGateway;
use crate::report::{At, Report, Wrong};

/// Reports what no route names.
pub(super) fn check(raw: &RawGateway, report: &Report<'_>) {
    let routes = &raw.routes;
    let to: Vec<&str> = routes
        .iter()
        .filter_map(|one| name(one.to.as_ref()))
        .collect();
    let access = routes.iter().filter_map(|one| name(one.access.as_ref()));
    let limits = routes.iter().flat_map(|one| &one.limits);
    let limits: Vec<&str> = limits.map(|at| at.value.as_str()).collect();
    let upstreams = raw.upstreams.iter().map(|one| one.name.as_ref());
    told("upstream", "to = ", upstreams.collect(), &to, report);
    let names = raw.limits.iter().map(|one| one.name.as_ref());
    told("limit", "limits = ", names.collect(), &limits, report);
    let names = raw.access.iter().map(|one| one.name.as_ref());
    let access: Vec<&str> = access.collect();
    told(
        "access policy",
        "access = ",
        names.collect(),
        &access,
        report,
    );
    let names = raw.masks.iter().map(|one| one.name.as_ref());
    let masks = routes.iter().map(|one| one.mask.as_ref());
    let masks = masks.chain([raw.default_mask.as_ref()]);
    let masks: Vec<&str> = masks.filter_map(name).collect();
    // A name that could not be read probably means one of these, and that is told.
    if raw.default_mask.is_some() || !raw.default_mask_given {
        told("mask", "mask = ", names.collect(), &masks, report);
    }
}

fn told(
    what: &str,
    key: &str,
    declared: Vec<Option<&At<String>>>,
    named: &[&str],
    report: &Report<'_>,
) {
    let declared: Vec<&At<String>> = declared.into_iter().flatten().collect();
    // A route with a name that is not known probably means one of these, and that is told.
    let is_known = |name: &&str| {
        declared.iter().any(|at| at.value == *name) || (what == "upstream" && *name == SERVICE)
    };
    if !named.iter().copied().all(|name| is_known(&name)) {
        return;
    }
    for at in declared {
        if named.contains(&at.value.as_str()) || (what == "upstream" && at.value == SERVICE) {
            continue;
        }
        let shown = match key {
            "limits = " => format!("limits = [\"{}\"]", at.value),
            _ => format!("{key}\"{}\"", at.value),
        };
        let message = format!("no route names this {what}, so it has no effect");
        let hint = match what {
            "mask" => format!(
                "add {shown} to a [[gateway.route]] or default_{shown} to [gateway], or remove it"
            ),
            _ => format!("add {shown} to a [[gateway.route]], or remove it"),
        };
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

fn name(at: Option<&At<String>>) -> Option<&str> {
    at.map(|at| at.value.as_str())
}
