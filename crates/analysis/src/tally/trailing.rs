//! The latest stretch of a signal, for rules over a trailing window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{ArmSample, Reading, Sample, Signal};

/// The most readings that are kept, whatever the window: a day at one a minute has 1,440.
const READINGS_MAX: usize = 4096;

/// The latest stretch of one signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trailing {
    /// Readings of a figure, with the end of their interval.
    figures: VecDeque<(u64, f64)>,
    /// What the candidate answered, with the end of the interval. Only what the signal needs is kept.
    arms: VecDeque<(u64, ArmSample)>,
}

impl Trailing {
    /// Takes in one sample and forgets what is older than `over_ms`.
    pub(super) fn observe(&mut self, signal: &Signal, over_ms: u64, sample: &Sample) {
        if let Signal::Metric { name } = signal {
            self.observe_figure(sample.metrics.get(name), over_ms, sample.to_ms);
            return;
        }
        let synthetic = sample.synthetic.as_ref();
        let synthetic = synthetic.filter(|_| signal.counts_synthetic());
        let arms = sample.canary.iter().chain(synthetic.map(|s| &s.canary));
        for arm in arms {
            self.arms.push_back((sample.to_ms, kept(signal, arm)));
        }
        forget(&mut self.arms, sample.to_ms.saturating_sub(over_ms));
    }

    /// Takes in one reading of a figure, if there was one, and forgets what is older than `over_ms`.
    pub(super) fn observe_figure(&mut self, reading: Option<&f64>, over_ms: u64, to_ms: u64) {
        let reading = reading.filter(|value| value.is_finite());
        self.figures.extend(reading.map(|value| (to_ms, *value)));
        forget(&mut self.figures, to_ms.saturating_sub(over_ms));
    }

    /// How many readings or requests stand behind the window, and its value.
    pub(super) fn value(&self, signal: &Signal, reading: Reading) -> (u64, Option<f64>) {
        if matches!(signal, Signal::Metric { .. }) {
            let values = self.figures.iter().map(|(_, value)| *value);
            return (self.figures.len() as u64, read(values.collect(), reading));
        }
        let mut sum = ArmSample::default();
        self.arms.iter().for_each(|(_, arm)| sum.merge(arm));
        let value = match reading {
            Reading::Quantile(quantile) => {
                let us = signal.times(&sum).quantile_us(quantile);
                us.map(|us| us as f64 / 1000.0)
            }
            Reading::Latest | Reading::Mean => signal.value(&sum),
        };
        (signal.count(&sum), value)
    }
}

/// What a signal needs of an arm.
fn kept(signal: &Signal, arm: &ArmSample) -> ArmSample {
    let mut kept = ArmSample {
        requests: arm.requests,
        errors: arm.errors,
        refused: arm.refused,
        ..ArmSample::default()
    };
    match signal {
        Signal::FirstToken { .. } => kept.first_token = arm.first_token.clone(),
        Signal::TokenGap { .. } => kept.token_gap = arm.token_gap.clone(),
        Signal::TokenTime { .. } => kept.token_time = arm.token_time.clone(),
        Signal::Latency { .. } => kept.latency = arm.latency.clone(),
        _ => {}
    }
    kept
}

/// Forgets what is at or before a moment, and what is too much.
fn forget<T>(readings: &mut VecDeque<(u64, T)>, oldest: u64) {
    while let Some((at, _)) = readings.front()
        && (*at <= oldest || readings.len() > READINGS_MAX)
    {
        readings.pop_front();
    }
}

/// One value out of many; `None` out of none. A quantile is by nearest rank.
fn read(mut values: Vec<f64>, reading: Reading) -> Option<f64> {
    let count = values.len();
    match reading {
        _ if count == 0 => None,
        Reading::Latest => values.last().copied(),
        Reading::Mean => Some(values.iter().sum::<f64>() / count as f64),
        Reading::Quantile(quantile) => {
            values.sort_by(f64::total_cmp);
            let rank = libm::ceil(quantile * count as f64) as usize;
            values.get(rank.clamp(1, count) - 1).copied()
        }
    }
}
