//! Records that the tests of this package draw.

use crate::model::{Birth, Born, Cause, End, Exec, Lane, Timeline, VERSION, Wait, What};

/// A parent that waits for its child.
pub(crate) fn two_returns() -> Timeline {
    Timeline {
        version: VERSION,
        name: "two_returns".into(),
        arguments: Vec::new(),
        duration_us: 3_400,
        slowdown: None,
        lanes: vec![
            Lane {
                waits: vec![Wait {
                    from_us: 900,
                    to_us: 2_500,
                    what: What::Child,
                    ended_by: Some(Cause { lane: 1, at_us: 2_400, did: "ended".into() }),
                }],
                ..lane(4001, Birth::Program, 0, None, 3_400)
            },
            lane(4002, Birth::Fork, 800, Some(0), 2_400),
        ],
        notes: Vec::new(),
    }
}

/// A program whose `workers` read from pipes, execute, and are killed at the end. The last is not reaped.
pub(crate) fn pool(workers: u32) -> Timeline {
    let mut timeline = two_returns();
    timeline.name = "pool".into();
    timeline.duration_us = 120_000;
    timeline.lanes = vec![lane(4001, Birth::Program, 0, None, 120_000)];
    for number in 1..=workers {
        let born_us = 500 * u64::from(number);
        let mut worker = lane(4001 + number, Birth::Vfork, born_us, Some(0), 110_000);
        worker.name = "worker".into();
        worker.execs = vec![Exec { at_us: born_us + 100, program: "worker".into() }];
        worker.waits = vec![
            Wait {
                from_us: born_us + 150,
                to_us: 60_000,
                what: What::Read { channel: number },
                ended_by: Some(Cause { lane: 0, at_us: 59_990, did: "wrote".into() }),
            },
            Wait {
                from_us: 60_100,
                to_us: 110_000,
                what: What::Read { channel: number },
                ended_by: None,
            },
        ];
        worker.end = Some(End {
            at_us: 110_000,
            code: None,
            signal: Some("SIGKILL".into()),
            reaped_us: (number != workers).then_some(115_000),
        });
        timeline.lanes.push(worker);
    }
    timeline
}

fn lane(pid: u32, by: Birth, at_us: u64, from: Option<usize>, end_us: u64) -> Lane {
    Lane {
        pid,
        name: "two_returns".into(),
        born: Born { at_us, by, from, parent: from, flags: Vec::new() },
        execs: Vec::new(),
        waits: Vec::new(),
        end: Some(End {
            at_us: end_us,
            code: Some(0),
            signal: None,
            reaped_us: from.map(|_| end_us + 100),
        }),
    }
}
