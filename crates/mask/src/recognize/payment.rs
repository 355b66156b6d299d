//! Payment cards and bank accounts.

mod card;
mod edge;
mod iban;
mod issuer;
mod registry;
mod routing;
mod separator;

use crate::Entity;
use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};

/// Payment cards.
pub(crate) const CARD: RecognizerId = RecognizerId(first::PAYMENT);
/// International bank account numbers.
pub(crate) const IBAN: RecognizerId = RecognizerId(first::PAYMENT + 1);
/// Routing numbers of banks in the United States.
pub(crate) const ROUTING: RecognizerId = RecognizerId(first::PAYMENT + 2);

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[
    Recognizer {
        id: "payment_card",
        entity: Entity::CREDIT_CARD,
        context: &[
            "card",
            "cards",
            "credit card",
            "creditcard",
            "debit",
            "cardnumber",
            "card number",
            "cardholder",
            "ccnum",
            "cc",
            "cc#",
            "ccn",
            "pan",
            "visa",
            "mastercard",
            "master card",
            "maestro",
            "amex",
            "american express",
            "discover",
            "diners",
            "diners club",
            "jcb",
            "unionpay",
            "union pay",
            "rupay",
            "mir",
            "troy",
            "elo",
            "verve",
            "napas",
            "uatp",
            "cvv",
            "cvv2",
            "cvc",
            "expiry",
            "expires",
            "exp date",
            "valid thru",
            "charge",
            "charged",
            "pay with",
            "paid with",
            "paying with",
            "billing",
            "stripe",
            "thanh toan bang",
            // Vietnamese; "the" alone is an English word.
            "so the",
            "the tin dung",
            "the ghi no",
            "the atm",
            "the visa",
            "the ngan hang",
            "the thanh toan",
            "the noi dia",
            "the quoc te",
            "chu the",
            "ma the",
            "quet the",
            // Other languages of the brands above.
            "tarjeta",
            "carte bancaire",
            "carte bleue",
            "carte de credit",
            "kreditkarte",
            "kartennummer",
            "carta di credito",
            "cartao",
            "kredi karti",
            "kart numarasi",
            "karta",
            "kaart",
            "kreditkort",
            "kartu kredit",
        ],
        against: &[
            "order",
            "order id",
            "order number",
            "invoice",
            "ticket",
            "tracking",
            "shipment",
            "parcel",
            "barcode",
            "ean",
            "upc",
            "gtin",
            "isbn",
            "imei",
            "serial",
            "serial number",
            "sku",
            "timestamp",
            "epoch",
            "unix time",
            "reference",
            "transaction id",
            "trace id",
            "span id",
            "request id",
            "session id",
            "user id",
            "userid",
            "id",
            "uid",
            "uuid",
            "snowflake",
            "hash",
            "offset",
            "seed",
            "pid",
            "took",
            "elapsed",
            "duration",
            "latency",
            "amount",
            "total",
            "count",
            "bytes",
            "wrote",
            "sequence",
            "nonce",
            "cursor",
            "inode",
            "dhl",
            "fedex",
            "stk",
            "so tai khoan",
            "tai khoan",
            "don hang",
            "ma don",
            "hoa don",
            "van don",
            "ma giao dich",
            "ma van don",
            "ma vach",
        ],
    },
    Recognizer {
        id: "iban",
        entity: Entity::IBAN,
        context: &[
            "iban",
            "bank",
            "account",
            "bank account",
            "bic",
            "swift",
            "transfer",
            "tai khoan",
            "ngan hang",
            "chuyen khoan",
            "konto",
            "kontonummer",
            "compte",
            "cuenta",
            "conto",
            "rekening",
            "rekeningnummer",
            "hesap",
            "rachunek",
            "conta",
        ],
        against: &["vat", "invoice", "order", "serial", "part number"],
    },
    Recognizer {
        id: "us_bank_routing",
        entity: Entity::US_ROUTING,
        context: &[
            "routing",
            "routing number",
            "aba",
            "rtn",
            "aba number",
            "transit number",
            "routing transit",
            "wire transfer",
            "direct deposit",
            "ach",
        ],
        against: &["order", "invoice", "ticket", "ssn", "phone", "zip", "sku"],
    },
];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last card or IBAN: what lies before it needs no second look, and a card right behind another one
    /// is not taken for the rest of a longer number.
    end: usize,
}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.end {
        return;
    }
    let first = text.as_bytes()[start];
    if let Some(iban) = iban::find(text, start, end, offers) {
        seen.end = iban;
    } else if first.is_ascii_digit() {
        if let Some(card) = card::find(text, start, end, seen.end, offers) {
            seen.end = card;
        } else {
            routing::find(text, start, end, offers);
        }
    }
}

#[cfg(test)]
mod tests;
