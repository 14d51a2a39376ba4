//! The table of a worker's life, walked completely: every state, every event, every policy.
//!
//! What holds for each single step holds for every life, since a life is made of steps.

use std::collections::BTreeSet;
use supervise::AfterDeath;
use supervise::life::{Action, Actions, Cause, Event, Policy, State, step};

const POLICIES: [Policy; 4] = [
    Policy { after_death: AfterDeath::RunAgain, replace: true },
    Policy { after_death: AfterDeath::RunAgain, replace: false },
    Policy { after_death: AfterDeath::Fail, replace: true },
    Policy { after_death: AfterDeath::Fail, replace: false },
];

/// One row of the table.
#[derive(Debug)]
struct Row {
    state: State,
    event: Event,
    policy: Policy,
    next: State,
    actions: Actions,
}

impl Row {
    fn count(&self, wanted: Action) -> usize {
        self.actions.iter().filter(|action| **action == wanted).count()
    }

    fn ends_here(&self) -> bool {
        self.state != State::Dead && self.next == State::Dead
    }
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for state in State::ALL {
        for event in Event::ALL {
            for policy in POLICIES {
                let (next, actions) = step(state, event, &policy);
                rows.push(Row { state, event, policy, next, actions });
            }
        }
    }
    rows
}

/// Checks every row, and says which one is wrong.
fn always(promise: impl Fn(&Row) -> bool) {
    let rows = rows();
    assert_eq!(rows.len(), 12 * 11 * 4);
    for row in rows {
        assert!(promise(&row), "{row:?}");
    }
}

fn has_task(state: State) -> bool {
    matches!(
        state,
        State::Running | State::Leaving { task: true } | State::Killed { task: Some(_) }
    )
}

fn is_settling(action: Action) -> bool {
    matches!(action, Action::Deliver | Action::RunAgain | Action::Fail(_))
}

fn is_killed(state: State) -> bool {
    matches!(state, State::Killed { .. })
}

fn is_leaving(state: State) -> bool {
    matches!(state, State::Leaving { .. })
}

#[test]
fn a_task_is_settled_once_when_the_worker_no_longer_has_it_and_never_before() {
    always(|row| {
        let settled = row.actions.iter().filter(|action| is_settling(**action)).count();
        settled == usize::from(has_task(row.state) && !has_task(row.next))
    });
    always(|row| {
        let begins = !has_task(row.state) && has_task(row.next);
        !begins || row.event == Event::TaskStarted
    });
    // A worker that is going to take tasks loses none that it is told to have begun.
    always(|row| {
        let can_begin = !has_task(row.state)
            && !matches!(row.state, State::Starting | State::Dead)
            && row.event == Event::TaskStarted;
        !can_begin || has_task(row.next)
    });
}

#[test]
fn what_waits_is_taken_back_once_when_the_worker_takes_no_tasks_any_more() {
    always(|row| {
        let stops = row.state.takes_tasks() && !row.next.takes_tasks();
        row.count(Action::TakeBack) == usize::from(stops)
    });
    always(|row| row.state.takes_tasks() || !row.next.takes_tasks());
    // The kill may be late, so a task that was still waiting could begin and be killed.
    always(|row| {
        let place = |wanted| row.actions.iter().position(|action| *action == wanted);
        match (place(Action::TakeBack), place(Action::Kill), place(Action::AskToLeave)) {
            (Some(take_back), Some(later), None) | (Some(take_back), None, Some(later)) => {
                take_back < later
            }
            (_, kill, ask) => kill.is_none() || ask.is_none(),
        }
    });
}

#[test]
fn it_is_dead_when_its_process_has_ended_and_stays_so() {
    always(|row| {
        let ended = matches!(row.event, Event::Ended { .. }) || row.state == State::Dead;
        (row.next == State::Dead) == ended
    });
    always(|row| row.state != State::Dead || row.actions.is_empty());
    always(|row| row.count(Action::Release) == usize::from(row.ends_here()));
    always(|row| {
        row.count(Action::Replace) == usize::from(row.ends_here() && row.policy.replace)
    });
}

