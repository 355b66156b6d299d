use portcullis_mask::{Limits, Mapping, Style};

use super::*;

#[test]
fn offsets_are_code_points_of_the_text_as_it_was() {
    let site = Site {
        file: "portcullis.toml".into(),
        environment: None,
    };
    let chosen = Chosen::of(&site, &Finding::everything()).unwrap();
    let masker = chosen.masker().unwrap();
    let text = "Chị Ánh 👩🏽: jo@example.com và 192.168.1.1.";
    let mut mapping = Mapping::new(Style::Plain, Limits::default());
    let masked = masker.mask(text, None, &mut mapping).unwrap();
    let told = told_spans(masker.finder().rules(), text, &masked.spans);
    let points: Vec<char> = text.chars().collect();
    let values: Vec<String> = told
        .iter()
        .map(|span| points[span.start..span.end].iter().collect())
        .collect();
    assert_eq!(values[0], "jo@example.com");
    assert_eq!(told[0].entity, "EMAIL_ADDRESS");
    assert_eq!(told[0].label, "EMAIL");
}

#[test]
fn a_position_is_counted_as_editors_do() {
    let text = "a\nÁb@\n";
    assert_eq!(position(text, 0), (1, 1));
    assert_eq!(position(text, text.find('@').unwrap()), (2, 3));
    assert_eq!(position(text, text.len()), (3, 1));
}
