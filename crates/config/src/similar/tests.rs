use super::*;

#[test]
fn slips_of_the_finger_are_recognised() {
    let known = ["weights", "window", "name", "sticky_name", "max"];
    assert_eq!(nearest("wndow", known), Some("window"));
    assert_eq!(nearest("wieghts", known), Some("weights"));
    assert_eq!(nearest("Sticky-Name", known), Some("sticky_name"));
    assert_eq!(nearest("mx", known), Some("max"));
    assert_eq!(nearest("colour", known), None);
    assert_eq!(nearest("", ["a", "max"]), None);
}

#[test]
fn words_make_a_sentence() {
    assert_eq!(one_of(&["a"]), "a");
    assert_eq!(one_of(&["a", "b", "c"]), "a, b or c");
}
