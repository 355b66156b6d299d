//! Brazil.

use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};
use crate::{Entity, Score};

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[CPF, CNPJ];

/// Taxpayer numbers of persons: nine digits and two check digits modulo 11 (Receita Federal; formula as in "Cadastro de
/// Pessoas Fisicas", Wikipedia). One number in a hundred passes; mobile numbers have eleven digits as well.
const CPF: Shaped = Shaped {
    facts: Recognizer {
        id: "br_cpf",
        entity: Entity::BR_CPF,
        context: &[
            "cpf",
            "cpf/mf",
            "cpf/cnpj",
            "cadastro de pessoas fisicas",
            "cadastro de pessoa fisica",
            "contribuinte",
            "brazilian tax id",
            "ma so thue brazil",
        ],
        against: &[
            "pedido", "telefone", "celular", "whatsapp", "rastreio", "order", "phone", "tracking",
        ],
    },
    forms: &[
        Form {
            shape: "999.999.999-99",
            bare: Score::of(80),
        },
        Form {
            shape: "999999999-99",
            bare: Score::of(60),
        },
        Form {
            shape: "999 999 999 99",
            bare: Score::of(50),
        },
        Form {
            shape: "999.999.999.99",
            bare: Score::of(45),
        },
        Form {
            shape: "999.999.99999",
            bare: Score::of(45),
        },
        Form {
            shape: "99999999999",
            bare: Score::of(40),
        },
    ],
    check: check_cpf,
};

/// Numbers of companies: a root of eight, a branch of four, two check digits modulo 11. Since July 2026 root and branch may
/// hold letters, which count as their ASCII code less 48 (Instrucao Normativa RFB 2.229/2024; Nota Tecnica COCAD 49/2024).
/// Without points only numbers and roots with letters are known; a branch with letters needs the points.
const CNPJ: Shaped = Shaped {
    facts: Recognizer {
        id: "br_cnpj",
        entity: Entity::BR_CNPJ,
        context: &[
            "cnpj",
            "cnpj/mf",
            "cpf/cnpj",
            "cadastro nacional da pessoa juridica",
            "pessoa juridica",
            "razao social",
        ],
        against: &["pedido", "rastreio", "order", "tracking", "timestamp"],
    },
    forms: &[
        Form {
            shape: "??.???.???/????-99",
            bare: Score::of(85),
        },
        Form {
            shape: "99999999/9999-99",
            bare: Score::of(75),
        },
        Form {
            shape: "99 999 999 9999 99",
            bare: Score::of(50),
        },
        Form {
            shape: "????????999999",
            bare: Score::of(40),
        },
    ],
    check: check_cnpj,
};

/// A check digit modulo 11 as both kinds of numbers have it.
fn check_digit(sum: u32) -> u32 {
    (11 - sum % 11) % 11 % 10
}

fn check_cpf(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        return Check::Invalid("all digits are the same");
    }
    let first = check_digit(number.weighted(&[10, 9, 8, 7, 6, 5, 4, 3, 2]));
    let second = check_digit(number.weighted(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
    if first == number.digit(9) && second == number.digit(10) {
        Check::Valid
    } else {
        Check::Invalid("the check digits are wrong")
    }
}

fn check_cnpj(number: &Compact<'_>) -> Check {
    if number.bytes()[..12].iter().all(|byte| *byte == b'0') || number.is_one_character() {
        return Check::Invalid("all characters are the same");
    }
    let weighted = |weights: &[u32]| -> u32 {
        number
            .bytes()
            .iter()
            .zip(weights)
            .map(|(byte, weight)| u32::from(byte - b'0') * weight)
            .sum()
    };
    let first = check_digit(weighted(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    let second = check_digit(weighted(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    if first == number.digit(12) && second == number.digit(13) {
        Check::Valid
    } else {
        Check::Invalid("the check digits are wrong")
    }
}

#[cfg(test)]
mod tests;
