//! Slices that reach another process without a copy.

use crate::{Bystander, Case, in_a_child, memfd};
use nix::sys::resource::{UsageWho, getrusage};
use proptest::test_runner::{Config, TestRunner};
use rustix::fs::SealFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::{SharedSlice, SharedSliceMut, passing};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub(crate) const CASES: &[Case] = &[
    ("a_slice_is_read_by_another_process", a_slice_is_read_by_another_process),
    ("a_few_bytes_whatever_the_length_and_nothing_touched", few_bytes_and_nothing_touched),
    ("clones_stay_clones", clones_stay_clones),
    ("nobody_can_write_to_a_frozen_slice", nobody_can_write_to_a_frozen_slice),
    ("memory_that_moves_comes_back_changed", memory_that_moves_comes_back_changed),
    ("freezing_beside_a_fork_copies", freezing_beside_a_fork_copies),
    ("of_length_0_and_of_no_size", of_length_0_and_of_no_size),
    ("only_inside_a_message", only_inside_a_message),
    ("a_panic_puts_things_back", a_panic_puts_things_back),
    ("a_hostile_note_is_an_error", a_hostile_note_is_an_error),
    ("hostile_memory_is_an_error", hostile_memory_is_an_error),
    ("what_nobody_takes_is_closed", what_nobody_takes_is_closed),
    ("a_slice_too_long_is_an_error", a_slice_too_long_is_an_error),
];

fn pack<T: Serialize>(value: &T) -> (Vec<u8>, Vec<Arc<OwnedFd>>) {
    let (bytes, descriptors) = passing::collect(|| postcard::to_allocvec(value));
    (bytes.unwrap(), descriptors)
}

/// As a message does it, in one process.
fn dup(descriptors: &[Arc<OwnedFd>]) -> Vec<OwnedFd> {
    descriptors.iter().map(|one| one.try_clone().unwrap()).collect()
}

fn unpack<T: DeserializeOwned>(bytes: &[u8], descriptors: Vec<OwnedFd>) -> postcard::Result<T> {
    passing::provide(descriptors, || postcard::from_bytes(bytes))
}

fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let (bytes, descriptors) = pack(value);
    unpack(&bytes, dup(&descriptors)).unwrap()
}

fn a_slice_is_read_by_another_process() {
    let (here, there) = passing::socket_pair().unwrap();
    let mut child = wait::Child::fork(|| {
        let mut buffer = [0; 64];
        let message = passing::receive(there.as_fd(), &mut buffer).unwrap();
        let (name, numbers): (String, SharedSlice<u32>) =
            unpack(&buffer[..message.len], message.descriptors).unwrap();
        i32::from(name != "numbers" || numbers.iter().sum::<u32>() != 499_500)
    })
    .unwrap();
    let numbers = SharedSlice::from_slice(&(0..1000).collect::<Vec<u32>>()).unwrap();
    let (bytes, descriptors) = pack(&("numbers", &numbers));
    passing::send(here.as_fd(), &bytes, &[descriptors[0].as_fd()]).unwrap();
    assert!(child.wait().unwrap().success());
}

fn few_bytes_and_nothing_touched() {
    let slice = SharedSliceMut::<u64>::zeroed(4 << 20).unwrap().freeze().unwrap();
    let faults = || getrusage(UsageWho::RUSAGE_SELF).unwrap().minor_page_faults();
    // Once to have the code in memory.
    drop(there_and_back(&slice));
    let before = faults();
    let (bytes, descriptors) = pack(&slice);
    let copy: SharedSlice<u64> = unpack(&bytes, dup(&descriptors)).unwrap();
    let took = faults() - before;
    assert!(bytes.len() < 16, "{} bytes", bytes.len());
    assert!(took < 100, "{took} page faults for 8192 pages");
    assert_eq!(copy.len(), 4 << 20);
}

fn clones_stay_clones() {
    let slice = SharedSlice::from_slice(&[1.5_f32, 2.5]).unwrap();
    let other = SharedSlice::from_slice(&[3_u8]).unwrap();
    let sent = (slice.clone(), other.clone(), slice.clone());
    let (bytes, descriptors) = pack(&sent);
    assert_eq!(descriptors.len(), 2);
    let came: (SharedSlice<f32>, SharedSlice<u8>, SharedSlice<f32>) =
        unpack(&bytes, dup(&descriptors)).unwrap();
    assert_eq!(came, sent);
    assert_eq!(came.0.as_ptr(), came.2.as_ptr());
    assert_ne!(came.0.as_ptr(), slice.as_ptr());
    // What was received can be sent on.
    assert_eq!(there_and_back(&came), sent);
    assert_eq!(format!("{slice:?}"), "SharedSlice { len: 2, .. }");
}

