//! Drills from continuous archives: a moment recovered to clusters of their own, on which the release is started.
//!
//! Each store with an archive is recovered by a server of its own that only this drill reaches: by a port of the loopback
//! address, with a password that is made for it. Stores without an archive come from the newest backup before the moment,
//! which is said: they are older than the moment.
//!
//! What the archive says of itself is not taken for what came back: how far the log was replayed and when its last
//! transaction was committed is read from the recovered cluster.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis_backup::{
    BackupName, ContinuousArchive, FetchedCluster, Hold, Location, LogGap, Manifest,
    PostgresAddress, RecoveredCluster, RecoveryOrder, RecoveryPlace, Vault,
};
use portcullis_rollout::{Fact, StoreLocation, StoreRef};
use secrecy::ExposeSecret;

use super::copies::Copies;
use super::course::{Course, Short};
use super::moment::moment;
use super::report::{DrilledArchive, DrilledCopy, PartName, Rpo};
use super::shortfall::{fallen_short, refused};
use super::{
    DrillOrder, Drills, Pick, StoreRefs, blocking, copy_of, fetch, millis, room, span_words,
    worst_ms,
};
use crate::clock::{Clock, WallClock};
use crate::hands::{chain, size_words, stores_of};
use crate::recovery_point::{PointOf, RecoveredBy, RecoveryPoint};
use crate::vaults::encryption_of;

/// What a drill from archives recovers.
struct Sources {
    vault: Vault,
    archives: Vec<Source>,
    /// The moment; `None` is everything that was received.
    moment: Option<Timestamp>,
    /// The backup of the stores without an archive.
    backup: Option<Chosen>,
    release: Option<String>,
    notes: Vec<String>,
}

/// A store with an archive.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) live: StoreRef,
    address: PostgresAddress,
    pub(super) archive: ContinuousArchive,
}

/// The backup of the other stores. The hold on it lasts as long as this.
struct Chosen {
    name: BackupName,
    copy: DrilledCopy,
    /// Of the stores that are restored from it alone.
    manifest: Manifest,
    _hold: Hold,
}

/// A store that was unpacked.
struct Fetched {
    source: Source,
    cluster: FetchedCluster,
}

/// A store that was recovered. Its server ends with this.
struct Recovered {
    database: String,
    cluster: RecoveredCluster,
    /// What stands for it in a command: a file with its address, which has a password.
    at: StoreRef,
    address_file: PathBuf,
    drilled: DrilledArchive,
}

impl Drills {
    /// Part after part, down to the first that does not pass.
    pub(super) async fn run_archive(
        &self,
        order: &DrillOrder<'_>,
        scratch: &Path,
        course: &mut Course,
    ) -> Option<()> {
        let sources = course
            .part(PartName::Prepare, self.prepare_archives(order, scratch))
            .await?;
        course.report.notes.extend(sources.notes.iter().cloned());
        course.report.release.clone_from(&sources.release);
        let mut copies = Copies::default();
        if let Some(backup) = &sources.backup {
            course.report.backup = Some(backup.copy.clone());
            let began_ms = course.report.began_ms;
            copies = match Copies::of(order.config, &backup.manifest, scratch, began_ms).await {
                Ok(copies) => copies,
                Err(short) => return course.part(PartName::Fetch, async { Err(short) }).await,
            };
        }
        let shown = self
            .on_clusters(order, (&sources, scratch), &mut copies, course)
            .await;
        if let Err(short) = copies.drop_databases().await {
            let why = short.why();
            let note = format!(
                "a database of this drill could not be dropped: {why}; the next drill does it"
            );
            course.report.notes.push(note);
        }
        shown
    }

