//! `kill -9` of Portcullis at random moments of live SQL migrations: whatever was cut off, each file takes effect once.
//!
//! A round brings out a release with three files: one that is a transaction, one whose statements are recorded one by one (in
//! PostgreSQL among them an index that is built while others write), and a backfill in batches. What a second time would leave
//! can be seen: a mark too many, a row that was counted twice, a number of rows that the ledger has wrong. Going back keeps the
//! data, so what a rollout leaves half done is there for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::kills::{ROUNDS_VARIABLE, Random};
use crate::databases::{ledger_of, sqlite};
use crate::rig::Rig;
use crate::server_databases::notebook;
use crate::writers::Writers;

/// Repeats a run: the seed is printed.
const SEED_VARIABLE: &str = "PORTCULLIS_FAULT_SEED";
/// How many kills there are where nobody says how many; else this part of all.
const KILLS_USUAL: u64 = 3;
const KILLS_PART: u64 = 8;
/// Three in one step are too many for it: then the rollout goes back, and the next one goes on with the files.
const KILLS_OF_A_ROLLOUT_MAX: u64 = 3;
const ANSWERS_MAX: usize = 6;
/// The rows that are there from the beginning, which each backfill counts.
const ROWS: u64 = 500;
/// How many files a round has, and how many marks they leave.
const FILES: u64 = 3;
const MARKS: u64 = 5;
const LEDGER: &str = include_str!("../fixtures/ledger/sql.toml");

/// Beyond these a rollout does not go by itself.
const SETTLED: [&str; 5] = ["promoted", "rolled back", "aborted", "held", "paused"];

