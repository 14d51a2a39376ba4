//! What the counted pages say about the claim.
//!
//! Invariant: nothing here measures.

use claims::Verdict;

/// The pages of the heap that a process had to itself after `written` pages were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// Pages that were written, or read, after the fork.
    pub(crate) touched: u64,
    /// Pages that were its own afterwards.
    pub(crate) own: u64,
}

/// All that the verdict depends on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Pages of the heap.
    pub(crate) heap: u64,
    /// Pages of the child's own after it wrote.
    pub(crate) child_writes: Vec<Count>,
    /// Pages of the parent's own after it wrote.
    pub(crate) parent_writes: Vec<Count>,
    /// Pages of the child's own after it read.
    pub(crate) child_reads: Vec<Count>,
    /// Whether both found the same values before anybody wrote.
    pub(crate) same_before: bool,
    /// Whether each found its own value after both had written.
    pub(crate) own_after: bool,
}

/// Pages that may be counted beyond those that were touched: a sixty-fourth of the heap, and one more for tiny ones.
fn tolerance(heap: u64) -> u64 {
    heap / 64 + 1
}

/// The verdict, and why.
pub(crate) fn judge(figures: &Figures) -> (Verdict, String) {
    let Figures { heap, child_writes, parent_writes, child_reads, same_before, own_after } =
        figures;
    let most = child_writes.iter().filter(|count| count.touched > 0).max_by_key(|c| c.touched);
    let (Some(most), Some(none), Some(read)) = (
        most,
        child_writes.iter().find(|count| count.touched == 0),
        child_reads.iter().max_by_key(|count| count.touched),
    ) else {
        let because = "The kernel did not say which pages are a process's own.";
        return (Verdict::Undecided, because.into());
    };
    if !same_before || !own_after {
        let because = if *same_before {
            "Parent and child found the same values, but a write of one was seen by the other."
        } else {
            "Parent and child did not find the same values after the fork."
        };
        return (Verdict::False, because.into());
    }
    let room = tolerance(*heap);
    if none.own > heap / 2 {
        let because = format!(
            "The fork itself made {} of {heap} pages the child's own, before anybody wrote.",
            none.own
        );
        return (Verdict::False, because);
    }
    if read.own > room + none.own {
        let because = format!(
            "Both have the same values, but a child that only read {} pages had {} of its own.",
            read.touched, read.own
        );
        return (Verdict::HalfTrue, because);
    }
    let is_off = |count: &&Count| count.own.abs_diff(count.touched) > room;
    if let Some(off) = child_writes.iter().chain(parent_writes).find(is_off) {
        let because = format!(
            "Both have the same values and share them until one writes, but not page by page: {} written pages made {} \
             pages the writer's own.",
            off.touched, off.own
        );
        return (Verdict::HalfTrue, because);
    }
    let because = format!(
        "Of {heap} pages the child had {} of its own after the fork, {} after it had read {}, and {} after it had \
         written to {}: a page for each page.",
        none.own, read.own, read.touched, most.own, most.touched
    );
    (Verdict::True, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(u64, u64)]) -> Vec<Count> {
        pairs.iter().map(|&(touched, own)| Count { touched, own }).collect()
    }

    fn usual() -> Figures {
        Figures {
            heap: 1024,
            child_writes: counts(&[(0, 0), (1, 1), (64, 64), (1024, 1024)]),
            parent_writes: counts(&[(0, 1), (64, 65), (1024, 1024)]),
            child_reads: counts(&[(0, 0), (1024, 0)]),
            same_before: true,
            own_after: true,
        }
    }

    #[test]
    fn a_page_for_each_page_is_true() {
        let (verdict, because) = judge(&usual());
        assert_eq!(verdict, Verdict::True);
        assert!(because.contains("1024 after it had written to 1024"), "{because}");
    }

    #[test]
    fn copies_in_larger_pieces_are_half_true() {
        let mut figures = usual();
        figures.child_writes[2].own = 640;
        let (verdict, because) = judge(&figures);
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("64 written pages made 640"), "{because}");
    }

    #[test]
    fn a_parent_that_copies_in_larger_pieces_counts_too() {
        let mut figures = usual();
        figures.parent_writes[1].own = 512;
        assert_eq!(judge(&figures).0, Verdict::HalfTrue);
    }

    #[test]
    fn reading_that_copies_is_half_true() {
        let mut figures = usual();
        figures.child_reads[1].own = 1000;
        assert_eq!(judge(&figures).0, Verdict::HalfTrue);
    }

    #[test]
    fn a_fork_that_copies_at_once_is_false() {
        let mut figures = usual();
        figures.child_writes[0].own = 1024;
        assert_eq!(judge(&figures).0, Verdict::False);
    }

    #[test]
    fn other_values_are_false() {
        assert_eq!(judge(&Figures { same_before: false, ..usual() }).0, Verdict::False);
        let (verdict, because) = judge(&Figures { own_after: false, ..usual() });
        assert_eq!(verdict, Verdict::False);
        assert!(because.contains("seen by the other"), "{because}");
    }

    #[test]
    fn a_kernel_that_counts_nothing_leaves_it_open() {
        assert_eq!(judge(&Figures::default()).0, Verdict::Undecided);
    }
}
