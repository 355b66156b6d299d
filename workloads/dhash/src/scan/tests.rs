use proptest::prelude::*;

use super::*;

fn naive(hashes: &[Hash], query: Hash, radius: u32) -> Vec<Match> {
    hashes
        .iter()
        .enumerate()
        .map(|(index, hash)| Match {
            index,
            distance: hash.distance(query),
        })
        .filter(|found| found.distance <= radius)
        .collect()
}

proptest! {
    #[test]
    fn finds_what_a_plain_loop_finds(
        bits in proptest::collection::vec(any::<u64>(), 0..2000),
        query in any::<u64>(),
        radius in 0..=64_u32,
        near in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..20),
    ) {
        // Random hashes are some 32 bits apart; a few neighbours of the query make it interesting.
        let neighbours = near.into_iter().map(|(a, b)| query ^ (1 << (a % 64)) ^ (1 << (b % 64)));
        let hashes: Vec<Hash> = neighbours.chain(bits).map(Hash).collect();
        prop_assert_eq!(scan(&hashes, Hash(query), radius), naive(&hashes, Hash(query), radius));
    }
}

#[test]
fn finds_matches_in_every_block_and_at_the_edges() {
    let mut hashes = vec![Hash(u64::MAX); 3 * BLOCK + 7];
    let places = [0, BLOCK - 1, BLOCK, 2 * BLOCK + 5, 3 * BLOCK + 6];
    for place in places {
        hashes[place] = Hash(0b111);
    }
    let found: Vec<usize> = scan(&hashes, Hash(0), 3)
        .iter()
        .map(|found| found.index)
        .collect();
    assert_eq!(found, places);
    assert!(scan(&hashes, Hash(0), 2).is_empty());
    assert!(scan(&[], Hash(0), 64).is_empty());
}
