use super::*;

fn wish() -> BypassWish {
    BypassWish {
        by: "ana".to_owned(),
        reason: "the canary loses orders".to_owned(),
        for_ms: 1000,
    }
}

fn bypass(begun_at_ms: u64, until_ms: u64) -> Bypass {
    Bypass {
        by: "ana".to_owned(),
        reason: "the canary loses orders".to_owned(),
        begun_at_ms,
        until_ms,
    }
}

#[test]
fn it_is_in_force_until_its_time_is_over() {
    let hour = 3_600_000;
    let mut bypasses = Bypasses::default();
    bypasses.begin("shop", bypass(10 * hour, 11 * hour));
    bypasses.begin("blog", bypass(10 * hour, 12 * hour));
    let is = |bypasses: &Bypasses, at| bypasses.in_force("shop", at).is_some();
    assert!(is(&bypasses, 10 * hour) && is(&bypasses, 11 * hour - 1));
    assert!(!is(&bypasses, 11 * hour) && !is(&bypasses, u64::MAX));
    // A clock that is put right by a little ends nothing; one that is set back by an hour does.
    assert!(is(&bypasses, 10 * hour - 1000));
    assert!(!is(&bypasses, 9 * hour));
    assert_eq!(bypasses.in_force("none", 10 * hour), None);
    assert_eq!(bypasses.take_over(11 * hour - 1), []);
    let over = bypasses.take_over(11 * hour);
    assert_eq!(over, [("shop".to_owned(), bypass(10 * hour, 11 * hour))]);
    assert!(bypasses.in_force("blog", 11 * hour).is_some());
    assert!(bypasses.end("blog").is_some() && bypasses.end("blog").is_none());
}

#[test]
fn a_wish_without_a_reason_or_for_too_long_is_refused() {
    assert_eq!(validate(&wish()), Ok(()));
    let day = BYPASS_MS_MAX;
    let wrong = [
        (
            BypassWish {
                reason: " ".to_owned(),
                ..wish()
            },
            "`reason` is empty",
        ),
        (
            BypassWish {
                by: String::new(),
                ..wish()
            },
            "`by` is empty",
        ),
        (
            BypassWish {
                reason: "a\nb".to_owned(),
                ..wish()
            },
            "one line",
        ),
        (
            BypassWish {
                reason: "a".repeat(501),
                ..wish()
            },
            "500 bytes",
        ),
        (
            BypassWish {
                for_ms: 0,
                ..wish()
            },
            "is 0",
        ),
        (
            BypassWish {
                for_ms: day + 1,
                ..wish()
            },
            "at most 24 hours",
        ),
    ];
    for (wish, words) in wrong {
        let refused = validate(&wish).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(
        validate(&BypassWish {
            for_ms: day,
            ..wish()
        }),
        Ok(())
    );
}

#[test]
fn what_is_written_is_read_and_a_damaged_file_bypasses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state_file = folder.path().join("gateway.json");
    assert_eq!(Bypasses::read(&state_file), Bypasses::default());
    let mut bypasses = Bypasses::default();
    bypasses.begin("shop", bypass(1, 2));
    bypasses.write(&state_file).unwrap();
    assert_eq!(Bypasses::read(&state_file), bypasses);
    let file = folder.path().join("gateway.bypass.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let newer = text.replacen('{', "{\"later\": [1],", 1);
    std::fs::write(&file, newer).unwrap();
    assert_eq!(Bypasses::read(&state_file), bypasses);
    for end in 0..text.trim_end().len() {
        std::fs::write(&file, &text[..end]).unwrap();
        assert_eq!(Bypasses::read(&state_file), Bypasses::default());
    }
}
