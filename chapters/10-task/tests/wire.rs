//! The bytes are those of the crate postcard, and any other bytes are refused without harm.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;
use task::{Message, decode, encode, encoded_parts, encoded_size_hint};

type Memory = (Vec<u8>, Vec<i8>, Vec<f32>, Vec<f64>, Box<[u8]>);
type Others = (Vec<u32>, VecDeque<u8>, Vec<(u16, String)>, [u8; 3]);

/// One of everything that serde knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    small: (bool, i8, i16, i32, i64, u8, u16, u32),
    large: (u64, i128, u128, usize),
    real: (f32, f64),
    text: (char, String, Box<str>),
    memory: Memory,
    others: Others,
    nested: Option<Box<Everything>>,
    names: BTreeMap<String, Vec<Option<i64>>>,
    shapes: Vec<Shape>,
    time: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Box(u64, u64),
    Text { words: Vec<String>, bytes: Vec<u8> },
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Nothing),
        (-1e9..1e9_f64).prop_map(Shape::Circle),
        any::<(u64, u64)>().prop_map(|(a, b)| Shape::Box(a, b)),
        (vec(any::<String>(), 0..3), any::<Vec<u8>>())
            .prop_map(|(words, bytes)| Shape::Text { words, bytes }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let real = || -1e9..1e9_f64;
    let leaf = (
        (any::<(bool, i8, i16, i32, i64, u8, u16, u32)>(), any::<(u64, i128, u128, usize)>()),
        (any::<(char, String, String)>(), any::<(Vec<u8>, Vec<i8>, Vec<u8>)>()),
        (vec(real(), 0..5), vec(any::<u32>(), 0..5), vec(any::<(u16, String)>(), 0..3)),
        btree_map(any::<String>(), vec(any::<Option<i64>>(), 0..3), 0..3),
        vec(shape(), 0..4),
        any::<[u8; 3]>(),
    )
        .prop_map(|((small, large), text, numbers, names, shapes, array)| Everything {
            small,
            large,
            real: (numbers.0.first().map_or(0.5, |real| *real as f32), -0.25),
            text: (text.0.0, text.0.1, text.0.2.into()),
            others: (numbers.1, text.1.2.iter().copied().collect(), numbers.2, array),
            memory: (
                text.1.0,
                text.1.1,
                numbers.0.iter().map(|real| *real as f32).collect(),
                numbers.0,
                text.1.2.into(),
            ),
            nested: None,
            names,
            shapes,
            time: Duration::new(small.7.into(), 999_999_999),
        });
    vec(leaf, 1..4).prop_map(|all| {
        let chain = |nested, mut outer: Everything| {
            outer.nested = nested;
            Some(Box::new(outer))
        };
        *all.into_iter().fold(None, chain).expect("one at least")
    })
}

fn bytes_of<A: Message>(value: &A) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).expect("the value can be encoded");
    bytes
}

