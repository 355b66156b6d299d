use crate::recognize::national::cases::{each_holds, no_damage_survives, nothing_in};

#[test]
fn national_numbers_are_found_with_context() {
    each_holds(
        "TR_NATIONAL_ID",
        &[
            ("TC Kimlik No: 10000000146", "10000000146"),
            ("T.C. kimlik numarası 17291716060.", "17291716060"),
            ("TCKN 12345678950", "12345678950"),
            ("kimlik no 172 917 160 60", "172 917 160 60"),
            ("{\"tckn\":\"17291716060\"}", "17291716060"),
        ],
    );
    no_damage_survives("TR_NATIONAL_ID", "TCKN", "17291716060");
    nothing_in(&[
        "17291716060",
        "TCKN 17291716050",
        "TCKN 07291716092",
        "telefon 05321234567",
        "sipariş 10000000146",
    ]);
}
