//! Groups of digits that may together be a telephone number.

/// The most groups that are looked at together. Bounds the work for a long list of numbers.
const GROUPS_MAX: usize = 24;
/// The most digits of one group: an international number with `00` before it (ITU-T E.164 has 15 digits at most).
pub(super) const GROUP_DIGITS_MAX: usize = 17;
/// From this many digits on, a group may be a whole number, so that a slash between two may separate two numbers.
const WHOLE_DIGITS: usize = 9;

/// What stands between two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    /// Nothing but a bracket.
    Bracket,
    /// One space of any kind.
    Space,
    /// A hyphen, no-break hyphen or en dash.
    Hyphen,
    /// A dot.
    Dot,
    /// A slash.
    Slash,
}

/// A run of digits with the signs that belong to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// Where the digits begin.
    pub(super) start: usize,
    /// Where they end.
    pub(super) end: usize,
    /// Its first digit is a zero.
    pub(super) zero: bool,
    /// A plus stands directly before the digits.
    pub(super) plus: bool,
    /// A bracket opens before it.
    pub(super) opens: bool,
    /// A bracket closes directly after the digits.
    pub(super) closes: bool,
    /// What stands before the group; no meaning for the first one.
    pub(super) joint: Joint,
    /// Spaces stand around the joint's sign, so that it may also separate two numbers.
    pub(super) spaced: bool,
}

impl Group {
    /// How many digits it has.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Where it begins with its plus and bracket.
    pub(super) fn outer_start(&self) -> usize {
        self.start - usize::from(self.plus) - usize::from(self.opens)
    }

    /// Where it ends with its bracket.
    pub(super) fn outer_end(&self) -> usize {
        self.end + usize::from(self.closes)
    }
}

/// Groups that follow each other with one joint between two of them.
pub(super) struct Cluster {
    groups: [Group; GROUPS_MAX],
    count: usize,
}

impl Cluster {
    /// The cluster whose first digits begin at `start`.
    pub(super) fn at(text: &str, start: usize) -> Cluster {
        let bytes = text.as_bytes();
        let plus = bytes[..start].ends_with(b"+")
            && !matches!(bytes[..start], [.., b'0'..=b'9' | b'+', b'+']);
        let before = start - usize::from(plus);
        let opens = bytes[..before].ends_with(b"(");
        let first = group(bytes, start, plus, opens, Joint::Space, false);
        let mut cluster = Cluster {
            groups: [first; GROUPS_MAX],
            count: 1,
        };
        while cluster.count < GROUPS_MAX {
            let Some(next) = following(bytes, cluster.groups[cluster.count - 1].outer_end()) else {
                break;
            };
            cluster.groups[cluster.count] = next;
            cluster.count += 1;
        }
        cluster
    }

    /// The groups, from left to right.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    /// Whether the digits on both sides of a place are enough for a number each.
    fn may_be_two(&self, index: usize) -> bool {
        let digits = |groups: &[Group]| groups.iter().map(Group::len).sum::<usize>();
        digits(&self.groups[..index]) >= WHOLE_DIGITS
            && digits(&self.groups[index..self.count]) >= WHOLE_DIGITS
    }

    /// Whether a number may end before the group at an index and another begin there.
    pub(super) fn may_part(&self, index: usize) -> bool {
        if index == 0 || index == self.count {
            return true;
        }
        let (left, right) = (&self.groups[index - 1], &self.groups[index]);
        let are_whole = left.len() >= WHOLE_DIGITS && right.len() >= WHOLE_DIGITS;
        let begins = right.plus || right.len() >= 3 && right.zero;
        right.spaced
            || right.joint == Joint::Space
            || (right.joint == Joint::Slash && (are_whole || begins && self.may_be_two(index)))
            || (right.joint == Joint::Hyphen && are_whole && begins)
    }
}

/// The group whose digits begin at `start`.
fn group(bytes: &[u8], start: usize, plus: bool, opens: bool, joint: Joint, spaced: bool) -> Group {
    let end = start
        + bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
    Group {
        start,
        end,
        zero: bytes.get(start) == Some(&b'0'),
        plus,
        opens,
        closes: bytes.get(end) == Some(&b')'),
        joint,
        spaced,
    }
}

/// The group that follows at `at`, after one joint.
fn following(bytes: &[u8], at: usize) -> Option<Group> {
    let spaces = space(bytes, at);
    let mut place = at + spaces;
    let mut joint = if spaces > 0 {
        Joint::Space
    } else {
        Joint::Bracket
    };
    let mut spaced = false;
    if let Some((sign, length)) = sign(bytes, place) {
        let after = space(bytes, place + length);
        place += length + after;
        joint = sign;
        spaced = spaces > 0 && after > 0;
        // A sign with a space on one side only ends a sentence or begins a negative number.
        if spaced != (spaces > 0 || after > 0) {
            return None;
        }
    }
    let opens = bytes.get(place) == Some(&b'(');
    place += usize::from(opens);
    let plus = bytes.get(place) == Some(&b'+');
    place += usize::from(plus);
    let is_closed = bytes[..at].ends_with(b")");
    if !bytes.get(place).is_some_and(u8::is_ascii_digit)
        || (joint == Joint::Bracket && !opens && !is_closed)
    {
        return None;
    }
    let group = group(bytes, place, plus, opens, joint, spaced);
    (group.len() <= GROUP_DIGITS_MAX).then_some(group)
}

/// How many bytes the space at `at` has, or none.
fn space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b' ', ..] => 1,
        [0xc2, 0xa0, ..] => 2,
        [0xe2, 0x80, 0xaf | 0x89, ..] => 3,
        _ => 0,
    }
}

/// The sign at `at` with its length.
fn sign(bytes: &[u8], at: usize) -> Option<(Joint, usize)> {
    match bytes.get(at..)? {
        [b'-', ..] => Some((Joint::Hyphen, 1)),
        [b'.', ..] => Some((Joint::Dot, 1)),
        [b'/', ..] => Some((Joint::Slash, 1)),
        [0xe2, 0x80, 0x90 | 0x91 | 0x93, ..] => Some((Joint::Hyphen, 3)),
        _ => None,
    }
}
