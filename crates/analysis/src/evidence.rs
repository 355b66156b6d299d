//! The record behind a verdict.

use serde::{Deserialize, Serialize};

use outlook::Needed;

use crate::count::grouped;
use crate::{Effect, Enough, Rule, Signal, Test, Verdict};

mod outlook;

/// The logarithm of a million: nobody needs to know more exactly how sure a proof is.
const MILLION_LOG: f64 = 13.815_510_557_964_274;

/// What one rule saw: the value, the limit, how much data, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The rule that was judged.
    pub rule: Rule,
    /// The candidate's value in the signal's unit; `None` without data.
    pub observed: Option<f64>,
    /// The concurrent stable arm's value, where there was one and the rule is about traffic.
    pub baseline: Option<f64>,
    /// The limit that was in force, in the signal's unit; `None` when it could not be computed.
    pub limit: Option<f64>,
    /// Requests (or checks) of the candidate behind the value.
    pub requests: u64,
    /// The length in milliseconds of the latest stretch that value and requests are of; `None` where they
    /// are of all that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_ms: Option<u64>,
    /// What the rule concludes.
    pub verdict: Verdict,
    /// What a failed check or a missing signal said, where that explains more than the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The synthetic requests among them, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticEvidence>,
    /// How far the evidence of a sequential rule has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// How large the difference is that a sequential rule looks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Whether the rule is on its way to fail: a warning, no verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approaching: bool,
}

/// Synthetic requests behind a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticEvidence {
    /// How many the candidate got.
    pub requests: u64,
    /// What it did with the last one that it did not answer as expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

/// How far the evidence of a sequential rule has come, as natural logarithms of e-values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The highest evidence that the candidate is worse than tolerated.
    pub log_worse: f64,
    /// What fails the rule.
    pub log_fails: f64,
    /// The highest evidence that the candidate is better than what matters.
    pub log_good: f64,
    /// What lets the rule pass.
    pub log_passes: f64,
    /// About how many more requests of the candidate would show that it is good enough, if it goes on as
    /// it does; `None` when it is shown, or when no number would.
    pub requests_needed: Option<u64>,
}

impl Proof {
    /// Whether the candidate is proven to be worse than tolerated.
    pub fn fails(&self) -> bool {
        self.log_worse >= self.log_fails
    }

    /// Whether the candidate is proven to be better than what matters.
    pub fn passes(&self) -> bool {
        self.log_good >= self.log_passes
    }

    /// Whether half of the evidence that fails the rule is there.
    pub fn is_approaching(&self) -> bool {
        !self.fails() && self.log_worse >= self.log_fails / 2.0
    }

    /// The chance, at the most, that a release which is no worse than tolerated ever looks this bad.
    pub fn chance(&self) -> f64 {
        libm::exp(-self.log_worse).min(1.0)
    }
}

impl Evidence {
    /// The evidence in words: `error rate 2.1 %, limit 1.0 %, 4,812 requests`.
    pub fn phrase(&self) -> String {
        self.words(self.proof_words())
    }

    /// What was measured, without how sure it is.
    fn words(&self, proof: String) -> String {
        let signal = &self.rule.signal;
        let breaker = if self.rule.breaker {
            "circuit breaker: "
        } else {
            ""
        };
        let name = format!("{breaker}{}{}", signal.words(), stretch(&self.rule.test));
        let Some(observed) = self.observed else {
            return match &self.detail {
                Some(why) if *signal != Signal::HealthFailures => format!("{name}: no data: {why}"),
                // Nobody asked it anything: that is no fault of the measuring.
                _ if signal.is_of_traffic() => {
                    let none = signal.counted(0);
                    format!("{name}: {none} of the new release so far{proof}")
                }
                _ => format!("{name}: no data{proof}"),
            };
        };
        let mut words = format!("{name} {}", signal.format(observed));
        if let Some(baseline) = self.baseline {
            let whose = match self.rule.test.only_warns() {
                true => "the release before",
                false => "stable",
            };
            words.push_str(&format!(", {whose} {}", signal.format(baseline)));
        }
        if let Some(limit) = self.limit {
            words.push_str(&format!(", limit {}", signal.format(limit)));
        }
        let (requests, least) = (self.requests, self.rule.requests_min);
        words.push_str(&format!(", {}", signal.counted(requests)));
        if let Some(latest_ms) = self.latest_ms {
            words.push_str(&format!(" in the last {}", span(latest_ms)));
        }
        if self.verdict == Verdict::Inconclusive && requests < least {
            words.push_str(&format!(" of {} needed", grouped(least)));
        }
        if let Some(synthetic) = &self.synthetic {
            words.push_str(&self.synthetic_words(synthetic));
        }
        words.push_str(&proof);
        words.push_str(self.common_words());
        if let Some(why) = self.no_data() {
            words.push_str(&format!("; no data now: {why}"));
        }
        words
    }