/// What differs between the kinds of databases.
struct Kind {
    service: &'static str,
    table: &'static str,
    /// The smoke questions about rows: users write here.
    smoke: &'static str,
    /// What keeps a statement that leaves a mark busy for a while.
    slowly: &'static str,
    /// The statements that build the index of a round.
    index: fn(u64) -> String,
    /// How many indexes of a round there are, and how many are half made.
    indexes: fn(u64) -> String,
    /// Whether the ledger was made.
    has_ledger: &'static str,
    /// Each step of SQL files, through which file of the round it goes, and a part of the time that it takes.
    steps: [(&'static str, u64, u64); 2],
}

static POSTGRES: Kind = Kind {
    service: "notebook",
    table: "note",
    smoke: ", \"/notes\" = 500",
    slowly: " FROM pg_sleep(0.4)",
    index: |round| {
        format!(
            "DROP INDEX CONCURRENTLY IF EXISTS note_slow_{};\n\
             CREATE INDEX CONCURRENTLY note_slow_{round} ON note (slow(id)) WHERE id <= {ROWS};",
            round - 1
        )
    },
    indexes: |round| {
        format!(
            "SELECT (SELECT count(*) FROM pg_class WHERE relname = 'note_slow_{round}'), \
             (SELECT count(*) FROM pg_index WHERE NOT indisvalid)"
        )
    },
    has_ledger: "SELECT count(*) FROM pg_class WHERE relname = 'portcullis_migrations'",
    steps: [("migrate", 2, 1_800), ("backfill", 3, 1_000)],
};

static SQLITE: Kind = Kind {
    service: "ledger",
    table: "entry",
    smoke: ", \"/entries\" = 500, \"/letters\" = 7892",
    slowly: " FROM (WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000000) SELECT max(i) FROM c)",
    index: |round| format!("CREATE INDEX entry_text_{round} ON entry (text);"),
    indexes: |round| {
        format!("SELECT count(*), 0 FROM sqlite_schema WHERE name = 'entry_text_{round}'")
    },
    has_ledger: "SELECT count(*) FROM sqlite_schema WHERE name = 'portcullis_migrations'",
    steps: [("migrate", 2, 800), ("backfill", 3, 1_000)],
};

/// A service with its database.
struct Scene {
    rig: Rig,
    kind: &'static Kind,
    /// Asks the database.
    ask: Box<dyn Fn(&str) -> String>,
    /// What the configuration says of a release, without its migration.
    release: String,
    rollouts: u64,
}

impl Scene {
    fn on_postgres() -> Scene {
        let (server, rig) = notebook();
        for statement in [
            "SET ROLE app; CREATE TABLE mark (what text)",
            "SET ROLE app; CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE \
             AS 'BEGIN PERFORM pg_sleep(0.002); RETURN i; END'",
        ] {
            server.sql("notes", statement);
        }
        let ask = move |sql: &str| server.sql("notes", sql);
        Scene::begin(&POSTGRES, rig, Box::new(ask))
    }

    fn on_sqlite() -> Scene {
        let rig = ledger_of(LEDGER);
        let database = rig.path("data/entries.db");
        sqlite(&database, "CREATE TABLE mark (what TEXT)");
        let ask = move |sql: &str| sqlite(&database, sql);
        Scene::begin(&SQLITE, rig, Box::new(ask))
    }

    /// Release 1.0 serves, and is the only one so far.
    fn begin(kind: &'static Kind, mut rig: Rig, ask: Box<dyn Fn(&str) -> String>) -> Scene {
        for (from, to) in [
            (kind.smoke, ""),
            ("rollback = \"restore\"", "rollback = \"keep\""),
            ("written_by = \"migrations\"", "written_by = \"service\""),
            ("window = \"2s\"", "window = \"600ms\""),
            ("interval = \"250ms\"", "interval = \"150ms\""),
            ("requests_min = 20", "requests_min = 5"),
        ] {
            rig.edit(from, to);
        }
        let file = rig.path("portcullis.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut parts = text.split("\n[[release]]\n");
        let (others, first) = (parts.next().unwrap(), parts.next().unwrap());
        std::fs::write(&file, format!("{others}\n[[release]]\n{first}")).unwrap();
        std::fs::create_dir(rig.path("migrations")).unwrap();
        rig.ok(&["init"]);
        rig.start();
        rig.ok(&["deploy", "--release", "1.0", "--wait"]);
        Scene {
            rig,
            kind,
            ask,
            release: first.to_owned(),
            rollouts: 1,
        }
    }

    fn number(&self, sql: &str) -> u64 {
        (self.ask)(sql).parse().unwrap()
    }

    /// Adds the files of a round, and the release that they belong to.
    fn add(&self, round: u64) {
        let Kind {
            table,
            slowly,
            index,
            ..
        } = self.kind;
        let mark = format!("INSERT INTO mark (what) SELECT '{round}");
        let files = [
            (
                "column.sql",
                format!("{mark} column'{slowly};\nALTER TABLE {table} ADD COLUMN n{round} int;\n"),
            ),
            (
                "index.sql",
                format!(
                    "-- portcullis: no-transaction\n{mark} index begins'{slowly};\n{}\n{mark} index ends';\n",
                    index(round)
                ),
            ),
            (
                "fill.backfill.sql",
                format!(
                    "{mark} fill begins';\n-- portcullis: batch = 25, pause = 50ms\n\
                     UPDATE {table} SET n{round} = coalesce(n{round}, 0) + 1 WHERE id IN \
                     (SELECT id FROM {table} WHERE n{round} IS NULL AND id <= {ROWS} LIMIT 25);\n{mark} fill ends';\n"
                ),
            ),
        ];
        let before = FILES * (round - 1);
        for (number, (name, text)) in (before + 1..).zip(files) {
            let path = self.rig.path(&format!("migrations/{number:04}_{name}"));
            std::fs::write(path, text).unwrap();
        }
        let release = self
            .release
            .replace("\"1.0\"", &format!("\"{}\"", version(round)));
        let through = FILES * round;
        let file = self.rig.path("portcullis.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str(&format!(
            "\n[[release]]\n{release}\n[release.migrate]\nsql = \"migrations\"\nthrough = {through}\n"
        ));
        std::fs::write(file, text).unwrap();
    }

    /// Begins a rollout; its name.
    fn deploy(&mut self, round: u64) -> String {
        self.rig.ok(&["deploy", "--release", &version(round)]);
        self.rollouts += 1;
        format!("{}-{}", self.kind.service, self.rollouts)
    }

    /// How many files of a round are applied.
    fn applied(&self, round: u64) -> u64 {
        if self.number(self.kind.has_ledger) == 0 {
            return 0;
        }
        let (before, last) = (FILES * (round - 1), FILES * round);
        self.number(&format!(
            "SELECT count(*) FROM portcullis_migrations WHERE applied_at IS NOT NULL AND version > {before} AND version <= {last}"
        ))
    }

    /// Kills the server some time after a step was begun, and starts it again. Says whether files of the step were still to
    /// do then; nothing if the rollout was over before.
    fn strike(
        &mut self,
        rollout: &str,
        round: u64,
        (step, files): (&str, u64),
        wait_ms: u64,
    ) -> Option<bool> {
        self.rig.until(step, |rig| {
            has_begun(rig, rollout, step) || is_settled(rig, rollout)
        });
        // The one pause that is meant: the moment is what is random.
        std::thread::sleep(Duration::from_millis(wait_ms));
        if is_settled(&self.rig, rollout) {
            return None;
        }
        self.rig.kill();
        let was_within = self.applied(round) < files;
        self.rig.start();
        Some(was_within)
    }

    /// Lets a rollout go to its end, which it must find without anybody's knowledge: a gate that could not decide is
    /// passed, and nothing may be held.
    fn settle(&self, rollout: &str) -> String {
        for _ in 0..ANSWERS_MAX {
            self.rig
                .until("it is over, or asks", |rig| is_settled(rig, rollout));
            let state = self.rig.state_of(rollout);
            match state.as_str() {
                "promoted" | "rolled back" => return state,
                "paused" => {
                    self.rig.run(&["resume", rollout]);
                }
                _ => panic!("it is {state}\n{}", self.rig.ok(&["show", rollout])),
            }
        }
        panic!(
            "it asks and asks\n{}\n{}",
            self.rig.ok(&["show", rollout]),
            self.rig.log()
        );
    }

    /// What holds however a rollout ended: nothing took effect twice, and no index is half made.
    fn check_nothing_is_twice(&self, round: u64, told: &str) {
        let marks = (self.ask)("SELECT what, count(*) FROM mark GROUP BY what HAVING count(*) > 1");
        assert_eq!(marks, "", "{told}");
        let indexes = (self.ask)(&(self.kind.indexes)(round));
        assert!(indexes.ends_with("|0"), "{indexes}: {told}");
        self.rig.ok(&["journal", "verify"]);
    }

    /// What holds when a release came out: all of its files took effect, and the ledger says so.
    fn check(&self, round: u64, told: &str) {
        assert_eq!(self.rig.serving_release(), version(round), "{told}");
        assert_eq!(self.applied(round), FILES, "{told}");
        let entries = self.number("SELECT count(*) FROM portcullis_migrations");
        assert_eq!(entries, FILES * round, "{told}");
        let marks = self.number("SELECT count(*) FROM mark");
        assert_eq!(marks, MARKS * round, "{told}");
        let table = self.kind.table;
        let filled = (self.ask)(&format!(
            "SELECT count(*), min(n{round}), max(n{round}) FROM {table} WHERE n{round} IS NOT NULL"
        ));
        assert_eq!(filled, format!("{ROWS}|1|1"), "{told}");
        let counted = self.number(&format!(
            "SELECT rows_changed FROM portcullis_migrations WHERE version = {}",
            FILES * round
        ));
        assert_eq!(counted, ROWS + 2, "with its two marks: {told}");
        let indexes = (self.ask)(&(self.kind.indexes)(round));
        assert_eq!(indexes, "1|0", "{told}");
    }

    /// Everything that was acknowledged to users is there.
    fn check_writes(&self, acknowledged: &[String]) {
        let table = self.kind.table;
        let written = format!("SELECT text FROM {table} WHERE text LIKE 'written%'");
        let written = (self.ask)(&written);
        let written: BTreeSet<&str> = written.lines().collect();
        let is_gone = |text: &&String| !written.contains(text.as_str());
        let gone: Vec<&String> = acknowledged.iter().filter(is_gone).collect();
        assert!(
            gone.is_empty(),
            "{} of {} acknowledged writes are gone: {gone:?}",
            gone.len(),
            acknowledged.len()
        );
        assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    }
}

fn version(round: u64) -> String {
    format!("2.{round}")
}

fn is_settled(rig: &Rig, rollout: &str) -> bool {
    SETTLED.contains(&rig.state_of(rollout).as_str())
}

/// Whether a rollout is at a step, or beyond it.
fn has_begun(rig: &Rig, rollout: &str, step: &str) -> bool {
    let shown = rig.run(&["show", rollout, "--json"]).stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap_or_default();
    let steps = shown["plan"]["plan"]["steps"].as_array();
    let place = steps.and_then(|steps| steps.iter().position(|one| one["name"] == step));
    let at = shown["state_detail"]["at"].as_u64();
    place
        .zip(at)
        .is_some_and(|(place, at)| at as usize >= place)
}

/// Of the seed that was asked for, or of another one in each run.
fn seeded() -> Random {
    let chosen = std::env::var(SEED_VARIABLE).map(|seed| seed.parse().unwrap());
    let seed = chosen.unwrap_or_else(|_| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        u64::from(now.subsec_nanos()) ^ u64::from(std::process::id()) << 32
    });
    println!("{SEED_VARIABLE}={seed}");
    Random(seed)
}

fn killed_at_random(mut scene: Scene) {
    let kills = std::env::var(ROUNDS_VARIABLE)
        .map_or(KILLS_USUAL, |n| n.parse::<u64>().unwrap() / KILLS_PART);
    let mut random = seeded();
    let (writers, users) = (Writers::start(&scene.rig), scene.rig.users());
    let (mut killed, mut within, mut round) = (0, 0, 0);
    let mut ends: Vec<String> = Vec::new();
    let came_out = |ends: &[String]| ends.last().is_some_and(|end| end == "promoted");
    // So few kills may all come too late: then there are more, until one met a file that was to do.
    while killed < kills || !came_out(&ends) || (within == 0 && kills > 0) {
        assert!(
            (ends.len() as u64) < 3 * kills + 4,
            "{killed} kills: {ends:?}"
        );
        if ends.is_empty() || came_out(&ends) {
            round += 1;
            scene.add(round);
        }
        let rollout = scene.deploy(round);
        let left = kills
            .saturating_sub(killed)
            .max(u64::from(within == 0 && kills > 0));
        let wanted = left.min(1 + random.below(KILLS_OF_A_ROLLOUT_MAX));
        let mut told = format!("{rollout}, killed");
        for _ in 0..wanted {
            let (step, files, span_ms) = scene.kind.steps[random.below(2) as usize];
            let wait_ms = random.below(span_ms);
            let struck = scene.strike(&rollout, round, (step, files), wait_ms);
            let Some(was_within) = struck else { break };
            told.push_str(&format!(" {wait_ms} ms after {step} began,"));
            killed += 1;
            within += u64::from(was_within);
        }
        let end = scene.settle(&rollout);
        println!("{told} ended as {end}");
        scene.check_nothing_is_twice(round, &told);
        if end == "promoted" {
            scene.check(round, &told);
        }
        ends.push(end);
    }
    let (acknowledged, _) = writers.stop();
    users.stop();
    scene.check_writes(&acknowledged);
    assert!(
        within > 0 || kills == 0,
        "no kill met a file that was to do"
    );
    let mut counted = BTreeMap::new();
    for end in &ends {
        *counted.entry(end).or_insert(0) += 1;
    }
    println!(
        "{killed} kills, {within} before all files of a step were done; the rollouts ended {counted:?}"
    );
    assert_eq!(scene.rig.stop(), Some(0), "{}", scene.rig.log());
}

#[test]
fn killed_at_random_moments_of_sql_files_for_postgresql_each_takes_effect_once() {
    killed_at_random(Scene::on_postgres());
}

#[test]
fn killed_at_random_moments_of_sql_files_for_sqlite_each_takes_effect_once() {
    killed_at_random(Scene::on_sqlite());
}
