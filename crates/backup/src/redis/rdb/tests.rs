//! Forms that a server of today does not write any more, and RDBs that are not as they should be.

use super::super::crc64::crc64;
use super::*;

/// An RDB of version 9 with these records in database 0.
fn rdb(records: &[u8]) -> Vec<u8> {
    let mut all = b"REDIS0009\xfe\x00".to_vec();
    all.extend_from_slice(records);
    ended(all)
}

fn ended(mut all: Vec<u8>) -> Vec<u8> {
    all.push(END);
    let crc = crc64(0, &all);
    all.extend_from_slice(&crc.to_le_bytes());
    all
}

fn records(bytes: &[u8], number: u64) -> Result<Vec<Record>, RdbWrong> {
    let mut all = Vec::new();
    read(bytes, number, &mut |part| {
        if let Part::Record(record) = part {
            all.push(record);
        }
        Ok(())
    })?;
    Ok(all)
}

/// A record of one key `k`.
fn key(number: u8, value: &[u8]) -> Vec<u8> {
    let mut all = vec![number, 1, b'k'];
    all.extend_from_slice(value);
    all
}

/// A short text with its length.
fn text(bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![u8::try_from(bytes.len()).unwrap()];
    all.extend_from_slice(bytes);
    all
}

fn digest(number: u8, value: &[u8]) -> [u8; 32] {
    let found = records(&rdb(&key(number, value)), 0).unwrap();
    assert_eq!(found.len(), 1);
    let mut whole = vec![number];
    whole.extend_from_slice(value);
    assert_eq!(found[0].value, whole);
    found[0].digest
}

fn ziplist_of(entries: &[u8], count: u8) -> Vec<u8> {
    let length = u8::try_from(entries.len() + 11).unwrap();
    let mut all = vec![length, 0, 0, 0, 10, 0, 0, 0, count, 0];
    all.extend_from_slice(entries);
    all.push(0xff);
    text(&all)
}

fn listpack_of(entries: &[u8], count: u8) -> Vec<u8> {
    let length = u8::try_from(entries.len() + 7).unwrap();
    let mut all = vec![length, 0, 0, 0, count, 0];
    all.extend_from_slice(entries);
    all.push(0xff);
    text(&all)
}

#[test]
fn a_value_means_the_same_in_each_of_its_forms() {
    // "a" and 5, as a hash: by itself, as a ziplist, as a listpack.
    let plain = digest(4, &[&[1][..], &text(b"a"), &text(b"5")].concat());
    let zipped = digest(13, &ziplist_of(&[0, 1, b'a', 3, 0xf6], 2));
    let packed = digest(16, &listpack_of(&[0x81, b'a', 2, 5, 1], 2));
    assert_eq!((zipped, packed), (plain, plain));
    // As a list.
    let plain = digest(1, &[&[2][..], &text(b"a"), &text(b"5")].concat());
    assert_ne!(plain, zipped);
    let nodes = [&[1][..], &ziplist_of(&[0, 1, b'a', 3, 0xf6], 2)].concat();
    assert_eq!(digest(14, &nodes), plain);
    assert_eq!(digest(10, &ziplist_of(&[0, 1, b'a', 3, 0xf6], 2)), plain);
    let nodes = [&[2, 1][..], &text(b"a"), &[2], &listpack_of(&[5, 1], 1)].concat();
    assert_eq!(digest(18, &nodes), plain);
    // As a sorted set: the score as a text, as eight bytes, packed, and endless.
    let five = [&[1][..], &text(b"a"), &5_f64.to_le_bytes()].concat();
    let five = digest(5, &five);
    assert_eq!(
        digest(3, &[&[1][..], &text(b"a"), &text(b"5")].concat()),
        five
    );
    assert_eq!(digest(12, &ziplist_of(&[0, 1, b'a', 3, 0xf6], 2)), five);
    let endless = [&[1][..], &text(b"a"), &f64::INFINITY.to_le_bytes()].concat();
    assert_eq!(
        digest(3, &[&[1][..], &text(b"a"), &[254]].concat()),
        digest(5, &endless)
    );
    let minus = [&[1][..], &text(b"a"), &(-0.0_f64).to_le_bytes()].concat();
    let zero = [&[1][..], &text(b"a"), &0.0_f64.to_le_bytes()].concat();
    assert_eq!(digest(5, &minus), digest(5, &zero));
    // As a set of numbers, in another order.
    let numbers = [2, 0, 0, 0, 2, 0, 0, 0, 0xfe, 0xff, 7, 0];
    let plain = digest(2, &[&[2][..], &text(b"7"), &text(b"-2")].concat());
    assert_eq!(digest(11, &text(&numbers)), plain);
    assert_eq!(digest(20, &listpack_of(&[7, 1, 0xdf, 0xfe, 2], 2)), plain);
    // As a text: plain, as a number, compressed.
    let plain = digest(0, &text(b"-300"));
    assert_eq!(digest(0, &[0xc1, 0xd4, 0xfe]), plain);
    let many = digest(0, &text(b"aaaaaaaaaa"));
    assert_eq!(digest(0, &[0xc3, 5, 10, 0, b'a', 0xe0, 0, 0]), many);
}

