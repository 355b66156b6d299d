//! Which strings of a document are text, by the path at which they stand.
//!
//! A table is a list of rules; the first rule that fits a value's path decides. What no rule names is left alone. A path
//! is written as in `data[*].answer`:
//!
//! | part | what it fits |
//! |---|---|
//! | `name` | the member of this name, however its key is escaped |
//! | `*` | every member of an object |
//! | `[*]` | every element of an array |
//! | `[2]` | this element |
//! | `**` | any number of members and elements, also none |
//! | `{key}` after a part | only when the object there has this member |
//! | `{key=value}` after a part | only when this member is this string; with duplicates, all of them |
//!
//! A value whose shape no rule expects, in a place where text is expected, does not pass by it: a list or an object where a
//! rule names a text, an object or a string where elements are named, a list or a string where members are. Every string and key below is text
//! then. Applications take such shapes more often than their documents say.
//!
//! A table may say that what no rule names is text ([`FieldTableBuilder::rest_is_text`]); see `rest`.
//!
//! All rules are followed at once while the document is walked, so that a walk costs the same however it is nested.

mod paths;
mod rest;

use super::document::{Document, Kind, Value};
use crate::bounds::FIELD_STEPS_MAX;
use paths::{parse_path, parse_pointer};
use rest::Rest;

/// Rules that say what the strings of a document are.
#[derive(Clone, Debug, Default)]
pub struct FieldTable {
    steps: Vec<Step>,
    rules: Vec<Treatment>,
    /// The steps that end a rule.
    ends: Set,
    /// The first steps of all rules.
    starts: Set,
    /// The steps that are none: `**` and conditions.
    waiting: Set,
    /// What is done with what no rule names; nothing when there is none.
    rest: Option<Rest>,
    /// Whether a document without any of its places is not one that it is for.
    must_fit: bool,
}

/// Collects the rules of a [`FieldTable`].
#[derive(Clone, Debug, Default)]
pub struct FieldTableBuilder {
    rules: Vec<(Vec<Step>, Treatment)>,
    /// Names that are not looked at, where what no rule names is text.
    rest: Option<&'static [&'static str]>,
    error: Option<FieldError>,
}

/// What a value is, and so what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Text that people or models wrote. Keys are left.
    Text,
    /// Text, and the keys of objects at this place too: JSON that somebody made up freely.
    FreeText,
    /// A string that holds JSON: its inner strings and keys are text, and what is put into them is escaped for it.
    JsonText,
    /// A string that holds JSON when it is an object or an array, and text otherwise.
    MaybeJson,
    /// Text; and a number here stands for a token of a text, which cannot be masked.
    TextOrTokens,
    /// A file: a `data:` URL, or base64.
    File,
    /// A picture or sound: a `data:` URL, or base64. It may turn out to be text.
    Media,
    /// An address, or a file as a `data:` URL.
    Link,
    /// What describes a text so closely that it must go when the text is changed: becomes `null` then.
    DropIfChanged,
    /// Nothing is done.
    Leave,
}

/// A value that a rule names.
#[derive(Clone, Copy, Debug)]
pub struct Field<'d> {
    /// The string, key, number, or whatever stands there.
    pub value: Value<'d>,
    /// What is to be done.
    pub treatment: Treatment,
    /// The nearest key above, as it is spelled in the source: context for what the value may be. Empty when there is none.
    pub name: &'d str,
    /// The nearest object above: what else is said of the value stands there.
    pub holder: Option<Value<'d>>,
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A path in no known spelling.
    #[error(
        "the field path {path:?} is not understood; write it like `data[*].answer` or `inputs.**`"
    )]
    BadPath {
        /// The path.
        path: String,
    },
    /// A JSON pointer in no known spelling.
    #[error("{pointer:?} is no JSON pointer; write it like `/messages/*/content`")]
    BadPointer {
        /// The pointer.
        pointer: String,
    },
    /// More rules than are followed at once.
    #[error(
        "the fields of one message have more than {limit} steps in all; use fewer or shorter paths"
    )]
    TooMany {
        /// The most steps.
        limit: usize,
    },
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(Box<str>),
    AnyKey,
    Index(usize),
    AnyIndex,
    /// A part of a JSON pointer: a member's name, or an element's number.
    KeyOrIndex(Box<str>),
    /// A key or an index.
    Any,
    /// Any number of keys and indexes.
    Rest,
    /// Not a step: the object here must have this member, and with this value if one is given.
    When(Box<str>, Option<Box<str>>),
    /// The rule ends.
    End(u16),
}

/// A set of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set([u64; FIELD_STEPS_MAX / 64]);

