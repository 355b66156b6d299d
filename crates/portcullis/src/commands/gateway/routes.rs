//! `portcullis gateway routes`: each arm with its share and what it really gets.
//!
//! Counters of the gateway only grow, so what is sent now is the difference of two looks a second apart.

use std::collections::HashMap;

use portcullis_api::Client;
use portcullis_api::gateway::{
    Arm, ArmStatus, Bypass, GatewayStatus, RouteStatus, ShadowStatus, Split,
};
use portcullis_config::Config;
use serde::Serialize;

use super::explain;
use crate::bounds::ROUTES_LOOK;
use crate::clock::local;
use crate::command_error::{CommandError, Exit};
use crate::{output, render};

/// A route as it is shown.
#[derive(Serialize)]
struct RouteRow {
    service: String,
    epoch: u64,
    changes: u64,
    changed_at_ms: u64,
    unrouted: u64,
    /// Who is kept out, in words.
    closed_to: Option<String>,
    held: u64,
    turned_away: u64,
    /// While there is one, the canary gets nothing, whatever its share.
    bypass: Option<Bypass>,
    arms: Vec<ArmRow>,
}

/// An arm as it is shown.
#[derive(Serialize)]
struct ArmRow {
    /// `stable`, `canary`, or `removed` when it is in the split no more.
    role: &'static str,
    release: String,
    address: String,
    /// The configured share.
    share_percent: u8,
    /// Requests that ended in the last second.
    requests_now: u64,
    /// Their share of the route's; `None` without any.
    sent_percent: Option<f64>,
    healthy: bool,
    last_failure: Option<String>,
    in_flight: u64,
    requests: u64,
    errors: u64,
    failed_over: u64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
    /// What was mirrored to it; `None` if nothing ever was.
    shadow: Option<ShadowRow>,
}

/// How an arm answered mirrored requests, beside the stable one.
#[derive(Serialize)]
struct ShadowRow {
    requests: u64,
    errors: u64,
    differed: u64,
    skipped: u64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
    stable_p50_us: Option<u64>,
    stable_p99_us: Option<u64>,
}

pub(super) async fn run(
    config: &Config,
    client: &Client,
    json: bool,
) -> Result<Exit, CommandError> {
    let first: GatewayStatus = look(config, client).await?;
    tokio::time::sleep(ROUTES_LOOK).await;
    let second: GatewayStatus = look(config, client).await?;
    let before: HashMap<(&str, &Arm), u64> = first
        .routes
        .iter()
        .flat_map(|route| {
            let arms = route.arms.iter();
            arms.map(|arm| ((route.service.as_str(), &arm.arm), arm.requests))
        })
        .collect();
    let restarted = first.instance != second.instance;
    let rows: Vec<RouteRow> = second
        .routes
        .iter()
        .map(|route| {
            row(route, |arm| {
                let earlier = before.get(&(route.service.as_str(), &arm.arm));
                let earlier = earlier.filter(|_| !restarted).copied().unwrap_or(0);
                arm.requests.saturating_sub(earlier)
            })
        })
        .collect();
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-routes/1",
            "listen": second.listen,
            "started_at_ms": second.started_at_ms,
            "routes": rows,
        }));
    } else {
        for route in &rows {
            report(&second, route);
        }
    }
    Ok(Exit::Done)
}

async fn look(config: &Config, client: &Client) -> Result<GatewayStatus, CommandError> {
    let status = client.get("/v1/gateway").await;
    status.map_err(|error| explain(error, config, client))
}

fn row(route: &RouteStatus, requests_now: impl Fn(&ArmStatus) -> u64) -> RouteRow {
    let all_now: u64 = route.arms.iter().map(&requests_now).sum();
    let mut arms: Vec<ArmRow> = route
        .arms
        .iter()
        .map(|arm| {
            let (role, share_percent) = role_of(&arm.arm, route.split.as_ref());
            let now = requests_now(arm);
            ArmRow {
                role,
                release: arm.arm.release.clone(),
                address: arm.arm.address.clone(),
                share_percent,
                requests_now: now,
                sent_percent: (all_now > 0).then(|| now as f64 * 100.0 / all_now as f64),
                healthy: arm.health.healthy,
                last_failure: arm.health.last_failure.clone(),
                in_flight: arm.in_flight,
                requests: arm.requests,
                errors: arm.errors,
                failed_over: arm.failed_over,
                p50_us: arm.latency.quantile_us(0.5),
                p99_us: arm.latency.quantile_us(0.99),
                shadow: arm.shadow.as_ref().map(shadow_row),
            }
        })
        .collect();
    let order = |row: &ArmRow| {
        ["stable", "canary"]
            .iter()
            .position(|role| *role == row.role)
    };
    arms.sort_by_key(|row| order(row).unwrap_or(2));
    let closed = route.split.as_ref().and_then(|split| split.closed.as_ref());
    RouteRow {
        service: route.service.clone(),
        epoch: route.epoch,
        changes: route.changes,
        changed_at_ms: route.changed_at_ms,
        unrouted: route.unrouted,
        closed_to: closed.map(ToString::to_string),
        held: route.held,
        turned_away: route.turned_away,
        bypass: route.bypass.clone(),
        arms,
    }
}

