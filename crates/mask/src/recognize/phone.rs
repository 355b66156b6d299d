//! Telephone numbers, international and national.
//!
//! A finder of our own takes groups of digits with the signs that people put between them ([`groups`]). Every window of
//! groups that begins with `+` or `00`, or whose grouping is usual in one of the regions looked for ([`forms`]), is a
//! candidate; only candidates are given to libphonenumber's rules ([`valid`]), which cost about a microsecond each.
//!
//! Emergency numbers and service numbers (112, 911, 113, 1900 1234) belong to nobody and are not found, nor are local
//! numbers without an area code, such as 555-2671: too many ordinary numbers have that form.

mod extension;
mod forms;
mod groups;
mod regions;
mod ties;
mod valid;
mod window;

pub use regions::{Regions, UnknownRegion};

use crate::Entity;
use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};

/// The id of this room's recognizer.
pub(crate) const PHONE: RecognizerId = RecognizerId(first::PHONE);

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[Recognizer {
    id: "phone",
    entity: Entity::PHONE,
    context: &[
        "phone",
        "phones",
        "phone number",
        "telephone",
        "tel",
        "tel no",
        "mobile",
        "mob",
        "hp",
        "handphone",
        "cell",
        "cellphone",
        "cell phone",
        "call",
        "calling",
        "call me",
        "text me",
        "whatsapp",
        "viber",
        "telegram",
        "sms",
        "zalo",
        "imessage",
        "fax",
        "hotline",
        "landline",
        "voicemail",
        "dial",
        "ring me",
        "reach me",
        "reach him",
        "reach her",
        "reach us",
        "contact",
        "contact number",
        "my number",
        "his number",
        "her number",
        "your number",
        "our number",
        "ph",
        "phonenumber",
        "phone no",
        "mobile no",
        "mobilenumber",
        "wa.me",
        "zalo.me",
        "dien thoai",
        "so dien thoai",
        "sdt",
        "dt",
        "so dt",
        "s\u{111}t",
        "di dong",
        "lien he",
        "lien lac",
        "goi",
        "goi cho",
        "nhan tin",
        "duong day nong",
        "so may",
        "so cua toi",
        "so cua minh",
        "so cua em",
        "so cua anh",
        "so toi la",
        "alo",
        "telefon",
        "telefonnummer",
        "handy",
        "handynummer",
        "rufnummer",
        "anrufen",
        "mobil",
        "mobilnummer",
        "telefono",
        "celular",
        "movil",
        "llamar",
        "llame",
        "llamame",
        "cellulare",
        "chiamare",
        "chiamami",
        "numero di telefono",
        "telefone",
        "telemovel",
        "ligue",
        "ligar",
        "portable",
        "appeler",
        "appelez",
        "numero de telephone",
        "joindre",
        "telefoonnummer",
        "telefoon",
        "mobiel",
        "bel",
        "gsm",
        "telefonu",
        "komorka",
        "numer telefonu",
        "zadzwon",
        "puhelin",
        "puhelinnumero",
        "puh",
        "soita",
        "telefonnumret",
        "ring",
        "telefon numarasi",
        "cep",
        "cep telefonu",
        "\u{96fb}\u{8a71}",
        "\u{96fb}\u{8a71}\u{756a}\u{53f7}",
        "\u{643a}\u{5e2f}",
        "\u{c804}\u{d654}",
        "\u{c804}\u{d654}\u{bc88}\u{d638}",
        "\u{d734}\u{b300}\u{d3f0}",
        "\u{e42}\u{e17}\u{e23}",
        "\u{e40}\u{e1a}\u{e2d}\u{e23}\u{e4c}",
    ],
    against: &[
        "order",
        "count",
        "size",
        "buffer",
        "bytes",
        "offset",
        "length",
        "capacity",
        "submissions",
        "entries",
        "records",
        "rows",
        "users",
        "requests",
        "items",
        "order id",
        "invoice",
        "ticket",
        "tracking",
        "isbn",
        "ean",
        "sku",
        "serial",
        "part number",
        "account",
        "timestamp",
        "version",
        "price",
        "total",
        "amount",
        "id",
        "uuid",
        "nhs",
        "ssn",
        "tax",
        "vat",
        "pid",
        "port",
        "build",
        "reference",
        "ref",
        "booking",
        "case",
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
        "hoa don",
        "ma van don",
        "van don",
        "ma so thue",
        "mst",
        "so tai khoan",
        "stk",
        "tai khoan",
        "ma so",
        "cccd",
        "cmnd",
        "tong cong",
        "tong tien",
        "gia ban",
        "don gia",
        "bestellnummer",
        "rechnung",
        "factura",
        "pedido",
        "fattura",
        "ordine",
        "commande",
        "facture",
        "zamowienie",
        "faktura",
        "siret",
        "siren",
        "cpf",
        "nip",
        "pesel",
    ],
}];

/// Up to where each recognizer of this room has looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last cluster of digits, or of the extension after it.
    cluster: usize,
}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.cluster {
        return;
    }
    let Some(digits) = ties::after_glued_label(text, start, end) else {
        return;
    };
    let cluster = groups::Cluster::at(text, digits);
    seen.cluster = window::offer_all(text, &cluster, digits > start, offers).max(end);
}

#[cfg(test)]
mod tests;
