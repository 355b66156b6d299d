//! `portcullis gate backtest`: what gates would have decided, from what Prometheus has recorded.

use std::collections::BTreeMap;

use portcullis_analysis::{Analysis, Judgement, Sample, Signal, Tally, Verdict};
use portcullis_config::Config;
use portcullis_driver::{HistoryUnreadable, PrometheusHistory};
use portcullis_rollout::FigureSource;
use secrecy::SecretString;
use serde_json::json;

use super::named::{self, NamedGate};
use crate::cli::Backtest;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::{clock, output, render};

mod recorded;

use recorded::Recorded;

/// Points that Prometheus gives of one series at most.
const POINTS_MAX: u64 = 11_000;

pub(super) async fn run(
    config: &Config,
    args: &Backtest,
    json: bool,
) -> Result<Exit, CommandError> {
    let gate = named::find(config, &args.gate)?;
    let moment = |at: jiff::Timestamp| u64::try_from(at.as_millisecond()).unwrap_or(0);
    let range = (moment(args.range.from), moment(args.range.to));
    let (analysis, left_out) = judged(config, &gate, args.stable.is_some())?;
    let step_ms = analysis.interval_ms.max(1);
    answerable(range, step_ms)?;
    let recorded = read(config, args, range, step_ms).await?;
    let decided = decide(&analysis, &recorded.samples());
    if json {
        let gates = decided.iter().map(|gate| {
            json!({ "from_ms": gate.from_ms, "to_ms": gate.to_ms, "judgement": gate.judgement })
        });
        output::json(&json!({
            "schema": "portcullis.gate-backtest/1",
            "gate": gate.name,
            "left_out": left_out.iter().map(Signal::words).collect::<Vec<_>>(),
            "gates": gates.collect::<Vec<_>>(),
        }));
    } else {
        output::result(&told(&gate, &analysis, &left_out, &decided));
    }
    Ok(exit(&decided))
}

/// Refuses a range with more measurements than Prometheus gives of one series.
fn answerable(range: (u64, u64), step_ms: u64) -> Result<(), CommandError> {
    let points = (range.1 - range.0) / step_ms;
    if points <= POINTS_MAX {
        return Ok(());
    }
    let most = render::span(POINTS_MAX * step_ms);
    let what = format!("the range has {points} measurements, and Prometheus gives {POINTS_MAX}");
    Err(CommandError::coded(ErrorCode::BadValue, what)
        .hint(format!("take a range of at most {most}")))
}

/// What Prometheus has recorded of both releases in the range.
async fn read(
    config: &Config,
    args: &Backtest,
    range: (u64, u64),
    step_ms: u64,
) -> Result<Recorded, CommandError> {
    let token = args.token_file.as_deref().map(token).transpose()?;
    let history = PrometheusHistory::new(&args.prometheus, token, args.ca.clone());
    let mut recorded = Recorded::new(range, step_ms);
    let service = config.service.name.as_str();
    recorded
        .read_arm(&history, service, &args.canary, true)
        .await
        .map_err(unreadable)?;
    if let Some(stable) = &args.stable {
        recorded
            .read_arm(&history, service, stable, false)
            .await
            .map_err(unreadable)?;
    }
    if !recorded.has_counts() {
        let what = format!(
            "Prometheus has recorded nothing of release {} of {service} in this range",
            args.canary
        );
        return Err(CommandError::new(Exit::Failed, what).hint(
            "it must scrape the gateway's metrics (portcullis_arm_requests_total); look at the range and the \
             release's name",
        ));
    }
    for figure in figures(config, &args.canary) {
        let read = recorded.read_figure(
            &history,
            &figure.name,
            &figure.query,
            figure.wanted.as_ref(),
        );
        read.await.map_err(unreadable)?;
    }
    for figure in args
        .stable
        .iter()
        .flat_map(|stable| figures(config, stable))
    {
        let read = recorded.read_stable_figure(
            &history,
            &figure.name,
            &figure.query,
            figure.wanted.as_ref(),
        );
        read.await.map_err(unreadable)?;
    }
    Ok(recorded)
}

/// One gate over a part of the range.
struct Decided {
    from_ms: u64,
    to_ms: u64,
    judgement: Judgement,
}

/// Opens gates one after the other. One that is open at the end has decided nothing.
fn decide(analysis: &Analysis, samples: &[Sample]) -> Vec<Decided> {
    let mut decided = Vec::new();
    let mut open: Option<(u64, Tally)> = None;
    for sample in samples {
        let (from_ms, tally) = open.get_or_insert_with(|| (sample.from_ms, Tally::new(analysis)));
        tally.observe(analysis, sample);
        if tally.verdict(analysis) == Verdict::Undecided {
            continue;
        }
        decided.push(Decided {
            from_ms: *from_ms,
            to_ms: sample.to_ms,
            judgement: tally.judge(analysis),
        });
        open = None;
    }
    decided
}

