//! Segments: fixed, allocated, and safe against who sends them.

use crate::{Case, in_a_child, memfd};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::fs::SealFlags;
use shared::{Growing, Segment, SharedError, SharedSlice, SharedSliceMut, passing};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

pub(crate) const CASES: &[Case] = &[
    ("two_processes_see_each_others_writes", two_processes_see_each_others_writes),
    ("all_memory_is_there_and_the_length_stays", all_memory_is_there_and_the_length_stays),
    ("only_what_lies_inside_and_is_aligned", only_what_lies_inside_and_is_aligned),
    ("a_foreign_descriptor_is_refused", a_foreign_descriptor_is_refused),
    ("a_mapping_needs_no_descriptor", a_mapping_needs_no_descriptor),
    ("no_room_is_an_error_that_leaves_nothing", no_room_is_an_error_that_leaves_nothing),
    ("longer_than_a_file_may_be_is_an_error", longer_than_a_file_may_be_is_an_error),
];

fn two_processes_see_each_others_writes() {
    let (here, there) = passing::socket_pair().unwrap();
    let mut child = wait::Child::fork(|| {
        let mut buffer = [0; 8];
        let mut message = passing::receive(there.as_fd(), &mut buffer).unwrap();
        let segment = Segment::from_descriptor(message.descriptors.pop().unwrap()).unwrap();
        let number: &AtomicU64 = segment.at(4096).unwrap();
        i32::from(number.swap(8, Ordering::SeqCst) != 7)
    })
    .unwrap();
    let segment = Segment::create("both", 10_000).unwrap();
    let number: &AtomicU64 = segment.at(4096).unwrap();
    number.store(7, Ordering::SeqCst);
    passing::send(here.as_fd(), b"segment", &[segment.descriptor().unwrap()]).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(number.load(Ordering::SeqCst), 8);
}

fn all_memory_is_there_and_the_length_stays() {
    let segment = Segment::create("fixed", 100_000).unwrap();
    assert_eq!(segment.len_bytes(), 100_000);
    let file = File::from(segment.descriptor().unwrap().try_clone_to_owned().unwrap());
    let is = file.metadata().unwrap();
    assert_eq!(is.len(), 100_000);
    assert!(is.blocks() * 512 >= 100_000, "{} blocks", is.blocks());
    for len in [0, 99_999, 100_001] {
        let error = file.set_len(len).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(1), "{len}");
    }
    let flags = rustix::io::fcntl_getfd(&file).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

fn only_what_lies_inside_and_is_aligned() {
    let segment = Segment::create("bounds", 4100).unwrap();
    assert!(segment.at::<AtomicU32>(4096).is_ok());
    assert!(segment.at::<AtomicU8>(4099).is_ok());
    assert!(segment.at::<[AtomicU64; 512]>(0).is_ok());
    for offset in [1, 2, 4097, 4100, 4104, usize::MAX, usize::MAX - 3] {
        let refused = segment.at::<AtomicU32>(offset);
        assert!(matches!(refused, Err(SharedError::OutOfBounds { .. })), "{offset}");
    }
    for offset in [4, 4096] {
        assert!(segment.at::<AtomicU64>(offset).is_err(), "{offset}");
    }
    assert!(segment.at::<[AtomicU8; 4101]>(0).is_err());
}