impl FieldTable {
    /// A table without rules.
    #[must_use]
    pub fn builder() -> FieldTableBuilder {
        FieldTableBuilder::default()
    }

    /// The table of JSON of which nothing is known: every string and every key is text.
    #[must_use]
    pub fn everything() -> FieldTable {
        let mut table = FieldTable {
            steps: vec![Step::Rest, Step::End(0)],
            rules: vec![Treatment::FreeText],
            ..FieldTable::default()
        };
        table.starts.insert(0);
        table.waiting.insert(0);
        table.ends.insert(1);
        table
    }

    /// The same table, for documents that have one of its places at least.
    #[must_use]
    pub fn must_fit(mut self) -> FieldTable {
        self.must_fit = true;
        self
    }

    /// Whether the document is one that this table is for: any, unless it [must fit](Self::must_fit).
    #[must_use]
    pub fn is_for(&self, document: &Document<'_>) -> bool {
        !self.must_fit || self.fits(document)
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Calls `found` for every value of the document that a rule other than [`Treatment::Leave`] names, in their order.
    ///
    /// # Errors
    /// The first error of `found`.
    pub fn visit<'d, E>(
        &self,
        document: &'d Document<'d>,
        mut found: impl FnMut(Field<'d>) -> Result<(), E>,
    ) -> Result<(), E> {
        let root = document.root();
        let set = self.entered(self.starts, root);
        let at = Above {
            name: "",
            holder: None,
        };
        self.visit_value(root, &set, at, &mut found)
    }

    /// Visits one value; `set` holds the steps that come next, with the ends of the rules that fit here.
    fn visit_value<'d, E>(
        &self,
        value: Value<'d>,
        set: &Set,
        above: Above<'d>,
        found: &mut impl FnMut(Field<'d>) -> Result<(), E>,
    ) -> Result<(), E> {
        if set.is_empty() {
            return match &self.rest {
                Some(rest) => rest.visit(value, above, found),
                None => Ok(()),
            };
        }
        if self.is_astray(set, value.kind()) {
            return visit_all(value, above, found);
        }
        match self.treatment(set) {
            Some(treatment) if treatment.concerns(value.kind()) => {
                found(above.field(value, treatment))?;
            }
            None if self.is_rest(value, above) => found(above.field(value, Treatment::Text))?,
            _ => {}
        }
        let is_object = value.kind() == Kind::Object;
        for (index, (key, inner)) in value.members().enumerate() {
            let place = if is_object {
                Place::Key(key)
            } else {
                Place::Index(index)
            };
            let next = self.advanced(set, place, inner);
            let above = above.of_inner(value, key);
            if is_object && self.is_free_name(key, self.treatment(&next)) {
                found(above.field(key, Treatment::FreeText))?;
            }
            self.visit_value(inner, &next, above, found)?;
        }
        Ok(())
    }

    /// Whether any place of the document is one that a rule other than [`Treatment::Leave`] names, also one with a number, or
    /// with something that no rule expects.
    fn fits(&self, document: &Document<'_>) -> bool {
        let root = document.root();
        self.fits_in(root, &self.entered(self.starts, root))
    }

    fn fits_in(&self, value: Value<'_>, set: &Set) -> bool {
        if set.is_empty() {
            return false;
        }
        let named = self.treatment(set).is_some_and(|t| t != Treatment::Leave);
        if named || self.is_astray(set, value.kind()) {
            return true;
        }
        let is_object = value.kind() == Kind::Object;
        value.members().enumerate().any(|(index, (key, inner))| {
            let place = match is_object {
                true => Place::Key(key),
                false => Place::Index(index),
            };
            self.fits_in(inner, &self.advanced(set, place, inner))
        })
    }

    /// Whether a string is text because no rule names it.
    fn is_rest(&self, value: Value<'_>, above: Above<'_>) -> bool {
        let rest = self.rest.as_ref();
        rest.is_some_and(|rest| value.kind() == Kind::Text && rest.is_text(value, above.name))
    }

    /// Whether the name of a member that is treated so may be anybody's words.
    fn is_free_name(&self, key: Value<'_>, treatment: Option<Treatment>) -> bool {
        match &self.rest {
            Some(rest) => treatment != Some(Treatment::Leave) && !rest.knows(key),
            None => treatment == Some(Treatment::FreeText),
        }
    }

    /// Whether text is expected here and the value is of a kind that no rule expects.
    fn is_astray(&self, set: &Set, kind: Kind) -> bool {
        if !matches!(kind, Kind::Object | Kind::Array | Kind::Text) {
            return false;
        }
        let (mut fits, mut misses) = (false, false);
        set.for_each(|step| match &self.steps[step] {
            Step::Key(_) | Step::AnyKey if kind == Kind::Object => fits = true,
            Step::Index(_) | Step::AnyIndex if kind == Kind::Array => fits = true,
            Step::Any | Step::KeyOrIndex(_) | Step::Rest => fits = true,
            Step::Key(_) | Step::AnyKey | Step::Index(_) | Step::AnyIndex => {
                misses |= self.ends_in_text(step);
            }
            Step::When(..) | Step::End(_) => {}
        });
        match self.treatment(set) {
            // What a string is to be is said.
            Some(_) if kind == Kind::Text => false,
            Some(treatment) => !fits && (misses || treatment.is_text()),
            None => !fits && misses,
        }
    }

    /// Whether the rule of a step is about text.
    fn ends_in_text(&self, step: usize) -> bool {
        let end = self.steps[step..].iter().find_map(|step| match step {
            Step::End(rule) => Some(self.rules[usize::from(*rule)]),
            _ => None,
        });
        end.is_some_and(Treatment::is_text)
    }

    /// The treatment of the first rule that ends in this set.
    fn treatment(&self, set: &Set) -> Option<Treatment> {
        let step = set.first_common(&self.ends)?;
        match self.steps[step] {
            Step::End(rule) => Some(self.rules[usize::from(rule)]),
            _ => None,
        }
    }

    /// The steps that come next after going to a member or an element.
    fn advanced(&self, set: &Set, place: Place<'_>, value: Value<'_>) -> Set {
        let mut next = Set::default();
        set.for_each(|step| match &self.steps[step] {
            Step::Rest => next.insert(step),
            other if place.fits(other) => next.insert(step + 1),
            _ => {}
        });
        self.entered(next, value)
    }

    /// The set with the steps behind `**` and behind conditions that the value meets.
    fn entered(&self, mut set: Set, value: Value<'_>) -> Set {
        for word in 0..set.0.len() {
            let mut done = 0u64;
            loop {
                let pending = set.0[word] & self.waiting.0[word] & !done;
                if pending == 0 {
                    break;
                }
                done |= pending & pending.wrapping_neg();
                let step = word * 64 + pending.trailing_zeros() as usize;
                if self.lets_pass(step, value) {
                    set.insert(step + 1);
                }
            }
        }
        set
    }

    /// Whether a step that is no step leads on to the next.
    fn lets_pass(&self, step: usize, value: Value<'_>) -> bool {
        match &self.steps[step] {
            Step::Rest => true,
            Step::When(key, wanted) => meets(value, key, wanted.as_deref()),
            _ => false,
        }
    }
}

impl FieldTableBuilder {
    /// Adds rules of one treatment. A path that is not understood is reported by [`build`](Self::build).
    #[must_use]
    pub fn rules(mut self, treatment: Treatment, paths: &[&str]) -> FieldTableBuilder {
        for path in paths {
            match parse_path(path) {
                Some(steps) => self.rules.push((steps, treatment)),
                None => self.fail(FieldError::BadPath {
                    path: (*path).to_owned(),
                }),
            }
        }
        self
    }

