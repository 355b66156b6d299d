use crate::recognize::national::cases::{each_holds, no_damage_survives, nothing_in};

#[test]
fn individual_numbers_are_found_with_context() {
    each_holds(
        "JP_MY_NUMBER",
        &[
            ("My Number: 6214 9832 0257", "6214 9832 0257"),
            ("マイナンバーは621498320257です", "621498320257"),
            ("個人番号 1234-5678-9018", "1234-5678-9018"),
            ("{\"my_number\":\"621498320257\"}", "621498320257"),
        ],
    );
    no_damage_survives("JP_MY_NUMBER", "マイナンバー", "621498320257");
    nothing_in(&[
        "6214 9832 0257",
        "621498320257",
        "マイナンバー 6214 9832 0258",
        "my number is 090-1234-5678",
        "個人番号 000000000000",
    ]);
}

#[test]
fn passports_need_words_of_their_country() {
    each_holds(
        "JP_PASSPORT",
        &[
            ("旅券番号 TK1234567", "TK1234567"),
            ("Japanese passport MZ0123456,", "MZ0123456"),
        ],
    );
    nothing_in(&["TK1234567", "model TK1234567", "旅券 TK0000000"]);
}
