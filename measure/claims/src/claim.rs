//! The claims, each with its place in the book.

/// A sentence about processes that an experiment puts to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What `cargo run -- measure` and a page's `{{#measured ID}}` call it: also the name of its program, with `_` for `-`.
    pub id: &'static str,
    /// Its number in the list, from 1; 0 for what is measured without being claimed.
    pub number: u8,
    /// What people say.
    pub sentence: &'static str,
    /// The folder below `chapters` whose page shows it.
    pub chapter: &'static str,
    /// What the experiment measures, as half a sentence.
    pub measured: &'static str,
    /// How long the experiment takes at full scale, in seconds, roughly: the progress bar's share.
    pub expected_s: u8,
}

/// The twelve claims in their order.
pub const CLAIMS: [Claim; 12] = [
    Claim {
        id: "worker-count",
        number: 1,
        sentence: "The number of processors tells how many workers to use.",
        chapter: "01-process",
        measured: "the throughput of 1, 2, 3 ... workers under the machine's processors, an affinity mask and a cgroup's quota",
        expected_s: 14,
    },
    Claim {
        id: "cpu-bound",
        number: 2,
        sentence: "For work that computes, more workers than cores do not help; leave some for other work.",
        chapter: "13-size",
        measured: "the throughput of a pool on work that computes, against the number of its workers",
        expected_s: 12,
    },
    Claim {
        id: "blocking",
        number: 3,
        sentence: "For work that waits, many more workers than cores help.",
        chapter: "13-size",
        measured: "the throughput of a pool on work that waits for nine tenths of its time, against the number of its workers",
        expected_s: 10,
    },
    Claim {
        id: "limits",
        number: 4,
        sentence: "One may ask for as many processes as one likes; the operating system sets the limits, not the library.",
        chapter: "13-size",
        measured: "which limit refuses a process first, and what fork says then",
        expected_s: 2,
    },
    Claim {
        id: "cost-of-a-process",
        number: 5,
        sentence: "Each process costs memory.",
        chapter: "13-size",
        measured: "the memory that each further worker costs, by fork, spawn and forkserver, beside threads and Python's workers",
        expected_s: 15,
    },
    Claim {
        id: "same-instruction",
        number: 6,
        sentence: "fork copies the whole process; the child goes on at the same instruction with a copy of the registers.",
        chapter: "02-fork",
        measured: "the registers of parent and child when fork returns, and the memory that fork copied",
        expected_s: 5,
    },
    Claim {
        id: "copy-on-write",
        number: 7,
        sentence: "Parent and child run side by side with the same values in memory, shared until one of them writes.",
        chapter: "02-fork",
        measured: "the pages that become a child's own, against the pages that it has written",
        expected_s: 8,
    },
    Claim {
        id: "time-slices",
        number: 8,
        sentence: "The operating system's time slices decide who runs.",
        chapter: "13-size",
        measured: "the run time, the waiting time and the number of turns of 1, 2, 3 ... processes on one core",
        expected_s: 10,
    },
    Claim {
        id: "spawn-inherits",
        number: 9,
        sentence: "spawn starts a fresh program that inherits only what it is given.",
        chapter: "11-start",
        measured: "the descriptors and settings that a spawned process finds, as it lists them itself",
        expected_s: 5,
    },
    Claim {
        id: "spawn-is-slow",
        number: 10,
        sentence: "spawn is slow, compared with fork or forkserver.",
        chapter: "11-start",
        measured: "the time to start a worker by each method, against the memory of the program that asks",
        expected_s: 15,
    },
    Claim {
        id: "one-interface",
        number: 11,
        sentence: "An executor is the same simple interface over threads or processes.",
        chapter: "14-executor",
        measured: "the same program on threads and on processes: its results, and its time against the length of a task",
        expected_s: 12,
    },
    Claim {
        id: "threads-by-fork",
        number: 12,
        sentence: "Threads are created by fork.",
        chapter: "11-start",
        measured: "the flags that the kernel is given when a thread is made and when a process is forked",
        expected_s: 4,
    },
];

/// What is measured with the claims although nobody claims it.
pub const EXTRA: [Claim; 1] = [Claim {
    id: "bytes",
    number: 0,
    sentence: "Ways to hand over bytes.",
    chapter: "A-handing-over-bytes",
    measured: "the time per message of each way, from 8 bytes to 64 MiB, beside a memcpy",
    expected_s: 25,
}];

/// The claim, or the other measurement, that is called `id`.
pub fn claim(id: &str) -> Option<&'static Claim> {
    CLAIMS.iter().chain(&EXTRA).find(|claim| claim.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_follow_one_another_and_ids_are_unique() {
        let numbers: Vec<u8> = CLAIMS.iter().map(|claim| claim.number).collect();
        assert_eq!(numbers, (1..=12).collect::<Vec<u8>>());
        let ids: HashSet<&str> = CLAIMS.iter().chain(&EXTRA).map(|claim| claim.id).collect();
        assert_eq!(ids.len(), CLAIMS.len() + EXTRA.len());
        assert_eq!(claim("bytes").map(|claim| claim.number), Some(0));
        assert_eq!(claim("nothing"), None);
    }

    #[test]
    fn all_of_them_take_less_than_three_minutes() {
        let all_s: u32 =
            CLAIMS.iter().chain(&EXTRA).map(|claim| u32::from(claim.expected_s)).sum();
        assert!(all_s < 180, "{all_s} s");
    }
}
