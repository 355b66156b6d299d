use super::*;

#[test]
fn places_are_found_as_a_plan_fills_them_in() {
    let found = |text| places(text).collect::<Vec<_>>();
    assert_eq!(
        found("--port={port} {store.library}"),
        ["port", "store.library"]
    );
    assert_eq!(found("{{port}} {a}}} }{"), ["a"]);
    assert_eq!(found("open { only"), Vec::<&str>::new());
    assert_eq!(found("{}"), [""]);
    assert!(mentions("http://{address}/", &["port", "address"]));
    assert!(!mentions("{{port}}", &["port", "address"]));
}
