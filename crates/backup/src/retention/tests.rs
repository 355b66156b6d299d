//! The rules one by one, and what holds for every vault.

use proptest::prelude::*;

use super::*;

const DAY_S: i64 = 24 * 3600;
const NOW_S: i64 = 1_795_222_800;

fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).unwrap()
}

fn backup(service: &str, age_days: i64, complete: bool, verified: bool) -> BackupSummary {
    let at = Timestamp::from_second(NOW_S - age_days * DAY_S).unwrap();
    let name = BackupName::new(service, "production", at).unwrap();
    BackupSummary {
        created_at: name.created_at(),
        name,
        bytes: 10,
        state: if complete {
            BackupState::Complete {
                release: None,
                reason: "a test".to_owned(),
                stores: vec!["library".to_owned()],
            }
        } else {
            BackupState::Broken {
                why: "its .sha256 is missing".to_owned(),
            }
        },
        verified: complete && verified,
        sealed: None,
        protection: None,
    }
}

fn rules(keep_last: u32, keep_days: u32) -> Retention {
    Retention {
        service: "dhash".to_owned(),
        environment: "production".to_owned(),
        keep: Keep {
            last: keep_last,
            days: keep_days,
            ..Keep::default()
        },
        needed: Vec::new(),
        in_use: BTreeSet::new(),
        now: now(),
    }
}

/// What goes, by age in days.
fn removed(backups: &[BackupSummary], rules: &Retention) -> Vec<i64> {
    let gone = retention(backups, rules).into_iter().filter(|d| !d.keep);
    gone.map(|d| (NOW_S - d.name.created_at().as_second()) / DAY_S)
        .collect()
}

#[test]
fn the_newest_and_the_young_stay_and_the_rest_goes() {
    let all: Vec<_> = [1, 5, 20, 30, 40]
        .map(|age| backup("dhash", age, true, true))
        .to_vec();
    assert_eq!(removed(&all, &rules(3, 7)), [30, 40]);
    assert_eq!(removed(&all, &rules(1, 25)), [30, 40]);
    assert_eq!(removed(&all, &rules(0, 0)), [5, 20, 30, 40]);
    // A backup of exactly the age is not younger.
    assert_eq!(removed(&all, &rules(1, 5)), [5, 20, 30, 40]);
}

#[test]
fn the_newest_verified_one_stays_though_newer_ones_are_there() {
    let all = [
        backup("dhash", 1, true, false),
        backup("dhash", 2, true, false),
        backup("dhash", 30, true, true),
        backup("dhash", 31, true, true),
    ];
    let decisions = retention(&all, &rules(1, 0));
    let kept: Vec<bool> = decisions.iter().map(|d| d.keep).collect();
    assert_eq!(kept, [true, false, true, false]);
    assert!(
        decisions[2].why.contains("verified"),
        "{}",
        decisions[2].why
    );
}

#[test]
fn what_a_rollout_needs_what_is_in_use_and_what_is_not_ours_stays() {
    let mut all = vec![backup("dhash", 0, true, true)];
    all.extend([90, 91].map(|age| backup("dhash", age, true, true)));
    all.push(backup("other", 92, true, true));
    let mut rules = rules(1, 1);
    rules
        .needed
        .push((all[1].name.to_string(), "dhash-3".to_owned()));
    rules.in_use.insert(all[2].name.to_string());
    let decisions = retention(&all, &rules);
    assert!(decisions.iter().all(|d| d.keep), "{decisions:?}");
    assert!(decisions[1].why.contains("dhash-3"));
    assert!(decisions[2].why.contains("now"));
    assert!(decisions[3].why.contains("another service"));
}

#[test]
fn broken_ones_do_not_count_as_kept_and_go_when_they_are_old() {
    let all = [
        backup("dhash", 1, false, false),
        backup("dhash", 20, true, true),
        backup("dhash", 30, false, false),
    ];
    assert_eq!(removed(&all, &rules(1, 14)), [30]);
}

/// A backup of a moment, such as `2026-11-21T04:00:00Z`.
fn made_at(moment: &str) -> BackupSummary {
    let at: Timestamp = moment.parse().unwrap();
    let mut made = backup("dhash", 0, true, false);
    made.name = BackupName::new("dhash", "production", at).unwrap();
    made.created_at = at;
    made
}

/// What stays under these numbers, besides the newest, by the moment's first characters.
fn stays(moments: &[&str], keep: Keep, characters: usize) -> Vec<String> {
    let mut rules = rules(0, 0);
    rules.keep = keep;
    let all: Vec<_> = moments.iter().map(|moment| made_at(moment)).collect();
    kept(&all, &rules)
        .iter()
        .map(|backup| backup.created_at.to_string()[..characters].to_owned())
        .collect()
}

#[test]
fn the_newest_of_each_period_stays_for_as_many_periods_as_have_backups() {
    let every_six_hours = [
        "2026-11-20T22:00:00Z",
        "2026-11-20T22:30:00Z",
        "2026-11-20T16:00:00Z",
        // Two days without a backup: they do not use up any of the days that are kept.
        "2026-11-18T23:59:59Z",
        "2026-11-18T00:00:00Z",
        "2026-11-17T23:59:59Z",
    ];
    let daily = Keep {
        daily: 3,
        ..Keep::default()
    };
    assert_eq!(
        stays(&every_six_hours, daily, 16),
        ["2026-11-20T22:30", "2026-11-18T23:59", "2026-11-17T23:59"]
    );
    let hourly = Keep {
        hourly: 2,
        ..Keep::default()
    };
    assert_eq!(
        stays(&every_six_hours, hourly, 16),
        ["2026-11-20T22:30", "2026-11-20T16:00"]
    );
}

