//! Arguments and results of every size, whatever way they travel.

use crate::gate::{self, Gate};
use crate::observe::{descriptors, pool, worker_pids};
use procpool::StartMethod;

crate::over_each_start_method![
    every_size_near_a_power_of_two,
    a_mebibyte_and_a_hundred,
    large_one_way_only,
    large_ones_through_map,
    large_ones_side_by_side,
    text_and_nested_vectors,
    small_ones_fill_the_ring_exactly,
    large_payloads_cost_no_descriptor,
    cancelled_large_payloads_are_forgotten,
];

/// Bytes in which a shift or a gap would show. Eight at a time: in a debug build that is what takes the time.
fn pattern(len: usize, seed: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    for n in 1..=len.div_ceil(8) as u64 {
        let word = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed as u64);
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn every_size_near_a_power_of_two(method: StartMethod) {
    let pool = pool(method);
    let near = |power: u32| {
        let middle = 1_usize << power;
        [middle.saturating_sub(33), middle - 1, middle, middle + 1, middle + 33]
    };
    // Around a quarter of a ring lies the border between two ways to travel: look at it more closely.
    let border =
        [32, 64, 128].into_iter().flat_map(|kib: usize| (kib * 1024 - 64)..(kib * 1024 + 16));
    for len in (0..=18).flat_map(near).chain(border) {
        let bytes = pattern(len, len);
        let back = pool.call(echo, bytes.clone()).expect("a result");
        assert!(back == bytes, "{len} bytes came back as {} others", back.len());
    }
}

fn a_mebibyte_and_a_hundred(method: StartMethod) {
    let pool = pool(method);
    for mebibytes in [1, 100, 1, 3] {
        let bytes = pattern(mebibytes << 20, mebibytes);
        assert!(pool.call(echo, bytes.clone()).expect("a result") == bytes, "{mebibytes} MiB");
    }
}

fn sum(bytes: Vec<u8>) -> u64 {
    bytes.into_iter().map(u64::from).sum()
}

fn repeat((byte, len): (u8, usize)) -> Vec<u8> {
    vec![byte; len]
}

fn large_one_way_only(method: StartMethod) {
    let pool = pool(method);
    let bytes = pattern(5 << 20, 1);
    let expected: u64 = bytes.iter().copied().map(u64::from).sum();
    assert_eq!(pool.call(sum, bytes).expect("a result"), expected);
    let back = pool.call(repeat, (7, 6 << 20)).expect("a result");
    assert!(back.len() == 6 << 20 && back.iter().all(|byte| *byte == 7));
    assert_eq!(pool.call(sum, vec![1; 10]).expect("a result"), 10);
}

fn large_ones_through_map(method: StartMethod) {
    let pool = pool(method);
    let len = |n: usize| [10, 200_000, 3 << 20, 40_000][n % 4] + n;
    let results = pool.map(echo, (0..80).map(|n| pattern(len(n), n)));
    for (n, result) in results.enumerate() {
        assert!(result.expect("a result") == pattern(len(n), n), "input {n}");
    }
    let mut seen = [false; 40];
    for (n, result) in pool.map_unordered(echo, (0..40).map(|n| pattern(len(n), n))) {
        assert!(result.expect("a result") == pattern(len(n), n), "input {n}");
        seen[n] = true;
    }
    assert_eq!(seen, [true; 40]);
}

fn large_ones_side_by_side(method: StartMethod) {
    let pool = pool(method);
    // All submitted before the first is joined: neither side may wait for the other to make room.
    let handles: Vec<_> =
        (0..24).map(|n| pool.submit(echo, pattern((2 << 20) + n, n))).collect();
    for (n, handle) in handles.into_iter().enumerate().rev() {
        assert!(handle.join().expect("a result") == pattern((2 << 20) + n, n), "task {n}");
    }
}

fn same<T>(value: T) -> T {
    value
}

fn text_and_nested_vectors(method: StartMethod) {
    let pool = pool(method);
    let text = "grün ".repeat(300_000);
    assert!(pool.call(same::<String>, text.clone()).expect("a result") == text);
    let words: Vec<String> = (0..50_000).map(|n| format!("word {n}")).collect();
    assert!(pool.call(same::<Vec<String>>, words.clone()).expect("a result") == words);
    let numbers: Vec<u64> = (0..1 << 20).map(|n| n * 0x1_0001).collect();
    assert!(pool.call(same::<Vec<u64>>, numbers.clone()).expect("a result") == numbers);
    let floats: Vec<f32> = (0..1 << 18).map(|n| n as f32 / 3.0).collect();
    assert!(pool.call(same::<Vec<f32>>, floats.clone()).expect("a result") == floats);
}

fn small_ones_fill_the_ring_exactly(method: StartMethod) {
    let pool = pool(method);
    // Lengths that walk through every way in which a record can meet the end of a ring.
    let len = |n: usize| (n * 7) % 1_500;
    let results = pool.map(echo, (0..6_000).map(|n| pattern(len(n), n)));
    for (n, result) in results.enumerate() {
        assert!(result.expect("a result") == pattern(len(n), n), "input {n}");
    }
    // Just below the largest that a ring takes: hardly more than one fits.
    let len = |n: usize| 31_000 + n * 13 % 1_700;
    let results = pool.map(echo, (0..300).map(|n| pattern(len(n), n)));
    for (n, result) in results.enumerate() {
        assert!(result.expect("a result") == pattern(len(n), n), "input {n}");
    }
}

fn large_payloads_cost_no_descriptor(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let own = std::process::id();
    let count = || -> Vec<usize> {
        pids.iter().chain([&own]).map(|pid| descriptors(*pid).len()).collect()
    };
    // The first large payload may bring each lane an area, which stays.
    for _ in 0..2 {
        for result in pool.map(echo, (0..16).map(|n| pattern(1 << 20, n))) {
            result.expect("a result");
        }
    }
    let before = count();
    for result in pool.map(echo, (0..100).map(|n| pattern((1 << 20) + (n << 12), n))) {
        result.expect("a result");
    }
    let after = count();
    for (before, after) in before.iter().zip(&after) {
        assert!(after <= &(before + 2), "{before} descriptors before, {after} after 100 tasks");
    }
}

fn cancelled_large_payloads_are_forgotten(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let holding: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    let handles: Vec<_> = (0..20).map(|n| pool.submit(echo, pattern(1 << 20, n))).collect();
    for handle in handles.iter().step_by(2) {
        assert!(handle.cancel());
    }
    drop(arrivals);
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.join() {
            Ok(bytes) => assert!(n % 2 == 1 && bytes == pattern(1 << 20, n), "task {n}"),
            Err(procpool::TaskError::Cancelled) => assert_eq!(n % 2, 0),
            Err(other) => panic!("{other}"),
        }
    }
    for handle in holding {
        handle.join().expect("the gate is open");
    }
}
