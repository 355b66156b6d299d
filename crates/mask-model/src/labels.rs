//! What a model calls names: the labels of `id2label`, such as `B-PER`.

use portcullis_mask::Entity;

/// What labels say of people, organisations and places, without the prefix. Others are left alone.
const KINDS: &[(Entity, &[&str])] = &[
    (
        Entity::PERSON,
        &[
            "PER",
            "PERS",
            "PERSON",
            "NAME",
            "FIRSTNAME",
            "MIDDLENAME",
            "LASTNAME",
            "GIVENNAME",
            "SURNAME",
        ],
    ),
    (
        Entity::ORGANIZATION,
        &[
            "ORG",
            "ORGANIZATION",
            "ORGANISATION",
            "COMPANY",
            "COMPANYNAME",
            "CORPORATION",
        ],
    ),
    (
        Entity::LOCATION,
        &["LOC", "LOCATION", "GPE", "PLACE", "CITY"],
    ),
];

/// One label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// What it says without its prefix, in capitals.
    pub(crate) kind: String,
    /// Whether a name begins with it, also directly after another one of its kind.
    pub(crate) begins: bool,
    /// What it means here, if it means anything.
    pub(crate) entity: Option<Entity>,
}

impl Label {
    /// The label of this name: `O`, `PER`, or with a prefix of IOB, BIOES or BILOU.
    pub(crate) fn of(name: &str) -> Label {
        let (begins, kind) = match name.split_at_checked(2) {
            Some(("B-" | "B_" | "S-" | "S_" | "U-" | "U_", kind)) => (true, kind),
            Some(("I-" | "I_" | "E-" | "E_" | "L-" | "L_", kind)) => (false, kind),
            _ => (false, name),
        };
        let kind = kind.to_ascii_uppercase();
        let mut kinds = KINDS.iter();
        let entity = kinds.find(|(_, names)| names.contains(&kind.as_str()));
        Label {
            begins,
            entity: entity.map(|(entity, _)| *entity),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_understood_with_and_without_prefixes() {
        for (name, kind, begins, entity) in [
            ("O", "O", false, None),
            ("B-PER", "PER", true, Some(Entity::PERSON)),
            ("I-per", "PER", false, Some(Entity::PERSON)),
            ("PERSON", "PERSON", false, Some(Entity::PERSON)),
            ("S-ORG", "ORG", true, Some(Entity::ORGANIZATION)),
            ("L-GPE", "GPE", false, Some(Entity::LOCATION)),
            ("B-MISC", "MISC", true, None),
            ("LABEL_0", "LABEL_0", false, None),
            ("\u{e9}-PER", "\u{e9}-PER", false, None),
        ] {
            let expected = Label {
                kind: kind.to_owned(),
                begins,
                entity,
            };
            assert_eq!(Label::of(name), expected, "{name}");
        }
    }
}
