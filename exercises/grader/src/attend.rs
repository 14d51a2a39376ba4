//! Attends to those who have come to gates: takes in what they tell, holds the program to its promises at its own gates, and lets
//! them go on or keeps them for a case.

use std::time::Instant;

use crate::gates::Arrival;
use crate::look::AtGate;
use crate::pulse::Pulse;
use crate::run::ASLEEP_AFTER;
use crate::{Diagnosis, Look, Run, Stop, Told, check};

impl Run {
    /// Answers those who wait at gates, and stops at the first who has come to `wanted`.
    pub(crate) fn serve(&mut self, wanted: Option<&str>) -> Result<Option<Stop>, Diagnosis> {
        let arrived = self.gates.arrivals();
        self.waiting.extend(arrived);
        while !self.waiting.is_empty() {
            let is_wanted = wanted == Some(self.waiting[0].name.as_str());
            let look = (is_wanted || self.waiting[0].is_own()).then(|| self.look());
            let arrival = self.waiting.remove(0);
            self.note(&arrival)?;
            if arrival.name == "start" {
                self.at_start = look.clone();
            } else if arrival.name == "end" {
                let settled = self.settle_at(arrival.gate())?;
                self.at_end = Some(settled.clone());
                check::leftovers(self, &settled, true)?;
                check::descriptors(self, &settled)?;
            }
            match look {
                Some(look) if is_wanted => {
                    return Ok(Some(Stop::new(arrival, look, &self.held)));
                }
                _ => arrival.answer(""),
            }
        }
        Ok(None)
    }

    /// Takes in what a process has to tell. The gates of the program itself are for the program itself.
    fn note(&mut self, arrival: &Arrival) -> Result<(), Diagnosis> {
        if arrival.is_own() {
            check::own_gate(self, arrival)?;
        }
        if let Some(value) = &arrival.value {
            self.told.push(Told {
                pid: arrival.pid,
                name: arrival.name.clone(),
                value: value.clone(),
            });
        }
        Ok(())
    }

    /// While the program stands at its end: waits until its other processes have ended or show that they will not.
    fn settle_at(&mut self, gate: AtGate) -> Result<Look, Diagnosis> {
        self.held.borrow_mut().insert(gate);
        let settled = self.settled();
        let look = self.look();
        self.held.borrow_mut().remove(&gate);
        settled.map(|()| look)
    }

    /// Waits until all processes that nobody holds have ended, or sleep, or have had time enough.
    pub(crate) fn settled(&mut self) -> Result<(), Diagnosis> {
        let begun = Instant::now();
        let mut pulse = Pulse::default();
        loop {
            let family = self.family()?;
            let others = self.free(&family);
            if others.is_empty()
                || pulse.quiet_for(&others) > ASLEEP_AFTER
                || begun.elapsed() > check::SETTLE_LIMIT
            {
                return Ok(());
            }
            self.turn()?;
            for arrival in std::mem::take(&mut self.waiting) {
                self.note(&arrival)?;
                arrival.answer("");
            }
        }
    }
}
