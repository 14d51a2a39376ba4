//! The word that a process sleeps on in a futex call: where it is, what it holds, and which processes can reach it.
//!
//! The call's arguments are the word's address, the operation and the value that the caller expected. The address alone
//! says nothing to another process, which may have the same memory elsewhere. The mapping around it does: a word in memory
//! that is mapped as shared is the same word for every process that maps that file.
//!
//! Invariant: reading a word changes nothing. What may not be read is `None`, and no verdict rests on it.
//!
//! # References
//! man 2 futex, `FUTEX_WAIT`; man 5 proc_pid_maps; man 5 proc_pid_mem.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;

use procfs::process::{MMPermissions, MMapPath, MemoryMap};

use crate::Blocked;

/// A word on which a process sleeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it is, in that process.
    pub address: u64,
    /// What it had to hold for the process to fall asleep.
    pub expected: u32,
    /// What it holds now.
    pub value: u32,
    /// The shared memory that it is in; `None` if it is in the process's own.
    pub shared: Option<Place>,
}

/// A place in memory that several processes may have mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as `/proc/PID/maps` names it, such as `/memfd:lock`.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// The other processes of the program that have it mapped as shared.
    pub mapped_by: Vec<i32>,
    pub(crate) identity: ((i32, i32), u64),
}

impl Word {
    /// The word that a process sleeps on, if it sleeps on one and that may be read.
    pub(crate) fn of(pid: i32, blocked: &Blocked) -> Option<Word> {
        let Blocked::Futex { address, expected, .. } = *blocked else { return None };
        let mut bytes = [0; 4];
        let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
        memory.read_exact_at(&mut bytes, address).ok()?;
        let value = u32::from_ne_bytes(bytes);
        let map = shared_maps(pid)?.into_iter().find(|map| contains(map, address));
        let shared = map.map(|map| Place {
            file: name(&map.pathname),
            offset: map.offset + (address - map.address.0),
            mapped_by: Vec::new(),
            identity: (map.dev, map.inode),
        });
        Some(Word { address, expected, value, shared })
    }
}

impl Place {
    /// Whether a process has this place mapped as shared.
    pub(crate) fn is_mapped_by(&self, pid: i32) -> bool {
        let is_here = |map: &MemoryMap| {
            let len = map.address.1 - map.address.0;
            (map.dev, map.inode) == self.identity
                && (map.offset..map.offset + len).contains(&self.offset)
        };
        shared_maps(pid).is_some_and(|maps| maps.iter().any(is_here))
    }
}

fn shared_maps(pid: i32) -> Option<Vec<MemoryMap>> {
    let maps = procfs::process::Process::new(pid).ok()?.maps().ok()?;
    let is_shared = |map: &MemoryMap| map.perms.contains(MMPermissions::SHARED);
    Some(maps.into_iter().filter(is_shared).collect())
}

fn contains(map: &MemoryMap, address: u64) -> bool {
    (map.address.0..map.address.1).contains(&address)
}

/// The file's name without the note that it has no folder.
fn name(path: &MMapPath) -> String {
    match path {
        MMapPath::Path(path) => path.display().to_string().replace(" (deleted)", ""),
        other => format!("{other:?}"),
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shared {
            Some(place) => write!(
                f,
                "the word at {:#x}, byte {} of {}, which is shared memory",
                self.address, place.offset, place.file
            )?,
            None => write!(f, "the word at {:#x}, in memory of its own", self.address)?,
        }
        write!(f, ": it was {} for the sleep, and is {} now", self.expected, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_where_it_is_and_what_it_holds() {
        let own = i32::try_from(std::process::id()).expect("a pid is an int");
        let word = 7_u32;
        let address = (&raw const word).addr() as u64;
        let futex = Blocked::Futex { timed: false, private: true, address, expected: 6 };
        let found = Word::of(own, &futex).expect("a process may read itself");
        assert_eq!((found.expected, found.value, &found.shared), (6, 7, &None));
        assert!(
            found.to_string().ends_with("of its own: it was 6 for the sleep, and is 7 now")
        );
        assert_eq!(Word::of(own, &Blocked::Sleep), None);
        let nowhere = Blocked::Futex { timed: false, private: true, address: 8, expected: 0 };
        assert_eq!(Word::of(own, &nowhere), None);
    }
}