    /// How many of the requests were synthetic, and what a failed one said.
    fn synthetic_words(&self, synthetic: &SyntheticEvidence) -> String {
        let mut words = match synthetic.requests {
            all if all == self.requests => " (all of them synthetic)".to_owned(),
            some => format!(" ({} of them synthetic)", grouped(some)),
        };
        if let Some(failure) = synthetic
            .last_failure
            .as_ref()
            .filter(|_| self.verdict == Verdict::Fail)
        {
            words.push_str(&format!("; of a synthetic one: {failure}"));
        }
        words
    }

    /// What the proof adds: how sure a failure is, or what is missing.
    fn proof_words(&self) -> String {
        let Some(proof) = &self.proof else {
            if self.verdict == Verdict::Fail && matches!(self.rule.test, Test::Beside { .. }) {
                return "; compared as it stands, so chance is not ruled out".to_owned();
            }
            return match self.approaching {
                true => "; near its limit".to_owned(),
                false => String::new(),
            };
        };
        if self.rule.test.only_warns() {
            return match self.approaching {
                true => "; worse than before, which an incident can bring about too".to_owned(),
                false => String::new(),
            };
        }
        let evident = self.rule.enough == Enough::Evidence;
        match (self.verdict, self.more_needed()) {
            (Verdict::Fail, _) => {
                let times = libm::exp(proof.log_worse.min(MILLION_LOG));
                let times = grouped(libm::floor(times) as u64);
                self.failed_words(&format!(
                    "chance alone does this less than once in {times} times"
                ))
            }
            (_, _) if self.approaching => self.approaching_words(proof),
            (Verdict::Inconclusive | Verdict::Undecided, Some(needed)) => {
                needed.words(&self.rule.signal)
            }
            (Verdict::Inconclusive, None) if evident && !proof.passes() => self.open_words(proof),
            _ => String::new(),
        }
    }

    /// How large the difference is, in words: `5.1 times as many errors (3.2 to 8.9, at 99 %)`; `None` when
    /// too little is known to say.
    pub fn effect_words(&self) -> Option<String> {
        self.effect.as_ref()?.words(&self.rule.signal)
    }

    /// Why the rule has no data now, or had too little, if so: a person should know.
    pub fn no_data(&self) -> Option<&str> {
        let open = matches!(self.verdict, Verdict::Undecided | Verdict::Inconclusive);
        let of_signal =
            open && self.rule.signal != Signal::HealthFailures && !self.rule.test.only_warns();
        self.detail.as_deref().filter(|_| of_signal)
    }

    /// How many more requests the rule needs before it says anything.
    pub fn requests_missing(&self) -> u64 {
        let least = self.rule.requests_min.saturating_sub(self.requests);
        least.max(self.more_needed().map_or(0, Needed::requests))
    }

    pub(crate) fn empty(rule: &Rule) -> Evidence {
        let limit = match rule.test {
            Test::Limit { max } | Test::Window { max, .. } | Test::AtMost { max, .. } => Some(max),
            Test::Baseline { .. }
            | Test::NotWorse { .. }
            | Test::NotWorseThanBefore { .. }
            | Test::Beside { .. } => None,
        };
        Evidence {
            rule: rule.clone(),
            observed: None,
            baseline: None,
            limit,
            requests: 0,
            latest_ms: None,
            verdict: Verdict::Undecided,
            detail: None,
            synthetic: None,
            proof: None,
            effect: None,
            approaching: false,
        }
    }
}

/// The stretch of time that a rule looks at: ` (p95 over 15 min)`.
fn stretch(test: &Test) -> String {
    let (Test::Window {
        reading, over_ms, ..
    }
    | Test::Beside {
        reading, over_ms, ..
    }) = test
    else {
        return String::new();
    };
    let reading = reading.words();
    let over = match over_ms {
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    };
    format!(" ({reading} over {over})")
}

