//! Memory that grows on one side and is read on the other.

use crate::{Case, memfd};
use rustix::fs::SealFlags;
use shared::{Growing, SharedError};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

pub(crate) const CASES: &[Case] = &[
    ("what_one_side_adds_the_other_reads", what_one_side_adds_the_other_reads),
    ("a_reader_believes_no_length", a_reader_believes_no_length),
    ("discarded_memory_goes_back", discarded_memory_goes_back),
    ("it_grows_in_large_steps", it_grows_in_large_steps),
    ("no_room_leaves_it_as_it_was", no_room_leaves_it_as_it_was),
    ("a_foreign_file_is_refused", a_foreign_file_is_refused),
];

fn reader_of(writer: &Growing) -> Growing {
    Growing::from_descriptor(writer.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

fn set(growing: &mut Growing, offset: usize, value: u8) {
    assert!(offset < growing.mapped_bytes());
    let byte = growing.as_ptr().as_ptr().wrapping_add(offset);
    // SAFETY: inside the mapping, and nobody has a reference into it.
    unsafe { byte.write_volatile(value) };
}

fn get(growing: &Growing, offset: usize) -> u8 {
    assert!(offset < growing.mapped_bytes());
    let byte = growing.as_ptr().as_ptr().wrapping_add(offset);
    // SAFETY: as above.
    unsafe { byte.read_volatile() }
}

fn blocks(growing: &Growing) -> u64 {
    File::from(growing.as_fd().try_clone_to_owned().unwrap()).metadata().unwrap().blocks()
}

fn what_one_side_adds_the_other_reads() {
    let mut writer = Growing::create("growing").unwrap();
    let mut reader = reader_of(&writer);
    assert_eq!((writer.mapped_bytes(), reader.mapped_bytes()), (0, 0));
    for (nth, len) in [1, 5_000, 200_000, 3_000_000].into_iter().enumerate() {
        writer.reserve(len).unwrap();
        assert!(writer.mapped_bytes() >= len);
        set(&mut writer, len - 1, nth as u8 + 1);
        reader.map_at_least(len).unwrap();
        assert_eq!(get(&reader, len - 1), nth as u8 + 1);
        // What was there stays.
        assert_eq!(get(&reader, 0), 1);
    }
    // The reader may become the writer.
    reader.reserve(5_000_000).unwrap();
    set(&mut reader, 4_999_999, 9);
    writer.map_at_least(5_000_000).unwrap();
    assert_eq!(get(&writer, 4_999_999), 9);
    assert_eq!(get(&writer, 0), 1);
}

fn a_reader_believes_no_length() {
    let mut writer = Growing::create("short").unwrap();
    let mut reader = reader_of(&writer);
    writer.reserve(4096).unwrap();
    for wanted in [1 << 20, 1 << 50, usize::MAX] {
        match reader.map_at_least(wanted) {
            Err(SharedError::Short { wanted_bytes, len_bytes }) => {
                assert_eq!(wanted_bytes, wanted);
                assert!(len_bytes >= 4096);
            }
            other => panic!("{other:?}"),
        }
    }
    reader.map_at_least(4096).unwrap();
    assert_eq!(get(&reader, 4095), 0);
}

fn discarded_memory_goes_back() {
    let mut writer = Growing::create("discarded").unwrap();
    writer.discard().unwrap();
    writer.reserve(1 << 20).unwrap();
    set(&mut writer, 5, 7);
    let mut reader = reader_of(&writer);
    reader.map_at_least(1 << 20).unwrap();
    assert!(blocks(&writer) * 512 >= 1 << 20);
    writer.discard().unwrap();
    assert_eq!(blocks(&writer), 0);
    assert_eq!(writer.mapped_bytes(), 1 << 20);
    // For both sides.
    assert_eq!((get(&reader, 5), get(&writer, 5)), (0, 0));
    writer.reserve(1 << 19).unwrap();
    assert!(blocks(&writer) * 512 >= 1 << 19, "allocated before it is written to");
    set(&mut writer, 6, 8);
    assert_eq!(get(&reader, 6), 8);
}

fn it_grows_in_large_steps() {
    let mut writer = Growing::create("steps").unwrap();
    let mut moves = 0;
    let mut before = 0;
    for len in (0..8 << 20).step_by(4096) {
        writer.reserve(len + 4096).unwrap();
        moves += usize::from(writer.mapped_bytes() != before);
        before = writer.mapped_bytes();
    }
    assert!((2..=14).contains(&moves), "{moves} steps to 8 MiB");
}

fn no_room_leaves_it_as_it_was() {
    let mut writer = Growing::create("full").unwrap();
    writer.reserve(8192).unwrap();
    set(&mut writer, 8191, 3);
    for len in [1 << 50, usize::MAX >> 1, usize::MAX] {
        let refused = writer.reserve(len);
        assert!(matches!(refused, Err(SharedError::NoRoom { .. })), "{len}: {refused:?}");
        assert_eq!(writer.mapped_bytes(), 8192);
        assert_eq!(get(&writer, 8191), 3);
    }
    writer.reserve(100_000).unwrap();
}

fn a_foreign_file_is_refused() {
    let unsealed = Growing::from_descriptor(memfd(4096, SealFlags::GROW));
    assert!(matches!(unsealed, Err(SharedError::Refused { .. })), "{unsealed:?}");
    let file = Growing::from_descriptor(File::open("/dev/null").unwrap().into());
    assert!(matches!(file, Err(SharedError::Refused { .. })), "{file:?}");
}
