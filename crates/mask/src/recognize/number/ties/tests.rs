use super::{Tie, after, before, is_amount};

/// The ties of the value in brackets.
fn ties(text: &str) -> (Tie, Tie, bool) {
    let (head, rest) = text.split_once('[').unwrap();
    let (value, tail) = rest.split_once(']').unwrap();
    let whole = format!("{head}{value}{tail}");
    let (start, end) = (head.len(), head.len() + value.len());
    let first = value.bytes().take_while(u8::is_ascii_alphanumeric).count();
    (
        before(&whole, start, start + first),
        after(&whole, start, end),
        is_amount(&whole, start, end),
    )
}

#[test]
fn what_stands_before_ties_joins_or_leaves_free() {
    for (text, tie) in [
        ("[123]", Tie::Free),
        ("SSN [123]", Tie::Free),
        ("SSN:[123]", Tie::Free),
        ("10:[123]", Tie::Tied),
        ("5-[123]", Tie::Tied),
        ("a5-[123]", Tie::Tied),
        ("5a-[123]", Tie::Tied),
        ("ORD-[123]", Tie::Joined),
        ("- [123]", Tie::Free),
        ("x/[123]", Tie::Joined),
        ("//[123]", Tie::Joined),
        ("1,[123]", Tie::Tied),
        ("1,[1234]", Tie::Free),
        ("1,[123-45]", Tie::Free),
        ("#[123]", Tie::Joined),
        ("+[123]", Tie::Tied),
        ("(021) [123]", Tie::Tied),
        ("(021)[123]", Tie::Tied),
        ("(a) [123]", Tie::Free),
        ("_[123]", Tie::Free),
        ("a_[123]", Tie::Tied),
        ("\u{111}[123]", Tie::Tied),
        ("\u{53f7}[123]", Tie::Free),
        ("\u{20ac}[123]", Tie::Tied),
    ] {
        assert_eq!(ties(text).0, tie, "{text}");
    }
}

#[test]
fn what_stands_after_ties_joins_or_leaves_free() {
    for (text, tie) in [
        ("[123]", Tie::Free),
        ("[123].", Tie::Free),
        ("[123], and", Tie::Free),
        ("[123].5", Tie::Tied),
        ("[123].pdf", Tie::Joined),
        ("[123]-a", Tie::Joined),
        ("[123]-a1", Tie::Tied),
        ("[123]-1", Tie::Tied),
        ("[123]%", Tie::Tied),
        ("[123]_", Tie::Free),
        ("[123]_a", Tie::Tied),
        ("[123]@a.b", Tie::Tied),
        ("[123],456", Tie::Tied),
        ("[123456789],42", Tie::Free),
        ("[123 456 789],42", Tie::Tied),
        ("[123]\u{111}", Tie::Tied),
        ("[123]\u{3002}", Tie::Free),
    ] {
        assert_eq!(ties(text).1, tie, "{text}");
    }
}

#[test]
fn amounts_are_known_by_their_currency_or_unit() {
    for (text, is) in [
        ("[123 456 782] VND", true),
        ("[123.456.782]\u{111}", true),
        ("[123456782] \u{20ac}", true),
        ("USD [123456782]", true),
        ("[111222333] bytes", true),
        ("[123-456-782] VND", false),
        ("[12345678Z] VND", false),
        ("tell us [123456782]", false),
        ("[123456782] is mine", false),
    ] {
        assert_eq!(ties(text).2, is, "{text}");
    }
}
