//! Which processor each of the two processes runs on.
//!
//! Left alone, the scheduler puts them now on one core and now on two, and a wake-up across two idle cores can take as long
//! as all the rest. So a message there and back is measured on one core, where a wake-up is a switch, and a stream on
//! two, where both can work at once. A system that does not let one choose leaves it to the scheduler.

use crate::plan::{Kind, Line};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// One of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Sender,
    Receiver,
}

/// The processors that this program may use.
#[derive(Debug, Clone)]
pub(crate) struct Places(Vec<usize>);

impl Places {
    /// Those of the calling thread. To be asked before the first [`Places::take`].
    pub(crate) fn here() -> Places {
        let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
        Places((0..CpuSet::count()).filter(|nth| set.is_set(*nth) == Ok(true)).collect())
    }

    /// Moves the calling process to where it has to be for a step.
    pub(crate) fn take(&self, side: Side, kind: Kind, line: &Line) {
        let Some(processor) = self.of(side, is_apart(kind, line)) else { return };
        let mut set = CpuSet::new();
        if set.set(processor).is_ok() {
            // Where it is not allowed, the figures are as good as the scheduler's choice.
            let _ = sched_setaffinity(Pid::from_raw(0), &set);
        }
    }

    fn of(&self, side: Side, apart: bool) -> Option<usize> {
        let second = self.0.get(1).filter(|_| apart && side == Side::Sender);
        second.or(self.0.first()).copied()
    }
}

/// The single figures beside the curves are about two sides that have a core each.
fn is_apart(kind: Kind, line: &Line) -> bool {
    kind == Kind::Stream || line.only.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_core_for_each_side_and_one_core_is_shared() {
        let two = Places(vec![3, 5, 7]);
        assert_eq!(
            [two.of(Side::Sender, true), two.of(Side::Receiver, true)],
            [Some(5), Some(3)]
        );
        assert_eq!([two.of(Side::Sender, false), two.of(Side::Receiver, false)], [Some(3); 2]);
        assert_eq!(Places(vec![2]).of(Side::Sender, true), Some(2));
        assert_eq!(Places(Vec::new()).of(Side::Sender, true), None);
    }
}
