//! Verifying a backup by reading it back.

use std::fs::File;
use std::time::Duration;

use super::{Form, Hold, Vault, failed_to, read_bounded};
use crate::archive::{ManifestSum, OnFile, Walk, walk};
use crate::bounds::SUMS_BYTES_MAX;
use crate::clock::Stopwatch;
use crate::command::{self, Commands};
use crate::durable::forget_cached;
use crate::hashing::{HashingReader, drain};
use crate::manifest::Manifest;
use crate::postgres::DumpCheck;
use crate::redis::RdbCheck;
use crate::sums::Sums;
use crate::{BackupError, BackupName, Damage, Store, StoreKind};

/// The outcome of a verification that found nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many files were read and compared.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes the archive has.
    pub archive_bytes: u64,
    /// The SHA-256 of the archive.
    pub archive_sha256: String,
    /// The SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// How long it took.
    pub took: Duration,
}

/// What somebody else, such as the journal, says of a backup: a change of all of its files together shows in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSums {
    /// The SHA-256 of the archive.
    pub archive: String,
    /// The SHA-256 of the manifest beside it.
    pub manifest: String,
}

/// Which of the two files are others than were recorded.
fn not_recorded(recorded: &RecordedSums, found: [&String; 2]) -> Vec<Damage> {
    let files = [
        ("archive", &recorded.archive),
        ("manifest", &recorded.manifest),
    ];
    let differ = files
        .into_iter()
        .zip(found)
        .filter(|((_, expected), found)| expected != found);
    differ
        .map(|((file, expected), found)| Damage::NotRecorded {
            file,
            expected: expected.clone(),
            found: found.clone(),
        })
        .collect()
}

impl Vault {
    /// As [`Vault::verify`], and the files must be those that were recorded elsewhere.
    ///
    /// # Errors
    /// As [`Vault::verify`]; [`Damage::NotRecorded`] for a file that is another one than was recorded.
    pub fn verify_as(
        &self,
        name: &BackupName,
        recorded: &RecordedSums,
    ) -> Result<Verified, BackupError> {
        let outcome = self.verify(name);
        let found = match &outcome {
            Ok(Verified {
                archive_sha256,
                manifest_sha256,
                ..
            })
            | Err(BackupError::NotReadThrough {
                archive_sha256,
                manifest_sha256,
                ..
            }) => [archive_sha256, manifest_sha256],
            Err(_) => return outcome,
        };
        let damages = not_recorded(recorded, found);
        if damages.is_empty() {
            return outcome;
        }
        self.note_verified(name, false);
        Err(BackupError::Damaged {
            name: name.clone(),
            damages,
        })
    }

    /// Whether the files of a backup are those that were recorded elsewhere, by its `.sha256` alone: whoever reads them compares
    /// them with that.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] with [`Damage::NotRecorded`] if they are others, or the `.sha256` cannot be read;
    /// [`BackupError::UnknownBackup`] and [`BackupError::Incomplete`].
    pub fn compare(&self, name: &BackupName, recorded: &RecordedSums) -> Result<(), BackupError> {
        self.check_complete(name)?;
        let damages = match self.sums(name)? {
            Err(why) => vec![Damage::SumsUnreadable { why }],
            Ok(sums) => not_recorded(recorded, [&sums.archive, &sums.manifest]),
        };
        match damages.is_empty() {
            true => Ok(()),
            false => Err(BackupError::Damaged {
                name: name.clone(),
                damages,
            }),
        }
    }

