//! Who ended a wait, from what everybody did at that time.
//!
//! A call has its effect at some moment between its entry and its exit, and only these two are seen. So a deed is an
//! interval, and two that overlap have no order. Invariant: a cause is named only if nobody else can have been it.

use crate::descriptor::Queue;
use std::collections::{HashMap, HashSet};
use timeline::Cause;

/// A deed that takes longer is looked at for every wait.
const LONG_US: u64 = 10_000;

/// What somebody did with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    /// Put something in.
    Gave,
    /// Took something out.
    Took,
    /// Gave up a writing end.
    Dropped,
    /// Woke somebody at a word.
    Woke,
}

/// What a lane did, some time between two moments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed {
    pub(crate) lane: usize,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) did: Did,
    /// As the cause is called.
    pub(crate) verb: &'static str,
}

/// A wait that some deed has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) lane: usize,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) queue: Queue,
    pub(crate) did: Did,
}

/// All deeds of a run.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    /// By growing `to_us`.
    short: HashMap<Queue, Vec<Deed>>,
    long: HashMap<Queue, Vec<Deed>>,
    /// Somebody ended who may have held anything.
    unknown_drops: Vec<Deed>,
    /// Queues that somebody who is not in the record holds, too.
    outside: HashSet<Queue>,
}

impl Deeds {
    pub(crate) fn outside(&mut self, queue: Queue) {
        self.outside.insert(queue);
    }

    /// Takes note of a deed; to be called in the order of `to_us`.
    pub(crate) fn push(&mut self, queue: Queue, deed: Deed) {
        let long = deed.to_us - deed.from_us > LONG_US;
        let map = if long { &mut self.long } else { &mut self.short };
        map.entry(queue).or_default().push(deed);
    }

    pub(crate) fn push_unknown_drop(&mut self, deed: Deed) {
        self.unknown_drops.push(deed);
    }

    fn of(&self, question: &Question, did: Did) -> Vec<Deed> {
        let short = self.short.get(&question.queue).map_or(&[][..], Vec::as_slice);
        let first = short.partition_point(|deed| deed.to_us < question.from_us);
        let short =
            short[first..].iter().take_while(|deed| deed.to_us <= question.to_us + LONG_US);
        let long = self.long.get(&question.queue).map_or(&[][..], Vec::as_slice).iter();
        let unknown = if did == Did::Dropped { &self.unknown_drops[..] } else { &[] };
        let mut deeds: Vec<Deed> = short
            .chain(long)
            .chain(unknown)
            .filter(|deed| deed.did == did && deed.lane != question.lane)
            .filter(|deed| deed.from_us <= question.to_us && deed.to_us >= question.from_us)
            .copied()
            .collect();
        deeds.sort_by_key(|deed| deed.from_us);
        deeds
    }

    /// Who did it, if that is certain.
    pub(crate) fn answer(&self, question: &Question) -> Option<Cause> {
        if self.outside.contains(&question.queue) {
            return None;
        }
        let deeds = self.of(question, question.did);
        let one_lane = deeds.windows(2).all(|pair| pair[0].lane == pair[1].lane);
        let within = |deed: &Deed| deed.from_us >= question.from_us;
        let deed = match question.did {
            // The end comes with the last who lets go, and everything before it does not count.
            Did::Dropped => {
                let (last, others) = deeds.split_last()?;
                (one_lane || others.iter().all(|other| other.to_us < last.from_us))
                    .then_some(last)?
            }
            _ if one_lane => deeds.iter().find(|deed| within(deed)).or(deeds.first())?,
            // Nothing was there when the wait began, so the first who gave was it; unless another one took that away.
            Did::Gave => {
                let alone = self.of(question, Did::Took).is_empty();
                let (first, second) = (deeds.first()?, deeds.get(1)?);
                (alone && within(first) && first.to_us < second.from_us).then_some(first)?
            }
            Did::Took | Did::Woke => return None,
        };
        let at_us = deed.from_us.clamp(question.from_us, question.to_us);
        Some(Cause { lane: deed.lane, at_us, did: deed.verb.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Queue = Queue::Pipe(1);

    fn deed(lane: usize, from_us: u64, to_us: u64, did: Did) -> Deed {
        Deed { lane, from_us, to_us, did, verb: "did" }
    }

    fn answer(deeds: &[Deed], did: Did) -> Option<usize> {
        let mut all = Deeds::default();
        deeds.iter().for_each(|deed| all.push(PIPE, *deed));
        let question = Question { lane: 0, from_us: 100, to_us: 200, queue: PIPE, did };
        all.answer(&question).map(|cause| cause.lane)
    }

    #[test]
    fn the_only_one_who_wrote_is_the_cause() {
        assert_eq!(answer(&[deed(1, 150, 160, Did::Gave)], Did::Gave), Some(1));
        assert_eq!(answer(&[deed(1, 190, 260, Did::Gave)], Did::Gave), Some(1));
        assert_eq!(answer(&[deed(1, 50, 90, Did::Gave)], Did::Gave), None);
        assert_eq!(answer(&[deed(1, 210, 220, Did::Gave)], Did::Gave), None);
        assert_eq!(answer(&[deed(0, 150, 160, Did::Gave)], Did::Gave), None);
    }

    #[test]
    fn of_two_writers_the_first_if_they_do_not_overlap() {
        let apart = [deed(1, 110, 120, Did::Gave), deed(2, 130, 140, Did::Gave)];
        assert_eq!(answer(&apart, Did::Gave), Some(1));
        let together = [deed(1, 110, 135, Did::Gave), deed(2, 130, 140, Did::Gave)];
        assert_eq!(answer(&together, Did::Gave), None);
        let before = [deed(1, 90, 105, Did::Gave), deed(2, 130, 140, Did::Gave)];
        assert_eq!(answer(&before, Did::Gave), None);
    }

    #[test]
    fn another_reader_makes_it_uncertain() {
        let mut deeds = vec![deed(1, 110, 120, Did::Gave), deed(3, 111, 125, Did::Took)];
        assert_eq!(answer(&deeds, Did::Gave), Some(1));
        deeds.push(deed(2, 130, 140, Did::Gave));
        assert_eq!(answer(&deeds, Did::Gave), None);
    }

    #[test]
    fn the_end_comes_with_the_last_who_lets_go() {
        let apart = [deed(1, 110, 120, Did::Dropped), deed(2, 130, 140, Did::Dropped)];
        assert_eq!(answer(&apart, Did::Dropped), Some(2));
        let together = [deed(1, 110, 135, Did::Dropped), deed(2, 130, 140, Did::Dropped)];
        assert_eq!(answer(&together, Did::Dropped), None);
    }

    #[test]
    fn two_who_woke_are_uncertain_and_an_outside_holder_too() {
        let two = [deed(1, 110, 120, Did::Woke), deed(2, 130, 140, Did::Woke)];
        assert_eq!(answer(&two, Did::Woke), None);
        assert_eq!(answer(&two[..1], Did::Woke), Some(1));
        let mut all = Deeds::default();
        all.push(PIPE, deed(1, 110, 120, Did::Gave));
        all.outside(PIPE);
        let question =
            Question { lane: 0, from_us: 100, to_us: 200, queue: PIPE, did: Did::Gave };
        assert!(all.answer(&question).is_none());
    }

    #[test]
    fn a_long_write_counts_for_every_wait_within_it() {
        assert_eq!(answer(&[deed(1, 150, 50_000, Did::Gave)], Did::Gave), Some(1));
    }
}
