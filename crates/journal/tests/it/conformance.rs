//! What every journal does, run on each of them; and random histories run on both at once.

use portcullis_journal::{
    Breakage, Epoch, Hash, Journal, JournalError, MemoryJournal, Record, SqliteJournal,
    genesis_hash,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{record, scope};

macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&portcullis_journal::MemoryJournal::new()).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("journal.db");
                super::$name(&portcullis_journal::SqliteJournal::open(&path).await.unwrap()).await;
            })+
        }
        mod stored {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("journal.db");
                let location = portcullis_journal::JournalLocation::File(path);
                let journal = portcullis_journal::StoredJournal::open(&location).await.unwrap();
                super::$name(&journal).await;
            })+
        }
    };
}

conformance!(
    append_read_verify,
    scopes_are_apart,
    epochs_only_grow,
    a_held_lease_is_refused_until_it_expires,
    the_fence_stops_the_former_holder,
    renewal,
    release_lets_the_next_one_in_at_once,
    unissued_epochs_are_refused,
    what_cannot_be_stored_is_refused,
    odd_texts_come_back_unchanged,
    known_heads,
    is_usable_from_spawned_tasks,
);

pub(crate) async fn append_read_verify(journal: &impl Journal) {
    let dhash = scope("dhash");
    let empty = journal.verify(&dhash).await.unwrap();
    assert_eq!((empty.entries, empty.head), (0, genesis_hash(&dhash)));
    assert!(journal.read(&dhash, 0).await.unwrap().is_empty());

    let lease = journal.acquire(&dhash, "a", 0, 100).await.unwrap();
    let mut written = Vec::new();
    for number in 1..=5 {
        let entry = journal
            .append(&dhash, lease.epoch, record(number))
            .await
            .unwrap();
        assert_eq!(entry.seq, number);
        assert_eq!(entry.at_ms, record(number).at_ms);
        assert_eq!(entry.by, record(number).by);
        assert_eq!(entry.body, record(number).body);
        written.push(entry);
    }
    assert_eq!(written[0].prev_hash, genesis_hash(&dhash));
    assert_eq!(journal.read(&dhash, 0).await.unwrap(), written);
    assert_eq!(journal.read(&dhash, 1).await.unwrap(), written);
    assert_eq!(journal.read(&dhash, 4).await.unwrap(), written[3..]);
    assert!(journal.read(&dhash, 6).await.unwrap().is_empty());
    assert!(journal.read(&dhash, u64::MAX).await.unwrap().is_empty());
    let page = async |from, count| journal.read_page(&dhash, from, count).await.unwrap();
    assert_eq!(page(0, 2).await, written[..2]);
    assert_eq!(page(3, 2).await, written[2..4]);
    assert_eq!(page(4, u64::MAX).await, written[3..]);
    assert!(page(6, 2).await.is_empty() && page(1, 0).await.is_empty());
    let last = async |count| journal.read_last(&dhash, count).await.unwrap();
    assert_eq!(last(2).await, written[3..]);
    assert_eq!(last(u64::MAX).await, written);
    assert!(last(0).await.is_empty());
    let verified = journal.verify(&dhash).await.unwrap();
    assert_eq!((verified.entries, verified.head), (5, written[4].hash));
}

pub(crate) async fn scopes_are_apart(journal: &impl Journal) {
    let (one, two) = (scope("one"), scope("two"));
    let second = journal.acquire(&two, "b", 0, 100).await.unwrap();
    let first = journal.acquire(&one, "a", 0, 100).await.unwrap();
    assert_eq!((first.epoch, second.epoch), (Epoch(1), Epoch(1)));
    let a = journal.append(&one, first.epoch, record(1)).await.unwrap();
    let b = journal.append(&two, second.epoch, record(1)).await.unwrap();
    assert_eq!((a.seq, b.seq), (1, 1));
    assert_ne!(a.hash, b.hash, "the scope is part of the hash");
    assert_eq!(journal.scopes().await.unwrap(), [one.clone(), two]);
    assert_eq!(journal.read(&one, 0).await.unwrap(), [a]);
}

pub(crate) async fn epochs_only_grow(journal: &impl Journal) {
    let dhash = scope("dhash");
    for expected in 1..=3 {
        let lease = journal.acquire(&dhash, "a", 0, 100).await.unwrap();
        assert_eq!(
            lease.epoch,
            Epoch(expected),
            "the same holder gets a new epoch too"
        );
    }
    let lease = journal.acquire(&dhash, "b", 100, 100).await.unwrap();
    assert_eq!(lease.epoch, Epoch(4));
    journal.release(&lease).await.unwrap();
    let lease = journal.acquire(&dhash, "a", 100, 100).await.unwrap();
    assert_eq!(lease.epoch, Epoch(5), "a release does not forget the epoch");
}

