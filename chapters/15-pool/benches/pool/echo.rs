//! An echo of `Vec<u8>`: beside `memcpy` into warm shared memory, and beside procspawn.
//!
//! The bytes are copied four times: into shared memory, out of it in the worker, and the same on the way back. So the
//! pool's figure is four times the payload, over the time of a call.

use crate::table::{Bound, Unit, in_turns, line, seconds};
use procpool::{Pool, SharedSliceMut};
use std::hint::black_box;

const COPIES: f64 = 4.0;

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

pub(crate) fn row() {
    let pool = Pool::builder().workers(2).build().expect("a pool");
    let peer = procspawn::Pool::new(2).expect("procspawn's pool");
    for (mebibytes, calls, rounds) in [(1, 40, 7), (256, 1, 5)] {
        let len: usize = mebibytes << 20;
        let mut warm = SharedSliceMut::<u8>::zeroed(len).expect("shared memory");
        let source = vec![7_u8; len];
        let mut payload = Some(source.clone());
        // The payload goes there and comes back, so that none is made within the time.
        let mut through_pool = || {
            seconds(|| {
                for _ in 0..calls {
                    let back = pool.call(echo, payload.take().expect("it came back"));
                    payload = Some(back.expect("a result"));
                }
            }) / calls as f64
        };
        let mut by_memcpy = || {
            seconds(|| {
                for _ in 0..calls {
                    black_box(warm.as_mut_slice()).copy_from_slice(black_box(&source));
                }
            }) / calls as f64
        };
        let [own, floor] = in_turns(rounds, [&mut through_pool, &mut by_memcpy]);
        let mut peers_payload = Some(source.clone());
        let mut through_procspawn = || {
            seconds(|| {
                let bytes = peers_payload.take().expect("it came back");
                let back = peer.spawn(bytes, |bytes| bytes).join();
                peers_payload = Some(back.expect("a result"));
            })
        };
        let [procspawn] = in_turns(if mebibytes > 1 { 1 } else { 9 }, [&mut through_procspawn]);
        let rate = |copies: f64, seconds: f64| copies * len as f64 / seconds;
        let what = format!("echo of {mebibytes} MiB, all copies");
        let beside = ("memcpy into warm shared memory", rate(1.0, floor), Unit::Throughput);
        let own_rate = (rate(COPIES, own), Unit::Throughput);
        line(&what, own_rate, beside, Bound::AtLeast(0.4));
        let what = format!("echo of {mebibytes} MiB, time");
        line(
            &what,
            (own, Unit::Time),
            ("procspawn", procspawn, Unit::Time),
            Bound::AtMost(0.1),
        );
        assert_eq!(payload.as_ref().map(Vec::len), Some(len));
    }
}