#[test]
fn every_number_of_a_packed_value_is_read() {
    let entries = [
        &[0xf1, 0x00, 0x80, 3][..],
        &[0xf2, 0xff, 0xff, 0x7f, 4],
        &[0xf3, 0, 0, 0, 0x80, 5],
        &[0xf4, 1, 0, 0, 0, 0, 0, 0, 0x80, 9],
        &[0xc1, 0x00, 2],
        &[0xdf, 0xff, 2],
        &[0x7f, 1],
        &[0xe0, 2, b'h', b'i', 4],
        &[0xf0, 1, 0, 0, 0, b'x', 6],
    ]
    .concat();
    let found = packed::listpack(&listpack_of(&entries, 9)[1..]).unwrap();
    let words: Vec<String> = found
        .into_iter()
        .map(|it| String::from_utf8(it).unwrap())
        .collect();
    assert_eq!(
        words,
        [
            "-32768",
            "8388607",
            "-2147483648",
            "-9223372036854775807",
            "256",
            "-1",
            "127",
            "hi",
            "x"
        ]
    );
    let entries = [
        &[0, 0xc0, 0x00, 0x80][..],
        &[4, 0xf0, 0xff, 0xff, 0x7f],
        &[5, 0xfe, 0x80],
        &[3, 0xf1],
        &[0xfe, 2, 0, 0, 0, 0xfd],
        &[2, 0x40, 2, b'h', b'i'],
        &[5, 0x80, 0, 0, 0, 1, b'x'],
    ]
    .concat();
    let found = packed::ziplist(&ziplist_of(&entries, 7)[1..]).unwrap();
    let words: Vec<String> = found
        .into_iter()
        .map(|it| String::from_utf8(it).unwrap())
        .collect();
    assert_eq!(words, ["-32768", "8388607", "-128", "0", "12", "hi", "x"]);
}

#[test]
fn what_is_not_known_is_refused_with_the_name_of_the_key() {
    // ReJSON-RL, as its module gives it.
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = |letter: u8| letters.iter().position(|it| *it == letter).unwrap() as u64;
    let id = b"ReJSON-RL"
        .iter()
        .fold(0, |id, letter| id << 6 | place(*letter))
        << 10;
    let mut value = vec![0x81];
    value.extend_from_slice(&u64::to_be_bytes(id));
    value.extend_from_slice(&[5, 2, b'{', b'}', 0]);
    let refused = records(&rdb(&key(7, &value)), 0).unwrap_err().to_string();
    assert!(
        refused.contains("\"k\" is of the module ReJSON-RL"),
        "{refused}"
    );
    // In another database it is nobody's business.
    assert_eq!(records(&rdb(&key(7, &value)), 1).unwrap().len(), 0);
    for (number, words) in [(25, "fields expire"), (77, "type 77")] {
        let refused = records(&rdb(&key(number, &[])), 0).unwrap_err().to_string();
        assert!(
            refused.contains(words) && refused.contains("\"k\""),
            "{refused}"
        );
    }
    let refused = records(b"REDIS0013", 0).unwrap_err().to_string();
    assert!(refused.contains("version 13 is not known"), "{refused}");
}

#[test]
fn only_the_wanted_database_is_handed_on_and_is_written_so_that_it_reads_the_same() {
    let mut all =
        b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x05ctime\x041234\xfa\x07repl-id\x01x".to_vec();
    all.extend_from_slice(b"\xfe\x00\xfb\x01\x00");
    all.extend_from_slice(&key(0, &text(b"other")));
    all.extend_from_slice(b"\xfe\x43\xe7\xfb\x02\x01\xfd\x01\x00\x00\x00\xf8\x05");
    all.extend_from_slice(&key(0, &text(b"soon")));
    all.extend_from_slice(b"\xfc\x01\x02\x00\x00\x00\x00\x00\x00\xf9\x05");
    all.extend_from_slice(&key(2, &[&[1][..], &text(b"m")].concat()));
    let all = ended(all);
    let number = 0x3e7;
    let found = records(&all, number).unwrap();
    let expiries: Vec<_> = found.iter().map(|record| record.expires_ms).collect();
    assert_eq!(expiries, [Some(1000), Some(513)]);
    let mut writer = RdbWriter::new(Vec::new(), number);
    read(&all[..], number, &mut |part| Ok(writer.part(&part)?)).unwrap();
    let written = writer.end().unwrap();
    let again = records(&written, number).unwrap();
    for (one, other) in found.iter().zip(&again) {
        assert_eq!(
            (&one.name, one.expires_ms, one.digest),
            (&other.name, other.expires_ms, other.digest)
        );
    }
    assert_eq!(found.len(), again.len());
    assert_eq!(records(&written, 0).unwrap().len(), 0);
    let text = String::from_utf8_lossy(&written).into_owned();
    assert!(text.contains("redis-ver") && !text.contains("repl-id") && !text.contains("other"));
}

/// Each single changed bit and each cut is found: by the form, or by the checksum.
#[test]
fn every_change_is_found() {
    let mut all = key(0, &text(b"hello"));
    all.extend_from_slice(&key(13, &ziplist_of(&[0, 1, b'a', 3, 0xf6], 2)));
    all.extend_from_slice(&key(4, &[&[1][..], &text(b"a"), &text(b"5")].concat()));
    let good = rdb(&all);
    assert_eq!(records(&good, 0).unwrap().len(), 3);
    for at in 0..good.len() {
        assert!(records(&good[..at], 0).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(records(&bad, 0).is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// Lengths that are far too large take no memory and no time.
#[test]
fn a_huge_length_is_told_as_the_end_it_runs_into() {
    let mut value = vec![0x81];
    value.extend_from_slice(&u64::MAX.to_be_bytes());
    for number in [0, 2, 4, 5, 15] {
        let refused = records(&rdb(&key(number, &value)), 0).unwrap_err();
        assert!(
            matches!(refused, RdbWrong::Damaged { .. }),
            "{number}: {refused}"
        );
    }
}
