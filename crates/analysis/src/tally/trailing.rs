//! The latest stretch of a signal, for rules over a trailing window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{ArmSample, Reading, Sample, Signal};

/// The most readings that are kept, whatever the window: a day at one a minute has 1,440.
const READINGS_MAX: usize = 4096;
/// Of traffic, measurements are kept together up to this part of the stretch, so that no number of them
/// makes a gate large: at most about twice as many pieces are kept. The stretch is longer by at most one.
const PIECES: u64 = 60;

/// The latest stretch of one signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trailing {
    /// Readings of a figure, with the end of their interval.
    figures: VecDeque<(u64, f64)>,
    /// What the candidate answered.
    arms: VecDeque<Piece>,
}

/// One measurement, or several that were short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Piece {
    /// The end of the last of them.
    to_ms: u64,
    /// How long they are together.
    length_ms: u64,
    /// Only what the signal needs.
    arm: ArmSample,
}

impl Trailing {
    /// Takes in one sample and forgets what is older than `over_ms`.
    pub(super) fn observe(&mut self, signal: &Signal, over_ms: u64, sample: &Sample) {
        if let Signal::Metric { name } = signal {
            self.observe_figure(sample.metrics.get(name), over_ms, sample.to_ms);
            return;
        }
        if let Some(arm) = sample.canary_of(signal) {
            self.keep(kept(signal, &arm), over_ms, sample);
        }
        forget(
            &mut self.arms,
            sample.to_ms.saturating_sub(over_ms),
            |piece| piece.to_ms,
        );
    }

    /// Takes in one reading of a figure, if there was one, and forgets what is older than `over_ms`.
    pub(super) fn observe_figure(&mut self, reading: Option<&f64>, over_ms: u64, to_ms: u64) {
        let reading = reading.filter(|value| value.is_finite());
        self.figures.extend(reading.map(|value| (to_ms, *value)));
        forget(
            &mut self.figures,
            to_ms.saturating_sub(over_ms),
            |(at, _)| *at,
        );
    }

    fn keep(&mut self, arm: ArmSample, over_ms: u64, sample: &Sample) {
        let (to_ms, length_ms) = (sample.to_ms, sample.duration_ms());
        let fits = |last: &&mut Piece| last.length_ms + length_ms <= over_ms / PIECES;
        match self.arms.back_mut().filter(fits) {
            Some(last) => {
                last.arm.merge(&arm);
                last.to_ms = to_ms;
                last.length_ms += length_ms;
            }
            None => self.arms.push_back(Piece {
                to_ms,
                length_ms,
                arm,
            }),
        }
    }

    /// How many readings or requests stand behind the window, and its value.
    pub(super) fn value(&self, signal: &Signal, reading: Reading) -> (u64, Option<f64>) {
        if matches!(signal, Signal::Metric { .. }) {
            let values = self.figures.iter().map(|(_, value)| *value);
            return (self.figures.len() as u64, read(values.collect(), reading));
        }
        let mut sum = ArmSample::default();
        self.arms.iter().for_each(|piece| sum.merge(&piece.arm));
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
pub(super) fn kept(signal: &Signal, arm: &ArmSample) -> ArmSample {
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

/// Forgets what ended at or before a moment, and what is too much.
fn forget<T>(readings: &mut VecDeque<T>, oldest: u64, end: impl Fn(&T) -> u64) {
    while let Some(first) = readings.front()
        && (end(first) <= oldest || readings.len() > READINGS_MAX)
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
