//! The gate and its rules.

use crate::raw::{RawMetric, RawSynthetic};
use crate::report::{At, Spot};
use crate::table::Table;
use crate::units::{self, Limit};

/// `[gate]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGate {
    pub(crate) window_ms: Option<At<u64>>,
    pub(crate) interval_ms: Option<At<u64>>,
    pub(crate) samples_min: Option<At<u32>>,
    pub(crate) cadence: Vec<RawCadence>,
    pub(crate) extend_ms: Option<At<u64>>,
    pub(crate) early: Option<At<bool>>,
    pub(crate) inconclusive: Option<At<String>>,
    pub(crate) alpha: Option<At<Limit>>,
    pub(crate) beta: Option<At<Limit>>,
    pub(crate) rules: Vec<RawRule>,
    pub(crate) metrics: Vec<RawMetric>,
    pub(crate) synthetic: Option<RawSynthetic>,
    /// Whether what the file gives as rules could not be read as such.
    pub(crate) rules_broken: bool,
    /// The table's place.
    pub(crate) spot: Option<Spot>,
    /// Whether the file has the table.
    pub(crate) given: bool,
}

/// One element of `cadence` as written.
#[derive(Debug)]
pub(crate) struct RawCadence {
    pub(crate) after_ms: Option<At<u64>>,
    pub(crate) interval_ms: Option<At<u64>>,
}

/// A `[[gate.rule]]` as written.
#[derive(Debug)]
pub(crate) struct RawRule {
    pub(crate) signal: Option<At<String>>,
    pub(crate) max: Option<At<Limit>>,
    pub(crate) worse_than_stable_by: Option<At<Limit>>,
    pub(crate) ratio_max: Option<At<f64>>,
    pub(crate) matters: Option<At<Limit>>,
    pub(crate) matters_by: Option<At<Limit>>,
    pub(crate) matters_ratio: Option<At<f64>>,
    pub(crate) over_ms: Option<At<u64>>,
    pub(crate) reading: Option<At<String>>,
    pub(crate) breaker: Option<At<bool>>,
    pub(crate) alone: Option<At<bool>>,
    pub(crate) quantile: Option<At<f64>>,
    pub(crate) metric: Option<At<String>>,
    pub(crate) requests_min: Option<u64>,
    /// Whether the file gives a limit of any kind, rightly or not.
    pub(crate) limit_given: bool,
    /// Whether it gives a part of a comparison that could not be read.
    pub(crate) comparison_broken: bool,
    /// The table's place.
    pub(crate) spot: Spot,
    /// Whether it stands in the file; otherwise it is one of the default rules.
    pub(crate) given: bool,
}

impl RawGate {
    pub(crate) fn read(table: Table<'_>) -> RawGate {
        let rules = table.tables("rule", RawRule::read);
        RawGate {
            window_ms: table.duration_ms("window"),
            interval_ms: table.duration_ms("interval"),
            samples_min: table.count("samples_min"),
            cadence: table.tables("cadence", RawCadence::read),
            extend_ms: table.duration_ms("extend"),
            early: table.boolean("early"),
            inconclusive: table.text("inconclusive"),
            alpha: table.read("alpha", |_, value| units::limit(value)),
            beta: table.read("beta", |_, value| units::limit(value)),
            metrics: table.tables("metric", RawMetric::read),
            synthetic: table.optional_table("synthetic", RawSynthetic::read),
            rules_broken: rules.is_empty() && table.has_other("rule"),
            rules,
            spot: Some(table.spot.clone()),
            given: table.given,
        }
    }
}

impl RawCadence {
    pub(super) fn read(table: Table<'_>) -> RawCadence {
        RawCadence {
            after_ms: table.duration_ms("after"),
            interval_ms: table.duration_ms("interval"),
        }
    }
}

impl RawRule {
    fn read(table: Table<'_>) -> RawRule {
        let max = table.read("max", |_, value| units::limit(value));
        let margin = table.read("worse_than_stable_by", |_, value| units::limit(value));
        let ratio_max = table.read("ratio_max", |_, value| units::number(value));
        let broken = |name, read: bool| table.has(name) && !read;
        RawRule {
            signal: table.text("signal"),
            limit_given: ["max", "worse_than_stable_by", "ratio_max"]
                .iter()
                .any(|n| table.has(n)),
            comparison_broken: broken("worse_than_stable_by", margin.is_some())
                || broken("ratio_max", ratio_max.is_some()),
            max,
            worse_than_stable_by: margin,
            ratio_max,
            matters: table.read("matters", |_, value| units::limit(value)),
            matters_by: table.read("matters_by", |_, value| units::limit(value)),
            matters_ratio: table.read("matters_ratio", |_, value| units::number(value)),
            over_ms: table.duration_ms("over"),
            reading: table.text("reading"),
            breaker: table.boolean("breaker"),
            alone: table.boolean("alone"),
            quantile: table.read("quantile", |_, value| units::quantile(value)),
            metric: table.text("metric"),
            requests_min: table.whole("requests_min").map(|at| at.value),
            spot: table.spot.clone(),
            given: table.given,
        }
    }
}
