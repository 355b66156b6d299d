use super::*;

#[test]
fn names_and_defaults_are_understood() {
    let cases = [
        ("none", Fault::None),
        ("errors", Fault::Errors { rate: 0.05 }),
        ("errors:0.5", Fault::Errors { rate: 0.5 }),
        (
            "latency",
            Fault::Latency {
                delay: Duration::from_millis(250),
            },
        ),
        (
            "latency:40",
            Fault::Latency {
                delay: Duration::from_millis(40),
            },
        ),
        ("crash", Fault::Crash { after: 150 }),
        ("crash:3", Fault::Crash { after: 3 }),
        ("corrupt", Fault::Corrupt { after: 100 }),
        ("corrupt:0", Fault::Corrupt { after: 0 }),
    ];
    for (text, fault) in cases {
        assert_eq!(text.parse(), Ok(fault));
        assert_eq!(
            fault.to_string().parse(),
            Ok(fault),
            "the written form is understood too"
        );
    }
}

#[test]
fn anything_else_is_refused_with_the_choices() {
    for text in [
        "",
        "error",
        "errors:2",
        "errors:-1",
        "errors:x",
        "crash:-1",
        "none:1",
        "latency:",
    ] {
        let error = text.parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("expected none, errors[:RATE]"), "{error}");
    }
}

#[test]
fn errors_are_evenly_spaced() {
    for (rate, per_hundred) in [(0.0, 0), (0.05, 5), (0.33, 33), (1.0, 100)] {
        let fault = Fault::Errors { rate };
        for start in [0, 17, 100_000] {
            let failed = (start..start + 100)
                .filter(|&number| fault.fails(number))
                .count();
            assert!(
                failed.abs_diff(per_hundred) <= 1,
                "{rate} from {start}: {failed}"
            );
        }
    }
    assert!(!(0..1000).any(|number| Fault::None.fails(number)));
}