fn shadow_row(shadow: &ShadowStatus) -> ShadowRow {
    let (latency, stable) = (&shadow.latency, &shadow.stable_latency);
    ShadowRow {
        requests: shadow.requests,
        errors: shadow.errors,
        differed: shadow.differed,
        skipped: shadow.skipped,
        p50_us: latency.quantile_us(0.5),
        p99_us: latency.quantile_us(0.99),
        stable_p50_us: stable.quantile_us(0.5),
        stable_p99_us: stable.quantile_us(0.99),
    }
}

fn role_of(arm: &Arm, split: Option<&Split>) -> (&'static str, u8) {
    match split {
        Some(split) if split.stable == *arm => {
            ("stable", 100_u8.saturating_sub(split.weight_percent))
        }
        Some(split) if split.canary.as_ref() == Some(arm) => ("canary", split.weight_percent),
        _ => ("removed", 0),
    }
}

/// Who is kept out, where somebody is.
fn report_kept_out(route: &RouteRow) {
    if let Some(closed) = &route.closed_to {
        output::result(&format!(
            "  CLOSED to {closed}: {} now, and {} got 503 since the gateway started",
            match route.held {
                1 => "1 request waits".to_owned(),
                held => format!("{held} requests wait"),
            },
            requests(route.turned_away)
        ));
    }
}

fn report(gateway: &GatewayStatus, route: &RouteRow) {
    let changed = match route.changes {
        0 => "never split".to_owned(),
        changes => format!(
            "split changed {}, last {}",
            times(changes),
            local(route.changed_at_ms).strftime("%Y-%m-%d %H:%M:%S")
        ),
    };
    let (service, listen) = (&route.service, &gateway.listen);
    output::result(&format!(
        "{service} on http://{listen}, {changed}, epoch {}",
        route.epoch
    ));
    if let Some(bypass) = &route.bypass {
        let told = render::bypassed(bypass, service);
        output::result(&format!("  BYPASSED: {told}"));
    }
    // What left the split and has nothing under way is history.
    let shown = route
        .arms
        .iter()
        .filter(|arm| arm.role != "removed" || arm.in_flight > 0);
    let mut table = vec![
        [
            "arm",
            "release",
            "address",
            "share",
            "now gets",
            "health",
            "in flight",
            "requests",
            "errors",
            "p50",
            "p99",
        ]
        .map(str::to_owned),
    ];
    table.extend(shown.map(cells));
    if table.len() == 1 {
        output::result("  no release serves; `portcullis deploy` brings one out");
    } else {
        for line in aligned(&table) {
            output::result(&line);
        }
    }
    for arm in route.arms.iter().filter(|arm| arm.role != "removed") {
        if let (false, Some(failure)) = (arm.healthy, &arm.last_failure) {
            output::result(&format!("  {} {}: {failure}", arm.role, arm.release));
        }
        if let Some(shadow) = &arm.shadow {
            let told = mirrored(shadow);
            output::result(&format!("  {} {}: {told}", arm.role, arm.release));
        }
    }
    report_kept_out(route);
    if route.unrouted > 0 {
        output::result(&format!(
            "  {} found no release to serve them and got 503",
            requests(route.unrouted)
        ));
    }
    output::talk(&format!(
        "\"now gets\" is the share of the requests that ended in the last second; the counts and times \
         are since the gateway started, {}",
        local(gateway.started_at_ms).strftime("%Y-%m-%d %H:%M:%S")
    ));
}

/// The comparison in one line.
fn mirrored(shadow: &ShadowRow) -> String {
    format!(
        "{} mirrored, {} failed, {} answered otherwise than by stable, {} skipped; p50 {} (stable {}), \
         p99 {} (stable {})",
        requests(shadow.requests),
        shadow.errors,
        shadow.differed,
        shadow.skipped,
        milliseconds(shadow.p50_us),
        milliseconds(shadow.stable_p50_us),
        milliseconds(shadow.p99_us),
        milliseconds(shadow.stable_p99_us),
    )
}

fn milliseconds(us: Option<u64>) -> String {
    match us {
        Some(us) => format!("{:.1} ms", us as f64 / 1000.0),
        None => "-".to_owned(),
    }
}

fn cells(arm: &ArmRow) -> [String; 11] {
    let sent = match arm.sent_percent {
        Some(percent) => format!("{percent:.0} %"),
        None => "-".to_owned(),
    };
    let health = if arm.healthy {
        "healthy"
    } else {
        "NOT healthy"
    };
    [
        arm.role.to_owned(),
        arm.release.clone(),
        arm.address.clone(),
        format!("{} %", arm.share_percent),
        sent,
        health.to_owned(),
        arm.in_flight.to_string(),
        arm.requests.to_string(),
        arm.errors.to_string(),
        milliseconds(arm.p50_us),
        milliseconds(arm.p99_us),
    ]
}

/// Lines of columns: words to the left, numbers to the right.
fn aligned(table: &[[String; 11]]) -> Vec<String> {
    const WORDS: [usize; 4] = [0, 1, 2, 5];
    let width = |column: usize| {
        let widths = table.iter().map(|cells| cells[column].chars().count());
        widths.max().unwrap_or(0)
    };
    table
        .iter()
        .map(|cells| {
            let columns = cells.iter().enumerate().map(|(column, cell)| {
                let width = width(column);
                match WORDS.contains(&column) {
                    true => format!("{cell:width$}"),
                    false => format!("{cell:>width$}"),
                }
            });
            format!("  {}", columns.collect::<Vec<_>>().join("  "))
        })
        .collect()
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    }
}

#[cfg(test)]
mod tests;
