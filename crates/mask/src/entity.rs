//! Kinds of data that are found and hidden.
//!
//! An entity has two names. Its *name* is the one that the field uses (Presidio's, where it has one): it stands in
//! spans, in policies and in counts. Its *label* is the first part of its placeholders: `EMAIL` in `EMAIL_1`. Several
//! entities may share a name, as private and public addresses share `IP_ADDRESS`; no two share a label.

/// What kind of data a span holds: one of the built-in kinds, or one that a custom recognizer brings.
///
/// It is an index into the catalogue of the rules that found it ([`crate::Rules::entity_facts`]); the built-in kinds
/// have the same index in all rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entity(pub(crate) u16);

/// How an entity is called and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityFacts {
    /// The field's name for it, in capitals, such as `EMAIL_ADDRESS`.
    pub name: std::borrow::Cow<'static, str>,
    /// The first part of its placeholders, in capitals, such as `EMAIL`. No two entities of a catalogue share one.
    pub label: std::borrow::Cow<'static, str>,
    /// What it is, in one sentence.
    pub about: std::borrow::Cow<'static, str>,
}

/// Declares the built-in entities: constant, name, label, sentence.
macro_rules! entities {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal, $label:literal;)+) => {
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($constant),+ }

        impl Entity {
            $($(#[doc = $doc])+ pub const $constant: Entity = Entity(Index::$constant as u16);)+

            /// The built-in entities in the order of their index.
            pub(crate) const BUILT_IN: &'static [(&'static str, &'static str, &'static str)] =
                &[$(($name, $label, concat!($($doc),+))),+];
        }
    };
}

