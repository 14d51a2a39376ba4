//! What the figures say about the claim.
//!
//! Invariant: nothing here measures.

use crate::memory::Cost;
use crate::registers::Registers;
use crate::threads::Threads;
use claims::Verdict;

/// A child whose own memory is a smaller part of the parent's has no copy of it.
const COPY: u64 = 4;

/// The verdict, and why.
pub(crate) fn judge(
    registers: Option<&Registers>,
    same_local: bool,
    threads: &Threads,
    costs: &[Cost],
) -> (Verdict, String) {
    let Some(largest) = costs.last() else {
        return (Verdict::Undecided, "There was no memory free to fork with.".to_owned());
    };
    let goes_on = match registers {
        Some(registers) => {
            registers.same_instruction && registers.same_stack && registers.only_the_result
        }
        None => same_local,
    };
    let seen = match registers {
        Some(registers) if goes_on => format!(
            "The child begins at the parent's next instruction, with {} of {} registers equal; only the result differs",
            registers.equal, registers.all
        ),
        Some(registers) => format!("Parent and child differ in more than the result: {}", registers.differing),
        None if goes_on => {
            "The child finds the parent's variables at their addresses; nobody let us see its registers".to_owned()
        }
        None => "The child does not find the parent's variables where they were".to_owned(),
    };
    let own_bytes = largest.own_bytes + largest.tables_bytes;
    let copies_memory = own_bytes * COPY > largest.heap_bytes;
    let copies_threads = threads.child == threads.parent;
    let memory = format!(
        "of {} MiB in use it gets {} KiB of page tables and {} KiB of pages for itself, and {} of {} threads",
        largest.heap_bytes >> 20,
        largest.tables_bytes >> 10,
        largest.own_bytes >> 10,
        threads.child,
        threads.parent,
    );
    let verdict = match (goes_on, copies_memory && copies_threads) {
        (true, true) => Verdict::True,
        (true, false) => Verdict::HalfTrue,
        (false, _) => Verdict::False,
    };
    let turn = if verdict == Verdict::True {
        "And all is copied"
    } else {
        "But not everything is copied"
    };
    (verdict, format!("{seen}. {turn}: {memory}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Threads = Threads { parent: 4, child: 1 };

    fn costs(own_bytes: u64) -> Vec<Cost> {
        vec![Cost { heap_bytes: 512 << 20, fork_us: 3000.0, tables_bytes: 1 << 20, own_bytes }]
    }

    fn registers(same: bool) -> Registers {
        Registers {
            all: 26,
            equal: if same { 25 } else { 24 },
            differing: "rax".to_owned(),
            instruction: 0x1000,
            same_instruction: same,
            same_stack: true,
            only_the_result: same,
        }
    }

    #[test]
    fn the_same_instruction_and_little_memory_is_half_true() {
        let (verdict, because) = judge(Some(&registers(true)), true, &ONE, &costs(64 << 10));
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(
            because.contains("25 of 26") && because.contains("1 of 4 threads"),
            "{because}"
        );
    }

    #[test]
    fn a_copy_of_all_would_be_true() {
        let all = Threads { parent: 4, child: 4 };
        let (verdict, because) = judge(Some(&registers(true)), true, &all, &costs(512 << 20));
        assert_eq!(verdict, Verdict::True);
        assert!(!because.contains("But"), "{because}");
    }

    #[test]
    fn another_instruction_is_false() {
        assert_eq!(judge(Some(&registers(false)), true, &ONE, &costs(0)).0, Verdict::False);
        assert_eq!(judge(None, false, &ONE, &costs(0)).0, Verdict::False);
    }

    #[test]
    fn without_ptrace_the_variables_tell() {
        let (verdict, because) = judge(None, true, &ONE, &costs(0));
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("addresses"), "{because}");
    }

    #[test]
    fn without_memory_it_is_undecided() {
        assert_eq!(judge(None, true, &ONE, &[]).0, Verdict::Undecided);
    }
}
