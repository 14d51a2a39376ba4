//! Frames through streams that are cut into any pieces, cut short, or damaged.

use pipe::frame::{self, FrameError, HEADER_LEN};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{self, ErrorKind, Read};
use std::thread;

/// Gives `stream` in pieces of the lengths `pieces`, over and over. A length of 0 is an interruption by a signal.
struct Chopped<'a> {
    stream: &'a [u8],
    pieces: Vec<usize>,
    turn: usize,
    /// The longest piece that was asked for beyond what had been given.
    asked_max: usize,
    given: usize,
}

impl<'a> Chopped<'a> {
    fn new(stream: &'a [u8], pieces: &[usize]) -> Self {
        Chopped { stream, pieces: pieces.to_vec(), turn: 0, asked_max: 0, given: 0 }
    }
}

impl Read for Chopped<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.asked_max = self.asked_max.max(buf.len().saturating_sub(self.given));
        let piece = self.pieces[self.turn % self.pieces.len()];
        self.turn += 1;
        if piece == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let room = buf.len().min(piece);
        let len = self.stream.read(&mut buf[..room])?;
        self.given += len;
        Ok(len)
    }
}

/// Lengths of pieces, at least one of which is not 0.
fn pieces() -> impl Strategy<Value = Vec<usize>> {
    (vec(0..40usize, 0..8), 1..3000usize).prop_map(|(mut pieces, last)| {
        pieces.push(last);
        pieces
    })
}

fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..3000)], 0..8)
}

fn stream_of(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for payload in payloads {
        frame::write(&mut stream, payload, u64::MAX).expect("a Vec takes everything");
    }
    stream
}

proptest! {
    #[test]
    fn what_was_written_is_read_however_it_is_cut(payloads in payloads(), pieces in pieces()) {
        let stream = stream_of(&payloads);
        let mut reader = Chopped::new(&stream, &pieces);
        for payload in &payloads {
            let read = frame::read(&mut reader, payload.len() as u64).expect("whole");
            prop_assert_eq!(read.as_ref(), Some(payload));
        }
        prop_assert_eq!(frame::read(&mut reader, u64::MAX).expect("the end"), None);
    }

    #[test]
    fn a_stream_cut_short_is_truncated_except_between_frames(
        payloads in payloads(),
        pieces in pieces(),
        cut in any::<prop::sample::Index>(),
    ) {
        let stream = stream_of(&payloads);
        let cut = cut.index(stream.len() + 1);
        let mut reader = Chopped::new(&stream[..cut], &pieces);
        let mut begin = 0;
        for payload in &payloads {
            let end = begin + HEADER_LEN + payload.len();
            if end > cut {
                break;
            }
            prop_assert_eq!(&frame::read(&mut reader, u64::MAX).expect("whole"), &Some(payload.clone()));
            begin = end;
        }
        let in_frame = cut - begin;
        match frame::read(&mut reader, u64::MAX) {
            Ok(None) => prop_assert_eq!(in_frame, 0),
            Err(FrameError::Truncated { got, wanted }) => {
                prop_assert!(got < wanted);
                let got = if in_frame < HEADER_LEN { got } else { got + HEADER_LEN as u64 };
                prop_assert_eq!(got, in_frame as u64);
                prop_assert!(in_frame > 0);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn damage_ends_in_frames_or_an_error_and_takes_no_memory(
        payloads in payloads(),
        pieces in pieces(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        len_max in prop_oneof![0..5000u64, Just(u64::MAX)],
    ) {
        let mut stream = stream_of(&payloads);
        prop_assume!(!stream.is_empty());
        for (place, byte) in damage {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        let mut reader = Chopped::new(&stream, &pieces);
        let mut total = 0;
        loop {
            match frame::read(&mut reader, len_max) {
                Ok(Some(payload)) => {
                    prop_assert!(payload.len() as u64 <= len_max);
                    total += HEADER_LEN + payload.len();
                    prop_assert!(total <= stream.len());
                }
                Ok(None) => {
                    prop_assert_eq!(total, stream.len());
                    break;
                }
                Err(FrameError::Oversized { len, len_max: limit }) => {
                    prop_assert!(limit == len_max && len > len_max);
                    break;
                }
                Err(FrameError::Truncated { got, wanted }) => {
                    prop_assert!(got < wanted);
                    break;
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        prop_assert!(reader.asked_max <= 64 << 10, "asked for {} bytes", reader.asked_max);
    }

    #[test]
    fn any_bytes_at_all_are_frames_or_an_error(stream in vec(any::<u8>(), 0..200), len_max: u64) {
        let mut reader = stream.as_slice();
        while let Ok(Some(payload)) = frame::read(&mut reader, len_max) {
            prop_assert!(payload.len() as u64 <= len_max);
        }
    }

    #[test]
    fn a_length_above_the_limit_is_oversized_at_both_sides(len: u64, len_max: u64) {
        let header = len.to_le_bytes();
        match frame::read(&mut &header[..], len_max) {
            Err(FrameError::Oversized { len: seen, len_max: limit }) => {
                prop_assert!(len > len_max && (seen, limit) == (len, len_max));
            }
            Err(FrameError::Truncated { got: 0, wanted }) => {
                prop_assert!(len <= len_max && wanted == len);
            }
            other => prop_assert!(len == 0, "{:?}", other),
        }
        let payload = vec![0; (len % 2000) as usize];
        let limit = len_max % 2000;
        let mut stream = Vec::new();
        let written = frame::write(&mut stream, &payload, limit);
        prop_assert_eq!(written.is_ok(), payload.len() as u64 <= limit);
        prop_assert_eq!(stream.is_empty(), written.is_err());
    }
}

#[test]
fn a_frame_longer_than_the_pipe_goes_through() {
    let (mut reader, mut writer) = pipe::pipe().expect("pipe");
    let payload: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let sent = payload.clone();
    let thread = thread::spawn(move || frame::write(&mut writer, &sent, u64::MAX));
    assert_eq!(frame::read(&mut reader, u64::MAX).expect("whole"), Some(payload));
    thread.join().expect("no panic").expect("written");
    assert_eq!(frame::read(&mut reader, u64::MAX).expect("the end"), None);
}

/// Header and payload are one write, so frames up to PIPE_BUF from many writers stay whole.
#[test]
fn short_frames_of_several_writers_do_not_mix() {
    const WRITERS: u8 = 4;
    const FRAMES: usize = 500;
    const LEN: usize = 4096 - HEADER_LEN;
    let (mut reader, writer) = pipe::pipe().expect("pipe");
    let threads: Vec<_> = (0..WRITERS)
        .map(|number| {
            let copy = std::os::fd::AsFd::as_fd(&writer).try_clone_to_owned().expect("dup");
            let mut writer = pipe::WriteEnd::from(copy);
            thread::spawn(move || {
                for _ in 0..FRAMES {
                    frame::write(&mut writer, &[number; LEN], LEN as u64).expect("written");
                }
            })
        })
        .collect();
    drop(writer);
    let mut counts = [0; WRITERS as usize];
    while let Some(payload) = frame::read(&mut reader, LEN as u64).expect("whole") {
        assert_eq!(payload, [payload[0]; LEN]);
        counts[usize::from(payload[0])] += 1;
    }
    assert_eq!(counts, [FRAMES; WRITERS as usize]);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}
