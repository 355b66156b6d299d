//! Numbers of bank accounts.

use crate::Entity;
use crate::recognize::Recognizer;
use crate::recognize::number::compact::Compact;
use crate::recognize::number::{Check, Form, Shaped};

/// How sure any form is: banks number their accounts as they like, so that only context makes one.
const BARE: u8 = 25;

/// Account numbers of banks in Viet Nam: eight to fifteen digits, as each bank likes (Techcombank and BIDV fourteen,
/// Vietcombank ten or thirteen). Without a check digit; only context makes one of them.
pub(super) const BANK_ACCOUNT: Shaped = Shaped {
    facts: Recognizer {
        id: "vn_bank_account",
        entity: Entity::BANK_ACCOUNT,
        context: &[
            "stk",
            "so tk",
            "so tai khoan",
            "so tai khoan ngan hang",
            "tai khoan ngan hang",
            "tk ngan hang",
            "vao tai khoan",
            "bank account",
            "bank account number",
            "bank account no",
        ],
        against: &[
            "so dien thoai",
            "sdt",
            "dien thoai",
            "phone",
            "hotline",
            "ma giao dich",
            "so tien",
            "cccd",
            "cmnd",
            "ma so thue",
            "mst",
            "routing",
            "routing number",
            "order",
            "invoice",
            "don hang",
            "ma don",
            "hoa don",
        ],
    },
    forms: &[
        Form::new("99999999", BARE),
        Form::new("999999999", BARE),
        Form::new("9999999999", BARE),
        Form::new("99999999999", BARE),
        Form::new("999999999999", BARE),
        Form::new("9999999999999", BARE),
        Form::new("99999999999999", BARE),
        Form::new("999999999999999", BARE),
        Form::new("9999 9999 9999", BARE),
        Form::new("9999 9999 9999 9", BARE),
        Form::new("9999 9999 9999 99", BARE),
        Form::new("9999 9999 9999 999", BARE),
        Form::new("999 999 999 999", BARE),
        Form::new("999 9999 999 999", BARE),
        Form::new("999 999 9999", BARE),
    ],
    check: check_account,
};

fn check_account(number: &Compact<'_>) -> Check {
    if number.is_one_character() {
        Check::Invalid("all digits are the same")
    } else {
        Check::Plausible
    }
}
