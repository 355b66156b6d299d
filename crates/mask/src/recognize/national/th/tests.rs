use crate::recognize::national::cases::{each_holds, no_damage_survives, nothing_in};

#[test]
fn national_numbers_are_found_in_their_form_or_with_context() {
    each_holds(
        "TH_TNIN",
        &[
            ("3-1006-00445-63-5", "3-1006-00445-63-5"),
            ("1-2345-45678-78-1.", "1-2345-45678-78-1"),
            ("3 1006 00445 63 5", "3 1006 00445 63 5"),
            ("Thai ID 3100600445635", "3100600445635"),
            ("เลขบัตรประชาชน 1101700203450", "1101700203450"),
            ("(national id: 1101700203450)", "1101700203450"),
        ],
    );
    no_damage_survives("TH_TNIN", "Thai ID", "3-1006-00445-63-5");
    nothing_in(&[
        "3100600445635",
        "ean 8850123456786",
        "timestamp 1700000000000",
        "1-2345-45678-78-9",
        "9-1006-00445-63-5",
        "0-1006-00445-63-5",
        "tel 02-123-4567",
        "+66 81 234 5678",
    ]);
}
