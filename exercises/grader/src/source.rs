//! The line of the exercise from which a process made the call that it is asleep in.
//!
//! The stack of the sleeping thread is searched from its top for return addresses that lie in code of an exercise. This
//! is evidence, not proof: an old address that was never overwritten can be found as well, so no verdict rests on it.
//!
//! # References
//! man 5 proc_pid_maps; man 5 proc_pid_mem; the DWARF line table, by the crate `addr2line`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use addr2line::Loader;

/// How much of the stack is searched, in bytes.
const STACK_LEN_MAX: usize = 16 * 1024;

/// The place, as `src/lib.rs:31`; `None` if it cannot be told.
pub(crate) fn caller(pid: i32, stack: u64) -> Option<String> {
    if stack == 0 {
        return None;
    }
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let (base, code) = mapping(pid, &program)?;
    let loader = Loader::new(&program).ok()?;
    let mut bytes = vec![0; STACK_LEN_MAX];
    let len = File::open(format!("/proc/{pid}/mem")).ok()?.read_at(&mut bytes, stack).ok()?;
    bytes[..len]
        .chunks_exact(size_of::<u64>())
        .filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)))
        .filter(|address| code.contains(address))
        // A return address is that of the instruction after the call.
        .find_map(|address| line_of(&loader, address.checked_sub(base + 1)?))
}

/// Where the program's first page lies, and where its code.
fn mapping(pid: i32, program: &PathBuf) -> Option<(u64, std::ops::Range<u64>)> {
    let maps = procfs::process::Process::new(pid).ok()?.maps().ok()?;
    let is_programs = |path: &procfs::process::MMapPath| matches!(path, procfs::process::MMapPath::Path(path) if path == program);
    let base = maps.iter().find(|map| is_programs(&map.pathname) && map.offset == 0)?;
    let code = maps.iter().find(|map| {
        is_programs(&map.pathname)
            && map.perms.contains(procfs::process::MMPermissions::EXECUTE)
    })?;
    Some((base.address.0, code.address.0..code.address.1))
}

/// The innermost line of an exercise that belongs to an address.
fn line_of(loader: &Loader, address: u64) -> Option<String> {
    let mut frames = loader.find_frames(address).ok()?;
    while let Ok(Some(frame)) = frames.next() {
        let Some(location) = frame.location else { continue };
        if let (Some(file), Some(line)) = (location.file.and_then(place), location.line) {
            return Some(format!("{file}:{line}"));
        }
    }
    None
}

/// The file as seen from the exercise's folder; `None` if it belongs to no exercise.
fn place(file: &str) -> Option<&str> {
    let (_, inside) = file.rsplit_once("exercises/")?;
    let mut parts = inside.splitn(3, '/');
    let chapter = parts.next()?;
    let _exercise = parts.next()?;
    // A chapter's folder begins with its number, an appendix's with its capital letter.
    chapter.starts_with(|first: char| !first.is_ascii_lowercase()).then(|| parts.next())?
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn only_files_of_exercises_are_places() {
        assert_eq!(place("/a/exercises/05-pipe/pipe-eof/src/lib.rs"), Some("src/lib.rs"));
        assert_eq!(place("exercises/05-pipe/pipe-eof/wrong/held.rs"), Some("wrong/held.rs"));
        assert_eq!(place("exercises/D-machines/link/src/lib.rs"), Some("src/lib.rs"));
        assert_eq!(place("exercises/gate/src/lib.rs"), None);
        assert_eq!(place("/rustc/library/std/src/io/mod.rs"), None);
    }
}