#[test]
fn it_is_killed_once_and_then_only_dies() {
    always(|row| {
        row.count(Action::Kill) == usize::from(!is_killed(row.state) && is_killed(row.next))
    });
    always(|row| !is_killed(row.state) || is_killed(row.next) || row.next == State::Dead);
    always(|row| {
        row.count(Action::AskToLeave)
            == usize::from(!is_leaving(row.state) && is_leaving(row.next))
    });
}

/// A death counts at the moment at which it is certain that it was not wanted, so that a kill of the pool's own is
/// not counted when the process has gone.
#[test]
fn a_death_counts_at_most_once_in_a_life() {
    always(|row| row.count(Action::CountDeath) <= 1);
    always(|row| {
        let is_last = is_killed(row.next) || row.next == State::Dead;
        row.count(Action::CountDeath) == 0 || (!is_killed(row.state) && is_last)
    });
}

/// Whoever was never ready, or died of itself, counts: otherwise a pool could start workers for ever.
#[test]
fn every_end_that_nobody_wanted_counts() {
    always(|row| {
        let by_itself = matches!(row.state, State::Starting | State::Idle | State::Running)
            && matches!(row.event, Event::Ended { .. });
        !by_itself || row.count(Action::CountDeath) == 1
    });
    always(|row| {
        let out_of_order = is_leaving(row.state) && row.event == Event::Ended { clean: false };
        !out_of_order || row.count(Action::CountDeath) == 1
    });
    always(|row| {
        let never_ready = row.state == State::Starting && is_killed(row.next);
        !never_ready || row.event == Event::Kill || row.count(Action::CountDeath) == 1
    });
}

#[test]
fn a_task_that_was_aborted_or_too_late_is_never_run_again() {
    for policy in POLICIES {
        for cause in Cause::ALL {
            let killed = State::Killed { task: Some(cause) };
            let (_, actions) = step(killed, Event::Ended { clean: false }, &policy);
            let is_wanted = matches!(cause, Cause::TimedOut | Cause::Aborted);
            let again = policy.after_death == AfterDeath::RunAgain && !is_wanted;
            let expected = if again { Action::RunAgain } else { Action::Fail(cause) };
            assert_eq!(actions[0], expected, "{cause:?} {policy:?}");

            // An abort that was promised stays one, even if the answer is faster than the signal.
            let (aborted, _) = step(killed, Event::Abort, &policy);
            let (_, actions) = step(aborted, Event::TaskFinished, &policy);
            assert_eq!(*actions, [Action::Fail(Cause::Aborted)]);
        }
    }
}

#[test]
fn the_policy_matters_only_at_the_end() {
    always(|row| {
        let ends = matches!(row.event, Event::Ended { .. });
        ends || step(row.state, row.event, &POLICIES[0]) == (row.next, row.actions)
    });
}

/// Every state in which a life can get from `first`.
fn reached_from(first: State) -> BTreeSet<String> {
    let mut reached = vec![first];
    let mut looked_at = 0;
    while let Some(state) = reached.get(looked_at).copied() {
        looked_at += 1;
        for event in Event::ALL {
            let (next, _) = step(state, event, &POLICIES[0]);
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
    }
    reached.iter().map(State::to_string).collect()
}

#[test]
fn every_state_can_be_reached_and_every_life_can_end() {
    let all: BTreeSet<String> = State::ALL.iter().map(State::to_string).collect();
    assert_eq!(all.len(), State::ALL.len(), "two states have one name");
    assert_eq!(reached_from(State::Starting), all);
    for state in State::ALL {
        assert!(reached_from(state).contains("Dead"), "{state}");
    }
    let events: BTreeSet<String> = Event::ALL.iter().map(Event::to_string).collect();
    assert_eq!(events.len(), Event::ALL.len(), "two events have one name");
}

/// A state in which something is waited for has a limit, or is one that the kernel ends.
#[test]
fn no_state_waits_for_ever_for_the_worker() {
    for state in State::ALL {
        let waits_without_limit = state.limit().is_none();
        let may_wait = matches!(state, State::Idle | State::Dead) || is_killed(state);
        assert_eq!(waits_without_limit, may_wait, "{state}");
        if state.limit().is_some() {
            let (next, actions) = step(state, Event::DeadlinePassed, &POLICIES[0]);
            assert!(is_killed(next) && actions.contains(&Action::Kill), "{state}");
        }
        assert_eq!(state.is_alive(), state != State::Dead);
    }
}
