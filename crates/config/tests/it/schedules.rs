//! Schedules of backups and drills.

use portcullis_config::{DrilledBackup, TooOld};

use crate::{least, read, wrong};

const STORE: &str = "[[store]]\nname = \"library\"\nkind = \"file\"\npath = \"library.json\"\n";

/// A file with a store and these tables.
fn with(tables: &str) -> String {
    least("", &format!("{STORE}{tables}"))
}

#[test]
fn schedules_and_targets_are_read_and_written_again() {
    let text = with(
        "[backup]\nschedule = \"15 2 * * *\"\ntime_zone = \"europe/berlin\"\njitter = \"10m\"\nage_max = \"26h\"\n\
         too_old = \"warn\"\nprune = false\n\
         [drill]\nschedule = \"@monthly\"\ncatch_up = \"1d\"\nbackup = \"random\"\nrto = \"30m\"\nrpo = \"30d\"\n",
    );
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        (&again.backup, &again.drill),
        (&config.backup, &config.drill)
    );
    let backup = config.backup.schedule.as_ref().unwrap();
    assert_eq!(
        (backup.text(), backup.zone_name()),
        ("15 2 * * *", "Europe/Berlin")
    );
    assert_eq!(
        (backup.jitter_ms, backup.catch_up_ms),
        (600_000, 6 * 3_600_000)
    );
    // The first second of 2026 is 01:00 in Berlin.
    let new_year_ms = 1_767_225_600_000;
    let next_ms = backup.after(new_year_ms).unwrap();
    assert_eq!(next_ms, new_year_ms + 75 * 60_000);
    assert_eq!(backup.words_of(next_ms), "2026-01-01 02:15 Europe/Berlin");
    assert_eq!(backup.at_or_before(next_ms + 999), Some(next_ms));
    assert_eq!(
        (config.backup.age_max_ms, config.backup.too_old),
        (Some(26 * 3_600_000), TooOld::Warn)
    );
    assert!(!config.backup.prune);
    assert_eq!(config.drill.backup, DrilledBackup::Random);
    assert_eq!(
        (config.drill.rto_ms, config.drill.rpo_ms),
        (Some(1_800_000), Some(30 * 86_400_000))
    );
    let none = read(&with("")).unwrap();
    assert_eq!(
        (none.backup.schedule, none.drill.schedule, none.backup.prune),
        (None, None, true)
    );
}

#[test]
fn writes_wait_for_a_backup_only_where_it_is_said() {
    let none = read(&with("")).unwrap();
    assert_eq!(
        (none.backup.pause, none.backup.pause_max_ms),
        (false, 30_000)
    );
    let text = with("[backup]\npause = \"writes\"\npause_max = \"2m\"\n");
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        (config.backup.pause, config.backup.pause_max_ms),
        (true, 120_000)
    );
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.backup, config.backup);
    for (lines, expected) in [
        ("pause = \"reads\"", "pause"),
        ("pause_max = \"0s\"", "pause_max"),
        ("pause_max = \"1h\"", "pause_max"),
    ] {
        let found = wrong(&with(&format!("[backup]\n{lines}\n")));
        assert!(found.contains(expected), "{found}");
    }
    let found = wrong(&least("", "[backup]\npause = \"writes\"\n"));
    assert!(found.contains("no [[store]]"), "{found}");
}

#[test]
fn mistakes_about_schedules_are_named_with_what_to_do() {
    let said = |tables: &str| wrong(&with(tables));
    let cases = [
        (
            "[backup]\nschedule = \"15 2 * *\"",
            "there are 4 fields in it",
        ),
        (
            "[backup]\nschedule = \"nightly\"",
            "five fields as cron has them",
        ),
        (
            "[backup]\nschedule = \"61 2 * * *\"",
            "five fields as cron has them",
        ),
        (
            "[backup]\nschedule = \"0 0 30 2 *\"",
            "no day is ever like that",
        ),
        (
            "[backup]\nschedule = \"0 0 * * * * 2027\"",
            "there are 7 fields in it",
        ),
        ("[backup]\nschedule = 5", "five fields as cron has them"),
        (
            "[backup]\nschedule = \"0 1 * * *\"\ntime_zone = \"Europe/Belrin\"",
            "did you mean \"Europe/Berlin\"?",
        ),
        (
            "[backup]\njitter = \"5m\"",
            "`jitter` has no effect without `schedule`",
        ),
        (
            "[drill]\ntime_zone = \"UTC\"",
            "`time_zone` has no effect without `schedule`",
        ),
        (
            "[backup]\ntoo_old = \"warn\"",
            "`too_old` has no effect without `age_max`",
        ),
        (
            "[backup]\nschedule = \"0 * * * *\"\njitter = \"1h\"",
            "a jitter of 1h is as long as the pause between two runs, 1h",
        ),
        ("[drill]\nrto = \"0s\"", "rto"),
        (
            "[drill]\nbackup = \"last\"",
            "expected \"latest\" or \"random\"",
        ),
    ];
    for (tables, expected) in cases {
        let found = said(tables);
        assert!(found.contains(expected), "{tables}\n{found}");
    }
    for tables in [
        "[backup]\nschedule = \"0 1 * * *\"",
        "[drill]\nrto = \"5m\"",
        "[backup]\nage_max = \"1h\"",
    ] {
        let found = wrong(&least("", tables));
        assert!(found.contains("no [[store]]"), "{found}");
    }
}