fn a_foreign_descriptor_is_refused() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let file = tempfile_in_memory();
    let refused: [(OwnedFd, &str); 6] = [
        (reader.into(), "not a memfd"),
        (File::open("/dev/null").unwrap().into(), "not a memfd"),
        // In memory as well, but never sealed against shrinking.
        (file, ""),
        (memfd(4096, SealFlags::empty()), "shorter"),
        (memfd(4096, SealFlags::GROW | SealFlags::SEAL), "shorter"),
        (memfd(0, SealFlags::SHRINK), "empty"),
    ];
    for (descriptor, why) in refused {
        match Segment::from_descriptor(descriptor) {
            Err(SharedError::Refused { why: said }) => assert!(said.contains(why), "{said}"),
            other => panic!("{other:?} where {why} was expected"),
        }
    }
    // Sealed as it should be, but not to be written to.
    let sealed = memfd(4096, SealFlags::SHRINK | SealFlags::WRITE);
    assert!(matches!(Segment::from_descriptor(sealed), Err(SharedError::Os { .. })));
    let writable = memfd(4096, SealFlags::SHRINK);
    if let Ok(read_only) = File::open(format!("/proc/self/fd/{}", writable.as_raw_fd())) {
        let refused = Segment::from_descriptor(read_only.into());
        assert!(matches!(refused, Err(SharedError::Os { .. })), "{refused:?}");
    }
    // Longer than there are addresses for.
    let endless = memfd((1 << 63) - 4096, SealFlags::SHRINK);
    assert!(matches!(Segment::from_descriptor(endless), Err(SharedError::NoRoom { .. })));
    assert!(Segment::from_descriptor(writable).is_ok());
}

/// A file of a file system in memory that is no memfd, where there is one; else of any.
fn tempfile_in_memory() -> OwnedFd {
    let path = format!("/dev/shm/shared-contract-{}", std::process::id());
    match File::options().read(true).write(true).create_new(true).open(&path) {
        Ok(file) => {
            std::fs::remove_file(path).unwrap();
            file.write_all_at(&[1; 4096], 0).unwrap();
            file.into()
        }
        Err(_) => File::open("/proc/self/stat").unwrap().into(),
    }
}

fn a_mapping_needs_no_descriptor() {
    let segment = Segment::create("mapping", 4096).unwrap().into_mapping();
    assert!(segment.descriptor().is_none());
    in_a_child(|| segment.at::<AtomicU32>(8).unwrap().store(5, Ordering::SeqCst));
    assert_eq!(segment.at::<AtomicU32>(8).unwrap().load(Ordering::SeqCst), 5);
}

fn no_room_is_an_error_that_leaves_nothing() {
    assert!(matches!(Segment::create("nothing", 0), Err(SharedError::Refused { .. })));
    assert!(matches!(Segment::create(&"x".repeat(250), 1), Err(SharedError::Os { .. })));
    assert!(matches!(Segment::create("a\0b", 1), Err(SharedError::Os { .. })));
    for len in [1 << 50, usize::MAX >> 1, usize::MAX] {
        let refused = Segment::create("too long", len);
        assert!(matches!(refused, Err(SharedError::NoRoom { .. })), "{len}: {refused:?}");
    }
    // Memory there is, but no addresses.
    let (soft, hard) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, 1 << 20, hard).unwrap();
    let refused = Segment::create("no addresses", 8 << 20);
    setrlimit(Resource::RLIMIT_AS, soft, hard).unwrap();
    assert!(matches!(refused, Err(SharedError::NoRoom { .. })), "{refused:?}");
}

/// What the slices' own error wraps.
fn inner(error: std::io::Error) -> Option<SharedError> {
    error.into_inner()?.downcast().ok().map(|error| *error)
}

fn longer_than_a_file_may_be_is_an_error() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let mut growing = Growing::create("growing").unwrap();
    growing.reserve(8192).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 8192, hard).unwrap();
    // The kernel's own answer would be SIGXFSZ.
    let refused = [
        Segment::create("too long", 8193).err(),
        SharedSlice::from_slice(&[1_u8; 8193]).err().and_then(inner),
        SharedSliceMut::<u8>::zeroed(8193).err().and_then(inner),
        growing.reserve(1 << 20).err(),
    ];
    let exactly = Segment::create("as long as may be", 8192);
    setrlimit(Resource::RLIMIT_FSIZE, soft, hard).unwrap();
    for error in refused {
        assert!(matches!(error, Some(SharedError::NoRoom { .. })), "{error:?}");
    }
    assert_eq!(exactly.unwrap().len_bytes(), 8192);
    growing.reserve(1 << 20).unwrap();
}