pub(crate) async fn a_held_lease_is_refused_until_it_expires(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 1_000, 500).await.unwrap();
    assert_eq!(lease.expires_ms, 1_500);
    match journal.acquire(&dhash, "b", 1_499, 500).await {
        Err(JournalError::LeaseHeld {
            holder,
            expires_ms,
            epoch,
            ..
        }) => {
            assert_eq!((holder.as_str(), expires_ms, epoch), ("a", 1_500, Epoch(1)));
        }
        other => panic!("expected a held lease, got {other:?}"),
    }
    let taken = journal.acquire(&dhash, "b", 1_500, 500).await.unwrap();
    assert_eq!((taken.epoch, taken.expires_ms), (Epoch(2), 2_000));
}

pub(crate) async fn the_fence_stops_the_former_holder(journal: &impl Journal) {
    let dhash = scope("dhash");
    let old = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    journal.append(&dhash, old.epoch, record(1)).await.unwrap();
    let new = journal.acquire(&dhash, "b", 10, 10).await.unwrap();
    let fenced = [
        journal.append(&dhash, old.epoch, record(2)).await.map(drop),
        journal.renew(&old, 11, 10).await.map(drop),
        journal.release(&old).await,
    ];
    for outcome in fenced {
        match outcome {
            Err(JournalError::Fenced { current, given, .. }) => {
                assert_eq!((current, given), (new.epoch, old.epoch));
            }
            other => panic!("expected the fence, got {other:?}"),
        }
    }
    let entry = journal.append(&dhash, new.epoch, record(3)).await.unwrap();
    assert_eq!(entry.seq, 2, "nothing of the fenced append was written");
    // The expiry of its own lease does not fence a holder: only a higher epoch does.
    journal.append(&dhash, new.epoch, record(4)).await.unwrap();
    assert_eq!(journal.verify(&dhash).await.unwrap().entries, 3);
}

pub(crate) async fn renewal(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let renewed = journal.renew(&lease, 5, 10).await.unwrap();
    assert_eq!((renewed.epoch, renewed.expires_ms), (lease.epoch, 15));
    assert!(matches!(
        journal.acquire(&dhash, "b", 12, 10).await,
        Err(JournalError::LeaseHeld { expires_ms: 15, .. })
    ));
    // Long expired, but nobody has taken it.
    let late = journal.renew(&renewed, 1_000, 10).await.unwrap();
    assert_eq!(late.expires_ms, 1_010);
    journal.release(&late).await.unwrap();
    assert!(matches!(
        journal.renew(&late, 1_001, 10).await,
        Err(JournalError::LeaseReleased {
            epoch: Epoch(1),
            ..
        })
    ));
}

pub(crate) async fn release_lets_the_next_one_in_at_once(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 1_000_000).await.unwrap();
    journal.release(&lease).await.unwrap();
    journal.release(&lease).await.unwrap();
    let next = journal.acquire(&dhash, "b", 1, 10).await.unwrap();
    assert_eq!(next.epoch, Epoch(2));
    assert!(matches!(
        journal.release(&lease).await,
        Err(JournalError::Fenced { .. })
    ));
}