fn nobody_can_write_to_a_frozen_slice() {
    let mut filled = SharedSliceMut::<u8>::zeroed(5000).unwrap();
    filled.as_mut_slice().fill(7);
    for slice in [filled.freeze().unwrap(), SharedSlice::from_slice(&[7; 5000]).unwrap()] {
        let (_, descriptors) = pack(&slice);
        let file = File::from(descriptors[0].try_clone().unwrap());
        assert_eq!(file.write_at(b"x", 0).unwrap_err().raw_os_error(), Some(1));
        assert!(memmap2::MmapOptions::new().map_raw(&file).is_err());
        assert!(file.set_len(1).is_err());
        assert!(slice.iter().all(|byte| *byte == 7));
    }
}

fn memory_that_moves_comes_back_changed() {
    let mut numbers = SharedSliceMut::<i64>::zeroed(1000).unwrap();
    numbers[3] = 5;
    let (bytes, descriptors) = pack(&numbers);
    let memory = dup(&descriptors);
    drop((numbers, descriptors));
    let mut moved: SharedSliceMut<i64> = unpack(&bytes, memory).unwrap();
    assert_eq!(moved[3], 5);
    moved[999] = -1;
    let mut back = there_and_back(&moved);
    drop(moved);
    back[0] = 1;
    assert_eq!((back[0], back[3], back[999]), (1, 5, -1));
    assert_eq!(back.freeze().unwrap().iter().sum::<i64>(), 5);
    // Twice in one message it would have two owners.
    let twice = SharedSliceMut::<u8>::zeroed(8).unwrap();
    let (bytes, descriptors) = pack(&(&twice, &twice));
    let refused: Result<(SharedSliceMut<u8>, SharedSliceMut<u8>), _> =
        unpack(&bytes, dup(&descriptors));
    assert!(refused.is_err());
}

fn freezing_beside_a_fork_copies() {
    let mut slice = SharedSliceMut::<u16>::zeroed(4000).unwrap();
    let (before, bystander) = (inode(&slice), Bystander::new());
    slice.as_mut_slice().fill(9);
    let slice = slice.freeze().unwrap();
    assert_ne!(inode(&slice), before);
    assert!(slice.iter().all(|number| *number == 9));
    assert_eq!(there_and_back(&slice), slice);
    drop(bystander);
    in_a_child(|| assert_eq!(slice[3999], 9));
    // Without one there is no copy.
    let slice = SharedSliceMut::<u16>::zeroed(4000).unwrap();
    let before = inode(&slice);
    assert_eq!(inode(&slice.freeze().unwrap()), before);
}

/// The kernel's number for the memory that would be sent.
fn inode<T: Serialize>(slice: &T) -> u64 {
    rustix::fs::fstat(&pack(slice).1[0]).unwrap().st_ino
}

fn of_length_0_and_of_no_size() {
    let empty = SharedSlice::<u32>::from_slice(&[]).unwrap();
    assert!(empty.is_empty());
    let (bytes, descriptors) = pack(&empty);
    assert!(descriptors.is_empty());
    assert_eq!(unpack::<SharedSlice<u32>>(&bytes, Vec::new()).unwrap().len(), 0);
    let mut none = there_and_back(&SharedSliceMut::<u64>::zeroed(0).unwrap());
    assert_eq!(none.as_mut_slice(), &mut [0_u64; 0]);
    assert_eq!(none.freeze().unwrap().len(), 0);
    let units = there_and_back(&SharedSlice::from_slice(&[(); 5]).unwrap());
    assert_eq!(units.len(), 5);
}

fn only_inside_a_message() {
    let slice = SharedSlice::from_slice(&[1_u8]).unwrap();
    let error = serde_json::to_string(&slice).unwrap_err().to_string();
    assert!(error.contains("can only be sent through a pool"), "{error}");
    let error = serde_json::from_str::<SharedSlice<u8>>("[0, 1, 1]").unwrap_err().to_string();
    assert!(error.contains("can only be received from a pool"), "{error}");
    let (bytes, descriptors) = pack(&slice);
    assert!(postcard::from_bytes::<SharedSlice<u8>>(&bytes).is_err());
    // A message inside a message has descriptors of its own.
    let ((inner, inner_descriptors), outer) = passing::collect(|| pack(&slice));
    assert_eq!((inner, inner_descriptors.len(), outer.len()), (bytes, descriptors.len(), 0));
}

