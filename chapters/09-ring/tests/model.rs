//! A ring against a queue: any steps of an honest producer and consumer, and any steps of hostile ones.

mod steps;

use proptest::collection::vec;
use proptest::prelude::*;
use steps::{Bench, Step};

fn honest() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![4 => 0..40u16, 1 => 0..1100u16];
    prop_oneof![
        6 => len().prop_map(|first| Step::Write { first, second: 0 }),
        3 => (len(), len()).prop_map(|(first, second)| Step::Write { first, second }),
        4 => Just(Step::Publish),
        8 => Just(Step::Next),
        3 => Just(Step::Release),
        1 => Just(Step::Look),
        1 => any::<u16>().prop_map(|behind| Step::Mark { behind }),
    ]
}

fn hostile() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        any::<u64>(),
        0..5000u64,
        Just(u64::from(u32::MAX)),
        (0..9000u64).prop_map(|behind| u64::MAX - behind),
    ];
    let word = prop_oneof![0..2u16, 2..20u16, any::<u16>()];
    prop_oneof![
        12 => honest(),
        1 => (word, value).prop_map(|(word, value)| Step::Tamper { word, value }),
        1 => (any::<bool>(), any::<i16>()).prop_map(|(is_head, by)| Step::Move { is_head, by }),
        1 => (any::<bool>(), -16..64i16)
            .prop_map(|(is_head, by)| Step::Move { is_head, by: by * 8 }),
    ]
}

/// Where the indices begin. Near the end they run over the largest number.
fn start() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>(), (0..20_000u64).prop_map(|before| u64::MAX - before)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn it_is_a_queue(start in start(), steps in vec(honest(), 0..600)) {
        Bench::new().run(start, steps.into_iter());
    }

    #[test]
    fn whatever_is_written_into_it_is_a_record_or_an_error(
        start in start(),
        steps in vec(hostile(), 0..300),
    ) {
        Bench::new().run(start, steps.into_iter());
    }

    #[test]
    fn so_is_any_sequence_of_bytes(bytes in vec(any::<u8>(), 0..300)) {
        Bench::new().run_bytes(&bytes);
    }
}
