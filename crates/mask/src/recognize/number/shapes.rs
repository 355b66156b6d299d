//! The table of all shapes, and the key under which a shape is found.
//!
//! A shape's key is a hash over its runs: so many letters, so many digits, this separator. A candidate's key is made in
//! the same way from what stands in the text, so that one look-up answers which recognizers know such a shape. Keys may
//! collide; the check of the recognizer then sees a number of another length, so [`ShapeTable::matching`] compares the
//! shape itself as well.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Score;
use crate::recognize::RecognizerId;
use crate::recognize::number::Shaped;

/// A part of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// So many digits.
    Digits(u8),
    /// So many ASCII letters.
    Letters(u8),
    /// A separator, in its plain ASCII form.
    Separator(u8),
}

/// The key of a shape, built run by run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeKey(u64);

impl ShapeKey {
    /// The key of the empty shape.
    pub(crate) const EMPTY: ShapeKey = ShapeKey(0xcbf2_9ce4_8422_2325);

    /// The key with one run more.
    #[must_use]
    pub(crate) fn with(self, run: Run) -> ShapeKey {
        let word = match run {
            Run::Digits(count) => 0x100 | u64::from(count),
            Run::Letters(count) => 0x200 | u64::from(count),
            Run::Separator(byte) => 0x300 | u64::from(byte),
        };
        // FNV-1a over words: the input is a handful of small numbers of our own tables.
        ShapeKey((self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

/// A recognizer's form under its key.
#[derive(Clone, Debug)]
pub(crate) struct KnownForm {
    /// Whose form it is.
    pub(crate) recognizer: RecognizerId,
    /// The index of the recognizer in the order of [`super::shaped`].
    pub(crate) shaped: usize,
    /// How sure the form is without context.
    pub(crate) bare: Score,
    /// The runs, to tell two shapes of one key apart.
    runs: Box<[Run]>,
}

/// A hasher that takes a key as it is: keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// All forms of all recognizers of a fixed shape that are on.
pub(crate) struct ShapeTable {
    forms: HashMap<u64, Vec<KnownForm>, BuildHasherDefault<AsIs>>,
    /// The most groups (between spaces or other separators) of any shape.
    pub(crate) groups_max: usize,
}

impl ShapeTable {
    /// The table of these recognizers.
    pub(crate) fn new(
        shaped: impl Iterator<Item = (RecognizerId, usize, &'static Shaped)>,
    ) -> ShapeTable {
        let mut table = ShapeTable {
            forms: HashMap::default(),
            groups_max: 1,
        };
        for (recognizer, index, shaped) in shaped {
            for form in shaped.forms {
                for runs in runs_of(form.shape) {
                    let groups = 1 + runs
                        .iter()
                        .filter(|run| matches!(run, Run::Separator(_)))
                        .count();
                    table.groups_max = table.groups_max.max(groups);
                    let key = runs.iter().fold(ShapeKey::EMPTY, |key, run| key.with(*run));
                    table.forms.entry(key.0).or_default().push(KnownForm {
                        recognizer,
                        shaped: index,
                        bare: form.bare,
                        runs: runs.into_boxed_slice(),
                    });
                }
            }
        }
        table
    }

    /// The forms of this shape.
    pub(crate) fn matching(&self, key: ShapeKey, runs: &[Run]) -> impl Iterator<Item = &KnownForm> {
        self.forms
            .get(&key.0)
            .into_iter()
            .flatten()
            .filter(move |form| *form.runs == *runs)
    }
}

/// The runs of a written shape; a shape with `?` has several.
fn runs_of(shape: &str) -> Vec<Vec<Run>> {
    let mut all: Vec<Vec<Run>> = vec![Vec::new()];
    for byte in shape.bytes() {
        let choices: &[Run] = match byte {
            b'9' => &[Run::Digits(1)],
            b'A' => &[Run::Letters(1)],
            b'?' => &[Run::Digits(1), Run::Letters(1)],
            separator => &[Run::Separator(separator)],
        };
        all = all
            .iter()
            .flat_map(|runs| choices.iter().map(|run| extended(runs, *run)))
            .collect();
    }
    all
}

/// The runs with one character more.
fn extended(runs: &[Run], run: Run) -> Vec<Run> {
    let mut runs = runs.to_vec();
    match (runs.last_mut(), run) {
        (Some(Run::Digits(count)), Run::Digits(more)) => *count += more,
        (Some(Run::Letters(count)), Run::Letters(more)) => *count += more,
        _ => runs.push(run),
    }
    runs
}