#[test]
fn weeks_are_those_of_iso_8601_and_months_and_years_those_of_the_calendar() {
    let around_new_year = [
        "2016-01-04T00:00:00Z", // a Monday: week 1 of 2016
        "2016-01-03T12:00:00Z", // the Sunday before: week 53 of 2015
        "2015-12-28T12:00:00Z", // the Monday of that week
        "2015-12-27T12:00:00Z", // week 52
        "2014-06-01T00:00:00Z",
    ];
    let weekly = Keep {
        weekly: 3,
        ..Keep::default()
    };
    assert_eq!(
        stays(&around_new_year, weekly, 10),
        ["2016-01-04", "2016-01-03", "2015-12-27"]
    );
    let monthly = Keep {
        monthly: 2,
        ..Keep::default()
    };
    assert_eq!(
        stays(&around_new_year, monthly, 10),
        ["2016-01-04", "2015-12-28"]
    );
    let yearly = Keep {
        yearly: 9,
        ..Keep::default()
    };
    assert_eq!(
        stays(&around_new_year, yearly, 10),
        ["2016-01-04", "2015-12-28", "2014-06-01"]
    );
}

#[test]
fn what_a_person_protected_stays_and_says_who_and_why() {
    let mut all = vec![
        backup("dhash", 1, true, true),
        backup("dhash", 900, true, true),
    ];
    all[1].protection = Some(Protection {
        reason: "the auditors look at it".to_owned(),
        by: "mina".to_owned(),
        since: now(),
    });
    let decisions = retention(&all, &rules(1, 1));
    assert!(decisions[1].keep);
    assert_eq!(
        decisions[1].why,
        "mina protected it: the auditors look at it"
    );
}

prop_compose! {
    fn any_vault()(
        kinds in prop::collection::btree_map(
            (0..3u8, -3i64..60),
            (prop::bool::weighted(0.8), any::<bool>()),
            0..20,
        )
    ) -> Vec<BackupSummary> {
        let service = |which| ["dhash", "dhash", "other"][usize::from(which)];
        let mut seen = BTreeSet::new();
        kinds
            .into_iter()
            .map(|((which, age), (complete, verified))| backup(service(which), age, complete, verified))
            .filter(|backup| seen.insert(backup.name.to_string()))
            .collect()
    }
}

prop_compose! {
    fn any_rules()(
        keep_last in 0..6u32,
        keep_days in 0..50u32,
        periods in prop::array::uniform5(0..4u32),
        needed in prop::collection::vec(0..40i64, 0..3),
        used in prop::collection::vec(0..40i64, 0..2),
    ) -> Retention {
        let named = |age: i64| backup("dhash", age, true, true).name.to_string();
        let mut rules = rules(keep_last, keep_days);
        let [hourly, daily, weekly, monthly, yearly] = periods;
        rules.keep = Keep { hourly, daily, weekly, monthly, yearly, ..rules.keep };
        rules.needed = needed.into_iter().map(|age| (named(age), "dhash-7".to_owned())).collect();
        rules.in_use = used.into_iter().map(named).collect();
        rules
    }
}

fn kept(backups: &[BackupSummary], rules: &Retention) -> Vec<BackupSummary> {
    let decisions = retention(backups, rules);
    let pairs = backups.iter().zip(decisions);
    pairs
        .filter(|(_, decision)| decision.keep)
        .map(|(backup, _)| backup.clone())
        .collect()
}

proptest! {
    #[test]
    fn a_vault_with_a_usable_backup_is_never_emptied(vault in any_vault(), rules in any_rules()) {
        let usable = |list: &[BackupSummary], verified: bool| {
            list.iter().any(|b| {
                b.name.service() == "dhash"
                    && matches!(b.state, BackupState::Complete { .. })
                    && (b.verified || !verified)
            })
        };
        let left = kept(&vault, &rules);
        for verified in [false, true] {
            prop_assert_eq!(usable(&vault, verified), usable(&left, verified));
        }
        let others = |list: &[BackupSummary]| list.iter().filter(|b| b.name.service() == "other").count();
        prop_assert_eq!(others(&vault), others(&left));
    }

    #[test]
    fn pruning_twice_removes_nothing_more(vault in any_vault(), rules in any_rules()) {
        let left = kept(&vault, &rules);
        prop_assert_eq!(&kept(&left, &rules), &left);
    }

    #[test]
    fn keeping_more_never_removes_what_keeping_less_keeps(
        vault in any_vault(), rules in any_rules(), last in 0..4u32, days in 0..20u32, extra in 0..40i64,
        more_of_each in prop::array::uniform5(0..4u32),
    ) {
        let mut more = rules.clone();
        more.keep.last += last;
        more.keep.days += days;
        more.keep.hourly += more_of_each[0];
        more.keep.daily += more_of_each[1];
        more.keep.weekly += more_of_each[2];
        more.keep.monthly += more_of_each[3];
        more.keep.yearly += more_of_each[4];
        more.needed.push((backup("dhash", extra, true, true).name.to_string(), "dhash-8".to_owned()));
        let names = |list: Vec<BackupSummary>| -> BTreeSet<String> {
            list.iter().map(|b| b.name.to_string()).collect()
        };
        prop_assert!(names(kept(&vault, &rules)).is_subset(&names(kept(&vault, &more))));
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(vault in any_vault(), rules in any_rules()) {
        let mut turned = vault.clone();
        turned.reverse();
        let mut back = retention(&turned, &rules);
        back.reverse();
        prop_assert_eq!(retention(&vault, &rules), back);
    }
}