    /// What is done with the archives.
    async fn on_clusters(
        &self,
        order: &DrillOrder<'_>,
        (sources, scratch): (&Sources, &Path),
        copies: &mut Copies,
        course: &mut Course,
    ) -> Option<()> {
        let mut archives = Vec::new();
        let fetching = fetch_all(order, sources, scratch, &mut archives);
        let fetched = course.part(PartName::Fetch, fetching).await;
        course.report.archives = archives;
        let fetched = fetched?;
        let mut archives = Vec::new();
        let recovering = recover_all(sources, fetched, copies.clone(), (scratch, &mut archives));
        let recovered = course.part(PartName::Restore, recovering).await;
        if !archives.is_empty() {
            course.report.archives = archives;
        }
        let recovered = recovered?;
        course.report.rpo = rpo(order, course, sources);
        for one in &recovered {
            copies.add_recovered(one.at.clone());
        }
        let (shown, recovered) = self
            .on_recovered(order, (sources, recovered), copies, course)
            .await;
        let ended = blocking(move || {
            for one in recovered {
                one.cluster
                    .stop()
                    .map_err(|error| Short::could_not(chain(&error)))?;
                // It leads nowhere now. The scratch folder may be kept.
                let _ = std::fs::remove_file(&one.address_file);
            }
            Ok(())
        });
        if let Err(short) = ended.await {
            let why = short.why();
            let note = format!("a recovered cluster could not be stopped well: {why}");
            course.report.notes.push(note);
        }
        shown
    }

    async fn on_recovered(
        &self,
        order: &DrillOrder<'_>,
        (sources, recovered): (&Sources, Vec<Recovered>),
        copies: &Copies,
        course: &mut Course,
    ) -> (Option<()>, Vec<Recovered>) {
        let mut back = Vec::new();
        let examining = examine_all(recovered, copies, &mut back);
        let examined = course.part(PartName::Integrity, examining).await;
        let shown = match examined {
            None => None,
            Some(()) => {
                let release = sources.release.as_deref();
                self.try_out(order, release, copies, course).await
            }
        };
        (shown, back)
    }

    /// Chooses the moment and the backup of the other stores, and looks whether there is room for that.
    async fn prepare_archives(
        &self,
        order: &DrillOrder<'_>,
        scratch: &Path,
    ) -> Result<(Sources, Vec<Fact>), Short> {
        let (config, pick) = (order.config.clone(), order.pick.clone());
        let encryption = encryption_of(&config).await;
        let encryption = encryption.map_err(|error| Short::could_not(error.to_string()))?;
        let live = archived(&config)?;
        let addresses = stores_of(&live).await;
        let addresses = addresses.map_err(|failure| Short::could_not(failure.message))?;
        let (folder, scratch) = (self.folder.clone(), scratch.to_owned());
        let mut sources = blocking(move || {
            let cannot = |error| Short::could_not(chain(&error));
            let vault = Vault::open(&config.state.vault).map_err(cannot)?;
            let vault = vault.with_encryption(encryption);
            let (name, environment) = (&config.service.name, &config.service.environment);
            let with_addresses = live.into_iter().zip(addresses);
            let archives = with_addresses.filter_map(|(live, store)| match store.location {
                Location::Postgres { address, .. } => Some(Source {
                    archive: vault.continuous(name.as_str(), environment, &live.name),
                    live,
                    address,
                }),
                _ => None,
            });
            let archives: Vec<Source> = archives.collect();
            let moment = moment(&pick, &archives)?;
            let others = |name: &str| archives.iter().all(|one| one.live.name != name);
            let backup = match config.stores.iter().any(|store| others(&store.name)) {
                true => Some(chosen(&config, &vault, (&pick, moment), &others)?),
                false => None,
            };
            let facts = room(backup.as_ref().map(|one| &one.manifest), &folder)?;
            std::fs::create_dir_all(&scratch).map_err(|error| {
                Short::could_not(format!("{} cannot be made: {error}", scratch.display()))
            })?;
            let sources = Sources {
                notes: backup.iter().map(|one| older(one, moment)).collect(),
                vault,
                archives,
                moment,
                backup,
                release: None,
            };
            Ok((sources, facts))
        })
        .await?;
        let moment_ms = sources.0.moment.map_or_else(|| WallClock.now_ms(), millis);
        let served = order.history.served_at(moment_ms);
        let backup = sources.0.backup.as_ref();
        sources.0.release = served
            .map(|release| release.to_string())
            .or_else(|| backup.and_then(|backup| backup.copy.release.clone()));
        let words = sources.0.moment.map_or_else(
            || "everything that was received".to_owned(),
            |at| at.to_string(),
        );
        sources.1.insert(0, Fact::new("moment", words));
        Ok(sources)
    }
}

