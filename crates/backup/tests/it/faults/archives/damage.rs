//! Random damage to archives: reading the archive back or recovering from it says so, and nothing else than what was committed is
//! ever recovered.
//!
//! Some of what lies in an archive holds nothing of the cluster, or the same as something else. What becomes of that may be found
//! by nobody; then everything is recovered as if nothing had happened. Each such case has its reason in [`Stand::excuse`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use portcullis_backup::Lsn;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Bank, SEGMENT_BYTES, content, rows, small};
use crate::continuous::Archived;
use crate::faults::{Chance, rounds};
use crate::waiting::until;
use crate::{Seen, look};

/// The folders of an archive, as often as something in them is damaged; the last is the archive's own.
const FOLDERS: [&str; 8] = ["wal", "wal", "wal", "wal", "base", "base", "incoming", ""];
/// How many digits the name of a segment begins with, and that of a timeline.
const SEGMENT_DIGITS: usize = 24;
const TIMELINE_DIGITS: usize = 8;

/// The notes of how far everything was received, which have checksums.
const STANDING: &str = "standing.json";
const MARKS: &str = "received.txt";
/// What a line of marks has in it beside hexadecimal digits.
const MARK_SIGNS: &str = "/:.TZ- ";
/// What an earlier version noted of how far it came.
const STANDING_BEFORE: [&str; 3] = ["received_until", "received_lsn", "received_timeline"];

const NOTE: &str = "a note of what was found: nothing is recovered from it";
const UNMEASURED: &str =
    "a note of how far everything was received that is gone, as where nobody measured it";
const SAME: &str = "a note of how far everything was received that says the same, what an earlier version would have written, or \
     less, as a crash leaves it";
const IDENTITY: &str = "slot, database and format, which the next stream notes anew";
const OLD: &str = "log from before the oldest copy, which no copy needs";
const TWICE: &str = "a history that is there twice, sealed and as it was received";
const LEFT: &str = "the end of a timeline that was left, which is also in the one that followed";
const UNREAD: &str =
    "what of the newest segment nobody has announced, and what fills up its records";

/// A file as it was, by its path in the archive.
struct Whole {
    path: PathBuf,
    bytes: Vec<u8>,
    written: SystemTime,
}

/// A moment, or the last one, and what the server had then.
struct Moment {
    at: Option<Timestamp>,
    content: String,
}

/// An archive that nobody receives into any more.
struct Stand {
    /// What the archive lies in goes with it.
    _archived: Archived,
    bank: Bank,
    files: Vec<Whole>,
    /// Earlier ones, and the last one at the end.
    moments: Vec<Moment>,
    /// Up to when everything is there.
    reaches: Timestamp,
    /// The first segment that a copy needs.
    needed_from: u64,
}

/// What was done.
struct Damage {
    how: String,
    /// Which files it was, by their paths in the archive.
    to: Vec<PathBuf>,
    /// Whether the file is still there under its name, so that it can be named.
    in_place: bool,
}

/// The server begins a new timeline, as after a recovery.
fn begin_timeline(archived: &mut Archived) {
    archived.server.stop();
    archived
        .server
        .prepend("postgresql.conf", "restore_command = 'false'");
    let signal = archived.place.path("recovery.signal");
    fs::write(&signal, "").unwrap();
    archived.server.install(&signal, "recovery.signal");
    archived.server.launch();
    until("the new timeline has begun", || {
        archived.server.sql("bank", "SELECT pg_is_in_recovery()") == "f"
    });
}

