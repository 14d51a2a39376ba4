//! What a process has in memory, counted three ways.

use procfs::process::SmapsRollup;

// ANCHOR: memory
/// The memory of a process, in bytes, from `/proc/PID/smaps_rollup`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Resident set: every page of it that is in memory, shared or not.
    pub rss_bytes: u64,
    /// Proportional set: each page divided by the number of processes that map it.
    pub pss_bytes: u64,
    /// Unique set: pages that nobody else maps, what its end would free.
    pub uss_bytes: u64,
    /// The part of the unique set that was written to.
    pub private_dirty_bytes: u64,
}
// ANCHOR_END: memory

impl Memory {
    /// Sums the fields of the one mapping that a rollup holds. A process without memory of its own (a zombie, a
    /// kernel thread) has an empty rollup.
    pub(crate) fn from_rollup(rollup: &SmapsRollup) -> Self {
        let sum = |field: &str| -> u64 {
            rollup
                .memory_map_rollup
                .iter()
                .filter_map(|mapping| mapping.extension.map.get(field))
                .sum()
        };
        Memory {
            rss_bytes: sum("Rss"),
            pss_bytes: sum("Pss"),
            uss_bytes: sum("Private_Clean") + sum("Private_Dirty"),
            private_dirty_bytes: sum("Private_Dirty"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs::FromRead;

    #[test]
    fn fields_are_bytes_and_unique_is_what_nobody_shares() {
        let text = "55e0c0000000-7ffe0000 ---p 00000000 00:00 0                          [rollup]\n\
                    Rss:                1780 kB\nPss:                 300 kB\n\
                    Shared_Clean:       1500 kB\nShared_Dirty:          0 kB\n\
                    Private_Clean:       120 kB\nPrivate_Dirty:       160 kB\n";
        let rollup = SmapsRollup::from_read(text.as_bytes()).expect("a rollup");
        let expected = Memory {
            rss_bytes: 1780 << 10,
            pss_bytes: 300 << 10,
            uss_bytes: 280 << 10,
            private_dirty_bytes: 160 << 10,
        };
        assert_eq!(Memory::from_rollup(&rollup), expected);
    }

    #[test]
    fn no_memory_is_zero() {
        let rollup = SmapsRollup::from_read(&b""[..]).expect("an empty rollup");
        assert_eq!(Memory::from_rollup(&rollup), Memory::default());
    }
}
