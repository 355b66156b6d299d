//! The figures of a measurement: of the candidate, and of the stable release where rules compare them.

use std::collections::BTreeMap;

use futures::future::join_all;
use portcullis_rollout::{FigureOrder, GateOrder, SplitArm};

use super::GatewayMeter;

/// Figures by name, each as a number or with the reason why there is none.
pub(super) type Figures = BTreeMap<String, Result<f64, String>>;

impl GatewayMeter {
    /// All figures at once, each as a number or with the reason why there is none.
    pub(super) async fn figures(&self, gate: &GateOrder) -> Figures {
        let own = self.own_figures(gate, Some(&gate.canary));
        let (mut figures, elsewhere) = tokio::join!(own, self.elsewhere(&gate.figures));
        figures.extend(elsewhere);
        figures
    }

    /// The figures of the stable release that rules compare.
    pub(super) async fn stable_figures(&self, gate: &GateOrder) -> Figures {
        let compared = |name: &str| gate.compares_figure(name);
        let has_own = gate.metrics.as_ref();
        let has_own =
            has_own.is_some_and(|source| source.figures.keys().any(|name| compared(name)));
        let stable = gate.baseline.as_ref().filter(|_| has_own);
        let own = self.own_figures(gate, stable);
        let (mut figures, elsewhere) = tokio::join!(own, self.elsewhere(&gate.stable_figures));
        figures.retain(|name, _| compared(name));
        figures.extend(elsewhere);
        figures
    }

    /// What an arm reports of itself.
    async fn own_figures(&self, gate: &GateOrder, arm: Option<&SplitArm>) -> Figures {
        match (&gate.metrics, arm) {
            (Some(source), Some(arm)) => self.checks.figures(source, &arm.address).await,
            _ => BTreeMap::new(),
        }
    }

    async fn elsewhere(&self, orders: &[FigureOrder]) -> Vec<(String, Result<f64, String>)> {
        let figures = orders.iter().map(async |order| {
            let figure = self.checks.figure(order).await;
            (order.name.clone(), figure)
        });
        join_all(figures).await
    }
}

/// The numbers by name, and the reasons why others are missing by the name that `missing_as` makes of theirs.
pub(super) fn sorted_out(
    figures: Figures,
    missing_as: impl Fn(&str) -> String,
) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let (mut numbers, mut missing) = (BTreeMap::new(), BTreeMap::new());
    for (name, figure) in figures {
        match figure {
            Ok(value) => numbers.insert(name, value).map(|_| ()),
            Err(why) => missing.insert(missing_as(&name), why).map(|_| ()),
        };
    }
    (numbers, missing)
}