impl Stand {
    fn make(copies: usize, timelines: usize) -> Self {
        let mut archived = small();
        let bank = Bank::of(&archived);
        let (mut written, mut moments) = (Vec::new(), Vec::new());
        for part in 0..copies.max(timelines) {
            if part > 0 && part < timelines {
                begin_timeline(&mut archived);
            }
            bank.while_receiving(|stream| {
                if part < copies {
                    bank.base(i64::try_from(part).unwrap());
                }
                bank.write_more(&mut written, 5);
                moments.push(Moment {
                    content: bank.content(),
                    at: Some(bank.now()),
                });
                bank.write_more(&mut written, 5);
                bank.catch_up(stream);
            });
        }
        moments.push(Moment {
            content: bank.content(),
            at: None,
        });
        archived.server.stop();
        let verified = bank.archive.verify().unwrap();
        assert!(verified.is_whole() && verified.is_sound(), "{verified:?}");
        assert_eq!(verified.bases, copies as u64);
        let reaches = verified.ranges.last().unwrap().to;
        bank.archive.note_verified(&verified, reaches).unwrap();
        let needed_from = bank.archive.bases().unwrap()[0].start_lsn.0 / SEGMENT_BYTES;
        let files = look(bank.archive.root()).into_iter();
        let files = files.filter_map(|(path, seen)| match seen {
            Seen::File { content, mtime, .. } => Some(Whole {
                path,
                bytes: content,
                written: SystemTime::UNIX_EPOCH + Duration::new(mtime.0 as u64, mtime.1 as u32),
            }),
            _ => None,
        });
        Self {
            files: files.collect(),
            _archived: archived,
            bank,
            moments,
            reaches,
            needed_from,
        }
    }

    fn root(&self) -> &Path {
        self.bank.archive.root()
    }

