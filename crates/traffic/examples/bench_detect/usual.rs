//! The gate of a file that has none: what becomes of good and of bad releases, and when.

use portcullis_analysis::{Analysis, Enough};
use portcullis_traffic::{
    Change, Curve, Latency, Outcome, Scenario, ScenarioProblem, Simulator, Study, Trial,
    binomial_interval, is_simulated,
};

const BASE: f64 = 0.005;
/// With less traffic a run lasts longer, so there are fewer.
const SLOW: u64 = 5;

/// A release before the gate.
struct Row {
    name: &'static str,
    requests_per_second: f64,
    share: f64,
    error_rate: Curve,
    change: Change,
}

/// The rules that traffic decides, at a share of the traffic.
fn gate(share: f64) -> Analysis {
    let all = Analysis::usual();
    let mut gate = match share {
        1.0 => all.without_baseline(),
        _ => all.beside_baseline(),
    };
    gate.rules.retain(is_simulated);
    gate
}

fn scenario(row: &Row) -> Scenario {
    let window_ms = gate(row.share).window_ms;
    Scenario {
        error_rate: row.error_rate.clone(),
        latency: Some(Latency {
            median_ms: 100.0,
            sigma: 0.6,
            factor: Curve::constant(1.0),
        }),
        change: row.change,
        ..Scenario::new(row.requests_per_second, row.share, window_ms, BASE)
    }
}

fn study(row: &Row, runs: u64) -> Result<Study, ScenarioProblem> {
    let analysis = gate(row.share);
    let simulator = Simulator::new(scenario(row))?;
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let worker = |thread: u64| {
            let (mut simulator, analysis) = (simulator.clone(), &analysis);
            scope.spawn(move || {
                let seeds = (0..runs).filter(|seed| seed % threads == thread);
                let run = |seed| Trial::run(analysis, &mut simulator, seed);
                seeds.map(run).collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..threads).map(worker).collect();
        let parts = workers.into_iter().flat_map(|worker| worker.join());
        parts.flatten().collect()
    });
    Ok(outcomes.into_iter().collect())
}

pub(crate) fn print(runs: u64) -> Result<(), ScenarioProblem> {
    let usual = Analysis::usual();
    let evident = usual
        .rules
        .iter()
        .all(|rule| rule.enough == Enough::Evidence || !is_simulated(rule));
    println!(
        "\nThe gate without a configuration (window {} s, extension {} s{}), {runs} runs each, {} where there are \
         fewer than 100 requests a second\n",
        usual.window_ms / 1000,
        usual.extend_ms / 1000,
        if evident { ", all by evidence" } else { "" },
        runs / SLOW
    );
    println!(
        "| release | passes | of these within the window | half, 99 % pass within | rolled back | upper 95 % | half, \
         90 % within | asks |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows() {
        let runs = match row.requests_per_second {
            fast if fast >= 100.0 => runs,
            _ => runs / SLOW,
        };
        let study = study(&row, runs)?;
        println!("{}", told(&row, &study, usual.window_ms));
    }
    Ok(())
}

fn told(row: &Row, study: &Study, window_ms: u64) -> String {
    let runs = study.runs();
    let share = |count: u64| format!("{:.2} %", 100.0 * count as f64 / runs.max(1) as f64);
    let after = |early: Option<u64>, late: Option<u64>| match (early, late) {
        (Some(early), Some(late)) => format!("{}, {} s", early / 1000, late / 1000),
        _ => "-".to_owned(),
    };
    let in_window = study.passed_by(window_ms);
    let in_window = match study.passed() {
        0 => "-".to_owned(),
        passed => format!("{:.1} %", 100.0 * in_window as f64 / passed as f64),
    };
    let (_, most) = binomial_interval(study.failed(), runs, 0.05);
    format!(
        "| {} | {} | {in_window} | {} | {} | {:.2} % | {} | {} |",
        row.name,
        share(study.passed()),
        after(study.passed_after_ms(0.5), study.passed_after_ms(0.99)),
        share(study.failed()),
        most * 100.0,
        after(study.failed_after_ms(0.5), study.failed_after_ms(0.9)),
        share(study.inconclusive())
    )
}

fn rows() -> Vec<Row> {
    let row = |name, requests_per_second, share, change| Row {
        name,
        requests_per_second,
        share,
        error_rate: Curve::constant(BASE),
        change,
    };
    let good =
        |name, requests_per_second, share| row(name, requests_per_second, share, Change::NONE);
    let with = |name, error_rate| Row {
        error_rate,
        ..good(name, 100.0, 0.1)
    };
    let errors = |error_factor| Change {
        error_factor,
        ..Change::NONE
    };
    let slower = |latency_factor| Change {
        latency_factor,
        ..Change::NONE
    };
    let tail = Change {
        slow_share: 0.1,
        slow_factor: 5.0,
        ..Change::NONE
    };
    vec![
        good("as good, 100 requests/s, canary 10 %", 100.0, 0.1),
        good("as good, canary 50 %", 100.0, 0.5),
        good("as good, alone", 100.0, 1.0),
        with("as good, no errors at all", Curve::constant(0.0)),
        with("as good, 2 % errors", Curve::constant(0.02)),
        with(
            "as good, an incident of both releases, 50 % errors for 6 min",
            Curve::incident(BASE, 20_000, 360_000, 0.5),
        ),
        good("as good, 10 requests/s, canary 10 %", 10.0, 0.1),
        good("as good, 10 requests/s, canary 50 %", 10.0, 0.5),
        good("as good, 10 requests/s, alone", 10.0, 1.0),
        good("as good, 1 request/s, canary 10 %", 1.0, 0.1),
        good("as good, 1 request/s, canary 50 %", 1.0, 0.5),
        good("as good, 1 request/s, alone", 1.0, 1.0),
        row("errors x10, 100 requests/s", 100.0, 0.1, errors(10.0)),
        row("errors x4", 100.0, 0.1, errors(4.0)),
        row("errors x2", 100.0, 0.1, errors(2.0)),
        row("latency x1.5", 100.0, 0.1, slower(1.5)),
        row("latency x1.2", 100.0, 0.1, slower(1.2)),
        row("10 % of the answers x5", 100.0, 0.1, tail),
        row("errors x10, 10 requests/s", 10.0, 0.1, errors(10.0)),
        row("errors x4, 10 requests/s", 10.0, 0.1, errors(4.0)),
        row("latency x1.5, 10 requests/s", 10.0, 0.1, slower(1.5)),
        row("errors x10, 1 request/s", 1.0, 0.1, errors(10.0)),
        row("latency x1.5, 1 request/s", 1.0, 0.1, slower(1.5)),
    ]
}
