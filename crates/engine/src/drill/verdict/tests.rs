use super::*;

const OUTCOMES: [Option<PartOutcome>; 4] = [
    None,
    Some(PartOutcome::Passed),
    Some(PartOutcome::Failed),
    Some(PartOutcome::CouldNotRun),
];

fn part(name: PartName, outcome: PartOutcome) -> DrillPart {
    DrillPart {
        name,
        outcome,
        took_ms: 1,
        why: None,
        evidence: Vec::new(),
    }
}

/// Every way in which the six parts can have ended or be missing, with every standing of both targets: 4^6 * 16
/// cases.
#[test]
fn a_drill_that_could_not_run_is_never_a_pass() {
    let targets = [
        (None, None),
        (Some(5), None),
        (Some(5), Some(true)),
        (Some(5), Some(false)),
    ];
    let mut passed = 0;
    for number in 0..OUTCOMES.len().pow(6) {
        let outcomes: Vec<Option<PartOutcome>> = (0..6u32)
            .map(|at| OUTCOMES[number / OUTCOMES.len().pow(at) % OUTCOMES.len()])
            .collect();
        let held = PartName::ALL.iter().zip(&outcomes);
        let parts: Vec<DrillPart> = held
            .filter_map(|(name, outcome)| Some(part(*name, (*outcome)?)))
            .collect();
        for (target_ms, met) in targets {
            let rto = Rto {
                target_ms,
                met,
                ..Rto::default()
            };
            for (target_ms, met) in targets {
                let rpo = Rpo {
                    target_ms,
                    met,
                    ..Rpo::default()
                };
                let all_passed = outcomes.iter().all(|one| *one == Some(PartOutcome::Passed));
                let all_met = [(rto.target_ms, rto.met), (rpo.target_ms, rpo.met)]
                    .iter()
                    .all(|(target, met)| target.is_none() || *met == Some(true));
                let verdict = verdict(&parts, &rto, &rpo);
                assert_eq!(
                    verdict == DrillVerdict::Passed,
                    all_passed && all_met,
                    "{outcomes:?} {rto:?} {rpo:?}"
                );
                if outcomes.contains(&Some(PartOutcome::Failed)) {
                    assert_eq!(verdict, DrillVerdict::Failed);
                }
                passed += usize::from(verdict == DrillVerdict::Passed);
            }
        }
    }
    assert_eq!(passed, 4, "a drill can pass");
}

#[test]
fn a_part_that_is_there_twice_is_no_pass() {
    let mut parts: Vec<DrillPart> = PartName::ALL
        .map(|name| part(name, PartOutcome::Passed))
        .into();
    assert!(is_complete(&parts));
    parts.push(part(PartName::Boot, PartOutcome::Passed));
    assert!(!is_complete(&parts));
}

#[test]
fn a_target_is_met_by_exactly_as_much() {
    assert_eq!(met(Some(5), Some(5)), Some(true));
    assert_eq!(met(Some(6), Some(5)), Some(false));
    assert_eq!(met(None, Some(5)), None);
    assert_eq!(met(Some(5), None), None);
}

#[test]
fn spans_are_as_people_say_them() {
    let words = [
        (0, "0 ms"),
        (820, "820 ms"),
        (1_000, "1 s"),
        (4_250, "4.2 s"),
        (60_000, "1 min"),
        (725_000, "12 min 5 s"),
        (11_040_000, "3 h 4 min"),
        (86_400_000, "1 day"),
        (190_800_000, "2 days 5 h"),
    ];
    for (ms, expected) in words {
        assert_eq!(span_words(ms), expected);
    }
}
