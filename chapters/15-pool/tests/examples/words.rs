//! Where a text is cut changes no count.

#[path = "../../examples/wordcount/words.rs"]
mod own;

use own::{Counts, count, merge, split, top};
use proptest::prelude::*;

/// Counts part by part, which together are the text.
fn count_in_parts(text: &[u8], part_len: usize) -> Counts {
    let (mut counts, mut at) = (Counts::new(), 0);
    for part in split(text, part_len) {
        assert!(part.start == at && !part.is_empty(), "{part:?} after {at}");
        at = part.end;
        merge(&mut counts, count(&text[part]));
    }
    assert_eq!(at, text.len());
    counts
}

/// Pieces that break words, join them, or belong to none.
const PIECES: [&[u8]; 24] = [
    b" ",
    b" ",
    b"\n",
    b"\r\n",
    b"\t",
    b"  ",
    b"don't",
    b"'",
    b"3.14",
    b"a",
    b"_",
    b"x-ray",
    "é".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{301}".as_bytes(),
    "\u{200D}".as_bytes(),
    "東京".as_bytes(),
    "ไทย".as_bytes(),
    "\u{A0}".as_bytes(),
    "\u{2028}".as_bytes(),
    "👩\u{200D}💻".as_bytes(),
    b"\xFF",
    b"\xE2\x82",
    b"\0",
];

proptest! {
    // A case that failed becomes a test here, and not a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cuts_change_no_count(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
        part_len in 0_usize..40,
    ) {
        let text = pieces.concat();
        prop_assert_eq!(count_in_parts(&text, part_len), count(&text));
    }

    #[test]
    fn any_bytes_will_do(text in proptest::collection::vec(any::<u8>(), 0..300), part_len in 0_usize..40) {
        prop_assert_eq!(count_in_parts(&text, part_len), count(&text));
    }
}

fn counts(text: &[u8]) -> Vec<(String, u64)> {
    top(&count(text), usize::MAX)
        .into_iter()
        .map(|(word, count)| (word.to_owned(), count))
        .collect()
}

#[test]
fn a_word_is_what_unicode_says() {
    let text = "Don't x-ray DON'T 3.14 — Straße, STRASSE … 東京 ΣΊΣΥΦΟΣ e\u{301}té".as_bytes();
    let found = counts(text);
    let words: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
    let expected =
        ["don't", "3.14", "e\u{301}té", "ray", "strasse", "straße", "x", "σίσυφος", "京", "東"];
    assert_eq!(words, expected);
    assert_eq!(found[0].1, 2);
}

#[test]
fn bytes_that_are_no_text_are_no_word_and_end_one() {
    assert_eq!(counts(b"ab\xFFcd \xE2\x82 \0ab"), [("ab".to_owned(), 2), ("cd".to_owned(), 1)]);
    assert_eq!(counts(b"\xFF\xFE\x00"), []);
}

/// Cut between two blanks, the second of these marks would be part of the second blank.
#[test]
fn a_combining_character_behind_blanks_stays_there() {
    let text = " e\u{301}e\u{301} \u{301}  \u{301} a  \u{301}\n\u{301}".as_bytes();
    for part_len in 0..text.len() {
        assert_eq!(count_in_parts(text, part_len), count(text));
    }
}

#[test]
fn a_text_without_blanks_is_one_part() {
    let text = "東京".repeat(1_000);
    assert!(split(text.as_bytes(), 10).eq(std::iter::once(0..text.len())));
    assert_eq!(split(b"", 10).count(), 0);
    // No part is longer than it was asked for by more than the rest of a word.
    let text = b"some words and more ".repeat(100);
    assert!(split(&text, 100).all(|part| part.len() <= 100 + "words".len()));
}

#[test]
fn equals_are_in_the_order_of_their_characters() {
    assert_eq!(top(&count(b"b a c b"), 2), [("b", 2), ("a", 1)]);
    assert_eq!(top(&count(b"b a c b"), 0), []);
}
