use crate::recognize::national::cases::{each_holds, nothing_in};

#[test]
fn registry_codes_of_persons_are_found_without_context() {
    each_holds(
        "MX_CURP",
        &[
            ("BOXW310820HNERXN09", "BOXW310820HNERXN09"),
            ("CURP: HEGG560427MVZRRL04.", "HEGG560427MVZRRL04"),
            ("curp gomc010203hdfnrra5", "gomc010203hdfnrra5"),
        ],
    );
    nothing_in(&[
        "CURP BOXW310820HNERXN08",
        "CURP BOXW310820HNERXN19",
        "CURP BOXW310821HNERXN09",
        "CURP BOXW320820HNERXN09",
        "CURP BOXW311320HNERXN09",
        "CURP BOXW310820HZZRXN09",
        "CURP BOXW310820ANERXN09",
    ]);
}

#[test]
fn tax_codes_are_found_by_date_and_check_character() {
    each_holds(
        "MX_RFC",
        &[
            ("GODE561231GR8", "GODE561231GR8"),
            ("RFC: GODE 561231 GR8.", "GODE 561231 GR8"),
            ("GODE-561231-GR8", "GODE-561231-GR8"),
            ("MAB9307148T4", "MAB9307148T4"),
            ("RFC MAB-930714-8T4", "MAB-930714-8T4"),
            ("PEGJ850101ABA", "PEGJ850101ABA"),
            // In use with a check character of its own.
            ("RFC VACE460910SX6", "VACE460910SX6"),
        ],
    );
    nothing_in(&[
        "VACE460910SX6",
        "RFC GODE561331GR8",
        "RFC XAXX010101000",
        "RFC 7231",
        "see RFC 2119 and RFC9110",
    ]);
}
