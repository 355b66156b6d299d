//! Every byte has its token.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn tokens_cover_the_text(text in "\\PC{0,120}", postgres in any::<bool>()) {
        let dialect = if postgres { Dialect::Postgres } else { Dialect::Sqlite };
        let mut at = 0;
        for token in tokens(&text, dialect) {
            prop_assert_eq!(token.range.start, at);
            prop_assert!(token.range.end > at);
            at = token.range.end;
        }
        prop_assert_eq!(at, text.len());
    }
}
