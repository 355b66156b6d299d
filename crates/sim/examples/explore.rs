//! Explores each scenario and prints the size of the space and the rate.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::time::Instant;

use portcullis_sim::{Budgets, Scenario, explore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for scenario in Scenario::ALL {
        for (faults, crashes, aborts) in [(0, 1, 0), (1, 1, 1), (2, 2, 1), (4, 3, 1)] {
            let begun = Instant::now();
            let found = explore(
                scenario,
                Budgets {
                    faults,
                    crashes,
                    aborts,
                    pauses: 1,
                },
                None,
            )?;
            let rate = found.states as f64 / begun.elapsed().as_secs_f64();
            println!(
                "{scenario:?} faults={faults} crashes={crashes} aborts={aborts}: {} states, {} \
                 transitions, {rate:.0} states/s, ends {:?}, stuck {}, violations {:?}",
                found.states, found.transitions, found.ends, found.stuck, found.violations
            );
        }
    }
    Ok(())
}
