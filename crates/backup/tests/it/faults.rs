//! Faults over all kinds of stores: kills at random moments, random damage, full disks, clocks that jump, two at once.
//!
//! A new kind of store is one more [`subjects::Subject`]; all of these tests are about each of them then. The ordinary run has a
//! few rounds of each; `cargo xtask bench backup --faults` sets `PORTCULLIS_BACKUP_FAULTS=full` and has them all.
//! `PORTCULLIS_BACKUP_SEED` repeats a run: every test prints the seed that it used.
#![allow(clippy::print_stdout)]

mod archives;
mod clocks;
mod corruption;
mod disks;
mod kills;
mod subjects;
mod together;

const FULL_VARIABLE: &str = "PORTCULLIS_BACKUP_FAULTS";
const SEED_VARIABLE: &str = "PORTCULLIS_BACKUP_SEED";

/// How many rounds of a test: some of them in the ordinary run, all where they were asked for.
fn rounds(ordinary: usize, full: usize) -> usize {
    match std::env::var(FULL_VARIABLE).as_deref() {
        Ok("full") => full,
        _ => ordinary,
    }
}

/// Chance that can be repeated: SplitMix64.
struct Chance(u64);

impl Chance {
    /// Of the seed that was asked for, or of another one in each run; it is printed.
    fn new() -> Self {
        let chosen = std::env::var(SEED_VARIABLE).ok();
        let seed = chosen
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap();
                u64::from(now.subsec_nanos()) ^ u64::from(std::process::id()) << 32
            });
        println!("{SEED_VARIABLE}={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
