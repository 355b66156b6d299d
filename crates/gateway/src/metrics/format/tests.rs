use proptest::prelude::*;

use super::*;

#[test]
fn the_scraper_gets_what_it_asks_for() {
    let prometheus = "application/openmetrics-text;version=1.0.0,\
                      application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, format) in [
        (None, Format::Text),
        (Some("*/*"), Format::Text),
        (
            Some("text/html,application/xhtml+xml,*/*;q=0.8"),
            Format::Text,
        ),
        (Some(prometheus), Format::OpenMetrics),
        (
            Some("Application/OpenMetrics-Text; version=\"1.0.0\""),
            Format::OpenMetrics,
        ),
        (
            Some("application/openmetrics-text;version=2.0.0"),
            Format::Text,
        ),
        (Some("application/openmetrics-text;q=0"), Format::Text),
        (
            Some("application/openmetrics-text;q=0.1, text/plain;q=0.2"),
            Format::Text,
        ),
        (Some("application/openmetrics-text;q=x"), Format::Text),
    ] {
        assert_eq!(Format::from_accept(accept), format, "{accept:?}");
    }
}

proptest! {
    #[test]
    fn no_accept_is_too_much(accept in "\\PC{0,40}") {
        let format = Format::from_accept(Some(&accept));
        prop_assert!(format.content_type().contains("charset=utf-8"));
    }
}
