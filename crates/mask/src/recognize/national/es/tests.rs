use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn tax_numbers_of_persons_are_found() {
    assert_finds(&[
        ("12345678Z", &[("12345678Z", "ES_NIF")]),
        ("Mi DNI es 12345678-Z.", &[("12345678-Z", "ES_NIF")]),
        ("DNI 12.345.678-Z", &[("12.345.678-Z", "ES_NIF")]),
        ("DNI: 54362315 K", &[("54362315 K", "ES_NIF")]),
        ("dni 54362315k", &[("54362315k", "ES_NIF")]),
        ("NIF 00000023T", &[("00000023T", "ES_NIF")]),
        ("12 345 678 Z", &[("12 345 678 Z", "ES_NIF")]),
        ("NIF K1234567L", &[("K1234567L", "ES_NIF")]),
        ("căn cước Tây Ban Nha 54362315K", &[("54362315K", "ES_NIF")]),
    ]);
    assert_damage_is_seen("DNI 12345678Z", "12345678Z", "ES_NIF");
    assert_leaves(&[
        "DNI 12345678A",
        "DNI 1234567Z",
        "DNI 00000000T",
        "12345678 Z",
        "commit 12345678c",
        "pedido 12345678A",
        "12345678",
    ]);
}

#[test]
fn numbers_of_foreigners_are_found() {
    assert_finds(&[
        ("X2482300W", &[("X2482300W", "ES_NIE")]),
        ("NIE X-2482300-W", &[("X-2482300-W", "ES_NIE")]),
        ("nie: Y1234567X", &[("Y1234567X", "ES_NIE")]),
        ("Z1234567-R", &[("Z1234567-R", "ES_NIE")]),
        ("X 2482300 W", &[("X 2482300 W", "ES_NIE")]),
        ("thẻ cư trú X1234567L", &[("X1234567L", "ES_NIE")]),
    ]);
    assert_damage_is_seen("NIE X2482300W", "X2482300W", "ES_NIE");
    assert_leaves(&[
        "NIE X2482300A",
        "NIE W2482300W",
        "NIE X0000000T",
        "MX2482300W",
    ]);
}