proptest! {
    #[test]
    fn the_bytes_are_those_of_postcard(value in everything()) {
        let bytes = bytes_of(&value);
        prop_assert_eq!(&bytes, &postcard::to_stdvec(&value).expect("postcard's bytes"));
        prop_assert_eq!(&decode::<Everything>(&bytes).expect("the value"), &value);
    }

    #[test]
    fn vectors_of_bytes_and_reals_are_those_of_postcard(bytes: Vec<u8>, reals: Vec<f64>) {
        prop_assert_eq!(bytes_of(&bytes), postcard::to_stdvec(&bytes).expect("bytes"));
        prop_assert_eq!(bytes_of(&reals), postcard::to_stdvec(&reals).expect("bytes"));
    }

    #[test]
    fn what_is_cut_is_refused(value in everything(), at: prop::sample::Index) {
        let bytes = bytes_of(&value);
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(decode::<Everything>(cut).is_err());
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(value in everything(), changes: Vec<(prop::sample::Index, u8)>) {
        let mut bytes = bytes_of(&value);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        match decode::<Everything>(&bytes) {
            // A value that was read can be written again; the bytes may be shorter, since numbers may be written long.
            Ok(value) => prop_assert!(bytes_of(&value).len() <= bytes.len()),
            Err(error) => prop_assert!(!error.message.contains("panicked"), "{error}"),
        }
    }

    #[test]
    fn the_size_is_known_before_for_vectors_of_numbers(numbers: Vec<u16>) {
        let bytes = bytes_of(&numbers);
        prop_assert_eq!(encoded_size_hint(&numbers), Some(bytes.len()));
        let (head, body) = encoded_parts(&numbers).expect("a vector of numbers");
        prop_assert_eq!([&head, body].concat(), bytes);
        prop_assert_eq!(encoded_size_hint(&(numbers,)), None);
    }
}

fn come_back<A: Message + PartialEq + Debug>(value: A) {
    assert_eq!(decode::<A>(&bytes_of(&value)).expect("the value"), value);
}

#[test]
fn vectors_of_all_numbers_come_back() {
    come_back(Vec::<u8>::new());
    come_back(vec![i8::MIN, -1, 0, i8::MAX]);
    come_back(vec![u16::MAX, 7]);
    come_back(vec![i16::MIN, 7]);
    come_back(vec![u32::MAX, 7]);
    come_back(vec![i32::MIN, 7]);
    come_back(vec![u64::MAX, 7]);
    come_back(vec![i64::MIN, 7]);
    come_back(vec![u128::MAX, 7]);
    come_back(vec![i128::MIN, 7]);
    come_back(vec![usize::MAX, 7]);
    come_back(vec![isize::MIN, 7]);
    come_back(vec![f32::INFINITY, -0.0]);
    come_back(vec![f64::NEG_INFINITY, 1e-300]);
    come_back(vec![(); 1000]);
    come_back("ä text".to_owned());
}

#[test]
fn a_sequence_whose_length_nobody_knew_comes_back() {
    struct Odd(u32);
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            for number in (0..self.0).filter(|number| number % 2 == 1) {
                seq.serialize_element(&number)?;
            }
            seq.end()
        }
    }
    let mut bytes = b"before".to_vec();
    encode(&(7_u8, Odd(600)), &mut bytes).expect("the numbers");
    let (seven, odd): (u8, VecDeque<u32>) = decode(&bytes[6..]).expect("the numbers");
    assert_eq!(seven, 7);
    assert!(odd.iter().copied().eq((0..300).map(|half| 2 * half + 1)));
}

#[test]
fn a_sequence_that_breaks_its_promise_is_refused() {
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(2))?;
            seq.serialize_element(&1_u8)?;
            seq.end()
        }
    }
    let error = encode(&Liar, &mut Vec::new()).expect_err("a promise of two");
    assert_eq!(error.message, "it promised 2 elements and has 1");
}

/// A length of 2^63 in front of nothing.
const HUGE: [u8; 10] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];

fn refused<A: Message + Debug>(bytes: &[u8]) -> String {
    decode::<A>(bytes).expect_err("refused").message
}

#[test]
fn a_length_is_not_believed() {
    refused::<Vec<u8>>(&HUGE);
    refused::<Vec<u64>>(&HUGE);
    refused::<Vec<f64>>(&HUGE);
    refused::<String>(&HUGE);
    refused::<Vec<String>>(&HUGE);
    refused::<Vec<()>>(&HUGE);
    refused::<VecDeque<[u64; 32]>>(&HUGE);
    refused::<BTreeMap<(), ()>>(&HUGE);
    refused::<(Vec<u8>, u8)>(&HUGE);
    // Many sequences of elements without bytes: together they may not be many either.
    let mut many = vec![100];
    (0..100).for_each(|_| many.extend([0xff, 0xff, 0x3f]));
    refused::<Vec<Vec<()>>>(&many);
}

#[test]
fn nesting_is_limited() {
    #[derive(Debug, Serialize, Deserialize)]
    enum List {
        End,
        Next(Box<List>),
    }
    let list = (0..200).fold(List::End, |list, _| List::Next(list.into()));
    decode::<List>(&bytes_of(&list)).expect("a list of 200");
    assert!(refused::<List>(&[1; 1 << 20]).contains("nested"));
}

#[test]
fn numbers_must_fit() {
    assert_eq!(refused::<u16>(&[0x80, 0x80, 4]), "65536 is too large for its type");
    assert_eq!(refused::<i16>(&[0x80, 0x80, 4]), "32768 is too large for its type");
    assert_eq!(refused::<bool>(&[2]), "2 is neither true nor false");
    assert_eq!(refused::<Option<u8>>(&[2]), "2 is neither none nor some");
    assert_eq!(refused::<char>(&[2, b'a', b'b']), "a character in it is none or more than one");
    assert_eq!(refused::<u8>(&[]), "the bytes end in the middle of it");
    assert_eq!(refused::<u8>(&[1, 2]), "1 bytes are left over behind it");
    refused::<u64>(&[0xff; 10]);
    refused::<u128>(&[0xff; 19]);
    refused::<String>(&[1, 0xff]);
}

#[test]
fn a_type_that_asks_what_comes_next_is_refused_with_the_reason() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Guess {
        Number(u8),
    }
    assert!(refused::<Guess>(&bytes_of(&Guess::Number(3))).contains("untagged"));
}
