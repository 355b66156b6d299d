//! From what was written to what it means: values compared with each other, defaults that depend on
//! others, absolute paths.
//!
//! Everything is looked at even when something is already known to be wrong; what could not be read is
//! left out of the comparisons, so that one mistake is reported once.

use std::path::{Path, PathBuf};

use portcullis_rollout::{ValueSource, Weight};

use crate::config::BackupConfig;
use crate::origin::{Content, MaskUse, Origin, PathUse, Wanted};
use crate::overlay::Overlay;
use crate::raw::{RawBackup, RawConfig};
use crate::report::{At, Report, Spot};
use crate::table::Entries;
use crate::{Config, RetentionConfig};

mod bucket;
mod commands;
mod continuous;
mod copies;
mod data;
mod gate;
mod gateway;
mod hook;
mod metric;
mod names;
mod operation;
mod paths;
mod places;
mod release;
mod schedule;
mod service;
mod sql_files;
mod synthetic;

pub use paths::within;
use places::Places;

/// What the validation of a part needs of the whole.
struct Context<'r> {
    report: &'r Report<'r>,
    folder: &'r Path,
    /// The configuration file, absolute.
    file: PathBuf,
    places: Places<'r>,
    /// Paths that the disk must have, collected on the way.
    uses: Vec<PathUse>,
    /// Masks whose words are in files.
    masks: Vec<MaskUse>,
    /// Places that whoever runs the gateway may have something to say about.
    marks: Vec<Spot>,
}

/// Compares everything with everything. When the report has problems afterwards, the configuration
/// has stand-ins and must not be used.
pub(crate) fn validate(
    raw: RawConfig,
    report: &Report<'_>,
    file: &Path,
    folder: &Path,
    overlay: Option<Overlay>,
    environments: &[String],
) -> Config {
    let mut context = Context {
        report,
        folder,
        file: folder.join(file.file_name().unwrap_or_default()),
        places: Places::new(report, data::named(&raw.stores)),
        uses: Vec::new(),
        masks: Vec::new(),
        marks: Vec::new(),
    };
    let strategy = service::strategy(&raw.service, report);
    let analysis = gate::analysis(&raw.gate, &raw.service, strategy.as_ref(), report);
    let state = operation::state(&raw.state, &mut context);
    let stores = data::stores(&raw.stores, &raw.state, &state, &mut context);
    let continuous = continuous::archives(&raw.stores, &raw.service, &raw.backup, &mut context);
    let policy = data::policy(&raw.data, &raw.releases, strategy.as_ref(), report);
    data::provable(&raw.data, &raw.releases, &stores, report);
    let gateway = gateway::gateway(&raw, &state, &mut context);
    let server = operation::server(&raw.server, &state, &mut context);
    operation::addresses(&raw, report);
    metric::unique(&raw.service, &raw.gate.metrics, &context);
    metric::used(&raw.service, &raw.gate, report);
    gate::refusals(&raw, report);
    let service = service::service(raw.service, strategy, &mut context);
    let changed = release::Stores::of(&raw.stores, &stores);
    let releases = release::releases(raw.releases, changed, &mut context);
    let hooks = hook::hooks(raw.hooks, &mut context);
    let has_stores = !raw.stores.is_empty();
    let retention = schedule::retention(&raw.backup, &service.environment);
    let backup = backups(&raw.backup, &retention, has_stores, &mut context);
    let drill = schedule::drill(&raw.drill, (has_stores, !continuous.is_empty()), report);
    let figures = metric::orders(raw.gate.metrics, &mut context);
    let synthetic = (raw.gate.synthetic).and_then(|raw| synthetic::traffic(raw, &mut context));
    Config {
        file: file.to_owned(),
        folder: folder.to_owned(),
        service,
        stores,
        policy,
        closing: data::closing(&raw.data),
        analysis,
        figures,
        synthetic,
        gateway,
        server,
        state,
        retention,
        backup,
        continuous,
        drill,
        timeouts: raw.timeouts,
        releases,
        hooks,
        origin: Origin {
            source: report.source().clone(),
            uses: context.uses,
            masks: context.masks,
            marks: context.marks,
            overlay,
            environments: environments.to_vec(),
        },
    }
}

/// The backups: when they are made, for whom they are encrypted, and where copies of them go.
fn backups(
    raw: &RawBackup,
    retention: &RetentionConfig,
    has_stores: bool,
    context: &mut Context<'_>,
) -> BackupConfig {
    BackupConfig {
        encryption: copies::encryption(&raw.encryption, context),
        copies: copies::copies(&raw.copies, retention, context),
        ..schedule::backup(raw, has_stores, context.report)
    }
}

impl Context<'_> {
    /// A path of the file as an absolute one.
    fn absolute(&self, path: &str) -> PathBuf {
        paths::absolute(self.folder, path)
    }

    /// The value of an environment variable, or another text that may be a reference, with an absolute
    /// path in a reference to a file.
    fn referenced(&self, text: String) -> String {
        match ValueSource::of(&text) {
            // A path that begins with a place is absolute once that is filled in.
            ValueSource::File(path) if !places::begins_with_place(path) => {
                format!("file:{}", self.absolute(path).display())
            }
            _ => text,
        }
    }

    /// The absolute path of a file that the gateway reads, which the disk must have.
    fn file(&mut self, at: Option<&At<String>>, content: Content) -> PathBuf {
        let Some(at) = at else {
            return PathBuf::new();
        };
        let path = self.absolute(&at.value);
        self.needs(&path, Wanted::Read(content), &at.spot);
        path
    }

    /// Remembers that the disk must have the files to which values refer.
    fn needs_secrets(&mut self, env: &Entries<String>) {
        for at in env.values() {
            match ValueSource::of(&at.value) {
                ValueSource::File(path) if !places::begins_with_place(path) => {
                    let path = self.absolute(path);
                    self.needs(&path, Wanted::Secret, &at.spot);
                }
                _ => {}
            }
        }
    }

    /// Remembers that the disk must have a path.
    fn needs(&mut self, path: &Path, wanted: Wanted, spot: &Spot) {
        self.uses.push(PathUse {
            path: path.to_owned(),
            wanted,
            spot: spot.clone(),
        });
    }
}

/// The text of a value that could be read.
fn text(at: Option<&At<String>>) -> Option<&str> {
    at.map(|at| at.value.as_str())
}

/// A weight that is known to be at most 100.
fn weight(percent: u8) -> Weight {
    Weight::new(percent).unwrap_or(Weight::ALL)
}
