use super::*;

fn look(plain: bool, terminal: bool, variables: &[(&str, &str)]) -> Look {
    Look::decide(plain, terminal, |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn plain_beats_no_color_beats_clicolor_force_beats_the_terminal() {
    assert!(look(false, true, &[]).colour);
    assert!(!look(false, false, &[]).colour);
    assert!(look(false, false, &[("CLICOLOR_FORCE", "1")]).colour);
    assert!(!look(false, false, &[("CLICOLOR_FORCE", "0")]).colour);
    assert!(!look(false, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "0")]).colour);
    assert!(look(false, true, &[("NO_COLOR", "")]).colour);
    assert!(!look(true, true, &[("CLICOLOR_FORCE", "1")]).colour);
}

#[test]
fn a_screen_is_redrawn_only_on_a_capable_terminal_without_plain() {
    assert!(look(false, true, &[("NO_COLOR", "1")]).live);
    assert!(!look(true, true, &[]).live);
    assert!(!look(false, false, &[("CLICOLOR_FORCE", "1")]).live);
    let dumb = look(false, true, &[("TERM", "dumb")]);
    assert!(!dumb.live && !dumb.colour);
}

#[test]
fn icons_need_a_locale_that_has_them() {
    assert!(look(false, true, &[("LANG", "de_DE.UTF-8")]).unicode);
    assert!(look(false, true, &[("LC_ALL", "C.utf8"), ("LANG", "C")]).unicode);
    assert!(!look(false, true, &[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).unicode);
    assert!(!look(false, true, &[]).unicode);
    assert!(!look(true, true, &[("LANG", "de_DE.UTF-8")]).unicode);
}

#[test]
fn long_lines_are_broken_at_the_width_of_a_terminal_and_never_elsewhere() {
    let text = "  hint: one two three four\nshort";
    assert_eq!(
        fitted(text, Some(14), 2),
        "  hint: one\n    two three\n    four\nshort"
    );
    assert_eq!(fitted(text, None, 2), text);
    // A word that is longer than the terminal is wide stays whole: it may be a path.
    assert_eq!(fitted("a /long/path/x", Some(6), 0), "a\n/long/path/x");
}