/// The stores that have an archive.
fn archived(config: &portcullis_config::Config) -> Result<StoreRefs, Short> {
    let live = config.stores.iter().filter(|store| {
        let mut archives = config.continuous.iter();
        archives.any(|archive| archive.store == store.name)
    });
    let live: StoreRefs = live.cloned().collect();
    match live.is_empty() {
        true => Err(Short::could_not("no store has a continuous archive")),
        false => Ok(live),
    }
}

/// The newest backup before the moment, for the stores that have no archive.
fn chosen(
    config: &portcullis_config::Config,
    vault: &Vault,
    (pick, moment): (&Pick, Option<Timestamp>),
    others: &dyn Fn(&str) -> bool,
) -> Result<Chosen, Short> {
    let cannot = |error| Short::could_not(chain(&error));
    let pick = moment.map_or_else(|| pick.clone(), Pick::At);
    let all = vault.list().map_err(cannot)?;
    let picked = pick.of(config, all).map_err(|why| {
        Short::could_not(format!("the stores without a continuous archive: {why}"))
    })?;
    let name = picked.summary.name.clone();
    let hold = vault
        .hold(&name)
        .map_err(|error| Short::of_backup(&error))?;
    let mut manifest = vault
        .manifest(&name)
        .map_err(|error| Short::of_backup(&error))?;
    manifest.stores.retain(|store| others(&store.name));
    Ok(Chosen {
        copy: copy_of(&picked.summary, Some(&manifest)),
        name,
        manifest,
        _hold: hold,
    })
}

/// That some stores are older than the moment.
fn older(backup: &Chosen, moment: Option<Timestamp>) -> String {
    let moment_ms = moment.map_or_else(|| WallClock.now_ms(), millis);
    let span = moment_ms.saturating_sub(backup.copy.created_ms);
    format!(
        "{} without a continuous archive: as the newest backup before the moment has them, {}, of {} before it",
        backup.copy.stores.join(", "),
        backup.name,
        span_words(span / 1000 * 1000)
    )
}

/// Stops and removes what killed drills left of recovered clusters.
pub(super) fn clear_left(scratch: &[PathBuf]) {
    for folder in scratch {
        if let RecoveryPlace::Scratch(at) = RecoveryPlace::scratch_in(folder) {
            portcullis_backup::clear_left_recoveries(&at);
        }
    }
}

/// Reads everything from the vault: the backup of the other stores against its sums, and of each archive the copy of the
/// cluster and the log after it, which are compared with theirs while they are unpacked.
async fn fetch_all(
    order: &DrillOrder<'_>,
    sources: &Sources,
    scratch: &Path,
    seen: &mut Vec<DrilledArchive>,
) -> Result<(Vec<Fetched>, Vec<Fact>), Short> {
    let mut facts = Vec::new();
    if let Some(backup) = &sources.backup {
        let (_, found) = fetch(&sources.vault, &backup.name, order.records).await?;
        facts.extend(found);
    }
    let (archives, moment, place) = (
        sources.archives.clone(),
        sources.moment,
        RecoveryPlace::scratch_in(scratch),
    );
    let (fetched, found) = blocking(move || {
        let mut facts = Vec::new();
        let mut fetched = Vec::new();
        for source in archives {
            let order = RecoveryOrder {
                at: moment,
                place: place.clone(),
            };
            let cluster = source.archive.fetch(&order);
            let cluster = cluster.map_err(|error| refused(&source, moment, &error))?;
            let base = cluster.base();
            let words = format!(
                "the copy {} of {}, and {} segments of write-ahead log",
                base.id,
                size_words(base.data_bytes),
                cluster.segments
            );
            facts.push(Fact::new(&source.live.name, words));
            facts.push(Fact::new(
                format!("{} sha256", source.live.name),
                &base.sha256,
            ));
            fetched.push(Fetched { source, cluster });
        }
        Ok((fetched, facts))
    })
    .await?;
    facts.extend(found);
    seen.extend(fetched.iter().map(|one| one.drilled(moment)));
    match fallen_short(seen, &facts) {
        Some(short) => Err(short),
        None => Ok((fetched, facts)),
    }
}

