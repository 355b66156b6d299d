//! Bodies: which are looked into, and what becomes of those that are not JSON.

use portcullis_mask::json::{FieldTable, JsonLimits};
use portcullis_mask::wire::{
    Adapter, PointerRules, RequestPlan, Wire, WireOptions, mask_json, unmask_json,
};
use portcullis_mask::{
    FieldMasker, FieldRestorers, Finder, Masker, Mode, Policy, Rules, Vocabulary,
};

use super::{Case, mapping, masker};

const TYPES: &str = "Content types";
const JSON: &str = "JSON";
const SETTINGS: &str = "Settings";

const LOOKED_INTO: &str = "masked";
const PASSED: &str = "forwarded as it is";
const REFUSED: &str = "refused";
const CLOSED: &str =
    "What cannot be looked into is not forwarded; `unknown = \"pass\"` is the plugin's way.";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = content_types();
    cases.extend([
        Case {
            group: JSON,
            given: r#"{"user": {"email": "test@example.com""#,
            theirs: PASSED,
            ours: "refused: the body is not acceptable as JSON at byte 37: the text ends too early",
            why: "A request that nobody can read may hold anything, so it is not forwarded.",
            run: body,
        },
        Case {
            group: JSON,
            given: r#"{"user": {"email": "john@example.com"}, "server": {"ip": "192.168.1.1"}, "company": {"name": "Google"}}"#,
            theirs: r#"{"user": {"email": "EMAIL_1"}, "server": {"ip": "IP_PRIVATE_1"}, "company": {"name": "ORG_1"}}"#,
            ours: r#"{"user": {"email": "EMAIL_1"}, "server": {"ip": "IP_PRIVATE_1"}, "company": {"name": "ORG_1"}}"#,
            why: "",
            run: body,
        },
        Case {
            group: SETTINGS,
            given: r#"{"user": {"email": "john@example.com"}}"#,
            theirs: "disabled: forwarded as it is",
            ours: "disabled: forwarded as it is",
            why: "",
            run: in_shadow,
        },
        Case {
            group: SETTINGS,
            given: "invalid",
            theirs: "an error",
            ours: "an error",
            why: "",
            run: wrong_rule,
        },
    ]);
    cases
}

fn content_types() -> Vec<Case> {
    let known = [
        "application/json",
        "application/json; charset=utf-8",
        "text/json",
        "APPLICATION/JSON",
    ];
    let unknown = ["text/plain", "text/html", "application/xml"];
    let known = known.map(|given| (given, LOOKED_INTO, LOOKED_INTO, ""));
    let unknown = unknown.map(|given| (given, PASSED, REFUSED, CLOSED));
    let none = (
        "",
        PASSED,
        LOOKED_INTO,
        "Servers read JSON without a content type too, so it is looked into.",
    );
    let rows = known.into_iter().chain(unknown).chain([none]);
    rows.map(|(given, theirs, ours, why)| Case {
        group: TYPES,
        given,
        theirs,
        ours,
        why,
        run: content_type,
    })
    .collect()
}

fn content_type(content_type: &str) -> String {
    let wire = super::dify::wire();
    let content_type = Some(content_type).filter(|one| !one.is_empty());
    let exchange = wire.exchange("POST", "/v1/chat-messages", content_type);
    match exchange.request() {
        RequestPlan::Json(_) => LOOKED_INTO.to_owned(),
        _ => REFUSED.to_owned(),
    }
}

/// A body of which every string is text, masked and restored.
pub(super) fn body(body: &str) -> String {
    let (table, limits) = (FieldTable::everything(), JsonLimits::default());
    let mut mapping = mapping();
    let mut out = Vec::new();
    let mut mask = FieldMasker::new(masker(), &mut mapping);
    if let Err(error) = mask_json(body.as_bytes(), &table, limits, &mut mask, &mut out) {
        assert!(!error.to_string().contains("test@example.com"));
        return format!("refused: {error}");
    }
    let vocabulary = Vocabulary::of(&mapping, masker().labels());
    let restorers = FieldRestorers::new(vocabulary.into());
    let mut back = Vec::new();
    unmask_json(&out, &table, limits, &restorers, &mut back).expect("it was read before");
    assert_eq!(String::from_utf8_lossy(&back), body);
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn in_shadow(body: &str) -> String {
    let finder = masker().finder().clone();
    let shadow = Masker::new(finder, Policy::default(), Mode::Shadow).expect("the labels fit");
    let mut mapping = mapping();
    let masked = shadow
        .mask(body, None, &mut mapping)
        .expect("nothing is blocked");
    assert!(masked.text == body && mapping.is_empty() && !masked.counts.is_empty());
    "disabled: forwarded as it is".to_owned()
}

fn wrong_rule(name: &str) -> String {
    let errors = Rules::builder().with(name).build().map(Finder::new).err();
    let told = errors.into_iter().flatten().map(|error| error.to_string());
    let told: Vec<String> = told.collect();
    let pointers = PointerRules {
        request: vec![name.to_owned()],
        ..PointerRules::default()
    };
    let wire = Wire::new(&Adapter::Pointers(pointers), &WireOptions::default());
    assert!(wire.is_err());
    assert!(told.iter().any(|error| error.contains(name)));
    "an error".to_owned()
}
