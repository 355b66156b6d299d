use std::num::NonZero;

use super::*;

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn shown(terminal: &mut vt100::Parser, painter: &mut Painter, lines: &[&str], columns: usize) {
    let lines = lines.iter().map(|text| Line::of(Tone::Good, text));
    let screen = Screen {
        lines: lines.collect(),
    };
    terminal.process(painter.frame(&screen, columns).as_bytes());
}

#[test]
fn a_frame_takes_the_place_of_the_one_before() {
    let mut terminal = vt100::Parser::new(size(10), size(20), 0);
    terminal.process(b"before\r\n");
    let mut painter = Painter::new(true);
    shown(
        &mut terminal,
        &mut painter,
        &["one", "two", "three is long"],
        20,
    );
    shown(&mut terminal, &mut painter, &["uno", "dos"], 20);
    assert_eq!(terminal.screen().contents().trim_end(), "before\nuno\ndos");
}

#[test]
fn a_narrower_terminal_has_broken_the_old_lines() {
    let mut painter = Painter::new(false);
    let screen = Screen {
        lines: vec![
            Line::of(Tone::Plain, "123456789"),
            Line::of(Tone::Plain, "x"),
        ],
    };
    painter.frame(&screen, 20);
    let second = painter.frame(&screen, 5);
    assert!(second.contains("\x1b[3A"), "{second:?}");
}

#[test]
fn without_colours_there_is_no_style_in_a_frame() {
    let mut painter = Painter::new(false);
    let line = Line::of(Tone::Bad, "bad").with(Tone::Strong, "strong");
    let frame = painter.frame(&Screen { lines: vec![line] }, 80);
    assert!(frame.contains("badstrong"), "{frame:?}");
}
