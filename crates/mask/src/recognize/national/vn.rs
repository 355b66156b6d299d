//! Viet Nam.
//!
//! The context words are in their folded form, without diacritics, because that is how both texts and phrases are compared.
//! Words that are also parts of names or of other common words ("gia", "dong") count against a number only in phrases.

mod document;
mod identity;
mod insurance;
mod tax;

use crate::recognize::number::Shaped;
use crate::recognize::number::compact::Compact;

/// The recognizers of this country.
pub(crate) const ALL: &[Shaped] = &[
    identity::CCCD,
    identity::CCCD_ANY,
    identity::CMND,
    tax::TAX_CODE,
    tax::TAX_CODE_LIKE_MOBILE,
    insurance::SOCIAL_INSURANCE,
    insurance::SOCIAL_INSURANCE_LIKE_MOBILE,
    insurance::HEALTH_INSURANCE,
    document::PASSPORT,
    document::DRIVER_LICENSE,
];

/// Words against every number.
const AGAINST: &[&str] = &[
    "don hang",
    "ma khach hang",
    "ma kh",
    "ma sinh vien",
    "mssv",
    "ma sv",
    "ma nhan vien",
    "ma nv",
    "so tham chieu",
    "ma tham chieu",
    "ma don",
    "ma dat hang",
    "ma van don",
    "van don",
    "hoa don",
    "so hoa don",
    "ma giao dich",
    "giao dich",
    "ma san pham",
    "ma vach",
    "ma hang",
    "lo hang",
    "gia tien",
    "gia ban",
    "don gia",
    "tong cong",
    "tong tien",
    "so tien",
    "thanh tien",
    "so luong",
    "vnd",
    "trieu dong",
    "nghin dong",
    "so tai khoan",
    "tai khoan",
    "stk",
    "order",
    "invoice",
    "tracking",
    "account number",
    "bank account",
    "barcode",
    "upc",
    "sku",
    "timestamp",
    "arn",
    "aws",
    "mac",
    "mac address",
];

/// Whether ten digits are a mobile number rather than a tax code or an insurance number: those begin with the code of a
/// province and a serial that never grew into these prefixes (numbering plan of the Ministry of Information and
/// Communications, 2018).
fn looks_mobile(number: &Compact<'_>) -> bool {
    match (number.digit(0), number.digit(1), number.digit(2)) {
        (0, 3 | 5, third) => third >= 2,
        (0, 7, third) => third >= 6,
        (0, 8 | 9, third) => third >= 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