    /// Makes the archive what it was.
    fn put_back(&self) {
        fs::remove_dir_all(self.root()).unwrap();
        for file in &self.files {
            let path = self.root().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &file.bytes).unwrap();
            let opened = fs::File::options().write(true).open(&path).unwrap();
            opened.set_modified(file.written).unwrap();
        }
    }

    /// A file with something in it.
    fn any(&self, chance: &mut Chance) -> &Whole {
        let folder = *chance.of(&FOLDERS);
        let files = self.files.iter().filter(|file| !file.bytes.is_empty());
        let files: Vec<&Whole> = files.filter(|file| group(&file.path) == folder).collect();
        files[chance.below(files.len())]
    }

    fn damage(&self, chance: &mut Chance) -> Damage {
        let file = self.any(chance);
        match chance.below(8) {
            5 => {
                fs::remove_file(self.root().join(&file.path)).unwrap();
                Damage {
                    how: format!("{} is gone", file.path.display()),
                    to: vec![file.path.clone()],
                    in_place: false,
                }
            }
            6 => self.swapped(file, chance),
            7 => self.renamed(file, chance),
            kind => {
                let (how, changed) = changed(&file.bytes, kind, chance);
                fs::write(self.root().join(&file.path), changed).unwrap();
                Damage {
                    how: format!("{}: {how}", file.path.display()),
                    to: vec![file.path.clone()],
                    in_place: true,
                }
            }
        }
    }

    fn swapped(&self, file: &Whole, chance: &mut Chance) -> Damage {
        let other = loop {
            let other = self.any(chance);
            if other.bytes != file.bytes {
                break other;
            }
        };
        let (one, aside) = (self.root().join(&file.path), self.root().join("aside"));
        let two = self.root().join(&other.path);
        fs::rename(&one, &aside).unwrap();
        fs::rename(&two, &one).unwrap();
        fs::rename(&aside, &two).unwrap();
        Damage {
            how: format!(
                "{} is swapped with {}",
                file.path.display(),
                other.path.display()
            ),
            to: vec![file.path.clone(), other.path.clone()],
            in_place: false,
        }
    }

    /// The file gets another name, or the folder of a copy does, which differs in one character.
    fn renamed(&self, file: &Whole, chance: &mut Chance) -> Damage {
        let path = match group(&file.path) == "base" && chance.below(2) == 0 {
            true => file.path.parent().unwrap(),
            false => file.path.as_path(),
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        // Digits of segments and timelines say the most.
        let length = match chance.below(2) {
            0 => name.len(),
            _ => name.len().min(SEGMENT_DIGITS),
        };
        let other = loop {
            let (at, with) = (chance.below(length), chance.of(b"0123456789ABCDEFabcdef.-"));
            let other = format!("{}{}{}", &name[..at], char::from(*with), &name[at + 1..]);
            let other = path.with_file_name(other);
            if !self.root().join(&other).exists() {
                break other;
            }
        };
        fs::rename(self.root().join(path), self.root().join(&other)).unwrap();
        Damage {
            how: format!("{} is renamed to {}", path.display(), other.display()),
            to: vec![path.to_owned()],
            in_place: false,
        }
    }

    /// Why nobody needs to notice what becomes of a file, if there is a reason.
    fn excuse(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name().unwrap().to_str().unwrap();
        match (group(path), name) {
            ("", "archive.json") => Some(IDENTITY),
            ("", STANDING | MARKS) => self.excuse_measured(name),
            ("", _) => Some(NOTE),
            ("wal" | "incoming", name) if name.contains(".history") => Some(TWICE),
            ("wal", name) if name.contains(".partial-") => Some(LEFT),
            ("wal", name) => {
                let digits = &name[TIMELINE_DIGITS..SEGMENT_DIGITS];
                let (high, low) = digits.split_at(TIMELINE_DIGITS);
                let number = |digits| u64::from_str_radix(digits, 16).unwrap();
                let each = 0x1_0000_0000 / SEGMENT_BYTES;
                (number(high) * each + number(low) < self.needed_from).then_some(OLD)
            }
            ("incoming", _) => Some(UNREAD),
            _ => None,
        }
    }

    /// The same of how far everything was received, as it is there now.
    fn excuse_measured(&self, name: &str) -> Option<&'static str> {
        let Ok(bytes) = fs::read(self.root().join(name)) else {
            return Some(UNMEASURED);
        };
        let whole = self.files.iter().find(|file| file.path == Path::new(name));
        let may_be = match name {
            STANDING => may_be_standing(&bytes, &whole.unwrap().bytes),
            _ => may_be_marks(&bytes),
        };
        may_be.then_some(SAME)
    }

    /// Whether reading the archive back says that something is wrong, and what where that can be said.
    fn is_found(&self, damage: &Damage) -> bool {
        let how = &damage.how;
        let verified = match self.bank.archive.verify() {
            Ok(verified) => verified,
            Err(error) => {
                println!("{how}: {error}");
                return true;
            }
        };
        if verified.is_whole() && verified.is_sound() {
            return false;
        }
        let wrong = verified.wrong();
        for path in &damage.to {
            let name = path.to_str().unwrap();
            assert!(
                ![STANDING, MARKS].contains(&name)
                    || self.excuse_measured(name).is_some()
                    || wrong.iter().any(|wrong| wrong.starts_with(name)),
                "{how}: {name} is not named in {wrong:?}"
            );
        }
        let named = match group(&damage.to[0]) {
            "wal" => damage.to[0].display().to_string(),
            "base" => damage.to[0].parent().unwrap().display().to_string(),
            _ => return true,
        };
        assert!(
            !damage.in_place || wrong.iter().any(|wrong| wrong.contains(&named)),
            "{how}: it is not named in {wrong:?}"
        );
        true
    }

    /// Recovers to a moment. That is refused, or log is said to be missing, and this says that it was; else exactly what was
    /// committed until then is there.
    fn is_told(&self, moment: &Moment, how: &str) -> bool {
        let cluster = match self.bank.recover(moment.at) {
            Ok(cluster) => cluster,
            Err(error) => {
                println!("{how}: {error}");
                return true;
            }
        };
        let found = content(&cluster);
        if cluster.gap.is_some() {
            // The first rows, up to where it is said to reach.
            assert!(rows(&found, how) <= rows(&moment.content, how), "{how}");
            return true;
        }
        let at = moment.at;
        assert_eq!(
            found, moment.content,
            "{how}: recovered to {at:?}, and nothing was said"
        );
        false
    }

    /// Looks what becomes of a damage. Returns why nobody noticed it, if nobody did.
    fn look_at(&self, damage: &Damage, chance: &mut Chance) -> Option<&'static str> {
        let how = &damage.how;
        // A recovery may be the first to come across it.
        let first = chance.below(6) == 0;
        let moment = chance.of(&self.moments);
        if first {
            self.is_told(moment, how);
        }
        if self.is_found(damage) {
            if chance.below(6) == 0 {
                self.is_told(moment, how);
            }
            return None;
        }
        let excuses = damage.to.iter().map(|path| self.excuse(path));
        let excuses: Option<Vec<&str>> = excuses.collect();
        let Some(excuses) = excuses else {
            let last = self.moments.last().unwrap();
            assert!(self.is_told(last, how), "{how}: nobody found it");
            return None;
        };
        if self.is_told(moment, how) {
            return None;
        }
        for range in self.bank.archive.ranges().unwrap() {
            let (to, reaches) = (range.to, self.reaches);
            assert!(
                to <= reaches,
                "{how}: {to} is announced, and only {reaches} was received"
            );
        }
        excuses.first().copied()
    }
}