    /// Reads the whole backup again: the archive against the `.sha256`, every file in it against
    /// the manifest, and the manifest in it against the one beside it; `pg_restore` reads the contents of
    /// each dump, and every key of an RDB is read and compared with the manifest. The outcome is noted beside
    /// the archive, where [`super::BackupSummary::verified`] finds it; if the vault cannot be written
    /// to, the outcome holds all the same and the backup counts as it did before.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] with everything that is wrong, naming the file at fault;
    /// [`BackupError::NotReadThrough`] for an encrypted one that no key opens and whose files are those that were written;
    /// [`BackupError::UnknownBackup`], [`BackupError::Incomplete`] and [`BackupError::Vault`] as
    /// they say.
    pub fn verify(&self, name: &BackupName) -> Result<Verified, BackupError> {
        let watch = Stopwatch::start();
        let mut dumps = DumpCheck::default();
        let mut rdbs = RdbCheck::default();
        let checked = self.prepare_reading(name).and_then(|prepared| {
            let walk = self.read_prepared(name, &prepared, &mut |store, file, reader| {
                rdbs.file(store, file, reader);
                dumps.file(store, file, reader)
            });
            Ok((walk?, prepared.manifest_sha256))
        });
        dumps.damages.append(&mut rdbs.damages);
        let checked = match dumps.damages.is_empty() {
            true => checked,
            false => checked.and(Err(BackupError::Damaged {
                name: name.clone(),
                damages: dumps.damages,
            })),
        };
        if let Err(BackupError::NoKey { needed, why, .. }) = &checked {
            return Err(self.not_read_through(name, format!("{why}{needed}")));
        }
        match &checked {
            Ok(_) => self.note_verified(name, true),
            Err(BackupError::Damaged { .. }) => self.note_verified(name, false),
            Err(_) => {}
        }
        let (walk, manifest_sha256) = checked?;
        Ok(Verified {
            files: walk.files,
            bytes: walk.bytes,
            archive_bytes: walk.archive_bytes,
            archive_sha256: walk.sha256,
            manifest_sha256,
            took: watch.elapsed(),
        })
    }