fn exit(decided: &[Decided]) -> Exit {
    let any = |verdict| decided.iter().any(|gate| gate.judgement.verdict == verdict);
    match (any(Verdict::Fail), any(Verdict::Inconclusive)) {
        (true, _) => Exit::RolledBack,
        (false, false) if !decided.is_empty() => Exit::Done,
        _ => Exit::Inconclusive,
    }
}

/// The rules that what is recorded can decide, and the signals of the others.
fn judged(
    config: &Config,
    gate: &NamedGate,
    compares: bool,
) -> Result<(Analysis, Vec<Signal>), CommandError> {
    let of_prometheus = figures(config, "");
    let of_prometheus: Vec<&str> = of_prometheus.iter().map(|f| f.name.as_str()).collect();
    let is_recorded = |signal: &Signal| match signal {
        Signal::ErrorRate | Signal::Latency { .. } | Signal::Latencies => true,
        Signal::Metric { name } => of_prometheus.contains(&name.as_str()),
        _ => false,
    };
    let mut analysis = match compares {
        true => gate.analysis.clone(),
        false => gate.alone(config),
    };
    // Measurements are as far apart as they are recorded.
    analysis.cadence.clear();
    let known: Vec<_> = analysis
        .rules
        .iter()
        .filter(|rule| is_recorded(&rule.signal))
        .cloned()
        .collect();
    let left_out = analysis
        .rules
        .iter()
        .filter(|rule| !is_recorded(&rule.signal));
    let left_out = left_out.map(|rule| rule.signal.clone()).collect();
    analysis.rules = known;
    if analysis.rules.is_empty() {
        let what = format!("{} has no rule that what is recorded can decide", gate.name);
        let hint = match compares {
            true => "rules about errors, latency and figures from Prometheus can be judged",
            false => {
                "its rules compare with the stable release: say with --stable which one it was"
            }
        };
        return Err(CommandError::coded(ErrorCode::Contradiction, what).hint(hint));
    }
    Ok((analysis, left_out))
}

/// A figure that comes from Prometheus.
struct Figure {
    name: String,
    query: String,
    /// The label and its value that tell the candidate's series.
    wanted: Option<(String, String)>,
}

/// The figures that come from Prometheus, asked of a release.
fn figures(config: &Config, canary: &str) -> Vec<Figure> {
    let figures = config.figures.iter();
    let asked = figures.filter_map(|figure| match &figure.source {
        FigureSource::Prometheus { query, label, .. } => Some(Figure {
            name: figure.name.clone(),
            query: query.replace("{release}", canary),
            wanted: label.clone().map(|label| (label, canary.to_owned())),
        }),
        _ => None,
    });
    asked.collect()
}

fn token(file: &std::path::Path) -> Result<SecretString, CommandError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let what = format!("the token in {} cannot be read", file.display());
        CommandError::because(Exit::Usage, what, &error)
    })?;
    Ok(SecretString::from(text.trim().to_owned()))
}

fn unreadable(error: HistoryUnreadable) -> CommandError {
    CommandError::because(
        Exit::Failed,
        "the past could not be read from Prometheus",
        &error,
    )
    .hint(
        "look at the address given with --prometheus, at --token-file if it wants one, and at --ca if its \
         certificate is of an authority of your own",
    )
}

fn told(gate: &NamedGate, analysis: &Analysis, left_out: &[Signal], decided: &[Decided]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for gate in decided {
        *counts.entry(gate.judgement.verdict.word()).or_default() += 1;
    }
    let count = |verdict: Verdict| counts.get(verdict.word()).copied().unwrap_or(0);
    let mut lines = vec![match decided.len() {
        0 => format!(
            "{}: the range is too short for one gate of {}",
            gate.name,
            render::span(analysis.window_ms)
        ),
        all => format!(
            "{}: of {all} gates one after the other {} would have passed, {} failed, {} not decided",
            gate.name,
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::Inconclusive)
        ),
    }];
    if !left_out.is_empty() {
        let words: Vec<String> = left_out.iter().map(Signal::words).collect();
        lines.push(format!("not recorded, so left out: {}", words.join(", ")));
    }
    for gate in decided {
        lines.push(format!(
            "{} to {}: {}",
            clock::local(gate.from_ms).strftime("%F %T"),
            clock::local(gate.to_ms).strftime("%T"),
            gate.judgement.verdict.word()
        ));
        if gate.judgement.verdict != Verdict::Pass || decided.len() == 1 {
            lines.extend(super::evidence(&gate.judgement));
        }
    }
    lines.join("\n")
}