    /// Adds a rule for one member of an object at a path, by its exact name, whatever signs that holds.
    #[must_use]
    pub fn member(mut self, treatment: Treatment, path: &str, name: &str) -> FieldTableBuilder {
        match parse_path(path) {
            Some(mut steps) => {
                steps.push(Step::Key(name.into()));
                self.rules.push((steps, treatment));
            }
            None => self.fail(FieldError::BadPath {
                path: path.to_owned(),
            }),
        }
        self
    }

    /// Adds a rule by a JSON pointer (RFC 6901) with `*` for every member or element, and `**` for any number of them.
    #[must_use]
    pub fn pointer(mut self, treatment: Treatment, pointer: &str) -> FieldTableBuilder {
        match parse_pointer(pointer) {
            Some(steps) => self.rules.push((steps, treatment)),
            None => self.fail(FieldError::BadPointer {
                pointer: pointer.to_owned(),
            }),
        }
        self
    }

    /// What no rule names is text, and names of members are: only what is personal or secret in them changes. Left are ids,
    /// types and roles, and the names of members that a rule has or that are `known`.
    #[must_use]
    pub fn rest_is_text(mut self, known: &'static [&'static str]) -> FieldTableBuilder {
        self.rest = Some(known);
        self
    }

    /// The table.
    ///
    /// # Errors
    /// When a path is not understood, or there are too many.
    pub fn build(self) -> Result<FieldTable, FieldError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let steps = self.rules.iter().flat_map(|(steps, _)| steps);
        let mut table = FieldTable {
            rest: self.rest.map(|known| Rest::new(known, steps)),
            ..FieldTable::default()
        };
        for (steps, treatment) in self.rules {
            let start = table.steps.len();
            if start + steps.len() + 1 > FIELD_STEPS_MAX {
                return Err(FieldError::TooMany {
                    limit: FIELD_STEPS_MAX,
                });
            }
            table.starts.insert(start);
            for (offset, step) in steps.iter().enumerate() {
                if matches!(step, Step::Rest | Step::When(..)) {
                    table.waiting.insert(start + offset);
                }
            }
            table.steps.extend(steps);
            table.ends.insert(table.steps.len());
            table.steps.push(Step::End(table.rules.len() as u16));
            table.rules.push(treatment);
        }
        Ok(table)
    }

    /// Keeps the first error.
    fn fail(&mut self, error: FieldError) {
        self.error.get_or_insert(error);
    }
}

