use crate::recognize::national::cases::{each_holds, found, no_damage_survives, nothing_in};

#[test]
fn numbers_of_persons_are_found_in_their_form_or_with_context() {
    each_holds(
        "BR_CPF",
        &[
            ("390.533.447-05", "390.533.447-05"),
            ("CPF: 529.982.247-25.", "529.982.247-25"),
            ("meu cpf é 52998224725", "52998224725"),
            ("529982247-25", "529982247-25"),
            ("{\"cpf\":\"11144477735\"}", "11144477735"),
        ],
    );
    no_damage_survives("BR_CPF", "CPF", "529.982.247-25");
    nothing_in(&[
        "231.002.999-00",
        "111.111.111-11",
        "CPF 000.000.000-00",
        "52998224725",
        "WhatsApp 11987654321",
        "pedido 52998224725",
        "R$ 1.529.982.247-25",
        "11 98765-4321",
    ]);
}

#[test]
fn numbers_of_companies_are_found_with_and_without_letters() {
    each_holds(
        "BR_CNPJ",
        &[
            ("16.727.230/0001-97", "16.727.230/0001-97"),
            ("CNPJ 11.222.333/0001-81,", "11.222.333/0001-81"),
            ("11222333/0001-81", "11222333/0001-81"),
            ("cnpj: 11222333000181", "11222333000181"),
            // The example of the Receita Federal for the numbers of 2026.
            ("12.ABC.345/01DE-35", "12.ABC.345/01DE-35"),
            ("CNPJ 12.abc.345/01de-35", "12.abc.345/01de-35"),
            ("CNPJ AB12CD34000184", "AB12CD34000184"),
            ("A1.B2C.3D4/E5F6-68", "A1.B2C.3D4/E5F6-68"),
        ],
    );
    no_damage_survives("BR_CNPJ", "CNPJ", "16.727.230/0001-97");
    nothing_in(&[
        "16.727.230/0001-98",
        "00.000.000/0000-00",
        "CNPJ 12.ABC.345/01DE-36",
        "11222333000181",
        "20240115123000",
    ]);
}

#[test]
fn both_in_one_line_are_told_apart() {
    assert_eq!(
        found("CPF 390.533.447-05 / CNPJ 16.727.230/0001-97"),
        [
            ("390.533.447-05", "BR_CPF".to_owned()),
            ("16.727.230/0001-97", "BR_CNPJ".to_owned())
        ]
    );
}
