//! Any bytes at all as steps on a ring, among them those of somebody hostile.
//!
//! As an ordinary test this takes 4,000 sequences from a generator of random numbers. Built for libFuzzer, it is the
//! fuzz target, which looks for sequences that reach new code (`cargo +nightly` and a C++ compiler are needed):
//!
//! ```text
//! RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
//!   -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions" \
//!   cargo +nightly test --release -p byte-ring --test fuzz --target x86_64-unknown-linux-gnu -- -max_total_time=3600
//! ```
//!
//! # References
//! The manual of libFuzzer, <https://llvm.org/docs/LibFuzzer.html>.
#![cfg_attr(fuzzing, no_main)]
#![allow(unexpected_cfgs, reason = "only a build for the fuzzer says `fuzzing`")]

mod steps;

use steps::Bench;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    thread_local!(static BENCH: Bench = Bench::new());
    BENCH.with(|bench| bench.run_bytes(bytes));
});

#[cfg(not(fuzzing))]
#[test]
fn any_bytes_are_steps() {
    let bench = Bench::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // Xorshift (Marsaglia, 2003): the same sequences in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for sequence in 0..4000u64 {
        let words = 1 + next() % 60;
        let start = if sequence.is_multiple_of(2) { next() % 5000 } else { next() };
        let words = std::iter::once(start).chain((0..words).map(|_| next()));
        let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bench.run_bytes(&bytes);
    }
}
