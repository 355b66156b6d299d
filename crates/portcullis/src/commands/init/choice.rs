//! Which of several commands starts the service. Asks only where a person sits.

use std::io::{BufRead, IsTerminal};

use super::guess::Guess;
use super::start::Start;
use crate::output;

/// A command that could start the service, and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) guess: Guess,
    pub(super) start: Start,
}

/// The candidate to take: the first, unless a person says otherwise.
pub(super) fn choose(candidates: &[Candidate], may_ask: bool) -> usize {
    if candidates.len() < 2 {
        return 0;
    }
    output::talk("several files say how the service is started:");
    for (at, candidate) in candidates.iter().enumerate() {
        let command = candidate.guess.command.as_deref().unwrap_or_default();
        output::talk(&format!(
            "  {}  {}: {command}",
            at + 1,
            candidate.guess.from
        ));
    }
    if !may_ask || !std::io::stdin().is_terminal() {
        output::talk("took the first; --command takes another");
        return 0;
    }
    output::ask(&format!("Which one? 1 to {} [1] ", candidates.len()));
    answer(&mut std::io::stdin().lock(), candidates.len())
}

/// The index that a person's answer means: Enter, or something that is no number in range, is the first.
fn answer(input: &mut impl BufRead, count: usize) -> usize {
    let mut line = String::new();
    let _ = input.read_line(&mut line);
    let number: usize = line.trim().parse().unwrap_or(1);
    if (1..=count).contains(&number) {
        number - 1
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_is_the_first_and_a_number_is_its_own() {
        for (typed, wanted) in [("\n", 0), ("2\n", 1), ("9\n", 0), ("x\n", 0), ("", 0)] {
            assert_eq!(answer(&mut typed.as_bytes(), 3), wanted, "{typed:?}");
        }
    }
}