impl Fetched {
    /// What is known of it before the log is replayed.
    fn drilled(&self, moment: Option<Timestamp>) -> DrilledArchive {
        let (cluster, base) = (&self.cluster, self.cluster.base());
        DrilledArchive {
            store: self.source.live.name.clone(),
            base: base.id.clone(),
            base_sha256: base.sha256.clone(),
            segments: cluster.segments,
            moment_ms: moment.map(millis),
            last_commit_ms: None,
            complete_until_ms: None,
            received_until_ms: cluster.standing.received_until.map(millis),
            replayed_to: None,
            missing: cluster.gap().map(LogGap::words),
        }
    }
}

/// Unpacks the other stores, and replays the log of each archive.
async fn recover_all(
    sources: &Sources,
    fetched: Vec<Fetched>,
    copies: Copies,
    (scratch, seen): (&Path, &mut Vec<DrilledArchive>),
) -> Result<(Vec<Recovered>, Vec<Fact>), Short> {
    let mut facts = Vec::new();
    if let Some(backup) = &sources.backup {
        let ((), found) = copies.restore(&sources.vault, &backup.name).await?;
        facts.extend(found);
    }
    let (scratch, moment) = (scratch.to_owned(), sources.moment);
    let (recovered, found) = blocking(move || {
        let mut facts = Vec::new();
        let mut recovered = Vec::new();
        for one in fetched {
            let one = recover(one, moment, &scratch)?;
            let told = |ms: Option<u64>, none: &str| {
                let moment = ms.and_then(|ms| Timestamp::from_millisecond(ms as i64).ok());
                moment.map_or_else(|| none.to_owned(), |moment| moment.to_string())
            };
            let words = format!(
                "recovered to {}; last commit {}; everything until {}",
                one.drilled.replayed_to.as_deref().unwrap_or("its copy"),
                told(one.drilled.last_commit_ms, "none since the copy"),
                told(one.drilled.complete_until_ms, "nobody knows when")
            );
            facts.push(Fact::new(&one.drilled.store, words));
            recovered.push(one);
        }
        Ok((recovered, facts))
    })
    .await?;
    facts.extend(found);
    seen.extend(recovered.iter().map(|one| one.drilled.clone()));
    match fallen_short(seen, &facts) {
        None => Ok((recovered, facts)),
        Some(short) => {
            for one in &recovered {
                // Its server ends now. The scratch folder may be kept.
                let _ = std::fs::remove_file(&one.address_file);
            }
            Err(short)
        }
    }
}

fn recover(
    fetched: Fetched,
    moment: Option<Timestamp>,
    scratch: &Path,
) -> Result<Recovered, Short> {
    let drilled = fetched.drilled(moment);
    let Fetched { source, cluster } = fetched;
    let of_backup = |error| Short::of_backup(&error);
    let standing = cluster.standing.clone();
    let port = free_port()?;
    let cluster = cluster.listening_on(port).recover().map_err(of_backup)?;
    let database = source.address.database().to_owned();
    let address = cluster
        .admit(source.address.user(), &database)
        .map_err(of_backup)?;
    let url = scratch.join(format!("{}.url", source.live.name));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&url)
        .and_then(|mut file| file.write_all(address.secret_url().expose_secret().as_bytes()));
    written.map_err(|error| {
        Short::could_not(format!("{} cannot be written: {error}", url.display()))
    })?;
    let jobs = match source.live.location {
        StoreLocation::Postgres { jobs, .. } => jobs,
        _ => 1,
    };
    // Everything until then is in it: seen by what was replayed, not by what the archive says.
    let replayed_all = standing.received_lsn.is_some() && cluster.last_lsn >= standing.received_lsn;
    let received = standing.received_until;
    let complete_until = match (cluster.stopped_at_moment, moment) {
        (true, Some(moment)) => Some(moment),
        (_, Some(moment)) if replayed_all => received.map(|received| received.min(moment)),
        (_, None) if replayed_all => received,
        _ => cluster.last_commit,
    };
    let drilled = DrilledArchive {
        last_commit_ms: cluster.last_commit.map(millis),
        complete_until_ms: complete_until.map(millis),
        replayed_to: cluster.last_lsn.map(|lsn| lsn.to_string()),
        missing: cluster.gap.as_ref().map(LogGap::words),
        ..drilled
    };
    Ok(Recovered {
        at: StoreRef {
            name: source.live.name,
            location: StoreLocation::Postgres {
                url: format!("file:{}", url.display()),
                folder: scratch.to_owned(),
                database: None,
                jobs,
            },
        },
        address_file: url,
        database,
        cluster,
        drilled,
    })
}

