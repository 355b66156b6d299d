//! How long a warm rollback takes, through the built binary.

use std::path::Path;

use anyhow::{Context, Result, bail};
use portcullis_api::engine::Detail;
use portcullis_rollout::{Direction, MomentKind};

use super::clock;
use super::figures::{Spread, against, load_average};
use super::site::Site;
use super::users::Users;

/// From the command to the old release verified as serving everything.
const TARGET_MS: f64 = 1000.0;
/// The gate during which the old release is kept warm.
const KEEP_WARM: &str = "keep-warm";

/// Releases 1.1 over 1.0, waits until it is promoted and 1.0 is kept warm, and rolls back, again and
/// again, while users ask.
pub fn measure(times: u32, binaries: Option<&Path>) -> Result<()> {
    let mut site = Site::make(binaries)?;
    site.start()?;
    site.run(&["deploy", "--release", "1.0", "--wait"])?;
    let users = Users::start(&site.gateway);
    let mut rounds = Vec::new();
    let load = load_average();
    for number in 0..times {
        let id = format!("dhash-{}", number + 2);
        rounds.push(once(&site, &users, &id).with_context(|| format!("rollout {id}"))?);
    }
    let (answered, dropped) = users.stop();
    let spread = |of: fn(&Round) -> f64| Spread::new(rounds.iter().map(of).collect());
    let verified = spread(|round| round.last_new_ms.max(round.settled_ms));
    println!(
        "{times} warm rollbacks under load, load average {load} to {}",
        load_average()
    );
    println!(
        "  the command returned                        {}",
        spread(|r| r.returned_ms)
    );
    println!(
        "  last answer of the new release              {}",
        spread(|r| r.last_new_ms)
    );
    println!(
        "  undo of the promotion settled in the journal {}",
        spread(|r| r.settled_ms)
    );
    println!("  both of these                               {verified}");
    println!(
        "  rolled back, the new release stopped        {}",
        spread(|r| r.over_ms)
    );
    println!("  users: {answered} requests answered, {dropped} not");
    println!("  max {}", against(verified.max_ms(), TARGET_MS, "ms"));
    Ok(())
}

/// Milliseconds since the command was sent.
struct Round {
    returned_ms: f64,
    last_new_ms: f64,
    settled_ms: f64,
    over_ms: f64,
}

fn once(site: &Site, users: &Users, id: &str) -> Result<Round> {
    site.run(&["deploy", "--release", "1.1"])?;
    site.until("the old release is kept warm", |site| {
        let detail = site.rollout(id)?;
        let at = detail.state_detail.step();
        let step = at.and_then(|at| detail.plan.plan.step(at));
        if detail.summary.over || detail.summary.state == "paused" {
            bail!("{}", detail.summary.sentence);
        }
        Ok(step.is_some_and(|step| step.name == KEEP_WARM))
    })?;
    // The new release must have all the users before it is interesting that it loses them.
    let promoted_ms = users.now_ms();
    site.until("the new release answers", |_| {
        Ok(users.last_new_ms() > promoted_ms)
    })?;

    let (sent_ms, sent_wall_ms) = (users.now_ms(), clock::wall_ms());
    site.run(&["rollback"])?;
    let returned_ms = users.now_ms() - sent_ms;
    site.until("it is rolled back", |site| {
        Ok(site.rollout(id)?.summary.over)
    })?;
    let detail = site.rollout(id)?;
    if detail.summary.state != "rolled back" {
        bail!(
            "it ended {}: {}",
            detail.summary.state,
            detail.summary.sentence
        );
    }
    let serving = site.status()?.serving.context("nothing serves")?;
    if serving.release != "1.0" {
        bail!("{} serves", serving.release);
    }
    Ok(Round {
        returned_ms,
        last_new_ms: (users.last_new_ms() - sent_ms).max(0.0),
        settled_ms: undone_at_ms(&detail, "promote")? - sent_wall_ms,
        over_ms: detail.summary.changed_at_ms as f64 - sent_wall_ms,
    })
}

/// When the undo of a step was proven and recorded, on the wall clock.
fn undone_at_ms(detail: &Detail, step: &str) -> Result<f64> {
    let undone = detail.moments.iter().find(|moment| {
        let is_undo = matches!(
            &moment.kind,
            MomentKind::Settled {
                direction: Direction::Undo,
                ..
            }
        );
        is_undo && moment.name.as_deref() == Some(step)
    });
    let undone = undone.with_context(|| format!("no undo of {step} is recorded"))?;
    Ok(undone.at_ms as f64)
}
