//! What a call does with its argument, its result and whatever goes wrong. Nothing here forks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::panic::panic_any;
use task::{Call, CallError, Outcome, PanicReport, catch_panics, decode, encode};

fn run<A: task::Message, R: task::Message>(
    f: fn(A) -> R,
    argument: A,
) -> Result<R, (Outcome, PanicReport)> {
    catch_panics();
    let mut bytes = Vec::new();
    encode(&argument, &mut bytes).expect("the argument can be encoded");
    run_bytes(f, &bytes)
}

fn run_bytes<A: task::Message, R: task::Message>(
    f: fn(A) -> R,
    bytes: &[u8],
) -> Result<R, (Outcome, PanicReport)> {
    catch_panics();
    let call = Call::of(f).expect("a function of this program");
    // SAFETY: the bits come from this very process.
    let call = unsafe { Call::from_bits(call.to_bits()) }.expect("its own bits");
    let mut out = b"before".to_vec();
    let outcome = call.run(bytes, &mut out);
    assert!(out.starts_with(b"before"), "the result stands behind what was there");
    match outcome {
        Outcome::Returned => Ok(decode(&out[6..]).expect("a result")),
        other => Err((other, PanicReport::decode(&out[6..]).expect("a report"))),
    }
}

#[test]
fn functions_and_closures_without_captures_run() {
    fn add((a, b): (u32, u32)) -> u64 {
        u64::from(a) + u64::from(b)
    }
    assert_eq!(run(add, (u32::MAX, 1)).expect("a sum"), 1 << 32);
    assert_eq!(run(|word: String| word.len(), "three".to_owned()).expect("a length"), 5);
    run(|()| (), ()).expect("nothing");
    run(drop::<Vec<u8>>, vec![1, 2]).expect("nothing");
}

#[test]
fn large_vectors_go_there_and_back() {
    let numbers: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    let back = run(|numbers: Vec<f64>| numbers, numbers.clone()).expect("the numbers");
    assert_eq!(back, numbers);
}

#[test]
fn a_result_that_is_one_piece_of_memory_is_offered_before_it_is_copied() {
    let run = |call: Call, argument: &[u8], taking: bool| {
        let (mut out, mut taken) = (vec![9], Vec::new());
        let outcome = call.run_in_place(argument, &mut out, &mut |head, body| {
            taken = [head, body].concat();
            taking
        });
        assert_eq!(outcome, Outcome::Returned);
        (out, taken)
    };
    let repeated = Call::of(|text: String| text.repeat(2)).expect("a function of this program");
    let (argument, result) = (b"\x02ab", b"\x04abab".to_vec());
    assert_eq!(run(repeated, argument, true), (vec![9], result.clone()));
    assert_eq!(run(repeated, argument, false), ([vec![9], result.clone()].concat(), result));
    let counted = Call::of(|text: String| text.len()).expect("a function of this program");
    assert_eq!(run(counted, argument, true), (vec![9, 2], vec![]), "a number is not offered");
}

#[test]
fn a_panic_is_told_with_its_place_and_its_stack() {
    fn deep(number: u32) -> u32 {
        inner(number)
    }
    #[inline(never)]
    fn inner(number: u32) -> u32 {
        assert!(number < 3, "{number} is too much");
        number
    }
    assert_eq!(run(deep, 2).expect("two"), 2);
    let (outcome, report) = run(deep, 7).expect_err("a panic");
    assert_eq!(outcome, Outcome::Panicked);
    assert_eq!(report.message, "7 is too much");
    let location = report.location.as_deref().unwrap_or_default();
    assert!(location.contains("tests/calls.rs:"), "{location}");
    assert_eq!(report.type_name, None);
    let backtrace = report.backtrace();
    let first = backtrace.lines().next().unwrap_or_default();
    assert!(first.contains("0: calls::") && first.ends_with("::inner"), "{backtrace}");
    assert!(!backtrace.contains("task::call"), "the worker's part is left out: {backtrace}");
    assert_eq!(report.backtrace(), backtrace);
}

#[test]
fn a_panic_without_a_text_is_told() {
    fn shot((): ()) {
        panic_any(7_u32)
    }
    let (outcome, report) = run(shot, ()).expect_err("a panic");
    assert_eq!(outcome, Outcome::Panicked);
    assert_eq!(report.message, "(the panic's value is no text)");
    assert!(report.location.is_some());
}