fn free_port() -> Result<u16, Short> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let address =
        address.map_err(|error| Short::could_not(format!("no free port was found: {error}")))?;
    Ok(address.port())
}

/// Has every store checked by its own means. The recovered ones are given back whatever is found.
async fn examine_all(
    recovered: Vec<Recovered>,
    copies: &Copies,
    back: &mut Vec<Recovered>,
) -> Result<((), Vec<Fact>), Short> {
    let task = tokio::task::spawn_blocking(move || {
        let mut facts = Vec::new();
        let mut wrong = None;
        for one in &recovered {
            match one.cluster.examine(&one.database) {
                Ok(examined) => {
                    let words = format!(
                        "rows and content of each table, read in the server; {}; {} rows in {} tables",
                        examined.amcheck.words(),
                        examined.rows,
                        examined.tables
                    );
                    facts.push(Fact::new(&one.drilled.store, words));
                    facts.push(Fact::new(
                        format!("{} sha256", one.drilled.store),
                        examined.digest,
                    ));
                }
                Err(error) => {
                    wrong = Some(Short::of_backup(&error));
                    break;
                }
            }
        }
        (recovered, facts, wrong)
    });
    let (recovered, mut facts, wrong) = task
        .await
        .map_err(|error| Short::could_not(format!("the work stopped unexpectedly: {error}")))?;
    *back = recovered;
    if let Some(short) = wrong {
        return Err(short);
    }
    let ((), found) = copies.examine().await?;
    facts.extend(found);
    Ok(((), facts))
}

/// What a loss when the drill began would have cost: by what was recovered, if that was everything there is.
fn rpo(order: &DrillOrder<'_>, course: &Course, sources: &Sources) -> Rpo {
    let report = &course.report;
    let now_ms = report.began_ms;
    let archives = report.archives.iter();
    let complete: Option<Vec<u64>> = archives.map(|one| one.complete_until_ms).collect();
    let oldest_ms = complete.and_then(|moments| moments.into_iter().min());
    let backup_ms = sources.backup.as_ref().map(|one| one.copy.created_ms);
    let drilled_ms = match (oldest_ms, backup_ms) {
        (Some(oldest_ms), Some(backup_ms)) => Some(oldest_ms.min(backup_ms)),
        (oldest_ms, _) => oldest_ms,
    };
    let points = PointOf::config(order.config).look(&sources.vault, now_ms);
    let points = points.unwrap_or_default();
    let all = order.pick == Pick::Latest && sources.backup.is_none();
    let proven = oldest_ms.filter(|_| all).map(|time_ms| RecoveryPoint {
        time_ms,
        by: RecoveredBy::Archives(
            report
                .archives
                .iter()
                .map(|one| one.store.clone())
                .collect(),
        ),
    });
    let by_backup = points.backup.map(|(name, time_ms)| RecoveryPoint {
        time_ms,
        by: RecoveredBy::Backup(name),
    });
    let candidates = match all {
        true => [by_backup, proven],
        false => [points.point, None],
    };
    let candidates = candidates.into_iter().flatten();
    let best = candidates.max_by_key(|point| point.time_ms);
    Rpo {
        measured_ms: best
            .as_ref()
            .map(|point| now_ms.saturating_sub(point.time_ms)),
        by: best.map(|point| point.by.words()),
        drilled_ms: drilled_ms.map(|ms| now_ms.saturating_sub(ms)),
        worst_ms: worst_ms(order, now_ms),
        target_ms: order.config.drill.rpo_ms,
        met: None,
    }
}
