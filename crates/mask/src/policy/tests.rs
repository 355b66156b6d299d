use super::*;

#[test]
fn actions_are_set_by_name_or_label() {
    let rules = Rules::default();
    let policy = Policy::default()
        .with(&rules, "IP_ADDRESS", Action::Redact)
        .unwrap()
        .with(&rules, "IP_PRIVATE", Action::Report)
        .unwrap();
    assert_eq!(policy.action(Entity::EMAIL), Action::Mask);
    assert_eq!(policy.action(Entity::IPV6), Action::Redact);
    assert_eq!(policy.action(Entity::IP_PUBLIC), Action::Redact);
    assert_eq!(policy.action(Entity::IP_PRIVATE), Action::Report);
    assert_eq!(
        Policy::new(Action::Block).action(Entity::JWT),
        Action::Block
    );
}

#[test]
fn look_alikes_are_always_masked() {
    let rules = Rules::default();
    assert_eq!(
        Policy::new(Action::Report).action(Entity::LITERAL),
        Action::Mask
    );
    assert_eq!(
        Policy::default().with(&rules, "LITERAL", Action::Report),
        Err(PolicyError::Literal)
    );
    assert_eq!(
        Policy::default().with(&rules, "E_MAIL", Action::Report),
        Err(PolicyError::Unknown {
            name: "E_MAIL".to_owned()
        })
    );
}

#[test]
fn actions_are_written_in_small_letters() {
    assert_eq!(
        serde_json::from_str::<Action>("\"redact\"").unwrap(),
        Action::Redact
    );
}
