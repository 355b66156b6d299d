//! Synthetic requests: the same question to both releases at the same moment, directly, while users send too few.
//!
//! They go past the gateway, so nothing there counts, limits, divides or logs them, and users' numbers stay as they are.
//! A pair is sent at fixed moments whatever the answers are: a release that hangs gets as many questions as one that is
//! quick, or the share of the two would depend on what they do.

use std::time::Duration;

use futures::future::{join, join_all};
use portcullis_analysis::{ArmSample, SyntheticSample};
use portcullis_rollout::{
    GateOrder, RolloutId, SYNTHETIC_HEADER, SyntheticOrder, SyntheticQuestion,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use crate::bounds::SYNTHETIC_PAIRS_MAX;
use crate::check::{CheckClient, Timed};
use crate::resolve_secret;

/// Sends what is due in one measurement's time and waits for the answers; `None` where nothing was due or could be put.
/// The gate has sent such requests for `sent_ms` milliseconds before: what was due then is not due again, and a pace
/// of less than one in a measurement is kept too.
pub(crate) async fn ask(
    checks: &CheckClient,
    gate: &GateOrder,
    order: &SyntheticOrder,
    rollout: &RolloutId,
    sent_ms: u64,
) -> Option<SyntheticSample> {
    let interval_ms = gate.analysis.interval_ms;
    let asked_before = order.rate.within(sent_ms);
    let due = order.rate.within(sent_ms.saturating_add(interval_ms));
    let pairs = (due - asked_before).min(SYNTHETIC_PAIRS_MAX);
    if order.questions.is_empty() || pairs == 0 {
        return None;
    }
    let pause = Duration::from_millis(interval_ms) / u32::try_from(pairs).unwrap_or(u32::MAX);
    let asked = (0..pairs).map(async |number| {
        tokio::time::sleep(pause * u32::try_from(number).unwrap_or(u32::MAX)).await;
        let nth = asked_before + number;
        let of = order.questions.len() as u64;
        let question = &order.questions[(nth % of) as usize];
        // Neither release is always the first of the two.
        let stable_first = (nth / of) % 2 == 1;
        pair(checks, gate, question, (order, rollout), stable_first).await
    });
    let mut sample = SyntheticSample {
        baseline: gate.baseline.as_ref().map(|_| ArmSample::default()),
        ..SyntheticSample::default()
    };
    for (canary, stable) in join_all(asked).await.into_iter().flatten() {
        count(&mut sample.canary, &canary);
        if let Err(failed) = canary.outcome {
            sample.last_failure = Some(failed.message);
        }
        if let (Some(arm), Some(stable)) = (&mut sample.baseline, stable) {
            count(arm, &stable);
        }
    }
    (sample.canary.requests > 0).then_some(sample)
}

/// One question to both; `None` when it cannot be put, because a secret that it needs is not there.
async fn pair(
    checks: &CheckClient,
    gate: &GateOrder,
    question: &SyntheticQuestion,
    (order, rollout): (&SyntheticOrder, &RolloutId),
    stable_first: bool,
) -> Option<(Timed, Option<Timed>)> {
    let headers = match headers(question, order, rollout).await {
        Ok(headers) => headers,
        Err(why) => {
            tracing::warn!("a synthetic request is left out: {why}");
            return None;
        }
    };
    let canary = checks.timed(&question.canary, &gate.canary.address, &headers);
    match (&question.stable, &gate.baseline) {
        (Some(check), Some(arm)) => {
            let stable = checks.timed(check, &arm.address, &headers);
            let (canary, stable) = if stable_first {
                let (stable, canary) = join(stable, canary).await;
                (canary, stable)
            } else {
                join(canary, stable).await
            };
            Some((canary, Some(stable)))
        }
        // Without the other half of the pair nothing could be compared.
        (None, Some(_)) => None,
        (_, None) => Some((canary.await, None)),
    }
}

async fn headers(
    question: &SyntheticQuestion,
    order: &SyntheticOrder,
    rollout: &RolloutId,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, text) in &question.headers {
        let value = resolve_secret(text, &order.folder).await;
        let value = value.map_err(|error| crate::causes::with_causes(&error))?;
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name} is no header field"))?;
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| format!("the value of {name} cannot be a header's"))?;
        value.set_sensitive(true);
        headers.insert(field, value);
    }
    let mark = HeaderValue::from_str(rollout.as_str())
        .unwrap_or_else(|_| HeaderValue::from_static("gate"));
    headers.insert(HeaderName::from_static(SYNTHETIC_HEADER), mark);
    Ok(headers)
}

fn count(arm: &mut ArmSample, timed: &Timed) {
    arm.requests += 1;
    arm.errors += u64::from(timed.outcome.is_err());
    if let Some(head_us) = timed.head_us {
        arm.latency.record(head_us);
    }
}