fn a_panic_puts_things_back() {
    let slice = SharedSlice::from_slice(&[1_u8, 2]).unwrap();
    let (bytes, descriptors) = passing::collect(|| {
        let quiet = catch_unwind(AssertUnwindSafe(|| {
            passing::collect(|| -> () { std::panic::resume_unwind(Box::new("meant")) })
        }));
        assert!(quiet.is_err());
        postcard::to_allocvec(&slice)
    });
    assert_eq!((bytes.unwrap().len(), descriptors.len()), (3, 1));
    let quiet = catch_unwind(AssertUnwindSafe(|| {
        passing::provide(dup(&descriptors), || -> () {
            std::panic::resume_unwind(Box::new("meant"))
        })
    }));
    assert!(quiet.is_err());
    assert!(postcard::from_bytes::<SharedSlice<u8>>(&[0, 2, 1]).is_err());
}

/// A note as it stands on the wire.
#[derive(Serialize, Deserialize)]
struct Note(u32, u64, u32);

fn a_hostile_note_is_an_error() {
    let slice = SharedSlice::from_slice(&[1_u32, 2, 3]).unwrap();
    let (_, descriptors) = pack(&slice);
    let try_note = |note: Note| {
        let bytes = postcard::to_allocvec(&note).unwrap();
        unpack::<SharedSlice<u32>>(&bytes, dup(&descriptors))
    };
    assert_eq!(try_note(Note(0, 3, 4)).unwrap(), slice);
    for wrong in [
        Note(1, 3, 4),
        Note(u32::MAX, 3, 4),
        Note(0, 2, 4),
        Note(0, 4, 4),
        Note(0, u64::MAX, 4),
        Note(0, 1 << 62, 4),
        Note(0, (1 << 62) + 3, 4),
        Note(0, 12, 1),
        Note(0, 3, 0),
        Note(0, 6, 2),
    ] {
        assert!(try_note(Note(wrong.0, wrong.1, wrong.2)).is_err());
    }
    // Bytes of any kind: an error, or a slice that can be read to its end.
    let mut runner =
        TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let bytes = proptest::collection::vec(0..16_u8, 0..12);
    runner
        .run(&bytes, |bytes| {
            if let Ok(read) = unpack::<Vec<SharedSlice<u32>>>(&bytes, dup(&descriptors)) {
                read.iter().for_each(|slice| assert!(slice.iter().sum::<u32>() <= 6));
            }
            if let Ok(read) = unpack::<Vec<SharedSliceMut<u32>>>(&bytes, dup(&descriptors)) {
                read.iter().for_each(|slice| assert!(slice.is_empty()));
            }
            Ok(())
        })
        .unwrap();
}

fn hostile_memory_is_an_error() {
    let note = postcard::to_allocvec(&Note(0, 4096, 1)).unwrap();
    let fixed = SealFlags::SHRINK | SealFlags::GROW;
    let read = |memory: OwnedFd| unpack::<SharedSlice<u8>>(&note, vec![memory]);
    let write = |memory: OwnedFd| unpack::<SharedSliceMut<u8>>(&note, vec![memory]);
    for seals in [
        SealFlags::empty(),
        fixed,
        fixed | SealFlags::SEAL,
        fixed | SealFlags::WRITE,
        SealFlags::SHRINK | SealFlags::WRITE | SealFlags::SEAL,
        SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    ] {
        assert!(read(memfd(4096, seals)).is_err(), "{seals:?}");
    }
    let frozen = fixed | SealFlags::WRITE | SealFlags::SEAL;
    assert!(read(memfd(4095, frozen)).is_err());
    assert!(read(memfd(0, frozen)).is_err());
    assert!(read(File::open("/dev/zero").unwrap().into()).is_err());
    assert_eq!(read(memfd(4096, frozen)).unwrap().iter().max(), Some(&0));
    for seals in [SealFlags::empty(), SealFlags::SHRINK, SealFlags::GROW, frozen] {
        assert!(write(memfd(4096, seals)).is_err(), "{seals:?}");
    }
    assert!(write(memfd(8192, fixed)).is_err());
    assert!(write(memfd(4096, fixed)).is_ok());
}

fn what_nobody_takes_is_closed() {
    let (reader, writer) = std::io::pipe().unwrap();
    passing::provide(vec![writer.into()], || ());
    // With the write end gone, the end is there.
    assert_eq!(std::io::Read::read(&mut &reader, &mut [0; 1]).unwrap(), 0);
}

fn a_slice_too_long_is_an_error() {
    for len in [1 << 46, usize::MAX] {
        let error = SharedSliceMut::<u64>::zeroed(len).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory, "{error}");
    }
    #[derive(Clone, Copy)]
    #[repr(C, align(65536))]
    struct Wide([u8; 65536]);
    // SAFETY: an array of bytes without padding.
    unsafe impl bytemuck::Zeroable for Wide {}
    // SAFETY: as above.
    unsafe impl shared::Pod for Wide {}
    if rustix::param::page_size() < 65536 {
        assert!(SharedSliceMut::<Wide>::zeroed(1).is_err());
    }
}
