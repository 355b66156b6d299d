//! Users who stay with an arm and bring errors of their own.

use portcullis_analysis::ArmSample;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::weighted::WeightedAliasIndex;
use rand_distr::{Distribution, Pareto};

use crate::scenario::Users;

/// The crowd is the same in each run; who is with which arm is not.
const CROWD_SEED: u64 = 0x5eed_c401;

/// All users.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    /// How often each asks, in sum 1.
    weights: Vec<f64>,
    /// Whom an error happens to: users with a broken session, by how often they ask.
    unlucky: Option<WeightedAliasIndex<f64>>,
}

/// Who is with the canary in one run, and who has had an error already.
#[derive(Debug, Clone)]
pub(super) struct Assigned {
    canary: Vec<bool>,
    request_share: f64,
    seen: Vec<bool>,
}

impl Assigned {
    /// The share of requests that the canary's users make.
    pub(super) fn request_share(&self) -> f64 {
        self.request_share
    }
}

impl Crowd {
    pub(super) fn new(users: Users) -> Crowd {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(CROWD_SEED);
        let pareto = Pareto::new(1.0, users.tail).ok();
        let draw = |random: &mut Xoshiro256PlusPlus| pareto.map_or(1.0, |p| p.sample(random));
        let mut weights: Vec<f64> = (0..users.count).map(|_| draw(&mut random)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let broken = (f64::from(users.count) * users.broken).ceil() as usize;
        let mut unlucky = vec![0.0; weights.len()];
        let mut left = broken.clamp(1, weights.len());
        // Which users are broken is drawn too: the first that were drawn are as good as any.
        for (chance, weight) in unlucky.iter_mut().zip(&weights) {
            if left == 0 {
                break;
            }
            left -= 1;
            *chance = *weight;
        }
        Crowd {
            unlucky: WeightedAliasIndex::new(unlucky).ok(),
            weights,
        }
    }

    /// Each user goes to an arm by chance.
    pub(super) fn assign(&self, share: f64, random: &mut impl RngExt) -> Assigned {
        let canary: Vec<bool> = self
            .weights
            .iter()
            .map(|_| random.random_bool(share))
            .collect();
        let own = self.weights.iter().zip(&canary);
        let request_share: f64 = own.filter(|(_, own)| **own).map(|(weight, _)| weight).sum();
        Assigned {
            seen: vec![false; canary.len()],
            canary,
            request_share,
        }
    }

    /// The errors of both arms among about `requests`, with rates of the stable arm and the canary.
    ///
    /// Errors come like requests, independently of each other at the rate of the worse arm, and each
    /// happens to a user by chance; one that the better arm would not have made is left out. That is the
    /// same as drawing each user's errors (thinning of Poisson processes).
    pub(super) fn errors(
        &self,
        assigned: &mut Assigned,
        requests: f64,
        (stable_rate, canary_rate): (f64, f64),
        random: &mut impl RngExt,
    ) -> (ArmSample, ArmSample) {
        let empty = ArmSample {
            first_errors: Some(0),
            ..ArmSample::default()
        };
        let (mut canary, mut stable) = (empty.clone(), empty);
        let highest = stable_rate.max(canary_rate);
        let Some(unlucky) = self.unlucky.as_ref().filter(|_| highest > 0.0) else {
            return (canary, stable);
        };
        for _ in 0..super::count(requests * highest, random) {
            let user = unlucky.sample(random);
            let (arm, rate) = if assigned.canary[user] {
                (&mut canary, canary_rate)
            } else {
                (&mut stable, stable_rate)
            };
            if !random.random_bool((rate / highest).clamp(0.0, 1.0)) {
                continue;
            }
            arm.errors += 1;
            if !assigned.seen[user] {
                assigned.seen[user] = true;
                arm.first_errors = Some(arm.first_errors.unwrap_or(0) + 1);
            }
        }
        (canary, stable)
    }
}
