//! Close-on-exec for all descriptors that the program must not see.
//!
//! Runs in the child: no allocation, no lock, no panic. The table of descriptors is the child's
//! own copy, so nobody opens one meanwhile.
//!
//! The source is man 2 close_range; man 2 getdents64; man 5 proc_pid_fd.

use nix::errno::Errno;
use std::os::fd::RawFd;

/// Up to this limit on descriptors, all numbers are tried where they cannot be listed. That
/// takes less than a second; for 2^30, the limit in some containers, it would be minutes.
const COUNTED_MAX: u32 = 1 << 20;

/// First and last number of a range.
pub(crate) type Range = (u32, u32);

/// Sets close-on-exec for every descriptor in `ranges`. Not closed at once, because the error
/// pipe, which is among them, is needed until the exec.
///
/// `limit` is above every number that this process may open.
pub(crate) fn close_on_exec(ranges: &[Range], limit: u32) -> Result<(), Errno> {
    for range in ranges {
        match close_range(*range) {
            Ok(()) => {}
            // A kernel before 5.11, or a sandbox that does not know the call.
            Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
                return close_listed(ranges)
                    .or_else(|listing| close_counted(ranges, limit, listing));
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn close_range((first, last): Range) -> Result<(), Errno> {
    // The system call itself: the C library has a function for it only since glibc 2.34.
    // SAFETY: three numbers.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(done).map(drop)
}

/// As many entries of a folder as are read at once.
#[repr(align(8))]
struct Entries([u8; 2048]);

/// One by one, as `/proc` lists them: also those above a limit that was lowered later.
fn close_listed(ranges: &[Range]) -> Result<(), Errno> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let path = c"/proc/self/fd".as_ptr();
    // The system call itself: the C library's `open` is a cancellation point.
    // SAFETY: the path ends with a null.
    let folder = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags) };
    let folder = Errno::result(folder)?;
    let mut entries = Entries([0; 2048]);
    loop {
        // SAFETY: the buffer is valid for a write of its length.
        let len = unsafe {
            libc::syscall(libc::SYS_getdents64, folder, entries.0.as_mut_ptr(), entries.0.len())
        };
        let len = usize::try_from(Errno::result(len)?).unwrap_or(0);
        let Some(mut rest) = entries.0.get(..len).filter(|rest| !rest.is_empty()) else {
            // The folder itself has close-on-exec.
            return Ok(());
        };
        while let Some((number, after)) = next_entry(rest) {
            rest = after;
            if let Some(number) = number.filter(|number| contains(ranges, *number)) {
                set_close_on_exec(number)?;
            }
        }
    }
}

/// One by one, all that there could be: without `/proc`, or without a descriptor left to list
/// it. If those are too many, `listing`, the error that there is no list, is the result.
fn close_counted(ranges: &[Range], limit: u32, listing: Errno) -> Result<(), Errno> {
    if limit > COUNTED_MAX {
        return Err(listing);
    }
    for (first, last) in ranges {
        for number in *first..=(*last).min(limit) {
            match set_close_on_exec(number) {
                Ok(()) | Err(Errno::EBADF) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

fn set_close_on_exec(number: u32) -> Result<(), Errno> {
    // SAFETY: three numbers.
    let done = unsafe { libc::fcntl(number as RawFd, libc::F_SETFD, libc::FD_CLOEXEC) };
    Errno::result(done).map(drop)
}

fn contains(ranges: &[Range], number: u32) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&number))
}

/// Where `struct linux_dirent64` has the length of the entry and, behind a byte for its type,
/// the name.
const LEN_AT: usize = 16;
const NAME_AT: usize = 19;

/// The name of the first entry if it is a number, and the entries behind it.
fn next_entry(entries: &[u8]) -> Option<(Option<u32>, &[u8])> {
    let len = [*entries.get(LEN_AT)?, *entries.get(LEN_AT + 1)?];
    let (entry, rest) = entries.split_at_checked(usize::from(u16::from_ne_bytes(len)))?;
    let name = entry.get(NAME_AT..)?.split(|byte| *byte == 0).next()?;
    Some((str::from_utf8(name).ok().and_then(|name| name.parse().ok()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8]) -> Vec<u8> {
        let len = (NAME_AT + name.len() + 1).next_multiple_of(8);
        let mut bytes = vec![7; LEN_AT];
        bytes.extend_from_slice(&u16::try_from(len).expect("a short name").to_ne_bytes());
        bytes.push(8);
        bytes.extend_from_slice(name);
        bytes.resize(len, 0);
        bytes
    }

    #[test]
    fn a_listing_gives_its_numbers() {
        let names: [&[u8]; 6] = [b".", b"..", b"0", b"17", b"1048575", b"1x"];
        let bytes: Vec<u8> = names.iter().flat_map(|name| entry(name)).collect();
        let mut rest = &bytes[..];
        let mut numbers = Vec::new();
        while let Some((number, after)) = next_entry(rest) {
            numbers.push(number);
            rest = after;
        }
        assert_eq!(numbers, [None, None, Some(0), Some(17), Some(1_048_575), None]);
        assert!(rest.is_empty());
    }

    #[test]
    fn a_listing_that_is_cut_or_makes_no_sense_ends() {
        let bytes = entry(b"17");
        for len in 0..bytes.len() {
            assert_eq!(next_entry(&bytes[..len]), None, "{len} bytes");
        }
        let mut short = bytes.clone();
        short[LEN_AT..LEN_AT + 2].copy_from_slice(&3_u16.to_ne_bytes());
        assert_eq!(next_entry(&short), None);
        let huge = entry(b"99999999999");
        assert_eq!(next_entry(&huge), Some((None, &[][..])));
    }

    #[test]
    fn what_cannot_be_listed_is_counted_up_to_a_limit() {
        // No process has these numbers.
        let ranges = [(COUNTED_MAX, u32::MAX)];
        assert_eq!(close_counted(&ranges, COUNTED_MAX, Errno::ENOENT), Ok(()));
        assert_eq!(close_counted(&ranges, COUNTED_MAX + 1, Errno::ENOENT), Err(Errno::ENOENT));
    }

    #[test]
    fn ranges_contain_both_of_their_ends() {
        let ranges = [(3, 4), (7, u32::MAX)];
        let inside = [3, 4, 7, u32::MAX];
        assert!(inside.iter().all(|number| contains(&ranges, *number)));
        assert!([0, 2, 5, 6].iter().all(|number| !contains(&ranges, *number)));
    }
}
