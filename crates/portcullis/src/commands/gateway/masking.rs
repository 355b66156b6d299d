//! `portcullis gateway masking`: how masking stands, and what was counted.

use portcullis_api::Client;
use portcullis_api::masking::{
    CountsByEntity, MaskHealth, MaskStats, MaskingHealth, MaskingStanding, MaskingStats,
};
use portcullis_config::Config;

use super::explain;
use crate::command_error::{CommandError, Exit};
use crate::output;

pub(super) async fn run(
    config: &Config,
    client: &Client,
    json: bool,
) -> Result<Exit, CommandError> {
    let failed = |error| explain(error, config, client);
    let health: MaskingHealth = client.look("/masking/health").await.map_err(failed)?;
    let stats: MaskingStats = client.get("/masking/stats").await.map_err(failed)?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-masking/1",
            "health": health,
            "stats": stats,
        }));
    } else {
        tell(&health, &stats);
    }
    Ok(match health.status {
        MaskingStanding::Error => Exit::Failed,
        _ => Exit::Done,
    })
}

fn tell(health: &MaskingHealth, stats: &MaskingStats) {
    output::result(match health.status {
        MaskingStanding::Disabled => "no mask is configured: nothing is masked",
        MaskingStanding::Healthy => "masking is healthy",
        MaskingStanding::Degraded => "masking is degraded",
        MaskingStanding::Error => "masking fails: every masked request is refused",
    });
    for reason in &health.reasons {
        let mask = reason.mask.as_deref().map(|mask| format!(" ({mask})"));
        let mask = mask.unwrap_or_default();
        output::result(&format!("  {}{mask}: {}", reason.code, reason.message));
    }
    for mask in &health.masks {
        output::result(&headline(mask));
        for server in &mask.servers {
            output::result(&format!(
                "  {} says that it is {}, since {}",
                server.upstream, server.version, server.since
            ));
        }
        let counted = stats.masks.iter().find(|one| one.name == mask.name);
        counted.iter().flat_map(|one| lines(one)).for_each(|line| {
            output::result(&format!("  {line}"));
        });
    }
    if let Some(kept) = &stats.conversations {
        let records = kept.records.map(|records| format!(", {records} records"));
        let bytes = kept
            .bytes
            .map(|bytes| format!(" in {} KiB", bytes.div_ceil(1024)));
        output::result(&format!(
            "conversations: {}{}{}",
            kept.keep,
            records.unwrap_or_default(),
            bytes.unwrap_or_default()
        ));
    }
}

fn headline(mask: &MaskHealth) -> String {
    let routes = match mask.routes.is_empty() {
        true => "no route names it".to_owned(),
        false => format!("routes {}", mask.routes.join(", ")),
    };
    format!(
        "{}: {} ({}), {}, {routes}",
        mask.name, mask.adapter, mask.adapter_source, mask.mode
    )
}

/// What was counted of one mask, in sentences.
fn lines(mask: &MaskStats) -> Vec<String> {
    let failed = mask.error_rate * 100.0;
    let told = mask.looked_into + mask.passed + mask.refused_count;
    let textless = match mask.total_requests.saturating_sub(told) {
        0 => String::new(),
        count => format!("{count} without text, "),
    };
    let mut lines = vec![format!(
        "{} requests: {} looked into, {textless}{} passed, {} refused, {failed:.1} % failed",
        mask.total_requests, mask.looked_into, mask.passed, mask.refused_count
    )];
    if let (Some(p50), Some(p99)) = (mask.latency.p50_ms, mask.latency.p99_ms) {
        lines.push(format!(
            "half took less than {p50:.2} ms, 99 % less than {p99:.2} ms"
        ));
    }
    let counted = [("hidden or found", &mask.values), ("leaks", &mask.leaks)];
    for (what, counts) in counted.into_iter().filter(|(_, counts)| !counts.is_empty()) {
        lines.push(format!("{what}: {}", by_entity(counts)));
    }
    if mask.restored + mask.unrestored_look_alikes > 0 {
        lines.push(format!(
            "answers: {} put back, {} look-alikes left",
            mask.restored, mask.unrestored_look_alikes
        ));
    }
    if !mask.refusals.is_empty() {
        let refusals = mask.refusals.iter();
        let refusals: Vec<String> = refusals
            .map(|(why, count)| format!("{why} {count}"))
            .collect();
        lines.push(format!("refused: {}", refusals.join(", ")));
    }
    lines
}

fn by_entity(counts: &CountsByEntity) -> String {
    let one = |(entity, actions): (&String, &std::collections::BTreeMap<String, u64>)| {
        let actions = actions.iter();
        let actions: Vec<String> = actions
            .map(|(action, count)| format!("{count} {action}"))
            .collect();
        format!("{entity} {}", actions.join(" and "))
    };
    let all: Vec<String> = counts.iter().map(one).collect();
    all.join(", ")
}