pub(crate) async fn unissued_epochs_are_refused(journal: &impl Journal) {
    let dhash = scope("dhash");
    for given in [Epoch(0), Epoch(1)] {
        match journal.append(&dhash, given, record(1)).await {
            Err(JournalError::EpochNeverIssued {
                current: Epoch(0),
                given: refused,
                ..
            }) => {
                assert_eq!(refused, given);
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
    assert!(journal.scopes().await.unwrap().is_empty());
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    for given in [Epoch(0), Epoch(lease.epoch.0 + 1), Epoch(u64::MAX)] {
        let outcome = journal.append(&dhash, given, record(1)).await;
        assert!(
            matches!(outcome, Err(JournalError::EpochNeverIssued { .. })),
            "{outcome:?}"
        );
    }
    assert!(journal.read(&dhash, 0).await.unwrap().is_empty());
}

pub(crate) async fn what_cannot_be_stored_is_refused(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let good = record(1);
    let bad = [
        (
            "by",
            Record {
                by: String::new(),
                ..good.clone()
            },
        ),
        (
            "by",
            Record {
                by: "x".repeat(257),
                ..good.clone()
            },
        ),
        (
            "by",
            Record {
                by: "a\0b".to_owned(),
                ..good.clone()
            },
        ),
        (
            "body",
            Record {
                body: "\"\0\"".to_owned(),
                ..good.clone()
            },
        ),
        (
            "body",
            Record {
                body: "x".repeat(4 * 1024 * 1024 + 1),
                ..good.clone()
            },
        ),
        (
            "at_ms",
            Record {
                at_ms: u64::MAX,
                ..good.clone()
            },
        ),
    ];
    for (expected, record) in bad {
        match journal.append(&dhash, lease.epoch, record).await {
            Err(JournalError::RecordRefused { field, .. }) => assert_eq!(field, expected),
            other => panic!("expected {expected} to be refused, got {other:?}"),
        }
    }
    for (holder, now_ms) in [("", 0), ("a\0", 0), ("a", u64::MAX)] {
        let outcome = journal.acquire(&dhash, holder, now_ms, 10).await;
        assert!(
            matches!(outcome, Err(JournalError::RecordRefused { .. })),
            "{outcome:?}"
        );
    }
    let largest = Record {
        body: "x".repeat(4 * 1024 * 1024),
        ..good
    };
    assert_eq!(
        journal
            .append(&dhash, lease.epoch, largest)
            .await
            .unwrap()
            .seq,
        1
    );
}

pub(crate) async fn odd_texts_come_back_unchanged(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal
        .acquire(&dhash, "O'Brien \"; DROP TABLE entries; --", 0, 10)
        .await
        .unwrap();
    for body in [
        "",
        "null",
        "{\"a\":\"\\u0000\"}",
        "{ \"b\":1,\n\"a\": 2 }",
        "\u{1F600}\u{fffd}é",
    ] {
        let record = Record {
            at_ms: 0,
            by: "Zoë\n'".to_owned(),
            body: body.to_owned(),
        };
        let written = journal.append(&dhash, lease.epoch, record).await.unwrap();
        let read = journal.read(&dhash, written.seq).await.unwrap();
        assert_eq!(read, [written]);
        assert_eq!(read[0].body, body);
    }
    journal.verify(&dhash).await.unwrap();
}

pub(crate) async fn known_heads(journal: &impl Journal) {
    let dhash = scope("dhash");
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    let mut heads = vec![journal.verify(&dhash).await.unwrap().head];
    for number in 1..=3 {
        heads.push(
            journal
                .append(&dhash, lease.epoch, record(number))
                .await
                .unwrap()
                .hash,
        );
    }
    for head in heads {
        assert_eq!(
            journal.verify_against(&dhash, head).await.unwrap().entries,
            3
        );
    }
    match journal.verify_against(&dhash, Hash([7; 32])).await {
        Err(JournalError::Broken(broken)) => assert_eq!(broken.what, Breakage::KnownHead),
        other => panic!("expected an unknown head, got {other:?}"),
    }
}

pub(crate) async fn is_usable_from_spawned_tasks<J: Journal>(journal: &J) {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let dhash = scope("dhash");
    let lease = assert_send(journal.acquire(&dhash, "a", 0, 10))
        .await
        .unwrap();
    assert_send(journal.append(&dhash, lease.epoch, record(1)))
        .await
        .unwrap();
    assert_send(journal.verify(&dhash)).await.unwrap();
}

/// One call of a random history. Holders and times are few, so that they meet often.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Acquire {
        scope: u8,
        holder: u8,
        now_ms: u64,
        ttl_ms: u64,
    },
    Renew {
        lease: usize,
        now_ms: u64,
    },
    Release {
        lease: usize,
    },
    Append {
        scope: u8,
        epoch: u64,
        body: String,
    },
    Read {
        scope: u8,
        from: u64,
    },
    Verify {
        scope: u8,
    },
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        (0..2u8, 0..3u8, 0..50u64, 0..20u64).prop_map(|(scope, holder, now_ms, ttl_ms)| {
            Call::Acquire {
                scope,
                holder,
                now_ms,
                ttl_ms,
            }
        }),
        (any::<usize>(), 0..50u64).prop_map(|(lease, now_ms)| Call::Renew { lease, now_ms }),
        any::<usize>().prop_map(|lease| Call::Release { lease }),
        (0..2u8, 0..6u64, "\\PC{0,12}").prop_map(|(scope, epoch, body)| Call::Append {
            scope,
            epoch,
            body
        }),
        (0..2u8, 0..8u64).prop_map(|(scope, from)| Call::Read { scope, from }),
        (0..2u8).prop_map(|scope| Call::Verify { scope }),
    ]
}