impl Treatment {
    /// Whether what it is about may be somebody's words.
    fn is_text(self) -> bool {
        !matches!(
            self,
            Treatment::Leave | Treatment::DropIfChanged | Treatment::Link
        )
    }

    /// Whether a value of this kind is shown to who walks the table.
    fn concerns(self, kind: Kind) -> bool {
        match self {
            Treatment::Leave => false,
            Treatment::DropIfChanged => kind != Kind::Null,
            Treatment::TextOrTokens => matches!(kind, Kind::Text | Kind::Number),
            _ => kind == Kind::Text,
        }
    }
}

/// Every string and key of a value as text.
fn visit_all<'d, E>(
    value: Value<'d>,
    above: Above<'d>,
    found: &mut impl FnMut(Field<'d>) -> Result<(), E>,
) -> Result<(), E> {
    let treatment = Treatment::FreeText;
    if value.kind() == Kind::Text {
        return found(above.field(value, treatment));
    }
    let is_object = value.kind() == Kind::Object;
    for (key, inner) in value.members() {
        let above = above.of_inner(value, key);
        if is_object {
            found(above.field(key, treatment))?;
        }
        visit_all(inner, above, found)?;
    }
    Ok(())
}

/// What stands above a value.
#[derive(Clone, Copy)]
struct Above<'d> {
    /// The nearest key.
    name: &'d str,
    /// The nearest object.
    holder: Option<Value<'d>>,
}

impl<'d> Above<'d> {
    /// What stands above the inner value of this key.
    fn of_inner(self, value: Value<'d>, key: Value<'d>) -> Above<'d> {
        match value.kind() {
            Kind::Object => Above {
                name: key.raw(),
                holder: Some(value),
            },
            _ => self,
        }
    }

    fn field(self, value: Value<'d>, treatment: Treatment) -> Field<'d> {
        Field {
            value,
            treatment,
            name: self.name,
            holder: self.holder,
        }
    }
}

/// Where a value stands in what holds it.
#[derive(Clone, Copy)]
enum Place<'d> {
    Key(Value<'d>),
    Index(usize),
}

impl Place<'_> {
    /// Whether a step leads here.
    fn fits(self, step: &Step) -> bool {
        match (self, step) {
            (Place::Key(_), Step::AnyKey) | (Place::Index(_), Step::AnyIndex) | (_, Step::Any) => {
                true
            }
            (Place::Key(key), Step::Key(name) | Step::KeyOrIndex(name)) => key.is_named(name),
            (Place::Index(index), Step::Index(wanted)) => index == *wanted,
            (Place::Index(index), Step::KeyOrIndex(name)) => name.parse() == Ok(index),
            _ => false,
        }
    }
}

/// Whether an object has a member, with this value if one is given.
fn meets(value: Value<'_>, key: &str, wanted: Option<&str>) -> bool {
    let mut met = false;
    if value.kind() != Kind::Object {
        return false;
    }
    for (name, inner) in value.members() {
        if name.is_named(key) {
            if wanted.is_some_and(|wanted| inner.as_str().as_deref() != Some(wanted)) {
                return false;
            }
            met = true;
        }
    }
    met
}

impl Set {
    fn insert(&mut self, step: usize) {
        if let Some(word) = self.0.get_mut(step / 64) {
            *word |= 1 << (step % 64);
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The first step that both have.
    fn first_common(&self, other: &Set) -> Option<usize> {
        let words = self.0.iter().zip(other.0).enumerate();
        words
            .map(|(index, (left, right))| (index, left & right))
            .find(|(_, word)| *word != 0)
            .map(|(index, word)| index * 64 + word.trailing_zeros() as usize)
    }

    /// Calls `each` for every step.
    fn for_each(&self, mut each: impl FnMut(usize)) {
        for (index, word) in self.0.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                each(index * 64 + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}
