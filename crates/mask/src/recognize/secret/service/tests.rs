use super::FORMATS;
use super::check::{Verdict, aws, crc62};

#[test]
fn the_table_is_sorted_so_that_each_first_byte_has_one_stretch() {
    let firsts: Vec<u8> = FORMATS
        .iter()
        .map(|format| format.prefix.as_bytes()[0])
        .collect();
    assert!(firsts.is_sorted());
    for (index, format) in FORMATS.iter().enumerate() {
        assert!(format.min <= format.max, "{}", format.prefix);
        let hides = FORMATS[..index].iter().any(|earlier| {
            earlier.prefix.len() < format.prefix.len() && format.prefix.starts_with(earlier.prefix)
        });
        assert!(!hides, "{} comes after a prefix of it", format.prefix);
    }
}

#[test]
fn the_checksum_of_github_is_verified_and_a_damage_is_seen() {
    let published = concat!("ghp_zQWBuTSOoRi4A9spHcVY", "5ncnsDkxkJ0mLq17");
    assert_eq!(crc62(published.as_bytes()), Verdict::Valid);
    let damaged = published.replace("0mLq17", "0mLq18");
    assert_eq!(crc62(damaged.as_bytes()), Verdict::Plausible);
    let damaged = published.replace("zQWB", "zQWC");
    assert_eq!(crc62(damaged.as_bytes()), Verdict::Plausible);
}

#[test]
fn the_account_in_an_access_key_id_has_twelve_digits() {
    // Accounts 029608264753 and 609629065308, both published.
    assert_eq!(aws(b"ASIAQNZGKIQY56JQ7WML"), Verdict::Valid);
    assert_eq!(aws(b"ASIAY34FZKBOKMUTVV7A"), Verdict::Valid);
    // An account of 2^40 - 1 cannot be.
    assert_eq!(aws(b"AKIA7777777777777777"), Verdict::Plausible);
    assert_eq!(aws(b"AKIAIOSFODNN7EXAMPLE"), Verdict::Plausible);
    assert_eq!(aws(b"AKIAISWORDSINCAPITAL"), Verdict::Other);
}
