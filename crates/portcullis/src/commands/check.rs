//! `portcullis check`.

use portcullis_analysis::{Rule, Signal};
use portcullis_config::{Config, Schedule};
use portcullis_engine::{astray_in_config, span_words};

use crate::bounds::RUNS_LOOKED_AT;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{clock, gateway_files, output};

pub(super) fn run(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = portcullis_config::check(&site.file, site.environment.as_deref())?;
    gateway_files::examine(&config)?;
    let releases: Vec<&str> = config.releases.iter().map(|r| r.id.as_str()).collect();
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.check/1",
            "file": config.file,
            "service": config.service.name,
            "environment": config.service.environment,
            "releases": releases,
            "problems": [],
            "notes": notes(&config),
            "schedules": schedules(&config)
                .into_iter()
                .map(|(what, schedule, next)| serde_json::json!({
                    "what": what,
                    "schedule": schedule.text(),
                    "time_zone": schedule.zone_name(),
                    "next_ms": next,
                }))
                .collect::<Vec<_>>(),
        }));
    } else {
        output::result(&format!(
            "{}: no problems; service {} ({}), releases {}",
            site.file.display(),
            config.service.name,
            config.service.environment,
            releases.join(", ")
        ));
        for note in notes(&config) {
            output::talk(&format!("note: {note}"));
        }
        for (what, schedule, next) in schedules(&config) {
            let next: Vec<String> = next.iter().map(|ms| schedule.words_of(*ms)).collect();
            output::talk(&format!(
                "{what} \"{}\": next {}",
                schedule.text(),
                next.join(", ")
            ));
        }
    }
    Ok(Exit::Done)
}

/// The schedules, each with its next three times.
fn schedules(config: &Config) -> Vec<(&'static str, &Schedule, Vec<u64>)> {
    let both = [
        ("backup.schedule", &config.backup.schedule),
        ("drill.schedule", &config.drill.schedule),
    ];
    let given = both
        .into_iter()
        .filter_map(|(what, schedule)| Some((what, schedule.as_ref()?)));
    let times = given.map(|(what, schedule)| {
        let times =
            std::iter::successors(schedule.after(clock::now_ms()), |ms| schedule.after(*ms));
        (what, schedule, times.take(3).collect())
    });
    times.collect()
}

/// What is no problem and yet may not be what was meant.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = notes_of_gates(config);
    let astray = astray_in_config(config).into_iter();
    notes.extend(astray.map(|why| format!("{why}; a rollout that has to rehearse it is refused")));
    notes.extend(links(config));
    if let (Some(schedule), Some(rpo_ms)) = (&config.backup.schedule, config.drill.rpo_ms)
        && let Some((_, longest_ms)) = schedule.pauses_ms(clock::now_ms(), RUNS_LOOKED_AT)
        && longest_ms.saturating_add(schedule.jitter_ms) >= rpo_ms
    {
        notes.push(format!(
            "by backup.schedule the data of {} can be lost, besides the time that a backup takes: drill.rpo is {}",
            span_words(longest_ms.saturating_add(schedule.jitter_ms)),
            span_words(rpo_ms)
        ));
    }
    notes
}

/// Stores that are symbolic links themselves. The folders above them may be.
pub(super) fn links(config: &Config) -> Vec<String> {
    let links = config.stores.iter().filter_map(|store| {
        let path = store.path().filter(|path| path.is_symlink())?;
        let real = match path.canonicalize() {
            Ok(real) => format!(", {}", real.display()),
            Err(_) => String::new(),
        };
        Some(format!(
            "store {} is a symbolic link, {}: it can neither be backed up nor put back; name what it leads to{real}",
            store.name,
            path.display()
        ))
    });
    links.collect()
}

fn notes_of_gates(config: &Config) -> Vec<String> {
    let warm = &config.service.keep_warm;
    let watch = warm.analysis_after(&config.analysis, &config.service.strategy);
    let compares = watch.rules.iter().any(|rule| rule.test.only_warns());
    let is_about_checks = |rule: &Rule| rule.signal == Signal::HealthFailures;
    let mut failing = watch.rules.iter().filter(|rule| !rule.test.only_warns());
    let note = "after a promotion only failed checks go back by themselves: the other rules compare with a \
                release that has no traffic then, and warn; a rule with a fixed limit would go back, such as { \
                signal = \"error-rate\", max = \"5%\" }";
    (warm.window_ms > 0 && compares && failing.all(is_about_checks))
        .then(|| note.to_owned())
        .into_iter()
        .collect()
}
