//! The program's own copy of what a lane was sent: tasks that come back are sent again from here.
//!
//! A worker maps the ring of its tasks too, because it has to mark them. So a wild write in one task could change those
//! behind it, and what the ring says after a death is not to be believed.
//!
//! Invariant: it holds the payloads of all flights that are not in the lane's area, in order. That is no more than a ring
//! holds, and [`SLACK_BYTES`].

use std::collections::VecDeque;

/// So many bytes of answered tasks may lie in front of the others before they are removed.
const SLACK_BYTES: u64 = 64 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: VecDeque<u8>,
    /// How many bytes were removed in front.
    removed: u64,
}

/// Where a payload is among all that were ever kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    begin: u64,
    pub(super) len: usize,
}

impl Place {
    /// A payload that is not here but in the lane's area.
    pub(super) fn in_area(len: usize) -> Place {
        Place { begin: 0, len }
    }
}

impl Kept {
    #[inline]
    pub(super) fn push(&mut self, payload: &[u8]) -> Place {
        let begin = self.removed + self.bytes.len() as u64;
        self.bytes.extend(payload);
        Place { begin, len: payload.len() }
    }

    /// Whether it pays to remove something.
    #[inline]
    pub(super) fn is_long(&self) -> bool {
        self.bytes.len() as u64 > SLACK_BYTES
    }

    /// Nothing in front of the first flight is needed any more, and nothing at all if there is none.
    #[inline]
    pub(super) fn forget(&mut self, first: Option<Place>) {
        match first {
            None => {
                self.removed += self.bytes.len() as u64;
                self.bytes.clear();
            }
            Some(first) if first.begin.saturating_sub(self.removed) > SLACK_BYTES => {
                self.bytes.drain(..(first.begin - self.removed) as usize);
                self.removed = first.begin;
            }
            Some(_) => {}
        }
    }

    pub(super) fn get(&self, place: Place) -> Box<[u8]> {
        let begin = (place.begin - self.removed) as usize;
        self.bytes.range(begin..begin + place.len).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_until_it_is_forgotten() {
        let mut kept = Kept::default();
        let mut places: VecDeque<(u8, Place)> = VecDeque::new();
        for round in 0..2_000_u32 {
            let byte = round as u8;
            places.push_back((byte, kept.push(&vec![byte; round as usize % 700])));
            // Some stay far longer than the slack.
            if round % 500 > 20 {
                places.pop_front();
                kept.forget(places.front().map(|(_, place)| *place));
            }
            for (byte, place) in &places {
                let found = kept.get(*place);
                assert!(found.len() == place.len && found.iter().all(|other| other == byte));
            }
            assert!(kept.bytes.len() as u64 <= SLACK_BYTES + 80 * 700);
        }
        kept.forget(None);
        assert!(kept.bytes.is_empty());
        assert_eq!(&*kept.get(Place { begin: kept.removed, len: 0 }), b"");
    }
}