/// About how long a stretch is, in words; at least a second.
fn span(ms: u64) -> String {
    match ms.div_ceil(1000).max(1) {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// What a whole gate concludes from its samples so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The conclusion: the worst of the rules, and `Undecided` while the window is open.
    pub verdict: Verdict,
    /// One record per rule, in the gate's order.
    pub evidence: Vec<Evidence>,
    /// How much of the window was measured, in milliseconds.
    pub measured_ms: u64,
    /// Which version of the formulas concluded this ([`crate::FORMULA_VERSION`]); 0 before there were any.
    #[serde(default)]
    pub formula: u32,
}

impl Judgement {
    /// What was measured by the rule that failed, short enough for one line: how sure that is stands in
    /// [`Judgement::phrase`].
    pub fn headline(&self) -> String {
        let failed = self.evidence.iter().find(|e| e.verdict == Verdict::Fail);
        failed.map_or_else(|| self.phrase(), |failed| failed.words(String::new()))
    }

    /// The evidence that decided, in words: the first failed rule, else the first inconclusive one,
    /// else the first rule. Checks that failed are always told, whatever decided.
    pub fn phrase(&self) -> String {
        let of = |verdict| self.evidence.iter().find(|e| e.verdict == verdict);
        let deciding = of(Verdict::Fail).or_else(|| of(Verdict::Inconclusive));
        // While it is open: what people are warned of.
        let warning = || self.evidence.iter().find(|e| e.approaching);
        let silent = || self.evidence.iter().find(|e| e.no_data().is_some());
        let deciding = deciding.or_else(warning).or_else(silent);
        match deciding.or(self.evidence.first()) {
            Some(deciding) => self.phrase_of(deciding),
            None => "no rules".to_owned(),
        }
    }

    /// The same, but while the gate is open with the rules at these indices, of which people are warned, as far as
    /// there still is something to warn of: another rule may have been told before.
    pub fn phrase_about(&self, rules: &[usize]) -> String {
        let open = self.verdict == Verdict::Undecided;
        let evidence = rules.iter().filter_map(|rule| self.evidence.get(*rule));
        let warned = evidence.filter(|e| open && (e.approaching || e.no_data().is_some()));
        let mut phrases: Vec<String> = Vec::new();
        for evidence in warned {
            // Two rules may look at one figure, and neither has it.
            let phrase = match phrases.is_empty() {
                true => self.phrase_of(evidence),
                false => evidence.phrase(),
            };
            if !phrases.iter().any(|told| told.starts_with(&phrase)) {
                phrases.push(phrase);
            }
        }
        match phrases.is_empty() {
            true => self.phrase(),
            false => phrases.join("; "),
        }
    }

    /// The evidence of one rule in words, with checks that failed.
    fn phrase_of(&self, deciding: &Evidence) -> String {
        let mut words = deciding.phrase();
        words.push_str(&self.time_words(deciding));
        let is_health = |e: &&Evidence| e.rule.signal == Signal::HealthFailures;
        let unwell = |e: &&Evidence| e.observed.is_some_and(|failures| failures > 0.0);
        let mut health = self.evidence.iter().filter(is_health).filter(unwell);
        match health
            .next()
            .filter(|health| !std::ptr::eq(*health, deciding))
        {
            Some(health) => format!("{words}; {}", health.phrase()),
            None => words,
        }
    }

    /// How long what is missing takes at the rate so far.
    fn time_words(&self, evidence: &Evidence) -> String {
        let needed = evidence.more_needed().map_or(0, Needed::requests);
        let waits = !evidence.approaching
            && evidence.no_data().is_none()
            && matches!(evidence.verdict, Verdict::Inconclusive | Verdict::Undecided);
        if !waits || needed == 0 || evidence.requests == 0 {
            return String::new();
        }
        let seconds = needed as f64 * self.measured_ms as f64 / 1000.0 / evidence.requests as f64;
        let (number, unit) = match seconds {
            few if few < 90.0 => (few, "s"),
            more if more < 5400.0 => (more / 60.0, "min"),
            many => (many / 3600.0, "h"),
        };
        let number = grouped((libm::ceil(number) as u64).max(1));
        format!(", {number} {unit} at this rate")
    }
}
