//! What is owed, through every event that the engine tells of.

use super::*;

fn ledger(chunks: u64) -> Ledger<(u64, u32)> {
    let mut ledger = Ledger::default();
    for _ in 0..chunks {
        let chunk = ledger.new_chunk();
        let jobs = vec![(chunk, 0), (chunk, 1)];
        ledger.owe(chunk, jobs, Bytes::from(chunk.to_string()), None);
    }
    ledger
}

fn send_all(ledger: &mut Ledger<(u64, u32)>, now: Instant) -> Vec<u64> {
    let sent = std::iter::from_fn(|| ledger.next_to_send(now));
    sent.map(|sent| match sent {
        ToSend::Chunk(chunk, bytes) => {
            assert_eq!(bytes, chunk.to_string().as_bytes());
            chunk
        }
        ToSend::Argument(..) => panic!("no argument is large"),
    })
    .collect()
}

#[test]
fn the_first_answer_wins() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    assert_eq!(send_all(&mut ledger, now), [1]);
    assert_eq!(ledger.answered(1, 1), Some((1, 1)));
    assert_eq!(ledger.answered(1, 1), None);
    assert_eq!(ledger.answered(1, 7), None, "no such task");
    assert_eq!(ledger.answered(1, 0), Some((1, 0)));
    assert_eq!(ledger.chunks(), 0);
    assert_eq!(ledger.answered(1, 0), None, "long after");
    assert_eq!(ledger.counts, Counts { resent: 0, duplicates: 3 });
}

#[test]
fn a_confirmed_chunk_is_still_owed() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    send_all(&mut ledger, now);
    ledger.confirmed(1);
    assert_eq!(ledger.chunks(), 1);
    ledger.overdue(now + CONFIRM_WITHIN * 10);
    assert_eq!(send_all(&mut ledger, now), [0; 0], "the server has it, and says so");
}

#[test]
fn what_the_server_has_not_confirmed_is_sent_again() {
    let (mut ledger, now) = (ledger(2), Instant::now());
    send_all(&mut ledger, now);
    ledger.confirmed(2);
    ledger.overdue(now + CONFIRM_WITHIN / 2);
    assert_eq!(send_all(&mut ledger, now), [0; 0]);
    ledger.overdue(now + CONFIRM_WITHIN);
    assert_eq!(send_all(&mut ledger, now), [1]);
    assert_eq!(ledger.counts.resent, 2, "two tasks");
}

#[test]
fn a_refused_chunk_waits_and_goes_first() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    send_all(&mut ledger, now);
    ledger.refused(1, now);
    assert_eq!(ledger.next_to_send(now), None);
    assert_eq!(send_all(&mut ledger, now + REFUSED_PAUSE), [1]);
    assert_eq!(ledger.counts.resent, 0, "the server never had it");
}

#[test]
fn so_many_are_unconfirmed_and_no_more() {
    let (mut ledger, now) = (ledger(UNCONFIRMED_MAX as u64 + 10), Instant::now());
    assert_eq!(send_all(&mut ledger, now).len(), UNCONFIRMED_MAX);
    (1..=4).for_each(|chunk| ledger.confirmed(chunk));
    ledger.confirmed(4);
    ledger.answered(5, 0);
    ledger.answered(5, 1);
    assert_eq!(send_all(&mut ledger, now).len(), 5, "four confirmed, one answered");
}

#[test]
fn a_chunk_that_two_looks_have_missed_is_sent_again() {
    let (mut ledger, now) = (ledger(3), Instant::now());
    send_all(&mut ledger, now);
    (1..=2).for_each(|chunk| ledger.confirmed(chunk));
    let (early, late) = (now + MISSED_AFTER / 2, now + MISSED_AFTER);
    let has = HashSet::from([2]);
    assert!(!ledger.may_miss(early));
    assert_eq!(ledger.looked(&has, early) + ledger.looked(&has, early), 0, "too early");
    assert!(ledger.may_miss(late));
    assert_eq!(ledger.looked(&has, late), 0, "the answer may be on its way");
    assert_eq!(ledger.looked(&HashSet::from([1, 2]), late), 0, "there it is again");
    assert_eq!(ledger.looked(&has, late), 0);
    ledger.answered(1, 0);
    assert_eq!(ledger.looked(&has, late), 1);
    assert_eq!(send_all(&mut ledger, late), [1], "2 is there, 3 is not confirmed");
    assert_eq!(ledger.counts.resent, 1, "the other task was answered");
}