    /// Has the data of stores that commands back up read by their check commands, where they have one. The backup is
    /// verified on the way. Gives the names of the stores whose data was read; a failure is noted as one of
    /// [`Vault::verify`] is.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if a check command does not end with code 0, and those of [`Vault::verify`].
    pub fn check_by_commands(
        &self,
        name: &BackupName,
        stores: &[Store],
    ) -> Result<Vec<String>, BackupError> {
        let mut checked = Vec::new();
        let manifest = self.manifest(name)?;
        for store in stores {
            let Some(commands) = store.commands().filter(Commands::can_check) else {
                continue;
            };
            let held = manifest.store(&store.name);
            if held.is_none_or(|held| held.kind != StoreKind::Command) {
                continue;
            }
            let staged = self.stage(name, &store.name, &self.root)?;
            match commands.check(&staged.data().join(command::DATA)) {
                Ok(()) => checked.push(store.name.clone()),
                Err(BackupError::Command { problem, .. }) if problem.is_about_data() => {
                    self.note_verified(name, false);
                    return Err(BackupError::Damaged {
                        name: name.clone(),
                        damages: vec![Damage::CheckRefused {
                            store: store.name.clone(),
                            why: problem.to_string(),
                        }],
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(checked)
    }

    /// Reads the archive once, gives each of its files to `on_file`, and checks everything against what was read before.
    pub(super) fn read_prepared(
        &self,
        name: &BackupName,
        prepared: &Prepared,
        on_file: &mut OnFile<'_>,
    ) -> Result<Walk, BackupError> {
        let (archive, _hold) = self.open_archive(name)?;
        let form = self.form(name);
        let encryption = (form == Form::Age).then_some(&self.encryption);
        let content = (&prepared.manifest, &prepared.manifest_sum);
        let walk = walk(archive, encryption, content, on_file)?;
        let damages = judge((name, form), prepared, &walk);
        match damages.is_empty() {
            true => Ok(walk),
            false => Err(BackupError::Damaged {
                name: name.clone(),
                damages,
            }),
        }
    }

    /// Reads everything but the archive.
    pub(super) fn prepare_reading(&self, name: &BackupName) -> Result<Prepared, BackupError> {
        self.check_complete(name)?;
        let file = self.manifest_file(name)?;
        let sums = self.sums(name)?;
        match Manifest::from_json(&file.json, name) {
            Ok(manifest) => Ok(Prepared {
                sums,
                manifest,
                manifest_sum: ManifestSum::of(&file.json),
                manifest_sha256: file.sha256,
            }),
            Err(why) => {
                let mut damages = vec![Damage::ManifestUnreadable { why }];
                match sums {
                    // Say as well whether the archive is intact: the manifest is in it too.
                    Ok(sums) => {
                        let found = self.archive_digest(name)?;
                        if found != sums.archive {
                            let expected = sums.archive;
                            damages.push(Damage::ArchiveDigest { expected, found });
                        }
                    }
                    Err(why) => damages.push(Damage::SumsUnreadable { why }),
                }
                Err(BackupError::Damaged {
                    name: name.clone(),
                    damages,
                })
            }
        }
    }

    /// The `.sha256`, or what is wrong with it.
    pub(super) fn sums(&self, name: &BackupName) -> Result<Result<Sums, String>, BackupError> {
        let sums = read_bounded(&self.sums_path(name), SUMS_BYTES_MAX)?;
        Ok(String::from_utf8(sums)
            .map_err(|_| "it is not text".to_owned())
            .and_then(|text| Sums::parse(&text, name, self.form(name))))
    }

    /// Without a key only this can be said: whether the files are those that were written. It is never a verification.
    fn not_read_through(&self, name: &BackupName, why: String) -> BackupError {
        let whole = || -> Result<Sums, BackupError> {
            let damaged = |damages| BackupError::Damaged {
                name: name.clone(),
                damages,
            };
            let sums = self.sums(name)?;
            let sums = sums.map_err(|why| damaged(vec![Damage::SumsUnreadable { why }]))?;
            // That of the manifest was compared when no key was found to open it.
            let found = self.archive_digest(name)?;
            if found != sums.archive {
                let expected = sums.archive;
                return Err(damaged(vec![Damage::ArchiveDigest { expected, found }]));
            }
            Ok(sums)
        };
        match whole() {
            Ok(sums) => BackupError::NotReadThrough {
                name: name.clone(),
                archive_sha256: sums.archive,
                manifest_sha256: sums.manifest,
                why,
            },
            Err(error) => {
                if matches!(error, BackupError::Damaged { .. }) {
                    self.note_verified(name, false);
                }
                error
            }
        }
    }

    fn archive_digest(&self, name: &BackupName) -> Result<String, BackupError> {
        let mut reader = HashingReader::new(self.open_archive(name)?.0);
        drain(&mut reader).map_err(|source| failed_to("read", &self.archive_path(name), source))?;
        Ok(reader.sha256())
    }

    /// The archive, and a hold on it: what is being read is not removed.
    fn open_archive(&self, name: &BackupName) -> Result<(File, Hold), BackupError> {
        let path = self.archive_path(name);
        let hold = self.hold(name)?;
        let file = File::open(&path).map_err(|source| failed_to("read", &path, source))?;
        forget_cached(&file);
        Ok((file, hold))
    }
}

/// Everything of a backup but its archive.
pub(super) struct Prepared {
    sums: Result<Sums, String>,
    pub(super) manifest: Manifest,
    /// That of the manifest itself, whose JSON is not kept.
    manifest_sum: ManifestSum,
    /// That of the file beside the archive, which may be encrypted.
    manifest_sha256: String,
}

/// Puts the findings together.
fn judge((name, form): (&BackupName, Form), prepared: &Prepared, walk: &Walk) -> Vec<Damage> {
    let mut damages = Vec::new();
    match &prepared.sums {
        Err(why) => damages.push(Damage::SumsUnreadable { why: why.clone() }),
        Ok(sums) => {
            let (expected, found) = (sums.manifest.clone(), prepared.manifest_sha256.clone());
            if nearly_equal(&expected, &found) {
                damages.push(Damage::SumsWrong {
                    file: format!("{name}{}", form.manifest()),
                });
            } else if expected != found {
                damages.push(Damage::ManifestDigest { expected, found });
            }
            let (expected, found) = (sums.archive.clone(), walk.sha256.clone());
            if nearly_equal(&expected, &found) {
                damages.push(Damage::SumsWrong {
                    file: format!("{name}{}", form.archive()),
                });
            } else if expected != found {
                damages.push(Damage::ArchiveDigest { expected, found });
            }
        }
    }
    damages.extend(walk.damages.iter().cloned());
    damages
}

/// Whether two different digests have most digits in common. A change of the file that is hashed
/// changes all of its digest, so then it was the written digest that was changed.
fn nearly_equal(expected: &str, found: &str) -> bool {
    let different = expected
        .bytes()
        .zip(found.bytes())
        .filter(|(a, b)| a != b)
        .count();
    (1..=DIGITS_NEARLY_EQUAL).contains(&different)
}

/// Two unrelated digests of 64 digits differ in 60 on average, and in so few with a chance of less
/// than 1 in 10^40.
const DIGITS_NEARLY_EQUAL: usize = 16;