/// The folder of the archive in which a file lies; nothing for the archive's own.
fn group(path: &Path) -> &str {
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    let first = parts.next().unwrap();
    match parts.next() {
        Some(_) => first,
        None => "",
    }
}

/// The content of a file with something else in it, or less.
fn changed(bytes: &[u8], kind: usize, chance: &mut Chance) -> (String, Vec<u8>) {
    let mut changed = bytes.to_vec();
    let at = chance.below(bytes.len());
    let how = match kind {
        // Most often what a disk does: a bit, and some in a row.
        0..=2 => {
            changed[at] ^= 1 << chance.below(8);
            format!("a bit at {at}")
        }
        3 => {
            let end = changed.len().min(at + 1 + chance.below(5_000));
            for byte in &mut changed[at..end] {
                *byte = !*byte;
            }
            format!("bytes {at} to {end}")
        }
        _ => {
            changed.truncate(at);
            format!("cut at {at}")
        }
    };
    assert_ne!(changed, bytes);
    (how, changed)
}

/// Whether a note of how far everything was received is one: it says the same as it did, or is one of an earlier version, which
/// had no checksum and nothing else in it.
fn may_be_standing(bytes: &[u8], whole: &[u8]) -> bool {
    let Ok(Value::Object(noted)) = serde_json::from_slice::<Value>(bytes) else {
        return false;
    };
    let is_before = noted.contains_key(STANDING_BEFORE[0])
        && noted
            .keys()
            .all(|key| STANDING_BEFORE.contains(&key.as_str()));
    is_before || serde_json::from_slice::<Value>(whole).unwrap() == Value::Object(noted)
}

/// Whether each line of such notes is one: with its checksum, or without, as in an earlier version. The last one may be cut off.
fn may_be_marks(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split_inclusive('\n');
    lines.all(|line| {
        let Some(line) = line.strip_suffix('\n') else {
            let mut signs = line.chars();
            return signs.all(|sign| sign.is_ascii_hexdigit() || MARK_SIGNS.contains(sign));
        };
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            [timeline, lsn, at, sum] => {
                let digest = Sha256::digest(format!("{timeline} {lsn} {at}"));
                sum.len() == 16 && hex::encode(digest).starts_with(*sum)
            }
            [timeline, lsn, at] => {
                let known = *timeline == "-" || timeline.parse::<u32>().is_ok();
                known && lsn.parse::<Lsn>().is_ok() && at.parse::<Timestamp>().is_ok()
            }
            _ => false,
        }
    })
}

fn all_found(copies: usize, timelines: usize, count: usize) {
    if count == 0 {
        println!("skipped: only where all rounds were asked for");
        return;
    }
    let stand = Stand::make(copies, timelines);
    let mut chance = Chance::new();
    let mut harmless: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..count {
        let mut damage = stand.damage(&mut chance);
        damage.how = format!("round {round}, {}", damage.how);
        println!("{}", damage.how);
        if let Some(why) = stand.look_at(&damage, &mut chance) {
            *harmless.entry(why).or_default() += 1;
        }
        stand.put_back();
    }
    stand.bank.assert_whole("at the end");
    let last = stand.moments.last().unwrap();
    assert_eq!(stand.bank.recovered("at the end"), last.content);
    let unnoticed: usize = harmless.values().sum();
    println!("{count} damages, {} were found", count - unnoticed);
    for (why, times) in harmless {
        println!("{times} did no harm: {why}");
    }
}

#[test]
fn random_damage_to_an_archive_is_found() {
    all_found(1, 1, rounds(6, 250));
}

#[test]
fn random_damage_to_an_archive_of_two_copies_and_timelines_is_found() {
    all_found(2, 2, rounds(6, 250));
}

#[test]
fn random_damage_to_an_archive_of_two_copies_is_found() {
    all_found(2, 1, rounds(0, 250));
}

#[test]
fn random_damage_to_an_archive_of_two_timelines_is_found() {
    all_found(1, 2, rounds(0, 250));
}
