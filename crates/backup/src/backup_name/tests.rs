use proptest::prelude::*;

use super::*;

#[test]
fn it_is_made_of_its_parts_and_read_back() {
    let at = "2026-11-21T01:02:03.987Z".parse().unwrap();
    let name = BackupName::new("dhash", "production", at).unwrap();
    assert_eq!(name.as_str(), "dhash_production_20261121T010203Z");
    assert_eq!(
        (name.service(), name.environment()),
        ("dhash", "production")
    );
    assert_eq!(name.created_at(), "2026-11-21T01:02:03Z".parse().unwrap());
    assert_eq!(name.as_str().parse::<BackupName>().unwrap(), name);
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "dhash",
        "dhash_production",
        "dhash_production_20261121T010203",
        "dhash_production_20261121T010203Z ",
        "dhash_production_20261121 010203Z",
        "dhash_production_20261121T01020Z",
        "dhash_production_20261321T010203Z",
        "dhash_production_20261121T250203Z",
        "dhash_production_20261121T010260Z",
        "dhash_production_x_20261121T010203Z",
        "_production_20261121T010203Z",
        "dhash__20261121T010203Z",
        "../dhash_production_20261121T010203Z",
        "dhash/x_production_20261121T010203Z",
        "dHash_production_20261121T010203Z",
    ] {
        let error = text.parse::<BackupName>().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("dhash_production_20261121T010203Z"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn every_name_has_one_spelling(
        service in "[a-z0-9-]{1,63}",
        environment in "[a-z0-9-]{1,63}",
        seconds in 0_i64..253_402_207_200,
    ) {
        let at = Timestamp::from_second(seconds).unwrap();
        let name = BackupName::new(&service, &environment, at).unwrap();
        let read: BackupName = name.as_str().parse().unwrap();
        prop_assert_eq!(read.service(), service);
        prop_assert_eq!(read.environment(), environment);
        prop_assert_eq!(read.created_at(), at);
    }
}
