//! The tree of all shapes.
//!
//! A shape is a path of runs: so many letters, so many digits, this separator. All shapes of all recognizers lie in one
//! tree, so that a run of groups in a text is followed only as long as some recognizer knows such a beginning: most runs
//! end after one or two steps, however many countries are on.

use crate::Score;
use crate::recognize::RecognizerId;
use crate::recognize::number::Shaped;

/// The most letters or digits that a run of a shape can have. Longer runs of a text match nothing.
const RUN_LENGTH_MAX: usize = 60;
/// How many different runs the root tells apart: digits, letters and one-byte separators.
const RUN_KINDS: usize = 256;

/// A part of a shape, as a number: letters and digits by how many, a separator by its plain ASCII form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run(u8);

impl Run {
    /// So many digits.
    pub(crate) fn digits(count: usize) -> Run {
        Run(if count > RUN_LENGTH_MAX {
            0
        } else {
            count as u8
        })
    }

    /// So many ASCII letters.
    pub(crate) fn letters(count: usize) -> Run {
        Run(if count > RUN_LENGTH_MAX {
            0
        } else {
            64 + count as u8
        })
    }

    /// A separator, in its plain ASCII form.
    pub(crate) fn separator(byte: u8) -> Run {
        Run(128 | byte)
    }
}

/// A recognizer's form at the end of its path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownForm {
    /// Whose form it is.
    pub(crate) recognizer: RecognizerId,
    /// The index of the recognizer in the order of [`super::shaped`].
    pub(crate) shaped: usize,
    /// How sure the form is without context.
    pub(crate) bare: Score,
}

/// A place in the tree: the end of some beginning of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    /// The beginning of every shape.
    pub(crate) const START: Place = Place(0);
}

/// What lies at a place.
#[derive(Default)]
struct Node {
    /// The runs that may follow, with the place after each.
    next: Vec<(Run, Place)>,
    /// The forms that end here.
    forms: Vec<KnownForm>,
}

/// All forms of all recognizers of a fixed shape that are on.
pub(crate) struct ShapeTable {
    nodes: Vec<Node>,
    /// The places after the first run, by the run; the start has far more of them than any other place.
    first: Box<[Option<Place>; RUN_KINDS]>,
    /// The most groups (between spaces or other separators) of any shape.
    pub(crate) groups_max: usize,
}

impl ShapeTable {
    /// The table of these recognizers.
    pub(crate) fn new(
        shaped: impl Iterator<Item = (RecognizerId, usize, &'static Shaped)>,
    ) -> ShapeTable {
        let mut table = ShapeTable {
            nodes: vec![Node::default()],
            first: Box::new([None; RUN_KINDS]),
            groups_max: 1,
        };
        for (recognizer, index, shaped) in shaped {
            for form in shaped.forms {
                let known = KnownForm {
                    recognizer,
                    shaped: index,
                    bare: form.bare,
                };
                for runs in runs_of(form.shape) {
                    table.insert(&runs, known);
                }
            }
        }
        for (run, place) in &table.nodes[0].next {
            table.first[usize::from(run.0)] = Some(*place);
        }
        table
    }

    /// The place after one run more, if a shape goes on so.
    #[inline]
    pub(crate) fn after(&self, place: Place, run: Run) -> Option<Place> {
        if place == Place::START {
            return self.first[usize::from(run.0)];
        }
        self.nodes[place.0 as usize]
            .next
            .iter()
            .find(|(known, _)| *known == run)
            .map(|(_, next)| *next)
    }

    /// The forms that end at a place.
    #[inline]
    pub(crate) fn ending(&self, place: Place) -> &[KnownForm] {
        &self.nodes[place.0 as usize].forms
    }

    /// Adds a form.
    fn insert(&mut self, runs: &[Run], known: KnownForm) {
        let separators = runs.iter().filter(|run| run.0 >= 128).count();
        self.groups_max = self.groups_max.max(separators + 1);
        let mut at = 0;
        for run in runs {
            let next = self.nodes[at].next.iter().find(|(other, _)| other == run);
            at = match next {
                Some((_, place)) => place.0 as usize,
                None => {
                    let place = self.nodes.len();
                    self.nodes[at].next.push((*run, Place(place as u32)));
                    self.nodes.push(Node::default());
                    place
                }
            };
        }
        self.nodes[at].forms.push(known);
    }
}

/// The runs of a written shape; a shape with `?` has several.
fn runs_of(shape: &str) -> Vec<Vec<Run>> {
    let mut written: Vec<Vec<u8>> = vec![Vec::new()];
    for byte in shape.bytes() {
        let choices: &[u8] = match byte {
            b'?' => b"9A",
            _ => &[byte],
        };
        written = written
            .iter()
            .flat_map(|before| {
                choices
                    .iter()
                    .map(|choice| [before.as_slice(), &[*choice]].concat())
            })
            .collect();
    }
    written.iter().map(|shape| runs_of_plain(shape)).collect()
}

/// The runs of a written shape without `?`.
fn runs_of_plain(shape: &[u8]) -> Vec<Run> {
    shape
        .chunk_by(|left, right| left == right && matches!(left, b'9' | b'A'))
        .map(|run| match run[0] {
            b'9' => Run::digits(run.len()),
            b'A' => Run::letters(run.len()),
            separator => Run::separator(separator),
        })
        .collect()
}

#[cfg(test)]
mod tests;