#[test]
fn a_panic_whose_value_panics_when_dropped_is_told() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }
    fn shot((): ()) {
        panic_any(Bomb)
    }
    for _ in 0..3 {
        let (outcome, report) = run(shot, ()).expect_err("a panic");
        assert_eq!((outcome, report.location.is_some()), (Outcome::Panicked, true));
    }
}

#[test]
fn a_panic_that_the_task_caught_is_not_told_for_another() {
    fn two((): ()) {
        let caught = std::panic::catch_unwind(|| panic!("the first"));
        assert!(caught.is_err());
        std::panic::resume_unwind(Box::new("the second"))
    }
    let (_, report) = run(two, ()).expect_err("a panic");
    assert_eq!((report.message.as_str(), report.location), ("the second", None));
}

#[test]
fn a_very_long_message_is_cut_between_letters() {
    fn long((): ()) {
        panic!("x{}", "ä".repeat(1 << 20))
    }
    let (_, report) = run(long, ()).expect_err("a panic");
    assert_eq!(report.message.len(), 64 * 1024 - 1);
    assert!(report.message.ends_with('ä'));
}

/// Cannot be encoded if its number is 1 or 2, nor decoded if it is 3 or 4.
#[derive(Debug, PartialEq)]
struct Fussy(u8);

impl Serialize for Fussy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            1 => Err(serde::ser::Error::custom("one is not written")),
            2 => panic!("two is not written"),
            number => number.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Fussy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fussy, D::Error> {
        match u8::deserialize(deserializer)? {
            3 => Err(serde::de::Error::custom("three is not read")),
            4 => panic!("four is not read"),
            number => Ok(Fussy(number)),
        }
    }
}

#[test]
fn values_that_cannot_be_sent_say_why() {
    let refused = |number| {
        let mut out = vec![9];
        let error = encode(&vec![Fussy(0), Fussy(number)], &mut out).expect_err("refused");
        assert_eq!(out, [9], "nothing is left behind");
        assert!(error.type_name.contains("Fussy"), "{error}");
        error.message
    };
    assert_eq!(refused(1), "one is not written");
    assert_eq!(refused(2), "panicked: two is not written");
    let unread = |number| decode::<Fussy>(&[number]).expect_err("refused").message;
    assert_eq!(unread(3), "three is not read");
    assert_eq!(unread(4), "panicked: four is not read");
}

#[test]
fn a_worker_tells_values_that_cannot_be_sent() {
    for (number, message, has_place) in
        [(1, "one is not written", false), (2, "two is not written", true)]
    {
        let (outcome, report) = run(Fussy, number).expect_err("refused");
        assert_eq!((outcome, report.message.as_str()), (Outcome::EncodeFailed, message));
        assert!(report.type_name.as_deref().unwrap_or_default().ends_with("Fussy"), "{report}");
        assert_eq!(report.location.is_some(), has_place);
    }
    for (number, message) in [(3, "three is not read"), (4, "four is not read")] {
        let (outcome, report) =
            run_bytes(|fussy: Fussy| fussy.0, &[number]).expect_err("refused");
        assert_eq!((outcome, report.message.as_str()), (Outcome::DecodeFailed, message));
        assert!(report.type_name.as_deref().unwrap_or_default().ends_with("Fussy"), "{report}");
    }
    let (outcome, _) = run_bytes(|number: u64| number, &[1, 2]).expect_err("a byte too many");
    assert_eq!(outcome, Outcome::DecodeFailed);
}

#[test]
fn a_destructor_that_panics_is_told() {
    #[derive(Serialize, Deserialize)]
    struct Falling;
    impl Drop for Falling {
        fn drop(&mut self) {
            panic!("fell");
        }
    }
    let Err((outcome, report)) = run(|()| Falling, ()).map(std::mem::forget) else {
        panic!("nothing fell");
    };
    assert_eq!((outcome, report.message.as_str()), (Outcome::Panicked, "fell"));
}

#[test]
fn numbers_that_are_no_call_are_refused() {
    for bits in [0, 1, u64::MAX, u64::from(u32::MAX), 1 << 32] {
        // SAFETY: none of these is ever run.
        let call = unsafe { Call::from_bits(bits) };
        assert_eq!(call, Err(CallError::NotCode { bits }));
    }
}

#[test]
fn outcomes_are_known_by_their_numbers() {
    for outcome in
        [Outcome::Returned, Outcome::Panicked, Outcome::DecodeFailed, Outcome::EncodeFailed]
    {
        assert_eq!(Outcome::try_from(outcome as u8), Ok(outcome));
    }
    assert_eq!(Outcome::try_from(4), Err(4));
}
