//! Evidence and its peers over the same samples.

use portcullis_analysis::Verdict;
use portcullis_traffic::{Outcome, ScenarioProblem, Simulator, Study, Trial};

use crate::cells::Cell;
use crate::peers::Peers;

/// What each came to.
pub(crate) struct Counts {
    pub(crate) own: Study,
    pub(crate) peers: Vec<Study>,
}

/// So many runs, shared by the processor's threads.
pub(crate) fn race(cell: &Cell, runs: u64) -> Result<Counts, ScenarioProblem> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let simulator = Simulator::new(cell.scenario.clone())?;
    let parts = std::thread::scope(|scope| {
        let worker = |thread: u64| {
            let mut simulator = simulator.clone();
            scope.spawn(move || {
                let seeds = (0..runs).filter(|run| run % threads == thread);
                seeds
                    .map(|seed| run(cell, &mut simulator, seed))
                    .collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..threads).map(worker).collect();
        let parts = workers.into_iter().flat_map(|worker| worker.join());
        parts.flatten().collect::<Vec<_>>()
    });
    let own = parts.iter().map(|(own, _)| *own).collect();
    let peers = (0..Peers::COUNT).map(|peer| parts.iter().map(|(_, all)| all[peer]).collect());
    Ok(Counts {
        own,
        peers: peers.collect(),
    })
}

/// One run to the end of the scenario, or until everybody has decided.
fn run(cell: &Cell, simulator: &mut Simulator, seed: u64) -> (Outcome, [Outcome; Peers::COUNT]) {
    let mut trial = Trial::new(&cell.analysis, &cell.scenario);
    let mut peers = Peers::new(cell.by_time);
    let end_ms = cell.scenario.length_ms();
    let mut run = simulator.begin(seed);
    while run.at_ms() < end_ms && !(trial.outcome().is_some() && peers.all_fired()) {
        let length_ms = trial.next_ms(&run);
        let sample = simulator.measure(&mut run, length_ms);
        trial.observe(&sample);
        peers.observe(&sample);
    }
    let open = Outcome {
        verdict: Verdict::Inconclusive,
        at_ms: end_ms,
    };
    (trial.outcome().unwrap_or(open), peers.outcomes(end_ms))
}