/// Runs a history and writes down every answer.
pub(crate) async fn run(journal: &impl Journal, calls: &[Call]) -> Vec<String> {
    let scopes = [scope("one"), scope("two")];
    let mut leases = Vec::new();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(match call {
            Call::Acquire {
                scope,
                holder,
                now_ms,
                ttl_ms,
            } => {
                let scope = &scopes[usize::from(*scope)];
                let holder = format!("holder-{holder}");
                let lease = journal.acquire(scope, &holder, *now_ms, *ttl_ms).await;
                leases.extend(lease.as_ref().ok().cloned());
                format!("{lease:?}")
            }
            Call::Renew { lease, now_ms } if !leases.is_empty() => {
                let lease = &leases[lease % leases.len()];
                format!("{:?}", journal.renew(lease, *now_ms, 10).await)
            }
            Call::Release { lease } if !leases.is_empty() => {
                let lease = &leases[lease % leases.len()];
                format!("{:?}", journal.release(lease).await)
            }
            Call::Renew { .. } | Call::Release { .. } => "no lease yet".to_owned(),
            Call::Append { scope, epoch, body } => {
                let record = Record {
                    at_ms: 1,
                    by: "x".to_owned(),
                    body: body.clone(),
                };
                let scope = &scopes[usize::from(*scope)];
                format!("{:?}", journal.append(scope, Epoch(*epoch), record).await)
            }
            Call::Read { scope, from } => {
                format!(
                    "{:?}",
                    journal.read(&scopes[usize::from(*scope)], *from).await
                )
            }
            Call::Verify { scope } => {
                format!("{:?}", journal.verify(&scopes[usize::from(*scope)]).await)
            }
        });
    }
    answers.push(format!("{:?}", journal.scopes().await));
    answers
}

#[test]
fn random_histories_get_the_same_answers_from_both() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 48,
        ..ProptestConfig::default()
    });
    let histories = prop::collection::vec(call(), 1..40);
    let outcome = runner.run(&histories, |calls| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        runtime.block_on(async {
            let sqlite = SqliteJournal::open(&path).await.unwrap();
            let from_sqlite = run(&sqlite, &calls).await;
            sqlite.close().await;
            prop_assert_eq!(run(&MemoryJournal::new(), &calls).await, from_sqlite);
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_cloned_memory_journal_goes_its_own_way() {
    let dhash = scope("dhash");
    let journal = MemoryJournal::new();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    journal
        .append(&dhash, lease.epoch, record(1))
        .await
        .unwrap();
    let branch = journal.clone();
    branch.append(&dhash, lease.epoch, record(2)).await.unwrap();
    let other = branch.acquire(&dhash, "b", 10, 10).await.unwrap();
    branch.append(&dhash, other.epoch, record(3)).await.unwrap();
    assert_eq!(journal.read(&dhash, 0).await.unwrap().len(), 1);
    assert_eq!(branch.read(&dhash, 0).await.unwrap().len(), 3);
    journal
        .append(&dhash, lease.epoch, record(4))
        .await
        .unwrap();
}

#[test]
fn memory_futures_never_pend() {
    use futures::FutureExt;
    let dhash = scope("dhash");
    let journal = MemoryJournal::new();
    let lease = journal
        .acquire(&dhash, "a", 0, 10)
        .now_or_never()
        .unwrap()
        .unwrap();
    let entry = journal
        .append(&dhash, lease.epoch, record(1))
        .now_or_never()
        .unwrap()
        .unwrap();
    assert_eq!(
        journal.read(&dhash, 0).now_or_never().unwrap().unwrap(),
        [entry]
    );
    assert_eq!(
        journal
            .verify(&dhash)
            .now_or_never()
            .unwrap()
            .unwrap()
            .entries,
        1
    );
    assert_eq!(
        journal.scopes().now_or_never().unwrap().unwrap(),
        std::slice::from_ref(&dhash)
    );
    journal.renew(&lease, 1, 1).now_or_never().unwrap().unwrap();
    journal.release(&lease).now_or_never().unwrap().unwrap();
}

#[tokio::test]
async fn injected_faults_hit_one_append_each() {
    let dhash = scope("dhash");
    let journal = MemoryJournal::new();
    let lease = journal.acquire(&dhash, "a", 0, 10).await.unwrap();
    journal.fail_next_append();
    // An append that is refused does not use the fault up: it never came to the disk.
    assert!(journal.append(&dhash, Epoch(9), record(0)).await.is_err());
    let outcome = journal.append(&dhash, lease.epoch, record(1)).await;
    assert!(matches!(outcome, Err(JournalError::Storage { .. })));
    assert!(journal.read(&dhash, 0).await.unwrap().is_empty());
    journal
        .append(&dhash, lease.epoch, record(2))
        .await
        .unwrap();

    journal.lose_next_acknowledgement();
    let outcome = journal.append(&dhash, lease.epoch, record(3)).await;
    assert!(matches!(outcome, Err(JournalError::Storage { .. })));
    let bodies: Vec<String> = journal
        .read(&dhash, 0)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.body)
        .collect();
    assert_eq!(bodies, [record(2).body, record(3).body]);
    assert_eq!(
        journal
            .append(&dhash, lease.epoch, record(4))
            .await
            .unwrap()
            .seq,
        3
    );
    journal.verify(&dhash).await.unwrap();
}