#[test]
fn when_the_server_has_lost_all_all_is_sent_once_more() {
    let (mut ledger, now) = (ledger(3), Instant::now());
    ledger.next_to_send(now);
    ledger.confirmed(1);
    ledger.next_to_send(now);
    ledger.lost_all();
    let mut sent = send_all(&mut ledger, now);
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 3]);
    assert_eq!(ledger.counts.resent, 4, "chunk 3 had not been sent");
}

#[test]
fn a_large_argument_goes_first_every_time() {
    let (mut ledger, now) = (ledger(0), Instant::now());
    let (chunk, large) = (ledger.new_chunk(), Bytes::from_static(b"large"));
    ledger.owe(chunk, vec![(chunk, 0)], Bytes::from_static(b"small"), Some(large.clone()));
    for _ in 0..2 {
        assert_eq!(ledger.next_to_send(now), Some(ToSend::Argument(chunk, large.clone())));
        ledger.overdue(now + CONFIRM_WITHIN * 10);
        assert_eq!(ledger.next_to_send(now), None, "an upload takes as long as it takes");
        assert_eq!(ledger.uploaded(chunk, now).as_deref(), Some(&b"small"[..]));
        ledger.confirmed(chunk);
        ledger.send_again(chunk);
    }
    ledger.next_to_send(now);
    ledger.refused(chunk, now - REFUSED_PAUSE);
    assert_eq!(ledger.uploaded(chunk, now), None, "it is to be uploaded again");
    assert!(ledger.is_large(chunk));
    assert_eq!(ledger.answered(chunk, 0), Some((chunk, 0)));
    assert_eq!((ledger.left(chunk), ledger.unconfirmed), (0, 0));
}

#[test]
fn what_is_struck_out_comes_back() {
    let (mut ledger, now) = (ledger(2), Instant::now());
    send_all(&mut ledger, now);
    ledger.answered(1, 0);
    assert_eq!(ledger.job(1, 0), None);
    assert_eq!(ledger.job(1, 1), Some(&(1, 1)));
    let (jobs, bytes) = (vec![(1, (1, 1))], Bytes::from_static(b"1"));
    assert_eq!(ledger.strike(1), Some(Struck { jobs, bytes, large: None }));
    assert_eq!(ledger.strike(1), None);
    assert_eq!(ledger.strike_all().len(), 2);
    assert_eq!((ledger.chunks(), ledger.unconfirmed), (0, 0));
}

#[test]
fn suspects_go_one_after_the_other() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    let suspects: Vec<u64> = (0..4).map(|_| ledger.new_chunk()).collect();
    for chunk in &suspects {
        ledger.suspect(*chunk, (*chunk, 0), Bytes::from(chunk.to_string()), None);
    }
    assert_eq!((ledger.chunks(), ledger.under_way()), (5, 1));
    assert_eq!(send_all(&mut ledger, now), [2, 1]);
    ledger.lost_all();
    assert_eq!(send_all(&mut ledger, now), [1, 2], "those that were sent");
    ledger.begun(2);
    ledger.begun(1);
    assert_eq!((ledger.tried(1), ledger.tried(2)), (None, Some(1)));
    ledger.send_again(2);
    assert_eq!(send_all(&mut ledger, now), [2], "it is still its turn");
    assert_eq!(ledger.tried(2), Some(1), "and what is known of it stays");
    ledger.forget(3, 0);
    ledger.answered(2, 0);
    assert_eq!(send_all(&mut ledger, now), [4], "3 was aborted before its turn");
    assert_eq!((ledger.tried(2), ledger.tried(4)), (None, Some(0)));
    assert_eq!(ledger.under_way(), 2);
    assert_eq!(ledger.strike_all().len(), 4);
    assert_eq!((ledger.under_way(), ledger.next_to_send(now)), (0, None));
}
