use proptest::prelude::*;

use super::*;

fn scope() -> Scope {
    Scope::new("dhash").unwrap()
}

fn record(at_ms: u64, by: &str, body: &str) -> Record {
    Record {
        at_ms,
        by: by.to_owned(),
        body: body.to_owned(),
    }
}

fn chain(scope: &Scope, records: Vec<(u64, Record)>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (epoch, record) in records {
        let last = entries.last().map(|entry| (entry.seq, entry.hash));
        entries.push(next_entry(scope, last, Epoch(epoch), record));
    }
    entries
}

fn check(scope: &Scope, entries: &[Entry], known: Option<Hash>) -> Result<Verified, Broken> {
    let mut check = ChainCheck::new(scope.clone(), known);
    for entry in entries {
        check.push(entry)?;
    }
    check.finish()
}

/// Computed by another program from the documented encoding.
#[test]
fn encoding_is_the_documented_one() {
    let genesis = genesis_hash(&scope());
    assert_eq!(
        genesis.to_string(),
        "5460216fb1e56b6fed978efdfd4d2658d60619fcd1784fd0e9a9bc8017ae22e8"
    );
    let record = record(1_795_222_861_000, "zoë", r#"{"event":"Start"}"#);
    let entry = next_entry(&scope(), None, Epoch(3), record);
    assert_eq!(entry.prev_hash, genesis);
    assert_eq!(
        entry.hash.to_string(),
        "63f0070b26573f2023a2bb562a4bd862170d328754484297ad8b0bd40756134f"
    );
}

#[test]
fn moving_a_byte_between_fields_changes_the_hash() {
    let one = next_entry(&scope(), None, Epoch(1), record(1, "ab", "c"));
    let other = next_entry(&scope(), None, Epoch(1), record(1, "a", "bc"));
    assert_ne!(one.hash, other.hash);
}

#[test]
fn an_epoch_that_goes_back_is_found() {
    let entries = chain(
        &scope(),
        vec![(2, record(1, "a", "1")), (1, record(2, "a", "2"))],
    );
    let broken = check(&scope(), &entries, None).unwrap_err();
    assert_eq!((broken.seq, broken.what), (2, Breakage::EpochOrder));
}

#[test]
fn the_chain_of_another_scope_is_refused() {
    let entries = chain(
        &Scope::new("other").unwrap(),
        vec![(1, record(1, "a", "1"))],
    );
    let broken = check(&scope(), &entries, None).unwrap_err();
    assert_eq!((broken.seq, broken.what), (1, Breakage::PreviousHash));
}

#[test]
fn the_genesis_is_a_known_head_of_every_chain() {
    let entries = chain(&scope(), vec![(1, record(1, "a", "1"))]);
    let known = Some(genesis_hash(&scope()));
    assert_eq!(check(&scope(), &entries, known).unwrap().entries, 1);
    assert_eq!(check(&scope(), &[], known).unwrap().entries, 0);
}

fn records() -> impl Strategy<Value = Vec<(u64, Record)>> {
    let record = (0..=i64::MAX as u64, "[^\0]{1,12}", "[^\0]{0,40}")
        .prop_map(|(at_ms, by, body)| Record { at_ms, by, body });
    prop::collection::vec(record, 1..12).prop_map(|records| {
        records
            .into_iter()
            .zip(1..)
            .map(|(r, e)| (e / 3 + 1, r))
            .collect()
    })
}

/// One way to tamper with a chain, applied at a random place.
#[derive(Clone, Copy, Debug)]
enum Tamper {
    Seq,
    Epoch,
    At,
    By,
    Body,
    PrevHash,
    Hash,
    RehashedBody,
    Remove,
    Repeat,
    Swap,
}

fn tamper() -> impl Strategy<Value = Tamper> {
    use Tamper::*;
    prop::sample::select(vec![
        Seq,
        Epoch,
        At,
        By,
        Body,
        PrevHash,
        Hash,
        RehashedBody,
        Remove,
        Repeat,
        Swap,
    ])
}

proptest! {
    #[test]
    fn an_honest_chain_verifies_and_every_head_stays_known(records in records()) {
        let entries = chain(&scope(), records);
        let verified = check(&scope(), &entries, None).unwrap();
        prop_assert_eq!(verified.entries, entries.len() as u64);
        prop_assert_eq!(verified.head, entries.last().unwrap().hash);
        for entry in &entries {
            prop_assert_eq!(check(&scope(), &entries, Some(entry.hash)).unwrap(), verified);
        }
    }

    #[test]
    fn a_cut_tail_is_found_against_its_head_only(records in records(), keep in 0usize..12) {
        let mut entries = chain(&scope(), records);
        let keep = keep % entries.len();
        let head = entries.last().unwrap().hash;
        entries.truncate(keep);
        prop_assert!(check(&scope(), &entries, None).is_ok());
        let broken = check(&scope(), &entries, Some(head)).unwrap_err();
        prop_assert_eq!(broken.what, Breakage::KnownHead);
    }

    #[test]
    fn any_tampering_is_found(records in records(), at in 0usize..12, tamper in tamper()) {
        let mut entries = chain(&scope(), records);
        let head = entries.last().unwrap().hash;
        let last = entries.len() - 1;
        let at = at % entries.len();
        let entry = &mut entries[at];
        match tamper {
            Tamper::Seq => entry.seq += 1,
            Tamper::Epoch => entry.epoch.0 += 1,
            Tamper::At => entry.at_ms ^= 1,
            Tamper::By => entry.by.push('x'),
            Tamper::Body => entry.body.push(' '),
            Tamper::PrevHash => entry.prev_hash.0[31] ^= 1,
            Tamper::Hash => entry.hash.0[0] ^= 0x80,
            Tamper::RehashedBody => {
                entry.body.push(' ');
                entry.hash = entry_hash(&scope(), entry);
            }
            Tamper::Remove => { entries.remove(at); }
            Tamper::Repeat => entries.insert(at, entries[at].clone()),
            Tamper::Swap => entries.swap(at, (at + 1) % (last + 1)),
        }
        let swapped_with_itself = matches!(tamper, Tamper::Swap) && last == 0;
        prop_assume!(!swapped_with_itself);
        prop_assert!(check(&scope(), &entries, Some(head)).is_err());
        // Without the head, only what touches the end alone can stay unseen.
        if at < last {
            prop_assert!(check(&scope(), &entries, None).is_err());
        }
    }
}