entities! {
    /// An e-mail address.
    EMAIL = "EMAIL_ADDRESS", "EMAIL";
    /// An IPv4 address of a private, loopback or link-local network (RFC 1918, 1122, 3927, 6598).
    IP_PRIVATE = "IP_ADDRESS", "IP_PRIVATE";
    /// Any other IPv4 address of a host.
    IP_PUBLIC = "IP_ADDRESS", "IP_PUBLIC";
    /// An IPv6 address in any of its textual forms (RFC 4291, 4007, 5952).
    IPV6 = "IP_ADDRESS", "IPV6";
    /// A MAC address (EUI-48 or EUI-64).
    MAC_ADDRESS = "MAC_ADDRESS", "MAC";
    /// A domain name under a public suffix.
    DOMAIN = "DOMAIN_NAME", "DOMAIN";
    /// A host name from a configured list.
    HOSTNAME = "HOSTNAME", "HOSTNAME";
    /// A web or other address with a scheme, or one that begins with `www.`.
    URL = "URL", "URL";
    /// A telephone number, international or national.
    PHONE = "PHONE_NUMBER", "PHONE";
    /// The number of a payment card.
    CREDIT_CARD = "CREDIT_CARD", "CARD";
    /// An international bank account number (ISO 13616).
    IBAN = "IBAN_CODE", "IBAN";
    /// A number of a bank account that is no IBAN.
    BANK_ACCOUNT = "BANK_ACCOUNT", "BANK_ACCOUNT";
    /// An address of a crypto currency's wallet.
    CRYPTO = "CRYPTO", "CRYPTO";
    /// A date of birth.
    DATE_OF_BIRTH = "DATE_OF_BIRTH", "DATE_OF_BIRTH";
    /// A name of a person, from a dictionary or a model.
    PERSON = "PERSON", "PERSON";
    /// A name of an organisation, from a dictionary or a model.
    ORGANIZATION = "ORGANIZATION", "ORG";
    /// A place, from a dictionary or a model.
    LOCATION = "LOCATION", "LOCATION";

    /// An API key or access token of a cloud or another service.
    API_KEY = "API_KEY", "API_KEY";
    /// A JSON Web Token (RFC 7519).
    JWT = "JWT", "JWT";
    /// A private key in PEM or a similar armour.
    PRIVATE_KEY = "PRIVATE_KEY", "PRIVATE_KEY";
    /// A password, from a URL or after a word that announces one.
    PASSWORD = "PASSWORD", "PASSWORD";
    /// A random-looking token after a word that announces a secret.
    SECRET = "SECRET", "SECRET";

    /// A social security number of the United States.
    US_SSN = "US_SSN", "US_SSN";
    /// An individual taxpayer identification number of the United States.
    US_ITIN = "US_ITIN", "US_ITIN";
    /// An employer identification number of the United States.
    US_EIN = "US_EIN", "US_EIN";
    /// A routing number of a bank in the United States (ABA).
    US_ROUTING = "ABA_ROUTING_NUMBER", "US_ROUTING";
    /// A passport number of the United States.
    US_PASSPORT = "US_PASSPORT", "US_PASSPORT";
    /// A driving licence of one of the United States.
    US_DRIVER_LICENSE = "US_DRIVER_LICENSE", "US_DRIVER_LICENSE";
    /// A social insurance number of Canada.
    CA_SIN = "CA_SIN", "CA_SIN";
    /// A National Health Service number of England, Wales and the Isle of Man.
    UK_NHS = "UK_NHS", "UK_NHS";
    /// A national insurance number of the United Kingdom.
    UK_NINO = "UK_NINO", "UK_NINO";
    /// A unique taxpayer reference of the United Kingdom.
    UK_UTR = "UK_UTR", "UK_UTR";
    /// A driving licence of Great Britain.
    UK_DRIVING_LICENCE = "UK_DRIVING_LICENCE", "UK_DRIVING_LICENCE";
    /// A passport number of the United Kingdom.
    UK_PASSPORT = "UK_PASSPORT", "UK_PASSPORT";
    /// A tax identification number of a person in Spain (DNI).
    ES_NIF = "ES_NIF", "ES_NIF";
    /// A foreigner's identification number of Spain.
    ES_NIE = "ES_NIE", "ES_NIE";
    /// A fiscal code of Italy.
    IT_FISCAL_CODE = "IT_FISCAL_CODE", "IT_FISCAL_CODE";
    /// A VAT number of Italy.
    IT_VAT_CODE = "IT_VAT_CODE", "IT_VAT_CODE";
    /// A tax identification number of Germany.
    DE_TAX_ID = "DE_TAX_ID", "DE_TAX_ID";
    /// A social insurance number of Germany.
    DE_SOCIAL_SECURITY = "DE_SOCIAL_SECURITY", "DE_SOCIAL_SECURITY";
    /// A number of an identity card of Germany.
    DE_ID_CARD = "DE_ID_CARD", "DE_ID_CARD";
    /// A passport number of Germany.
    DE_PASSPORT = "DE_PASSPORT", "DE_PASSPORT";
    /// A social security number of France (NIR, INSEE).
    FR_NIR = "FR_NIR", "FR_NIR";
    /// A tax number of a person in France (SPI).
    FR_TAX_ID = "FR_TAX_ID", "FR_TAX_ID";
    /// A number of an establishment or company in France (SIRET, SIREN).
    FR_SIRET = "FR_SIRET", "FR_SIRET";
    /// A VAT identification number of the European Union, with the code of its country.
    EU_VAT = "EU_VAT", "EU_VAT";
    /// A citizen service number of the Netherlands.
    NL_BSN = "NL_BSN", "NL_BSN";
    /// A personal identification number of Poland.
    PL_PESEL = "PL_PESEL", "PL_PESEL";
    /// A tax identification number of Poland.
    PL_NIP = "PL_NIP", "PL_NIP";
    /// A number of an identity card of Poland.
    PL_ID_CARD = "PL_ID_CARD", "PL_ID_CARD";
    /// A personal identity code of Finland.
    FI_PERSONAL_IDENTITY_CODE = "FI_PERSONAL_IDENTITY_CODE", "FI_PERSONAL_IDENTITY_CODE";
    /// A personal identity number of Sweden.
    SE_PERSONNUMMER = "SE_PERSONNUMMER", "SE_PERSONNUMMER";
    /// An organisation number of Sweden.
    SE_ORGANISATIONSNUMMER = "SE_ORGANISATIONSNUMMER", "SE_ORGANISATIONSNUMMER";
    /// A registration or foreign identification number of Singapore.
    SG_NRIC_FIN = "SG_NRIC_FIN", "SG_NRIC_FIN";
    /// A unique entity number of Singapore.
    SG_UEN = "SG_UEN", "SG_UEN";
    /// A business number of Australia.
    AU_ABN = "AU_ABN", "AU_ABN";
    /// A company number of Australia.
    AU_ACN = "AU_ACN", "AU_ACN";
    /// A tax file number of Australia.
    AU_TFN = "AU_TFN", "AU_TFN";
    /// A Medicare number of Australia.
    AU_MEDICARE = "AU_MEDICARE", "AU_MEDICARE";
    /// A permanent account number of India.
    IN_PAN = "IN_PAN", "IN_PAN";
    /// An Aadhaar number of India.
    IN_AADHAAR = "IN_AADHAAR", "IN_AADHAAR";
    /// A goods and services tax number of India.
    IN_GSTIN = "IN_GSTIN", "IN_GSTIN";
    /// A number of a voter's card of India.
    IN_VOTER = "IN_VOTER", "IN_VOTER";
    /// A passport number of India.
    IN_PASSPORT = "IN_PASSPORT", "IN_PASSPORT";
    /// A resident registration number of South Korea.
    KR_RRN = "KR_RRN", "KR_RRN";
    /// A foreigner's registration number of South Korea.
    KR_FRN = "KR_FRN", "KR_FRN";
    /// A business registration number of South Korea.
    KR_BRN = "KR_BRN", "KR_BRN";
    /// A passport number of South Korea.
    KR_PASSPORT = "KR_PASSPORT", "KR_PASSPORT";
    /// A driving licence of South Korea.
    KR_DRIVER_LICENSE = "KR_DRIVER_LICENSE", "KR_DRIVER_LICENSE";
    /// A national identification number of Thailand.
    TH_TNIN = "TH_TNIN", "TH_TNIN";
    /// A taxpayer number of a person in Brazil.
    BR_CPF = "BR_CPF", "BR_CPF";
    /// A number of a company in Brazil.
    BR_CNPJ = "BR_CNPJ", "BR_CNPJ";
    /// A population registry code of Mexico.
    MX_CURP = "MX_CURP", "MX_CURP";
    /// A taxpayer registry code of Mexico.
    MX_RFC = "MX_RFC", "MX_RFC";
    /// A national identification number of Turkey.
    TR_NATIONAL_ID = "TR_NATIONAL_ID", "TR_NATIONAL_ID";
    /// An individual number of Japan (My Number).
    JP_MY_NUMBER = "JP_MY_NUMBER", "JP_MY_NUMBER";
    /// A passport number of Japan.
    JP_PASSPORT = "JP_PASSPORT", "JP_PASSPORT";
    /// A citizen identity number of Viet Nam (CCCD, twelve digits).
    VN_CCCD = "VN_CCCD", "VN_CCCD";
    /// An older identity card number of Viet Nam (CMND, nine digits).
    VN_CMND = "VN_CMND", "VN_CMND";
    /// A tax code of Viet Nam.
    VN_TAX_CODE = "VN_TAX_CODE", "VN_TAX_CODE";
    /// A social insurance number of Viet Nam.
    VN_SOCIAL_INSURANCE = "VN_SOCIAL_INSURANCE", "VN_SOCIAL_INSURANCE";
    /// A passport number of Viet Nam.
    VN_PASSPORT = "VN_PASSPORT", "VN_PASSPORT";
    /// A driving licence of Viet Nam.
    VN_DRIVER_LICENSE = "VN_DRIVER_LICENSE", "VN_DRIVER_LICENSE";

    /// A passport number whose country is not told.
    PASSPORT = "PASSPORT", "PASSPORT";
    /// A driving licence whose country is not told.
    DRIVER_LICENSE = "DRIVER_LICENSE", "DRIVER_LICENSE";

    /// A text that looks like a placeholder without being one; it is hidden so that it is never taken for somebody's.
    LITERAL = "LITERAL", "LITERAL";
}
